"""What no classifier can be trained or judged on, although it could be read."""

from __future__ import annotations

from prunetext.data.dataset import Data
from prunetext.errors import InputError


def check_data(data: Data, labels: list[str]) -> None:
    """Refuse what no classifier of single texts can be trained or judged on; `read` refuses most of it earlier."""
    if len(labels) < 2:
        raise InputError(f"{data.name}: every text of train has the same label, and a classifier needs two.")
    for name, examples in data.splits():
        if not len(examples):
            raise InputError(f"{data.name}: {name} holds no texts. Give some, or leave it out.")
        if examples.task != data.train.task:
            own, other = examples.task.described, data.train.task.described
            raise InputError(f"{data.name}: {name} holds {own}, but train {other}. Give the same in each.")
        if unknown := sorted({each for own in examples.label_lists for each in own}.difference(labels)):
            raise InputError(
                f"{data.name}: the label {unknown[0]!r} of {name} never occurs in train. "
                "Correct it, or add texts with it there."
            )
    for label in labels:
        if not label:
            raise InputError(f"{data.name}: a label is empty. Give it a name.")
        try:
            label.encode()
        except UnicodeEncodeError:
            raise InputError(f"{data.name}: the label {label!r} holds half a character. Correct it.") from None
