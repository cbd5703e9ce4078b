"""Damage a model file in seeded random ways and load each copy: every one must be refused with a reason.

    python scripts/damage_test.py runs/bbc-news/model.safetensors --copies 3000

Bits and bytes are changed, parts are cut, doubled, moved, zeroed or replaced. A copy may only load if no byte changed.
Address space is limited, so that a hostile size is a failure, too.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
from collections import Counter
from pathlib import Path

import prunetext

LIMIT = 4_000_000 * 1024  # bytes of address space


def damage(data: bytes, draw: random.Random) -> bytes:
    """One damaged copy."""
    at = draw.randrange(len(data))
    end = min(len(data), at + draw.choice((1, 2, 8, 64, 1024)))
    if draw.random() < 0.3:  # the header is small, but most of what can be said lies in it
        at = draw.randrange(min(len(data), 4000))
        end = min(len(data), at + draw.choice((1, 2, 8)))
    noise = bytes(draw.randrange(256) for _ in range(end - at))
    kind = draw.randrange(8)
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
    digits = [place for place, byte in enumerate(data[:4000]) if chr(byte).isdigit()]
    place = draw.choice(digits)
    return data[:place] + str(draw.randrange(10 ** draw.choice((1, 5, 19)))).encode() + data[place + 1 :]


def main() -> None:
    """Count what became of the copies."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--copies", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    data, draw = arguments.model.read_bytes(), random.Random(arguments.seed)
    prunetext.load(arguments.model)
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    reasons: Counter[str] = Counter()
    wrong = unchanged = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "damaged.safetensors"
        for _ in range(arguments.copies):
            copy = damage(data, draw)
            path.write_bytes(copy)
            try:
                prunetext.load(path)
            except prunetext.ModelFileError as error:
                reasons[str(error).partition(": ")[2][:60]] += 1
                wrong += copy == data
            else:
                unchanged += copy == data
                wrong += copy != data
    refused = sum(reasons.values())
    print(f"{arguments.copies} copies: {refused} refused, {unchanged} unchanged and accepted, {wrong} wrong")
    print(f"{len(reasons)} different reasons, such as:", flush=True)
    for reason, count in reasons.most_common(8):
        print(f"{count:6} {reason}")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
