"""How much sooner the size of a packed file is known from the coder than from a file that is written and read back.

    python benchmarks/packed_size.py runs/ag_news [--pairs 9] [--json]

RUN is the folder of a finished run of single texts. Both ways are taken in turn, in alternating order, for the run's
dense model and its pruned one. A search asks for the size about as often as a step has trials for it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from common import machine, spread

from prunetext.modelfiles.trained import read_trained
from prunetext.models.protocol import Packing, Trained, load_family


def main() -> None:
    """Measure, then print a line or a row for each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for name in ("dense", "pruned"):
        row = {"model": name, **measured(read_trained(options.run / f"{name}.safetensors"), options.pairs)}
        if options.json:
            print(json.dumps({**row, "machine": machine("torch")}))
        else:
            print(row)


def measured(trained: Trained, pairs: int) -> dict[str, object]:
    """Milliseconds of both ways, and their ratio in pairs."""
    family = load_family(trained.family)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        ways: list[Callable[[], int]] = [
            lambda: family.size(trained, Packing()),
            lambda: family.pack(trained, path, Packing()),
        ]
        found = [way() for way in ways]
        assert found[0] == found[1] == path.stat().st_size
        times: list[list[float]] = [[], []]
        for number in range(pairs):
            for at in (0, 1) if number % 2 else (1, 0):
                began = time.perf_counter()
                ways[at]()
                times[at].append(1000 * (time.perf_counter() - began))
    ratios = [written / known for known, written in zip(*times, strict=True)]
    return {
        "bytes": found[0],
        "known_ms": spread(times[0], 1),
        "written_ms": spread(times[1], 1),
        "ratio": spread(ratios, 2),
    }


if __name__ == "__main__":
    main()
