"""What a training step should see of a long text: accuracy and loss on dev, and seconds, of dense models.

    python benchmarks/windows.py ../shared/data/imdb sample:bbc-news --seeds 0 1 2

Each row is a model of the default sizes, trained as `prunetext fit` trains it, on windows of so many tokens that lie
anywhere in a text, or on so many of its first tokens. Dev is read whole. Seconds are those of the processor.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from common import machine

import prunetext
from prunetext.data.dataset import Data
from prunetext.data.splitting import split
from prunetext.models.encoded import Encoded
from prunetext.models.textcnn.layout import parse_widths
from prunetext.models.textcnn.reading import encode_examples
from prunetext.models.textcnn.starting import new_model, settle, vocabulary_of
from prunetext.options import ModelOptions
from prunetext.runtime._native import Vocabulary
from prunetext.training import loop
from prunetext.training.pace import DROPOUT, pace


class Beginnings(Encoded):
    """Texts of which a step sees the first tokens."""

    def take(self, rows: npt.NDArray[np.int64], limit: int | None = None, *, anywhere: bool = False) -> torch.Tensor:
        """Never anywhere else."""
        return super().take(rows, limit)


def main() -> None:
    """Print a row for each data set, seed and length, of windows and of beginnings."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", nargs="+", help="folders with train.* and dev.*, or samples")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--windows", type=int, nargs="+", default=[1000, 400, 200, 100], help="tokens")
    options = parser.parse_args()
    for name in options.data:
        for seed in options.seeds:
            data = split(prunetext.read(name), seed=seed)
            for tokens in options.windows:
                for kind in (Encoded, Beginnings):
                    found = trained(data, seed, tokens, kind)
                    row = {"data": name.rpartition("/")[2], "seed": seed, "tokens": tokens, **found}
                    print(json.dumps({**row, **machine("torch")}), flush=True)


def trained(data: Data, seed: int, tokens: int, kind: type[Encoded]) -> dict[str, Any]:
    """Train a dense model, and judge it on dev."""
    assert data.dev is not None
    shape, began = settle(ModelOptions()), time.process_time()
    words = vocabulary_of(data.train.texts, shape)
    vocabulary = Vocabulary(words)
    train, dev = (encode_examples(each, vocabulary, data.labels) for each in (data.train, data.dev))
    torch.manual_seed(seed)
    model = new_model(words, len(data.labels), shape, parse_widths(shape.widths), None, DROPOUT)
    loop.WINDOW = tokens
    done = loop.train_model(model, kind(train.ids, train.offsets, train.targets), dev, pace(len(train), seed=seed))
    accuracy, loss = loop.dev_accuracy(model, dev)
    return {
        "place": "first" if kind is Beginnings else "anywhere",
        "longer": round(float((np.diff(train.offsets) > tokens).mean()), 3),  # share of the texts of train
        "dev_texts": len(dev),
        "accuracy": round(100 * accuracy, 2),
        "loss": round(loss, 4),
        "epochs": done.epochs,
        "seconds": round(time.process_time() - began, 1),
    }


if __name__ == "__main__":
    main()
