"""Load a packed model and use it. No third-party package is needed, and numpy only for arrays of probabilities."""

from __future__ import annotations

import os

from prunetext.errors import InputError, MissingExtraError, ModelFileError, brief
from prunetext.runtime import _native
from prunetext.runtime.arguments import as_flags, as_numbers, as_rows, at_least_one, file_bytes, is_arrow, prepare
from prunetext.runtime.explanations import Explaining
from prunetext.runtime.onnx_files import is_onnx

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal, overload

    import numpy as np
    from numpy.typing import NDArray

    from prunetext.runtime.arguments import Buffer, Items, Texts
    from prunetext.runtime.cascade_model import PackedModel

NEAREST = 100  # stored vectors that the head judges in `match`
CASCADE_FILE = "cascade.json"  # by which the folder of a cascade is known


class Classifier(Explaining):
    """A packed classifier of texts, or of pairs of them.

        clf = prunetext.load("runs/reviews/model.safetensors")
        clf.labels                                   # ['neg', 'pos']
        clf.predict(["great film", "dull"])          # ['pos', 'neg']
        clf.predict_proba(["great film"])            # array([[0.02, 0.98]], dtype=float32)
        clf.explain("a great film")                  # [('great film', 0.8), ('great', 0.2)]

        clf = prunetext.load("runs/paraphrases/model.safetensors")    # clf.task is "pairs"
        clf.predict([("a great film", "great!"), ("a great film", "dull")])    # ['1', '0']

    `task`: "classification", "labels" if a text can have any number of labels, or "pairs"; then every text below is a
    pair. `labels`: the classes, in the order of the columns of `predict_proba`. `positive`: for pairs, the label of
    matching texts, else None. `thresholds`: the probability from which a text has each label; None unless it can have
    several; of a cascade, those of its first model. `reject`: the probability below which texts can be rejected;
    None if the file names none. `metadata`: the file's entries about itself, all strings. `size`: the bytes of the
    file, or of both models of a cascade. An instance can be used from several threads at once. A pickle or a copy of it
    holds only the absolute path, or the file's bytes if it was loaded from bytes, and loads them again.
    """

    task: str
    labels: list[str]
    positive: str | None
    thresholds: list[float] | None
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
        self.labels, self.positive = self._model.labels, self._model.positive
        self.metadata = self._model.metadata
        self.task = self.metadata["task"]
        self.thresholds = None
        if self.task == "labels":  # parsed without the module json
            self.thresholds = [float(number) for number in self.metadata["thresholds"].strip("[] \t\r\n").split(",")]
        self.reject = float(self.metadata["reject"]) if "reject" in self.metadata else None
        self.size = self._model.size

    if TYPE_CHECKING:

        @overload
        def predict(self, texts: Items, threads: int | None = None, *, reject: Literal[False] = False) -> list[str]: ...
        @overload
        def predict(self, texts: Items, threads: int | None = None, *, reject: bool) -> list[str | None]: ...

    def predict(
        self, texts: Items, threads: int | None = None, *, reject: bool = False
    ) -> list[str] | list[str | None]:
        """The most probable label of each text; for a model of several labels, a list of labels for each.

            clf.predict(["great film", "dull"])               # ['pos', 'neg']
            clf.predict(["great film", "hm"], reject=True)    # ['pos', None]
            emotions.predict(["thanks, what a joy", "hm"])    # [['gratitude', 'joy'], []]

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
            return self._model.predict(prepared, count, bool(reject))
        except TypeError as error:
            raise self._no_texts(error) from None

    def predict_proba(self, texts: Items, threads: int | None = None) -> NDArray[np.float32]:
        """The probability of each label for each text: float32, (texts, classes), each row sums to 1.

            clf.predict_proba(["great film"])    # array([[0.02, 0.98]], dtype=float32)

        If a text can have several labels, each has a probability of its own, and rows need not sum to 1. Needs numpy.
        Arguments and errors as for `predict`.
        """
        prepared, count = self._prepare(texts, threads)
        try:
            return as_rows(self._model.probabilities(prepared, count), len(self.labels))
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
        if self.thresholds is not None:
            raise InputError(f"{self._name}: this model gives any number of labels, even none; leave reject out.")
        raise InputError(
            f"{self._name}: this model has no threshold to reject by; give a model made by fit or prune with "
            "--precision, or leave reject out."
        )

    def encode(self, texts: Texts, threads: int | None = None) -> NDArray[np.float32]:
        """The features of single texts, which can be stored and matched later: float32, (texts, features).

            vectors = clf.encode(["a great film", "dull"])    # one row for each text
            clf.match("great!", vectors)                      # [(0, 0.93), (1, 0.08)]

        For a model of pairs they are features of each text by itself, whatever words it shares with another.
        Needs numpy. Arguments and errors as for `predict` of single texts.
        """
        prepared, count = prepare(texts, threads)
        try:
            return as_rows(self._model.encode(prepared, count), self._model.features)
        except TypeError as error:
            raise InputError(f"{error}; give a list of strings.") from None

    def match(
        self,
        query: str,
        vectors: NDArray[np.float32],
        top: int = 10,
        *,
        texts: Sequence[str] | None = None,
        side: Literal["first", "second"] = "first",
    ) -> list[tuple[int, float]]:
        """The stored texts that match the query best, as (row of `vectors`, probability of a match), the best first.

            vectors = clf.encode(texts)                        # once
            clf.match("a great film", vectors, texts=texts)    # [(17, 0.98), (3, 0.91), ...]

        The model judges the 100 rows (or `top`, if that is more) with the largest cosine with the query's own features;
        among equals, the earlier row comes first. `vectors`: from `encode`, float32 (texts, features), C-contiguous.
        `texts`: the list of the stored texts; with it, a pair's answer is that of `predict_proba`; without it, the
        model judges only from the vectors, and does not know which words are in both texts. `side`: which text of a
        pair the query is. InputError for a model that judges no pairs, and for vectors of another kind or with a number
        that is not finite.
        """
        if self.task != "pairs":
            raise InputError(f"{self._name}: this model judges no pairs of texts; give a model fitted on pairs.")
        if not isinstance(query, (str, bytes)):
            raise InputError(f"match takes one text as a str, not {type(query).__name__}; call it for each query.")
        if not isinstance(side, str) or side not in {"first", "second"}:
            raise InputError(f"side is {brief(side)}: it must be 'first' or 'second', the query's place in a pair.")
        most = at_least_one("top", top)
        try:
            return self._model.match(query, vectors, most, max(most, NEAREST), texts, side == "second")
        except (TypeError, ValueError) as error:
            raise InputError(f"{error}; give the vectors from encode, and the list of their texts.") from None

    def _prepare(self, texts: Items, threads: int | None) -> tuple[object, int]:
        """Texts or pairs as the native module takes them, and its number of threads."""
        if self.task == "pairs" and (isinstance(texts, (str, bytes)) or is_arrow(texts)):
            raise self._no_texts(f"texts is a single {type(texts).__name__}")
        return prepare(texts, threads)

    def _no_texts(self, error: object) -> InputError:
        """The error for inputs that this model does not label, with the remedy."""
        if self.task == "pairs":
            return InputError(f"{error}; this model judges pairs of texts: give a list of (first, second) tuples.")
        return InputError(f"{error}; give a list of strings.")

    def __reduce__(self) -> tuple[type[Classifier], tuple[str | bytes]]:
        """A pickle or a copy holds the absolute path, or the file's bytes, and loads them again."""
        return type(self), (self._again,)

    def __repr__(self) -> str:
        return f"<prunetext.Classifier of {len(self.labels)} labels, {self.size:,} bytes: {self._name}>"


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
