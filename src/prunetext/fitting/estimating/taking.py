"""What scikit-learn hands to an estimator, as texts, labels and weights; what is none of these is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from prunetext.data.dataset import Examples, Input
from prunetext.data.formats.tables import as_frame
from prunetext.data.labels import is_missing, listed_values, named
from prunetext.data.weights import checked_weights
from prunetext.errors import InputError, brief

_INDICATOR = "multilabel-indicator"
_NO_LABELS = "TextClassifier requires y to be passed, but the target y is None. Give a label to each text."
_LISTS_OF_LABELS = (
    "y has lists of labels. Give an indicator matrix instead, with a column of 0 and 1 for each label: "
    "sklearn.preprocessing.MultiLabelBinarizer makes one."
)


class WrongKindError(InputError, TypeError):
    """A value is of a kind that holds no texts; scikit-learn expects a TypeError there."""


class Taken(NamedTuple):
    """What an estimator learns: examples, its classes, and the name of each of them in the model's file."""

    examples: Examples
    classes: NDArray[Any]
    names: list[str]


class Targets(NamedTuple):
    """The classes, sorted, and for each text the position of its class (n,), or an indicator matrix (n, classes)."""

    classes: NDArray[Any]
    given: NDArray[Any]

    @property
    def is_matrix(self) -> bool:
        """Whether texts can have several labels."""
        return self.given.ndim > 1


def learnt_from(texts: Any, labels: Any, weights: Any = None) -> Taken:
    """The examples in the X, y and sample_weight of scikit-learn.

    >>> learnt_from(["great", "dull"], [1, 0]).names
    ['0', '1']

    Texts of the weight 0 are left out. Other weights are divided by their mean; if all are alike, there are none.
    """
    inputs, targets = texts_of(texts), targets_of_labels(labels)
    if len(targets.given) != len(inputs):
        raise InputError(
            f"There are {len(inputs):,} texts, but {len(targets.given):,} labels: X and y have inconsistent numbers of "
            "samples. Give as many of each."
        )
    counted = weights_of(weights, len(inputs))
    if counted is not None and not counted.all():
        rows = np.flatnonzero(counted)
        inputs, counted = [inputs[row] for row in rows], counted[rows]
        kept = targets.given[rows]
        if not targets.is_matrix:
            left, kept = np.unique(kept, return_inverse=True)
            targets = targets._replace(classes=targets.classes[left])
        targets = targets._replace(given=kept)
    if counted is not None:
        counted = None if (counted == counted[0]).all() else counted / counted.mean()
    names = names_of_classes(targets)
    return Taken(as_examples(inputs, targets, names, counted), targets.classes, names)


def names_of_classes(targets: Targets) -> list[str]:
    """The name of each class in the model's file; `InputError` for one class, and for two that have one name."""
    names = named(targets.classes.tolist(), "The class at").names
    there = int((targets.given.sum(0) > 0).sum()) if targets.is_matrix else len(names)
    if there < 2:
        raise InputError(
            f"y has {there:,} class{'es' * (there != 1)}, and a classifier needs samples of at least 2 classes. Add "
            "texts with another label."
        )
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(
            f"y has two classes of the name {twice!r}, when blanks at their ends are left out. Rename one."
        )
    return names


def as_examples(
    inputs: list[Input], targets: Targets, names: list[str], weights: NDArray[np.float64] | None
) -> Examples:
    """The same as examples, which the engine learns from."""
    pairs = None
    if not isinstance(inputs[0], str):
        pairs = [each[1] for each in inputs]
        inputs = [each[0] for each in inputs]
    counted = None if weights is None else weights.tolist()
    if targets.is_matrix:
        values = targets.classes.tolist()
        labels: list[Any] = [[values[at] for at in np.flatnonzero(row)] for row in targets.given]
        return Examples(inputs, labels, pairs, weights=counted)  # type: ignore[arg-type]
    kind = named(targets.classes.tolist()).type
    labels = [names[at] for at in targets.given]
    return Examples(inputs, labels, pairs, None, kind, 0, weights=counted)  # type: ignore[arg-type]


def texts_of(texts: Any) -> list[Input]:
    """The texts, or pairs of texts, in an X.

    >>> texts_of(np.array([["great", "dull"]])), texts_of(np.array([["great"], ["dull"]]))
    ([('great', 'dull')], ['great', 'dull'])

    Takes lists, arrays, and the columns and frames of pandas, Polars and Arrow. Two columns are pairs.
    """
    if texts is None or isinstance(texts, (str, bytes)):
        raise InputError(f"X is {brief(texts)}: an iterable over texts was expected. Give a list of them.")
    if hasattr(texts, "tocsr") or isinstance(texts, (dict, set, frozenset)):
        raise WrongKindError(f"X is of the type {type(texts).__name__}, which holds no texts. Give a list of strings.")
    if (frame := as_frame(texts)) is not None:
        rows = _of_columns([listed_values(column) for column in frame.columns])
    else:
        rows = _rows(texts)
    if not rows:
        raise InputError("X holds no texts: 0 sample(s), while a minimum of 1 is required. Give some.")
    pairs = _is_pair(rows[0])
    return [_checked(row, number, pairs=pairs) for number, row in enumerate(rows)]


def targets_of_labels(labels: Any) -> Targets:
    """The classes in a y.

    >>> targets_of_labels(["b", "a", "b"]).given.tolist(), targets_of_labels([[0, 1], [1, 1]]).classes.tolist()
    ([1, 0, 1], [0, 1])

    The columns of a matrix of 0 and 1 are classes of which a text can have several; a data frame names them.
    """
    if labels is None:
        raise InputError(_NO_LABELS)
    frame = as_frame(labels)
    if frame is not None:
        values = np.array([listed_values(column) for column in frame.columns]).T
    elif hasattr(labels, "tocsr"):
        values = labels.toarray()
    else:
        values = _array(labels)
    _refuse_missing(values)
    check_classification_targets(values)
    if type_of_target(values) == _INDICATOR:
        names = np.arange(values.shape[1]) if frame is None else np.array(frame.names, object)
        return Targets(names, values.astype(bool))
    classes, given = np.unique(column_or_1d(values, warn=True), return_inverse=True)
    return Targets(classes, given)


def weights_of(weights: Any, texts: int) -> NDArray[np.float64] | None:
    """The weights of so many texts, or none; all are 0 or more, and some are more."""
    if weights is None:
        return None
    values = np.asarray(listed_values(weights) if hasattr(weights, "to_pylist") else weights)
    if values.ndim != 1:
        raise InputError(
            f"sample_weight has {values.ndim} dimensions. Give a number for each text: weights must be 1D."
        )
    found = np.array(checked_weights(values.tolist(), texts))
    if not found.any():
        raise InputError("Every weight in sample_weight is zero, and nothing is left to learn. Give some a larger one.")
    return found


def _rows(texts: Any) -> list[Any]:
    """The rows of anything that is no frame."""
    if isinstance(texts, np.ndarray) or (hasattr(texts, "__array__") and not hasattr(texts, "to_pylist")):
        values = np.asarray(texts)
        if values.dtype.kind == "c":
            raise InputError("X has complex numbers. Complex data not supported: give texts.")
        if values.ndim == 1:
            return list(values.tolist())
        if values.ndim != 2:
            raise InputError(f"X has {values.ndim} dimensions. Give a list of texts, or two columns of them for pairs.")
        return _of_columns([*values.T.tolist()])
    try:
        return listed_values(texts)
    except TypeError:
        raise WrongKindError(f"X is of the type {type(texts).__name__}. Give a list of strings.") from None


def _of_columns(columns: Sequence[list[Any]]) -> list[Any]:
    """Texts of one column, or pairs of two."""
    if len(columns) not in (1, 2):
        raise InputError(f"X has {len(columns):,} columns. Give one column of texts, or two for pairs of texts.")
    return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))


def _is_pair(row: object) -> bool:
    return isinstance(row, (list, tuple, np.ndarray)) and len(row) == 2


def _checked(row: Any, number: int, *, pairs: bool) -> Input:
    """A text as a plain str, or a pair as a tuple of two."""
    if pairs and _is_pair(row):
        return (_text(row[0], number), _text(row[1], number))
    if pairs:
        raise WrongKindError(f"The text at {number:,} is no pair, but the first one is. Give pairs, or single texts.")
    return _text(row, number)


def _text(value: Any, number: int) -> str:
    if isinstance(value, str):
        return str(value)
    if is_missing(value):
        raise InputError(f"The text at {number:,} is missing (NaN or None). Give a string, which may be empty.")
    raise WrongKindError(
        f"The text at {number:,} is {type(value).__name__}: each must be a string, not a number or object."
    )


def _array(labels: Any) -> NDArray[Any]:
    """A y as an array."""
    if isinstance(labels, np.ndarray):
        return labels
    try:
        values = listed_values(labels) if not hasattr(labels, "__array__") or hasattr(labels, "to_pylist") else labels
    except TypeError:
        raise InputError(f"y is of the type {type(labels).__name__}. Give a label to each text.") from None
    if isinstance(values, list) and any(is_missing(value) for value in values):
        return np.array(values, object)
    try:
        return np.asarray(values)
    except ValueError:
        raise InputError(_LISTS_OF_LABELS) from None


def _refuse_missing(values: NDArray[Any]) -> None:
    """Refuse labels that are missing, or endless."""
    if values.dtype.kind == "f" and np.isinf(values).any():
        raise InputError("Input y contains infinity, or a value too large for its type. Correct the labels.")
    if values.dtype.kind in "fO":
        for number, value in enumerate(values.ravel()):
            if is_missing(value):
                raise InputError(
                    f"Input y contains NaN: the label at {number:,} is missing. Give it one, or drop its text."
                )
