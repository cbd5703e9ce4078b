"""Two packed models as one: a TextCNN answers all texts, and a transformer those that it is unsure of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from prunetext.errors import InputError, MissingExtraError, require
from prunetext.runtime import _native
from prunetext.runtime.cascade_files import FIRST_FILE, SECOND_FILE, read_cascade
from prunetext.runtime.onnx_inputs import listed_texts, named_rows
from prunetext.runtime.onnx_model import EXTRA, OnnxModel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TAKEN_FROM_FIRST = ("tokenizer", "thresholds")  # of the metadata


class _Mixed(NamedTuple):
    """Answers (texts, classes), which rows the second model gave, and the texts of these rows."""

    probabilities: NDArray[np.float32]
    chosen: NDArray[np.bool_]
    rows: NDArray[np.int64]
    passed: list[Any]


class CascadeModel:
    """A cascade.

        model = CascadeModel("runs/cascade", "cascade.json")
        model.predict(["great film"], 0)       # ['pos']

    ValueError says what is wrong with one of the files. Of several labels, `thresholds` in the metadata are those of
    the first model; the second has its own.
    """

    def __init__(self, folder: str, name: str) -> None:
        require("numpy", extra=EXTRA)
        found = read_cascade(folder, name)
        values, file = found.values, FIRST_FILE
        try:
            self.first = _native.Model(found.first)
            file = SECOND_FILE
            self.second = OnnxModel(found.second)
        except MissingExtraError:
            raise
        except ValueError as error:
            raise ValueError(f"its {file} is not whole ({error}); repeat prunetext cascade") from None
        for each, file in ((self.first, FIRST_FILE), (self.second, SECOND_FILE)):
            if each.labels != values["labels"] or each.metadata["task"] != values["task"]:
                raise ValueError(
                    f"its {file} has other labels, or another task, than it says; repeat prunetext cascade"
                )
        self.labels, self.positive = self.first.labels, self.first.positive
        self.classes = self.features = len(self.labels)
        self.several = values["task"] == "labels"
        self.threshold = float(values["threshold"])
        self.size = len(found.first) + len(found.second)
        self.metadata = described_metadata(values, self.first.metadata, self.second.metadata)
        self._reject = float(self.metadata["reject"]) if "reject" in self.metadata else None
        self._limits = json.loads(self.first.metadata["thresholds"]) if self.several else None

    def _mixed(self, texts: object, threads: int) -> _Mixed:
        """One pass of the first model over all texts, and one of the second over those that the first is unsure of."""
        import numpy as np

        shape = (-1, self.classes)
        raw, given = self.first.answers(texts, threads)
        probabilities, chosen = np.frombuffer(raw, np.float32), np.frombuffer(given, np.bool_)
        mixed = probabilities.reshape(shape).copy(), chosen.reshape(shape).copy()
        rows = np.flatnonzero(unsure(confidences(mixed[0], self._limits), self.threshold))
        if not len(rows):
            return _Mixed(*mixed, rows, [])
        listed = listed_texts(texts)
        passed = [listed[at] for at in rows.tolist()]
        raw, given = self.second.answers(passed, threads)
        mixed[0][rows] = np.frombuffer(raw, np.float32).reshape(shape)
        mixed[1][rows] = np.frombuffer(given, np.bool_).reshape(shape)
        return _Mixed(*mixed, rows, passed)

    def probabilities(self, texts: object, threads: int) -> bytearray:
        """Probabilities, as bytes of float32."""
        return bytearray(self._mixed(texts, threads).probabilities.tobytes())

    def logits(self, texts: object, threads: int) -> bytearray:
        """Logits of the model that answers each text, as bytes of float64."""
        import numpy as np

        found = self._mixed(texts, threads)
        logits = np.frombuffer(self.first.logits(texts, threads)).reshape(-1, self.classes).copy()
        if len(found.rows):
            logits[found.rows] = np.frombuffer(self.second.logits(found.passed, threads)).reshape(-1, self.classes)
        return bytearray(logits.tobytes())

    def answers(self, texts: object, threads: int) -> tuple[bytearray, bytearray]:
        """Probabilities and chosen labels, as bytes."""
        found = self._mixed(texts, threads)
        return bytearray(found.probabilities.tobytes()), bytearray(found.chosen.tobytes())

    def predict(self, texts: object, threads: int, reject: bool = False) -> list[Any]:
        """The label of each text, or its labels."""
        found = self.predict_with_probability(texts, threads, reject)
        return [[label for label, _ in each] for each in found] if self.several else [label for label, _ in found]

    def predict_with_probability(self, texts: object, threads: int, reject: bool = False) -> list[Any]:
        """The same with probabilities."""
        found = self._mixed(texts, threads)
        least = self._reject if reject else None
        return named_rows(self.labels, found.probabilities.tolist(), found.chosen.tolist(), least, several=self.several)

    def explain(self, text: object, label: int = -1) -> tuple[int, float, float, float, list[tuple[str, float]], bytes]:
        """What each part of a text adds to a label's logit, in the model that answers this text."""
        model = self.second if len(self._mixed([text], 1).rows) else self.first
        return model.explain(text, label)

    def encode(self, texts: object, threads: int) -> bytearray:
        """Refuse: its two models have features that cannot be compared."""
        raise InputError("this model is a cascade, which has no features of its own; give its first.safetensors.")

    def match(self, *given: object) -> list[tuple[int, float]]:
        """Refuse, as for `encode`."""
        raise InputError("this model is a cascade, which matches no stored texts; give its first.safetensors.")

    def firings(self, texts: object, top: int) -> list[tuple[int, bytearray, list[tuple[str, float]]]]:
        """Refuse: only one of its models has filters."""
        raise InputError("this model is a cascade, whose filters are those of one part; give its first.safetensors.")

    def knows(self, word: str) -> bool:
        """Whether one of the models knows a word."""
        return self.first.knows(word) or self.second.knows(word)


PackedModel = _native.Model | OnnxModel | CascadeModel  # what a `Classifier` asks


def confidences(probabilities: NDArray[Any], thresholds: list[float] | None = None) -> NDArray[np.float64]:
    """How sure a model is of each text, by its probabilities (texts, classes): from 0 to 1, shape (texts,).

    >>> import numpy as np
    >>> confidences(np.array([[0.9, 0.1], [0.4, 0.6]])).tolist()
    [0.9, 0.6]

    If a text can have several labels, it is that of the label of which the model is least sure. For one label: the
    probability of its answer, whether the text has it or not, once the log-odds are moved so that the label's threshold
    becomes 0.5. It is so at least 0.5, and comparable from label to label.

    >>> confidences(np.array([[0.9, 0.3], [0.9, 0.1]]), [0.5, 0.25]).round(4).tolist()
    [0.5625, 0.75]
    """
    import numpy as np

    given = probabilities.astype(np.float64)
    if thresholds is None:
        return np.asarray(given.max(1))
    limits = np.array(thresholds)
    has, lacks = given * (1 - limits), limits * (1 - given)
    sums = has + lacks
    each = np.divide(np.maximum(has, lacks), sums, out=np.full(given.shape, 0.5), where=sums > 0)
    return np.asarray(each.min(1))


def unsure(confidence: NDArray[np.float64], threshold: float) -> NDArray[np.bool_]:
    """Which texts go on to the second model: those of a confidence below the threshold, or of none.

    >>> import numpy as np
    >>> unsure(np.array([0.9, 0.6, float("nan")]), 0.8).tolist()
    [False, True, True]
    """
    passed: NDArray[np.bool_] = ~(confidence >= threshold)
    return passed


def described_metadata(values: dict[str, Any], first: dict[str, str], second: dict[str, str]) -> dict[str, str]:
    """What a cascade says of itself, all strings; it rejects by the larger threshold, if both models have one."""
    said = {key: values[key] for key in ("format", "task", "confidence")}
    said |= {key: json.dumps(values[key], ensure_ascii=False) for key in ("labels", "threshold", "provenance")}
    said |= {key: first[key] for key in TAKEN_FROM_FIRST if key in first}
    if "reject" in first and "reject" in second:
        said["reject"] = max(first["reject"], second["reject"], key=float)
    return said
