"""Damage model files in seeded random ways and load each copy: it must be refused with a reason, or else predict.

    python scripts/damage_test.py runs/bbc-news/model.safetensors --copies 3000 --seconds 60

Bits and bytes are changed, parts are cut, doubled, moved, zeroed or replaced, numbers of the header become extreme.
Half of the copies get the checksum that they should have; of the others, one may only load if no byte changed. Address
space and time are limited, so that a hostile size is a failure, too. The copy that ended the process is then still
there, at the path of --copy.
"""

from __future__ import annotations

import argparse
import math
import random
import re
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import prunetext
from prunetext.runtime.states import BLANK_CHECKSUM, seal

LIMIT = 1 << 30  # bytes of address space
PATIENCE = 20  # seconds for one copy, after which the system ends the process
HEADER = 4000  # bytes at the start, in which most of what can be said lies
TEXTS = ["", "a great film", "GREAT, bad \ud800 电影\x00 a\u0301", "the film, " * 1000]


def damage(data: bytes, draw: random.Random, others: list[bytes]) -> bytes:
    """One damaged copy; parts may come from the others."""
    at = draw.randrange(len(data))
    end = min(len(data), at + draw.choice((1, 2, 8, 64, 1024)))
    if draw.random() < 0.3:
        at = draw.randrange(min(len(data), HEADER))
        end = min(len(data), at + draw.choice((1, 2, 8)))
    noise = bytes(draw.randrange(256) for _ in range(end - at))
    kind = draw.randrange(9)
    if kind == 0:
        return data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :]
    if kind == 1:
        return data[:at] + noise + data[end:]
    if kind == 2:
        return data[:at]
    if kind == 3:
        return data[:at] + data[end:]
    if kind == 4:
        return data[:at] + data[at:end] * 2 + data[end:]
    if kind == 5:
        return data[:at] + bytes(end - at) + data[end:]
    if kind == 6:
        return data + noise
    if kind == 7:
        other = draw.choice(others)
        start = draw.choice((at, draw.randrange(len(other))))
        return data[:at] + other[start : start + end - at] + data[end:]
    numbers = list(re.finditer(rb"\d+", data[:HEADER]))
    if not numbers:
        return data[:at] + noise + data[at:]
    number = draw.choice(numbers)
    value = int(number[0])
    changed = draw.choice((value - 1, value + 1, value * 2, -1, 0, 1, 10**30, *(2**n for n in (8, 26, 31, 32, 63, 64))))
    return data[: number.start()] + str(changed).encode() + data[number.end() :]


def resealed_damage(data: bytes, draw: random.Random, others: list[bytes]) -> bytes:
    """A copy damaged in its header or behind it, under a valid checksum, the header's length right."""
    start = 8 + int.from_bytes(data[:8], "little")
    header, body = data[8:start].rstrip(b" "), data[start:]
    header = re.sub(rb'"checksum":"[0-9a-f]+"', f'"checksum":"{BLANK_CHECKSUM}"'.encode(), header)
    for _ in range(draw.choice((1, 1, 3))):
        if draw.random() < 0.5:
            header = damage(header, draw, others) or b"{"
        else:
            body = damage(body, draw, others) or b"\0"
    header += b" " * (-len(header) % 8)
    return seal(len(header).to_bytes(8, "little") + header + body)


def use(path: Path) -> None:
    """Load a file and do with it all that a model can do; ModelFileError where it is refused."""
    classifier = prunetext.load(path)
    pairs = classifier.task == "pairs"
    items: list[Any] = [*zip(TEXTS, TEXTS[::-1], strict=True)] if pairs else TEXTS
    several = classifier.task == "labels"
    given = [label for own in classifier.predict(items) for label in (own if several else [own])]
    assert set(given) <= set(classifier.labels)
    answers: list[Any] = [*classifier.predict_with_probability(items)]
    for label, probability in [each for own in answers for each in own] if several else answers:
        assert label in classifier.labels, label
        assert 0 < probability <= 1, probability
    for item in items[:3]:
        shares = [share for _, share in classifier.explain(item)]
        assert not shares or math.isclose(sum(shares), 1, rel_tol=1e-6), shares


def main() -> None:
    """Count what became of the copies."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", type=Path, nargs="+", metavar="model")
    parser.add_argument("--copies", type=int, default=3000)
    parser.add_argument("--seconds", type=float, default=math.inf)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--copy", type=Path, default=Path(tempfile.gettempdir(), "damaged.safetensors"))
    arguments = parser.parse_args()
    files, draw = [path.read_bytes() for path in arguments.models], random.Random(arguments.seed)
    for path in arguments.models:
        use(path)
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    reasons: Counter[str] = Counter()
    copies = wrong = unchanged = resealed = 0
    end = time.monotonic() + arguments.seconds
    while copies < arguments.copies and time.monotonic() < end:
        copies += 1
        data = draw.choice(files)
        sealed = draw.random() < 0.5
        copy = (resealed_damage if sealed else damage)(data, draw, files)
        arguments.copy.write_bytes(copy)
        signal.alarm(PATIENCE)
        try:
            use(arguments.copy)
        except prunetext.ModelFileError as error:
            reasons[str(error).partition(": ")[2][:60]] += 1
            wrong += copy == data
        else:
            unchanged += copy == data
            resealed += sealed and copy != data
            wrong += copy != data and not sealed
        signal.alarm(0)
    arguments.copy.unlink(missing_ok=True)
    print(
        f"{copies} copies: {sum(reasons.values())} refused, {resealed} resealed and used, "
        f"{unchanged} unchanged and used, {wrong} wrong"
    )
    print(f"{len(reasons)} different reasons, such as:", flush=True)
    for reason, count in reasons.most_common(8):
        print(f"{count:6} {reason}")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
