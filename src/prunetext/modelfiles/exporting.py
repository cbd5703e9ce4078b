"""A model as an ONNX file for other runtimes, checked against the model before it is in place."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from prunetext.errors import InputError, RunError
from prunetext.modelfiles.header import packed_in
from prunetext.runtime.writing import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    Asked = Sequence[str | tuple[str, str]]  # texts, or pairs of them
    Probabilities = Callable[[Any], NDArray[np.float32]]  # the probabilities of some of these

MOST_APART = 1e-5  # largest difference between a probability of the file and the model's
TEXTS, CHECKED_BATCH = 300, 50  # for the check
LONGEST_CHECKED = 60  # words of its second-longest text


class Exported(NamedTuple):
    """A file written by `export`: its bytes, and the number of texts, or pairs of texts, that it was checked on.

    `apart` is the largest difference of a probability from the model's own.
    """

    path: Path
    size: int
    texts: int
    apart: float


def packed_file(model: Path) -> Path:
    """The model's file; for a run, the packed one."""
    if not model.is_dir():
        return model
    if not (found := packed_in(model)).is_file():
        raise RunError(f"{model} holds no finished run: its {found.name} is missing. Give the --out of a fit.")
    return found


def check_target(target: Path, source: Path) -> None:
    """Refuse a file that cannot or must not be written."""
    if target.is_dir():
        raise InputError(f"{target}: this is a folder. Give the name of the file to write, such as model.onnx.")
    if not target.parent.is_dir():
        raise InputError(f"{target}: there is no folder {target.parent}. Make it, or give another name.")
    if target.exists() and source.exists() and target.samefile(source):
        raise InputError(f"{target}: this is the model itself. Give another name, such as model.onnx.")


def write_checked(data: bytes, target: Path, source: str, answer: Probabilities, texts: Asked) -> float:
    """Write a graph into a file if it gives the probabilities of its source; return the largest difference.

    answer: gives the source's probabilities. RunError if a probability differs by more than `MOST_APART`; then, as when
    the check is interrupted, the file stays as it was.
    """
    from prunetext.peers.onnxruntime import Session

    apart = float("nan")

    def check(beside: Path) -> None:
        nonlocal apart
        apart = largest_difference(Session(beside).probabilities, answer, texts)
        if not apart <= MOST_APART:  # this also catches NaN, which infinite weights give
            raise RunError(
                f"{target}: its probabilities would differ from those of {source} by up to {apart:.1g}; the limit is "
                f"{MOST_APART:g}. The file was not written. Export another model of the run."
            )

    write_whole(target, data, check, shared=True)
    return apart


def some_texts(words: Sequence[str]) -> list[str]:
    """The same texts every time: an empty one, one word, unknown words, and random words, short and long."""
    unseen = "x"
    while unseen in words:
        unseen += "x"
    random, known = Random(0), [*words, unseen]
    lengths = [random.randint(1, LONGEST_CHECKED) for _ in range(TEXTS)] + [20 * LONGEST_CHECKED]
    return ["", unseen, *words[:1], *(" ".join(random.choices(known, k=length)) for length in lengths)]


def some_pairs(words: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of each text with one that has some of its words, partly in order, among others."""
    random, texts = Random(0), some_texts(words)
    pairs = []
    for first, other in zip(texts, [*texts[1:], ""], strict=True):
        own = first.split(" ")
        cut = random.randint(0, len(own))
        pairs.append(
            (first, " ".join([*own[cut:], *other.split(" ")[: random.randint(0, LONGEST_CHECKED)], *own[: cut // 2]]))
        )
    return pairs


def largest_difference(first: Probabilities, second: Probabilities, texts: Asked) -> float:
    """The largest difference between two probabilities of a text and label, in batches of mixed lengths and alone."""
    import numpy as np

    batches: list[Asked] = [texts[at : at + CHECKED_BATCH] for at in range(0, len(texts), CHECKED_BATCH)]
    batches += [[text] for text in texts[:CHECKED_BATCH]]  # without padding
    return float(np.max([np.abs(first(batch) - second(batch)).max() for batch in batches]))
