"""Load a packed model and use it. No third-party package is needed, and numpy only for arrays of probabilities."""

from __future__ import annotations

import os

from prunetext.errors import InputError, MissingExtraError, ModelFileError
from prunetext.runtime import _native
from prunetext.runtime.arguments import (
    as_flags,
    as_floats,
    as_numbers,
    as_rows,
    file_bytes,
    is_arrow,
    prepare,
)
from prunetext.runtime.explanations import PAIR_TASKS, SCORE_TASKS, Explaining
from prunetext.runtime.matching import Matching
from prunetext.runtime.onnx_files import is_onnx

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, overload

    import numpy as np
    from numpy.typing import NDArray

    from prunetext.runtime.arguments import Buffer, Items
    from prunetext.runtime.cascade_model import PackedModel

CASCADE_FILE = "cascade.json"  # by which the folder of a cascade is known


class Classifier(Explaining, Matching):
    """A packed classifier of texts, or of pairs of them.

        clf = prunetext.load("runs/reviews/model.safetensors")
        clf.labels                                   # ['neg', 'pos']
        clf.predict(["great film", "dull"])          # ['pos', 'neg']
        clf.predict_proba(["great film"])            # array([[0.02, 0.98]], dtype=float32)
        clf.explain("a great film")                  # [('great film', 0.8), ('great', 0.2)]

        clf = prunetext.load("runs/paraphrases/model.safetensors")    # clf.task is "pairs"
        clf.predict([("a great film", "great!"), ("a great film", "dull")])    # ['1', '0']

        clf = prunetext.load("runs/quality/model.safetensors")        # clf.task is "score"
        clf.predict(["a great film", "dull"])        # [4.2, 1.1]

    `task`: "classification", "labels" if a text can have any number of labels, "score" if it has a number instead, or
    "pairs" or "score of pairs"; then every text below is a pair. `labels`: the classes, in the order of the columns of
    `predict_proba`; of scores, the steps between `levels`, which are None for other models. `positive`: for pairs, the
    label of matching texts, else None. `thresholds`: the probability from which a text has each label; None unless it
    can have several; of a cascade, those of its first model. `reject`: the probability below which texts can be
    rejected; None if the file names none. `metadata`: the file's entries about itself, all strings. `size`: the bytes
    of the file, or of both models of a cascade. An instance can be used from several threads at once. A pickle or a
    copy of it holds only the absolute path, or the file's bytes if it was loaded from bytes, and loads them again.
    """

    task: str
    labels: list[str]
    positive: str | None
    thresholds: list[float] | None
    levels: list[float] | None
    reject: float | None
    metadata: dict[str, str]
    size: int

    def __init__(self, source: str | os.PathLike[str] | Buffer) -> None:
        given: str | os.PathLike[str] | bytes
        if isinstance(source, (str, os.PathLike)):
            given, self._name = source, os.fsdecode(source)
            self._again: str | bytes = os.path.abspath(self._name)  # noqa: PTH100  pathlib is slower to import
        else:
            given = self._again = file_bytes(source)
            self._name = "the model in memory"
        try:
            self._model = model_from(given)
        except MissingExtraError:
            raise
        except ValueError as error:
            remedy = "" if ";" in str(error) else "; give a file written by prunetext fit"
            raise ModelFileError(f"{self._name}: {error}{remedy}.") from None
        self.labels, self.metadata = self._model.labels, self._model.metadata
        self.task = self.metadata["task"]
        self.positive = self._model.positive if self.task == "pairs" else None
        self.thresholds = self._numbers("thresholds") if self.task == "labels" else None
        self.levels = self._numbers("levels") if self.task in SCORE_TASKS else None
        self.reject = float(self.metadata["reject"]) if "reject" in self.metadata else None
        self.size = self._model.size

    def _numbers(self, name: str) -> list[float]:
        """A list of numbers in the metadata, parsed without the module json."""
        return [float(number) for number in self.metadata[name].strip("[] \t\r\n").split(",")]

    if TYPE_CHECKING:

        @overload
        def predict(self, texts: Items, threads: int | None = None, *, reject: Literal[False] = False) -> list[str]: ...
        @overload
        def predict(self, texts: Items, threads: int | None = None, *, reject: bool) -> list[str | None]: ...

    def predict(
        self, texts: Items, threads: int | None = None, *, reject: bool = False
    ) -> list[str] | list[str | None]:
        """The most probable label of each text; for a model of several labels, a list of labels for each; or its score.

            clf.predict(["great film", "dull"])               # ['pos', 'neg']
            clf.predict(["great film", "hm"], reject=True)    # ['pos', None]
            emotions.predict(["thanks, what a joy", "hm"])    # [['gratitude', 'joy'], []]
            quality.predict(["great film", "hm"])             # [4.2, 2.5]

        `texts`: any iterable of str, or of bytes in UTF-8 (invalid bytes are left out), or an Arrow array of strings,
        such as a column of pyarrow or polars, which is read without a copy; for a model of pairs, any iterable of
        tuples or lists of two such texts. `threads`: by default all cores for much text, else one. `reject`: give None
        for a text whose label is less probable than the file's threshold, `clf.reject`. If several labels have the same
        logit, the first of them is given. If a text can have several labels, it gets those whose probability is at
        least the label's threshold, in the order of `clf.labels`, and possibly none. InputError for other texts, for
        fewer than one thread, or for `reject` without a threshold.
        """
        prepared, count = self._prepare(texts, threads)
        self._check_reject(reject)
        try:
            if self.levels is not None:
                return as_floats(self._scores(prepared, count))
            return self._model.predict(prepared, count, bool(reject))
        except TypeError as error:
            raise self._no_texts(error) from None

    def predict_proba(self, texts: Items, threads: int | None = None) -> NDArray[np.float32]:
        """The probability of each label for each text: float32, (texts, classes), each row sums to 1.

            clf.predict_proba(["great film"])    # array([[0.02, 0.98]], dtype=float32)

        If a text can have several labels, each has a probability of its own, and rows need not sum to 1. A model of
        scores gives, for each step between levels, the share of it that it expects the score to have passed. Needs
        numpy. Arguments and errors as for `predict`.
        """
        prepared, count = self._prepare(texts, threads)
        try:
            return as_rows(self._model.probabilities(prepared, count), len(self.labels))
        except TypeError as error:
            raise self._no_texts(error) from None

    def predict_score(self, texts: Items, threads: int | None = None) -> NDArray[np.float32]:
        """The score of each text, for a model of scores: float32, (texts,).

            clf.predict_score(["great film", "dull"])    # array([4.2, 1.1], dtype=float32)

        Needs numpy. Arguments and errors as for `predict`; InputError for a model of labels.
        """
        if self.levels is None:
            raise InputError(f"{self._name}: this model gives labels, not scores; use predict.")
        prepared, count = self._prepare(texts, threads)
        try:
            return as_numbers(self._scores(prepared, count), 1)[:, 0].astype("float32")
        except TypeError as error:
            raise self._no_texts(error) from None

    def logits(self, texts: Items, threads: int | None = None) -> NDArray[np.float64]:
        """The logits of each label for each text, before the temperature: float64, (texts, classes).

            clf.logits(["great film"])    # array([[-2.1, 1.9]])

        The largest one wins; `explain` tells what they consist of. Needs numpy. Arguments and errors as for `predict`.
        """
        prepared, count = self._prepare(texts, threads)
        try:
            return as_numbers(self._model.logits(prepared, count), len(self.labels))
        except TypeError as error:
            raise self._no_texts(error) from None

    def answers(self, texts: Items, threads: int | None = None) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The result of `predict_proba`, and the labels that `predict` gives each text: bool, (texts, classes).

            probabilities, chosen = clf.answers(["great film"])    # [[0.02, 0.98]], [[False, True]]

        Both come from one pass. Needs numpy. Arguments and errors as for `predict`.
        """
        prepared, count = self._prepare(texts, threads)
        try:
            probabilities, chosen = self._model.answers(prepared, count)
        except TypeError as error:
            raise self._no_texts(error) from None
        found = as_rows(probabilities, len(self.labels))
        return found, as_flags(chosen, len(self.labels))

    if TYPE_CHECKING:

        @overload
        def predict_with_probability(
            self, texts: Items, threads: int | None = None, *, reject: Literal[False] = False
        ) -> list[tuple[str, float]]: ...
        @overload
        def predict_with_probability(
            self, texts: Items, threads: int | None = None, *, reject: bool
        ) -> list[tuple[str | None, float]]: ...

    def predict_with_probability(
        self, texts: Items, threads: int | None = None, *, reject: bool = False
    ) -> list[tuple[str, float]] | list[tuple[str | None, float]]:
        """The most probable label of each text, and its probability; needs no numpy.

            clf.predict_with_probability(["great film", "dull"])               # [('pos', 0.98), ('neg', 0.91)]
            clf.predict_with_probability(["great film", "hm"], reject=True)    # [('pos', 0.98), (None, 0.52)]
            emotions.predict_with_probability(["thanks", "hm"])                # [[('gratitude', 0.97)], []]

        If a text can have several labels, it gets a list of such pairs. Labels, arguments and errors are those of
        `predict`.
        """
        if self.levels is not None:
            raise InputError(f"{self._name}: this model gives scores, which have no probability; use predict.")
        prepared, count = self._prepare(texts, threads)
        self._check_reject(reject)
        try:
            return self._model.predict_with_probability(prepared, count, bool(reject))
        except TypeError as error:
            raise self._no_texts(error) from None

    def _check_reject(self, reject: bool) -> None:
        """Refuse to reject without a threshold."""
        if not reject or self.reject is not None:
            return
        if self.levels is not None:
            raise InputError(f"{self._name}: this model gives scores, and rejects none; leave reject out.")
        if self.thresholds is not None:
            raise InputError(f"{self._name}: this model gives any number of labels, even none; leave reject out.")
        raise InputError(
            f"{self._name}: this model has no threshold to reject by; give a model made by fit or prune with "
            "--precision, or leave reject out."
        )

    def _scores(self, prepared: object, threads: int) -> bytearray:
        """The scores, as bytes of float64; no other kind of file has any."""
        assert isinstance(self._model, _native.Model)
        return self._model.scores(prepared, threads)

    @property
    def reads_pairs(self) -> bool:
        """Whether every text is a pair."""
        return self.task in PAIR_TASKS

    def _prepare(self, texts: Items, threads: int | None) -> tuple[object, int]:
        """Texts or pairs as the native module takes them, and its number of threads."""
        if self.reads_pairs and (isinstance(texts, (str, bytes)) or is_arrow(texts)):
            raise self._no_texts(f"texts is a single {type(texts).__name__}")
        return prepare(texts, threads)

    def _no_texts(self, error: object) -> InputError:
        """The error for inputs that this model does not label, with the remedy."""
        if self.reads_pairs:
            return InputError(f"{error}; this model judges pairs of texts: give a list of (first, second) tuples.")
        return InputError(f"{error}; give a list of strings.")

    def __reduce__(self) -> tuple[type[Classifier], tuple[str | bytes]]:
        """A pickle or a copy holds the absolute path, or the file's bytes, and loads them again."""
        return type(self), (self._again,)

    def __repr__(self) -> str:
        what = f"{len(self.labels)} labels"
        if self.levels is not None:
            what = f"scores from {self.levels[0]:g} to {self.levels[-1]:g}"
        return f"<prunetext.Classifier of {what}, {self.size:,} bytes: {self._name}>"


def model_from(source: str | os.PathLike[str] | bytes) -> PackedModel:
    """What answers: the native module, ONNX Runtime for a transformer, or both; the latter are imported only then."""
    if (folder := cascade_folder(source)) is not None:
        from prunetext.runtime.cascade_model import CascadeModel

        return CascadeModel(folder, CASCADE_FILE)
    if not is_onnx(source):
        return _native.Model(source)
    from prunetext.runtime.onnx_model import OnnxModel

    if isinstance(source, bytes):
        return OnnxModel(source)
    with open(source, "rb") as file:  # noqa: PTH123  pathlib is slower to import
        return OnnxModel(file.read())


def cascade_folder(source: object) -> str | None:
    """The folder of a cascade, if a path is that folder or the description in it; else None.

    >>> cascade_folder("runs/both/cascade.json"), cascade_folder("runs/reviews/model.safetensors")
    ('runs/both', None)
    """
    if not isinstance(source, (str, os.PathLike)):
        return None
    path = os.fsdecode(source)
    if os.path.basename(path) == CASCADE_FILE:  # noqa: PTH119  as above
        return os.path.dirname(path) or os.curdir  # noqa: PTH120
    return path if os.path.isfile(os.path.join(path, CASCADE_FILE)) else None  # noqa: PTH113, PTH118
