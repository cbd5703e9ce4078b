"""Pairs a second on one core beside ONNX Runtime with the run's dense model, and the time in which `match` ranks.

    OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/pair_speed.py runs/pairs/sick-0 ../shared/data/sick

Both label the same test pairs, in turn; ONNX Runtime gets batches of 32, once as they come, and once sorted by length,
so that little of a batch is padding. What is matched are 100,000 vectors of the test's second texts, over and over.
Medians of the passes with the lowest and the highest.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
from common import machine, spread

import prunetext

BATCH = 32
STORED = 100_000


def main() -> None:
    """Measure, and print one row of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path, help="folder of a finished run on pairs")
    parser.add_argument("data", type=Path, help="its data, whose test is labelled")
    parser.add_argument("--passes", type=int, default=9)
    options = parser.parse_args()
    test = prunetext.read(options.data).test
    assert test is not None
    clf, dense = prunetext.load(options.run / "model.safetensors"), dense_of(options.run)
    inputs = test.inputs
    orders = {"as they come": inputs, "by length": sorted(inputs, key=lambda pair: len(pair[0]) + len(pair[1]))}
    batches = {name: [order[at : at + BATCH] for at in range(0, len(order), BATCH)] for name, order in orders.items()}
    packed, other = [], {name: [] for name in batches}  # type: ignore[var-annotated]
    for _ in range(options.passes):
        packed.append(len(test) / seconds(lambda: clf.predict(inputs, threads=1)))
        for name, some in batches.items():
            other[name].append(len(test) / seconds(lambda some=some: [dense(batch) for batch in some]))  # type: ignore[misc]
    assert test.pairs is not None
    vectors = clf.encode(test.pairs)
    stored = np.ascontiguousarray(np.resize(vectors, (STORED, vectors.shape[1])))
    times = [1000 * seconds(lambda: clf.match(test.texts[0], stored)) for _ in range(3 * options.passes)]
    row = {
        "data": options.data.name,
        "pairs": len(test),
        "bytes of texts": sum(len(text.encode()) for text in test.all_texts),
        "model bytes": clf.size,
        "packed pairs/s": spread(packed),
        "dense pairs/s": {name: spread(speeds) for name, speeds in other.items()},
        "ratio": {
            name: spread([one / another for one, another in zip(packed, speeds, strict=True)], 1)
            for name, speeds in other.items()
        },
        "stored": STORED,
        "features": int(vectors.shape[1]),
        "match ms": spread(times, 1),
    }
    print(json.dumps({**row, **machine("onnxruntime", "numpy")}))


def dense_of(run: Path) -> Callable[[list[tuple[str, str]]], object]:
    """The run's dense model in ONNX Runtime, on one thread."""
    path = run / "dense.onnx"
    prunetext.export(run / "dense.safetensors", path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    encoder = prunetext.Encoder(json.loads(session.get_modelmeta().custom_metadata_map["vocabulary"]))
    return lambda batch: session.run(None, encoder.encode_pairs(batch))


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
