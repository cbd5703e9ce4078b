"""Texts per second of a packed file beside fastText's bigram model, on the same texts in the same run.

    python benchmarks/runtime_vs_fasttext.py runs/ag-news/model.safetensors ../shared/data/ag_news

Both label the same list of test texts on one thread, in alternating order, and each pass gets fresh copies of the
strings, so that neither profits from what an earlier pass left cached in them. The ratio is taken pair by pair, since a
busy machine slows both of a pair. fastText is trained here on the same training texts (`pip install --group bench`).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import fasttext
from common import machine, spread

import prunetext
from prunetext.data.reading import read

LABEL = "__label__"
TRAINING_THREADS = 10


class Peer(NamedTuple):
    """What is measured: a name, a function from texts to labels, and the size of its file."""

    name: str
    predict: Callable[[list[str]], list[str]]
    size: int


def main() -> None:
    """Measure, then print a table, or rows of JSON with --json."""
    options = parse()
    data = read(options.data)
    if data.test is None:
        raise SystemExit(f"{options.data} has no test split: give a folder with train.* and test.*.")
    texts, gold = [one_line(text) for text in data.test.texts], data.test.labels
    classifier = prunetext.load(options.model)
    peers = (
        Peer(
            "prunetext",
            lambda fresh: classifier.predict(fresh, threads=options.threads),
            options.model.stat().st_size,
        ),
        train_fasttext(data.train.texts, data.train.labels, options),
    )
    right = [
        sum(guess == truth for guess, truth in zip(peer.predict(texts), gold, strict=True)) / len(gold)
        for peer in peers
    ]
    speeds = alternate(peers, texts, options.passes)
    rows = report(peers, right, speeds, texts, options)
    if options.json:
        for row in rows:
            print(json.dumps(row))
    else:
        show(rows)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", type=Path, help="packed file")
    parser.add_argument("data", type=Path, help="folder with train.* and test.*, such as ../shared/data/ag_news")
    parser.add_argument("--passes", type=int, default=9, help="pairs of passes over the test texts")
    parser.add_argument("--threads", type=int, default=1, help="threads of prunetext; fastText predicts on one")
    parser.add_argument("--buckets", type=int, default=200_000, help="fastText's rows for bigrams")
    parser.add_argument("--dimensions", type=int, default=100, help="fastText's vector length")
    parser.add_argument("--epochs", type=int, default=5, help="fastText's passes over train")
    parser.add_argument("--learning-rate", type=float, default=0.5, help="fastText's learning rate")
    parser.add_argument("--json", action="store_true", help="print rows of JSON instead of a table")
    return parser.parse_args()


def one_line(text: str) -> str:
    """Give fastText what it takes: no line break within a text. Both get the same texts."""
    return " ".join(text.splitlines())


def train_fasttext(texts: Sequence[str], labels: Sequence[str], options: argparse.Namespace) -> Peer:
    """Train the bigram model; labels travel as numbers, since fastText splits them at spaces."""
    names = sorted(set(labels))
    numbers = {name: number for number, name in enumerate(names)}
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder, "train.txt")
        with lines.open("w", encoding="utf-8") as file:
            for text, label in zip(texts, labels, strict=True):
                file.write(f"{LABEL}{numbers[label]} {one_line(text)}\n")
        model = fasttext.train_supervised(
            input=str(lines),
            wordNgrams=2,
            bucket=options.buckets,
            dim=options.dimensions,
            epoch=options.epochs,
            lr=options.learning_rate,
            thread=TRAINING_THREADS,
            verbose=0,
        )
        saved = Path(folder, "model.bin")
        model.save_model(str(saved))
        size = saved.stat().st_size

    def predict(fresh: list[str]) -> list[str]:
        best, _ = model.predict(fresh)
        return [names[int(one[0].removeprefix(LABEL))] for one in best]

    return Peer("fastText bigram", predict, size)


def alternate(peers: Sequence[Peer], texts: list[str], passes: int) -> list[list[float]]:
    """Time each peer once a pass, the first first in even passes; returns texts/s, peers × passes."""
    speeds: list[list[float]] = [[] for _ in peers]
    for number in range(passes):
        order = range(len(peers)) if number % 2 == 0 else reversed(range(len(peers)))
        for index in order:
            fresh = [text.encode().decode() for text in texts]
            start = time.perf_counter()
            peers[index].predict(fresh)
            speeds[index].append(len(texts) / (time.perf_counter() - start))
    return speeds


def report(
    peers: Sequence[Peer],
    right: Sequence[float],
    speeds: Sequence[Sequence[float]],
    texts: Sequence[str],
    options: argparse.Namespace,
) -> list[dict[str, object]]:
    """One row for each peer and one for the ratio; each carries what is needed to read it alone."""
    signature = {
        "data": options.data.name,
        "texts": len(texts),
        "mean_bytes": round(sum(len(text.encode()) for text in texts) / len(texts), 1),
        "passes": options.passes,
        **machine("fasttext-numpy2"),
    }
    rows: list[dict[str, object]] = [
        {
            "name": peer.name,
            "accuracy": round(share, 4),
            "bytes": peer.size,
            "threads": options.threads if peer is peers[0] else 1,
            "texts_per_second": spread(speed),
            **signature,
        }
        for peer, share, speed in zip(peers, right, speeds, strict=True)
    ]
    ratios = [ours / theirs for ours, theirs in zip(*speeds, strict=True)]
    return [*rows, {"name": "ratio", "texts_per_second": spread(ratios, 2), **signature}]


def show(rows: list[dict[str, object]]) -> None:
    """Print the table and, below it, the circumstances."""
    print(f"{'':16} {'accuracy':>8} {'bytes':>12} {'threads':>7} {'texts/s: min':>13} {'median':>10} {'max':>10}")
    for row in rows:
        speed = row["texts_per_second"]
        assert isinstance(speed, dict)
        if row["name"] == "ratio":
            numbers = f"{speed['min']:>13.2f} {speed['median']:>10.2f} {speed['max']:>10.2f}"
            print(f"{'ratio, by pair':16} {'':8} {'':12} {'':7} {numbers}")
        else:
            numbers = f"{speed['min']:>13,.0f} {speed['median']:>10,.0f} {speed['max']:>10,.0f}"
            print(f"{row['name']:16} {row['accuracy']:>8.4f} {row['bytes']:>12,} {row['threads']:>7} {numbers}")
    own = {"name", "accuracy", "bytes", "threads", "texts_per_second"}
    print(" · ".join(f"{key}: {value}" for key, value in rows[-1].items() if key not in own))


if __name__ == "__main__":
    main()
