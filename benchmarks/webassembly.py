"""The WebAssembly modules beside the native runtime: whether they agree on all texts of test, and what a text takes.

    python benchmarks/webassembly.py runs/ag-news/model.safetensors ../shared/data/ag_news

Models and their data follow one another. Each row is one line of JSON: texts, how many have the same given labels and
how many the same float32 probabilities, and microseconds a text, one after the other on one thread. The modules are run
by wasmtime, where most of the time goes into the calls from Python; Node shows what a page reaches.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import prunetext
from prunetext.runtime import _native

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from helpers.wasm import FOLDER, MODULES, Module, expected  # noqa: E402

NODE = """
import { readFile } from "node:fs/promises";
const [script, model, items, simd] = process.argv.slice(2);
const { load } = await import(script);
const texts = JSON.parse(await readFile(items));
const clf = await load(await readFile(model), { simd: simd === "true" });
let best = Infinity;
for (let pass = 0; pass < 7; pass += 1) {
  const start = performance.now();
  for (const text of texts) clf.predict(text);
  best = Math.min(best, performance.now() - start);
}
console.log(1000 * best / texts.length);
"""


def main() -> None:
    """Print the rows of each model as soon as they are there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="+", help="MODEL DATA, again and again")
    paths = parser.parse_args().paths
    for name in MODULES:
        print(json.dumps({"module": name, "gzip -9": len(gzip.compress((FOLDER / name).read_bytes(), 9))}), flush=True)
    for path, data in zip(paths[::2], paths[1::2], strict=True):
        test = prunetext.read(data).test
        items = list(test.texts if test.pairs is None else zip(test.texts, test.pairs, strict=True))
        native = _native.Model(path)
        answers = expected(native, items)
        start = time.perf_counter()
        for item in items:
            native.probabilities([item], 1)
        took = {"native": microseconds(start, len(items))}
        characters = sum(len(text) for item in items for text in ((item,) if isinstance(item, str) else item))
        for name in MODULES:
            row = {"data": Path(data).name, "module": name, "texts": len(items), "characters": characters / len(items)}
            row |= agreement(Module(name, Path(path).read_bytes()), items, answers)
            row |= took | {"node": in_node(Path(path), items[:2000], "simd" in name)}
            print(json.dumps(row), flush=True)


def agreement(module: Module, items: list[Any], answers: list[tuple[list[float], list[int]]]) -> dict[str, object]:
    """How many items have the same answers, and how long one takes."""
    start = time.perf_counter()
    found = [module.predict(item) for item in items]
    took = microseconds(start, len(items))
    pairs = list(zip(found, answers, strict=True))
    labels = sum(chosen == wanted for (_, _, chosen), (_, wanted) in pairs)
    shares = sum(each == wanted for (_, each, _), (wanted, _) in pairs)
    return {"same labels": labels, "same probabilities": shares, "wasmtime": took}


def in_node(model: Path, items: list[Any], simd: bool) -> float | None:
    """Microseconds a text in Node, or None where there is none."""
    node = shutil.which("node")
    if node is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        program, given = Path(folder, "time.mjs"), Path(folder, "items.json")
        program.write_text(NODE, "utf-8")
        given.write_text(json.dumps(items), "utf-8")
        script = (FOLDER / "prunetext.js").as_uri()
        command = [node, program, script, model, given, str(simd).lower()]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return round(float(done.stdout), 2)


def microseconds(start: float, count: int) -> float:
    """What each of so many items took since then."""
    return round(1e6 * (time.perf_counter() - start) / count, 2)


if __name__ == "__main__":
    main()
