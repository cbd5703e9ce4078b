"""Whether explanations add up to the logit, and how long one takes beside an answer.

    OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/explaining.py runs/ag_news/model.safetensors ../shared/data/ag_news

Every test text is explained: `apart` is the largest distance of the parts and the base from the logit. Then some of the
texts are labelled and explained in turn, one a call, each several times; the fastest of a text's calls count. `ratio`
is how many times as long as `predict` the explanation of the same text takes, with the quartiles over texts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from common import machine

import prunetext

TIMED = 1500  # texts


def main() -> None:
    """Measure, and print one row of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", type=Path, help="packed file")
    parser.add_argument("data", type=Path, help="its data, whose test is explained")
    parser.add_argument("--passes", type=int, default=7)
    options = parser.parse_args()
    test = prunetext.read(options.data).test
    assert test is not None
    clf, inputs = prunetext.load(options.model), test.inputs
    logits = clf.logits(inputs)
    apart = 0.0
    for item, row in zip(inputs, logits, strict=True):
        found = clf.explain(item)
        whole = found.base + sum(part.logit for part in found.parts)
        apart = max(apart, abs(whole - row[clf.labels.index(found.label)]))
    times: list[tuple[float, float]] = []
    for item in inputs[:TIMED]:
        one, pairs = [item], []
        for _ in range(options.passes):
            asked = partial(clf.predict, one, 1), partial(clf.explain, item)
            pairs.append((seconds(asked[0]), seconds(asked[1])))
        times.append((min(first for first, _ in pairs), min(second for _, second in pairs)))
    low, middle, high = statistics.quantiles((second / first for first, second in times), n=4)
    row_ = {
        "data": options.data.name,
        "texts": len(inputs),
        "model bytes": clf.size,
        "apart": float(apart),
        "predict µs": round(1e6 * statistics.median(first for first, _ in times), 2),
        "explain µs": round(1e6 * statistics.median(second for _, second in times), 2),
        "ratio": {"low": round(low, 2), "median": round(middle, 2), "high": round(high, 2)},
    }
    print(json.dumps({**row_, **machine("numpy")}, ensure_ascii=False))


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
