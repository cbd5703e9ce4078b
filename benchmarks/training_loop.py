"""Texts per second in training beside the plain loop: nn.Conv1d and dense AdamW, on the same texts in the same run.

    python benchmarks/training_loop.py ../shared/data/ag_news --pairs 9
    python benchmarks/training_loop.py ../shared/data/ag_news --epochs 3    # what both reach on dev, instead

Both train the pipeline's default model on the same ids for the same number of steps, in alternating order; a time is
that of the whole call, from fresh weights. The ratio is taken pair by pair, since a busy machine slows both of a pair.
The plain loop does what a good user would write: an embedding with dense gradients, a convolution for each width,
shuffled batches padded to their longest text, AdamW over all parameters. Its learning rates are those of `train_model`.
It has PyTorch's number of threads, while prunetext's loop trains a model of this size on one.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import machine, spread
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from prunetext.data.api import read
from prunetext.models.encoded import Encoded
from prunetext.models.textcnn.layout import Shape, parse_widths
from prunetext.models.textcnn.model import WORDS, TextCNN
from prunetext.models.textcnn.reading import encode_examples
from prunetext.models.textcnn.starting import vocabulary_of
from prunetext.options import ModelOptions
from prunetext.runtime._native import Vocabulary
from prunetext.training.answering import dev_values
from prunetext.training.batches import evaluation_batches
from prunetext.training.loop import train_model
from prunetext.training.settings import Settings

DROPOUT = 0.5


class PlainTextCNN(nn.Module):
    """Kim's TextCNN by the book; ids (batch, length), padded with 0, give logits (batch, classes)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.mean = shape.pooling == "max+mean"
        self.embedding = nn.Embedding(shape.words + WORDS, shape.dimensions, padding_idx=0)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(shape.dimensions, count, width, padding=width - 1) for width, count in shape.filters.items()
        )
        self.head = nn.Linear(sum(shape.filters.values()) * (1 + self.mean), shape.classes)

    def forward(self, ids: Tensor) -> Tensor:
        """Convolve, pool, and classify."""
        vectors = self.embedding(ids).transpose(1, 2)  # (batch, dimensions, length)
        lengths = (ids > 0).sum(1, keepdim=True)
        pooled = []
        for convolution in self.convolutions:
            windows = convolution(vectors)  # (batch, filters, length + width − 1)
            pooled.append(functional.relu(windows).amax(2))
            if self.mean:
                count = lengths + windows.shape[2] - ids.shape[1]
                inside = torch.arange(windows.shape[2]) < count
                pooled.append((windows * inside[:, None]).sum(2) / count)
        features = functional.dropout(torch.cat(pooled, dim=1), DROPOUT, self.training)
        logits: Tensor = self.head(features)
        return logits


def train_plainly(model: PlainTextCNN, texts: list[Tensor], targets: Tensor, settings: Settings, steps: int) -> None:
    """Train in place for a number of steps."""
    torch.manual_seed(settings.seed)
    model.train()
    rest = [parameter for name, parameter in model.named_parameters() if not name.startswith("embedding")]
    groups: list[dict[str, Any]] = [
        {"params": rest},
        {"params": [model.embedding.weight], "lr": settings.embedding_rate},
    ]
    optimizer = torch.optim.AdamW(
        groups,
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
    )
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, settings.final_rate, steps)
    done = 0
    while done < steps:
        for rows in torch.randperm(len(texts)).split(settings.batch_size)[: steps - done]:
            ids = pad_sequence([texts[row] for row in rows.tolist()], batch_first=True)
            loss = functional.cross_entropy(model(ids), targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            done += 1


@torch.no_grad()
def plain_accuracy(model: PlainTextCNN, examples: Encoded) -> float:
    """Share of texts labelled right."""
    model.eval()
    right = 0
    for rows in evaluation_batches(examples):
        right += int((model(examples.take(rows)).argmax(1) == examples.targets[torch.from_numpy(rows)]).sum())
    return right / len(examples)


class Bench:
    """The data as ids, and the two loops as functions of a number of steps."""

    def __init__(self, options: argparse.Namespace) -> None:
        model = ModelOptions()
        data = read(options.data)
        if data.dev is None:
            raise SystemExit(f"{options.data} has no dev split: give a folder with train.* and dev.*.")
        words, labels = vocabulary_of(data.train.texts, model), data.labels
        vocabulary = Vocabulary(words)
        self.train = encode_examples(data.train, vocabulary, labels)
        self.dev = encode_examples(data.dev, vocabulary, labels)
        self.texts = [  # a text has at least one id, or its convolution has nothing to slide over
            torch.from_numpy(np.array(text if len(text) else [0], np.int64))
            for text in np.split(self.train.ids, self.train.offsets[1:-1])
        ]
        filters = dict.fromkeys(parse_widths(model.widths), model.filters)
        self.shape = Shape(len(words), model.dimensions, filters, len(labels), model.pooling)
        self.settings = Settings(seed=options.seed)
        self.per_epoch = -(-len(self.train) // self.settings.batch_size)
        self.name = options.data.name

    def ours(self, steps: int) -> TextCNN:
        """Train by prunetext's loop; of dev it sees one text, so that only training is timed."""
        torch.manual_seed(self.settings.seed)
        model = TextCNN(self.shape, dropout=DROPOUT)
        settings = dataclasses.replace(self.settings, epochs=steps / self.per_epoch, patience=steps)
        train_model(model, self.train, self.dev.subset(np.arange(1)), settings)
        return model

    def plain(self, steps: int) -> PlainTextCNN:
        """Train by the plain loop."""
        torch.manual_seed(self.settings.seed)
        model = PlainTextCNN(self.shape)
        train_plainly(model, self.texts, self.train.targets, self.settings, steps)
        return model

    def signature(self) -> dict[str, object]:
        """All that is needed to read a row alone."""
        return {
            "data": self.name,
            "texts": len(self.train),
            "mean_tokens": round(len(self.train.ids) / len(self.train), 1),
            "batch": self.settings.batch_size,
            "words": self.shape.words,
            "dimensions": self.shape.dimensions,
            "filters": "+".join(f"{count}x{width}" for width, count in self.shape.filters.items()),
            "pooling": self.shape.pooling,
            "threads": torch.get_num_threads(),
            **machine("torch"),
        }


def main() -> None:
    """Measure, then print a table, or rows of JSON with --json."""
    options = parse()
    if options.threads:
        torch.set_num_threads(options.threads)
    bench = Bench(options)
    rows = accuracies(bench, options.epochs) if options.epochs else speeds(bench, options.pairs, options.steps)
    rows = [{**row, **bench.signature()} for row in rows]
    if options.json:
        for row in rows:
            print(json.dumps(row))
    else:
        show(rows, list(bench.signature()))


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder with train.* and dev.*, such as ../shared/data/ag_news")
    parser.add_argument("--pairs", type=int, default=9, help="pairs of trainings, after one that is not counted")
    parser.add_argument("--steps", type=int, default=150, help="batches of each training")
    parser.add_argument("--epochs", type=float, help="train both this long and compare their dev accuracy instead")
    parser.add_argument("--threads", type=int, help="threads of both; PyTorch's choice if not given")
    parser.add_argument("--seed", type=int, default=0, help="seed of both")
    parser.add_argument("--json", action="store_true", help="print rows of JSON instead of a table")
    return parser.parse_args()


def speeds(bench: Bench, pairs: int, steps: int) -> list[dict[str, object]]:
    """One row for each loop and one for the ratio: texts/s as minimum, median and maximum over the pairs."""
    loops: tuple[Callable[[int], object], ...] = (bench.ours, bench.plain)
    for loop in loops:
        loop(10)  # the first steps warm PyTorch's caches
    measured: list[list[float]] = [[], []]
    for number in range(pairs):
        for index in (0, 1) if number % 2 == 0 else (1, 0):
            start = time.perf_counter()
            loops[index](steps)
            measured[index].append(steps * bench.settings.batch_size / (time.perf_counter() - start))
    ratios = [ours / plain for ours, plain in zip(*measured, strict=True)]
    return [
        {"name": name, "texts_per_second": spread(values, digits), "pairs": pairs, "steps": steps}
        for name, values, digits in (("prunetext", measured[0], 0), ("plain", measured[1], 0), ("ratio", ratios, 2))
    ]


def accuracies(bench: Bench, epochs: float) -> list[dict[str, object]]:
    """One row for each loop: dev accuracy of the weights at the end."""
    steps = round(epochs * bench.per_epoch)
    shares = (dev_values(bench.ours(steps), bench.dev)[0], plain_accuracy(bench.plain(steps), bench.dev))
    return [
        {"name": name, "dev_accuracy": round(share, 4), "dev_texts": len(bench.dev), "epochs": epochs}
        for name, share in zip(("prunetext", "plain"), shares, strict=True)
    ]


def show(rows: list[dict[str, object]], circumstances: list[str]) -> None:
    """Print the table and, below it, the circumstances."""
    for row in rows:
        speed = row.get("texts_per_second")
        if isinstance(speed, dict):
            digits = 2 if row["name"] == "ratio" else 0
            numbers = "  ".join(f"{key} {value:>9,.{digits}f}" for key, value in speed.items())
            print(f"{row['name']:10} texts/s  {numbers}" if digits == 0 else f"{'ratio':10} by pair  {numbers}")
        else:
            print(f"{row['name']:10} dev accuracy {row['dev_accuracy']:.4f} on {row['dev_texts']} texts")
    print(" · ".join(f"{key}: {rows[-1][key]}" for key in circumstances))


if __name__ == "__main__":
    main()
