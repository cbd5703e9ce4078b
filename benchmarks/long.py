"""How fast long texts are labelled, and how much memory a text of 10 MB takes.

    python benchmarks/long.py runs/imdb/model.safetensors ../shared/data/imdb

Two rows of JSON: all test texts on one thread, beside `wc -w` and the peers that are installed (`prunetext bench`); and
texts of ten megabytes, each in a process of its own. Seconds are medians of passes with their spread.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from common import machine, spread

import prunetext
from prunetext.data.dataset import Data

LENGTH = 10_000_000  # bytes
WORDS = {"one word": "x", "Chinese": "电影好，", "marks": "\u302e"}  # again and again, beside the texts of the data
# `peak` before and after a text: the kilobytes that labelling it takes, above the text itself and what any text takes.
ONE = """
import sys, time
import prunetext
def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
classifier = prunetext.load(sys.argv[1])
with open(sys.argv[2], "rb") as file:
    text = file.read()
classifier.predict([text[:20_000]], 1)
before, seconds = peak(), []
for each in range(int(sys.argv[3])):
    began = time.perf_counter()
    classifier.predict([text], 1)
    seconds.append(time.perf_counter() - began)
print(peak() - before, *seconds)
"""


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", type=Path, help="packed file")
    parser.add_argument("data", type=Path, help="folder with train.* and test.*")
    parser.add_argument("--passes", type=int, default=9)
    parser.add_argument("--peers", default="fasttext-numpy2", help="as for prunetext bench")
    options = parser.parse_args()
    data = prunetext.read(options.data)
    if data.test is None:
        raise SystemExit(f"{options.data} has no test split: give a folder with train.* and test.*.")
    for row in (whole(options.model, data, options.passes, options.peers), single(options.model, data, options.passes)):
        print(json.dumps({"data": options.data.name, **row, "passes": options.passes, **machine()}, ensure_ascii=False))


def whole(model: Path, data: Data, passes: int, peers: str) -> dict[str, object]:
    """Seconds for all test texts on one thread, of the packed file and of everything beside it."""
    found = prunetext.bench(model, data, peers=peers, passes=passes, starts=1)
    rows = {}
    for each in found.rows:
        per_second = each.measures["texts_per_second"]
        seconds = [found.texts / value for value in (per_second.max, per_second.median, per_second.min)]
        rows[each.name] = {
            "seconds": spread(seconds, 4),
            "megabytes_per_second": round(each.measures["megabytes_per_second"].median, 1),
            "accuracy": None if each.accuracy is None else round(100 * each.accuracy, 2),
            "bytes": each.bytes,
        }
    return {"texts": found.texts, "mean_bytes": round(found.mean_bytes), "rows": rows, "missing": found.missing}


def single(model: Path, data: Data, passes: int) -> dict[str, object]:
    """Seconds for a text of ten megabytes, and the kilobytes of memory that it takes."""
    assert data.test is not None
    joined = " ".join(data.test.texts).encode()
    texts = {"test texts": joined * (-(-LENGTH // len(joined)))}
    texts |= {name: word.encode() * (LENGTH // len(word.encode())) for name, word in WORDS.items()}
    rows = {}
    for name, text in texts.items():
        done = subprocess.run(
            [sys.executable, "-c", ONE, model, "/dev/stdin", str(passes)],
            input=text[:LENGTH],
            capture_output=True,
            check=True,
        )
        taken, *seconds = map(float, done.stdout.split())
        rows[name] = {"seconds": spread(seconds, 4), "kilobytes": int(taken)}
    return {"bytes": LENGTH, "rows": rows}


if __name__ == "__main__":
    main()
