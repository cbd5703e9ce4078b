"""Refuse data that can be read but that no classifier can be trained or judged on."""

from __future__ import annotations

from prunetext.data.dataset import Data
from prunetext.data.scores import score_name
from prunetext.errors import InputError


def check_data(data: Data, labels: list[str]) -> None:
    """Refuse data that no classifier can be trained or judged on; `read` refuses most of them earlier."""
    if data.train.scores is not None and len(labels) < 2:
        values = " or ".join(map(score_name, sorted(set(data.train.scores))))
        raise InputError(
            f"{data.name}: every score of train is {values}, and a model of scores needs three values. Learn them as "
            "labels with --label, or correct --score."
        )
    if len(labels) < 2:
        raise InputError(f"{data.name}: every text of train has the same label, and a classifier needs two.")
    for name, examples in data.splits():
        if not len(examples):
            raise InputError(f"{data.name}: {name} holds no texts. Add texts, or leave it out.")
        if examples.task != data.train.task:
            own, other = examples.task.described, data.train.task.described
            raise InputError(f"{data.name}: {name} holds {own}, but train holds {other}. Use the same kind in both.")
        if name == "train" and examples.weights is not None and not any(examples.weights):
            raise InputError(f"{data.name}: every text of train has the weight 0. Give some texts a larger one.")
        if examples.scores is not None:
            continue
        if unknown := sorted({each for own in examples.label_lists for each in own}.difference(labels)):
            raise InputError(
                f"{data.name}: the label {unknown[0]!r} of {name} never occurs in train. "
                "Correct it, or add texts with it there."
            )
    for label in labels:
        if not label:
            raise InputError(f"{data.name}: a label is empty. Name it, or drop its rows.")
        try:
            label.encode()
        except UnicodeEncodeError:
            raise InputError(f"{data.name}: the label {label!r} holds half a character. Correct the label.") from None
