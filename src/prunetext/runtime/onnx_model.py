"""A packed transformer, run by ONNX Runtime; it answers as the native module's `Model` does."""

from __future__ import annotations

import re
import struct
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

from prunetext.errors import InputError, ModelFileError, require
from prunetext.runtime.onnx_check import check_onnx
from prunetext.runtime.onnx_files import ENCODER_FORMAT, is_sealed
from prunetext.runtime.onnx_inputs import batches_of, listed_texts, named_rows, pair_of, text_of
from prunetext.runtime.states import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    Inputs = list[str] | list[tuple[str, str]]

BATCH_TOKENS = 1 << 12  # padded tokens in one batch
SESSIONS = 2  # of different numbers of threads, that stay in memory
EXTRA = "encoders-run"
MOST_OCCLUDED = 1 << 20  # characters of the texts that are made for one call
_LONGEST = 8192  # tokens of a text: attention takes their square
TASKS = ("classification", "pairs", "labels")
_WORD = re.compile(r"\S+")


class OnnxModel:
    """A packed transformer.

        model = OnnxModel(Path("runs/reviews/model.onnx").read_bytes())
        model.predict(["great film"], 0)       # ['pos']

    ValueError says what is wrong with the file.
    """

    positive = None

    def __init__(self, data: bytes) -> None:
        if not is_sealed(data):
            raise ValueError("its checksum does not match, or it is no packed transformer")
        require("numpy", extra=EXTRA)
        self._data, self.size = data, len(data)
        self.metadata = {key: value for key, value in check_onnx(data).items() if key != "checksum"}
        self._sessions: dict[int, Any] = {}
        self._lock = Lock()
        try:
            self._read(self.metadata)
        except (KeyError, TypeError, ModelFileError) as error:
            raise ValueError(f"its metadata are not whole ({error})") from None

    def _read(self, metadata: dict[str, str]) -> None:
        """Take from the metadata what answers need."""
        if metadata["format"] != ENCODER_FORMAT or metadata["task"] not in TASKS:
            raise ValueError(f"its format or task is unknown; this version reads {ENCODER_FORMAT}")
        self.labels: list[str] = strings(parsed(metadata["labels"], "labels"))
        self.classes = self.features = len(self.labels)
        self.several = metadata["task"] == "labels"
        limits = parsed(metadata["thresholds"], "thresholds") if self.several else None
        self._limits = None if limits is None else [float(each) for each in limits]
        if self._limits is not None and len(self._limits) != self.classes:
            raise ValueError("it has not one threshold for each label")
        self._reject = float(metadata["reject"]) if "reject" in metadata else None
        tokenizers = require("tokenizers", extra=EXTRA)
        longest = whole_number(metadata["longest"])
        with tokenizer_at_work():
            self._tokenizer = tokenizers.Tokenizer.from_str(metadata["tokenizer.json"])
            self._tokenizer.enable_truncation(longest)
            self._tokenizer.no_padding()
        taken = {each.name for each in self._session(1).get_inputs()}
        if taken - {"token_type_ids"} != {"input_ids", "attention_mask"}:
            raise ValueError("its graph does not take what its tokenizer gives")
        self._kinds = "token_type_ids" in taken
        width = self._session(1).get_outputs()[0].shape[1]
        if width != self.classes or len(set(self.labels)) != width:
            raise ValueError("its labels are not those of its graph")
        self._run([("a", "a")] if metadata["task"] == "pairs" else ["a"], 1)  # raises what its tokenizer or graph does

    def _session(self, threads: int) -> Any:
        """ONNX Runtime with so many threads; 0 for as many as there are cores."""
        with self._lock:
            if threads in self._sessions:
                return self._sessions[threads]
            made = session_of(self._data, threads)
            while len(self._sessions) >= SESSIONS:
                self._sessions.pop(next(iter(self._sessions)))
            self._sessions[threads] = made
            return made

    def _run(self, inputs: Inputs, threads: int) -> list[NDArray[np.float32]]:
        """Probabilities and logits (texts, classes), in batches of texts of about one length."""
        import numpy as np

        with tokenizer_at_work():
            read = self._tokenizer.encode_batch(inputs)
        lengths = [len(each.ids) for each in read]
        found = [np.zeros((len(read), self.classes), np.float32) for _ in range(2)] if read else []
        few = sum(lengths) <= BATCH_TOKENS  # for so few, waiting for more threads would cost time
        session = self._session(threads or int(few))
        for batch in batches_of(lengths, BATCH_TOKENS):
            longest = max(lengths[batch[-1]], 1)
            fed = {name: np.zeros((len(batch), longest), np.int64) for name in ("input_ids", "attention_mask")}
            kinds = np.zeros((len(batch), longest), np.int64)
            for row, at in enumerate(batch):
                count = lengths[at]
                fed["input_ids"][row, :count], fed["attention_mask"][row, :count] = read[at].ids, 1
                kinds[row, :count] = read[at].type_ids
            if self._kinds:
                fed["token_type_ids"] = kinds
            try:
                answers = session.run(["probabilities", "logits"], fed)
            except Exception as error:  # as above
                raise ValueError(f"its graph fails ({str(error).partition(chr(10))[0][:200]})") from None
            for all_, some in zip(found, answers, strict=True):
                all_[batch] = some
        return found or [np.zeros((0, self.classes), np.float32) for _ in range(2)]

    def _answers(self, texts: object, threads: int) -> tuple[NDArray[np.float32], NDArray[np.bool_], Any]:
        """Probabilities, chosen labels, and logits."""
        import numpy as np

        probabilities, logits = self._run(self._inputs(texts), threads)
        if self._limits is not None:
            return probabilities, probabilities.astype(float) >= np.array(self._limits), logits
        chosen = np.zeros(probabilities.shape, bool)
        chosen[np.arange(len(chosen)), logits.argmax(1)] = True
        return probabilities, chosen, logits

    def _inputs(self, texts: object) -> Inputs:
        """Texts, or pairs of them, as the tokenizer takes them; TypeError for anything else."""
        rows = listed_texts(texts)
        if self.metadata["task"] == "pairs":
            return [pair_of(each) for each in rows]
        return [text_of(each) for each in rows]

    def probabilities(self, texts: object, threads: int) -> bytearray:
        """Probabilities, as bytes of float32."""
        return bytearray(self._answers(texts, threads)[0].tobytes())

    def logits(self, texts: object, threads: int) -> bytearray:
        """Logits, as bytes of float64."""
        return bytearray(self._answers(texts, threads)[2].astype(float).tobytes())

    def answers(self, texts: object, threads: int) -> tuple[bytearray, bytearray]:
        """Probabilities and chosen labels, as bytes."""
        probabilities, chosen, _ = self._answers(texts, threads)
        return bytearray(probabilities.tobytes()), bytearray(chosen.tobytes())

    def predict(self, texts: object, threads: int, reject: bool = False) -> list[Any]:
        """The label of each text, or its labels."""
        found = self.predict_with_probability(texts, threads, reject)
        return [[label for label, _ in each] for each in found] if self.several else [label for label, _ in found]

    def predict_with_probability(self, texts: object, threads: int, reject: bool = False) -> list[Any]:
        """The same with probabilities."""
        probabilities, chosen, _ = self._answers(texts, threads)
        least = self._reject if reject else None
        return named_rows(self.labels, probabilities.tolist(), chosen.tolist(), least, several=self.several)

    def explain(self, text: object, label: int = -1) -> tuple[int, float, float, float, list[tuple[str, float]], bytes]:
        """What each word adds to a label's logit: how far that falls without the word (occlusion).

        Source: Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks", for words. The base is
        what is left: words that need one another make it differ from the logit of an empty text.
        """
        sides = list(pair_of(text)) if self.metadata["task"] == "pairs" else [text_of(text)]
        probabilities, _, logits = self._answers([text], 1)
        number = int(logits[0].argmax()) if label < 0 else label
        places = [(side, *each.span()) for side, one in enumerate(sides) for each in _WORD.finditer(one)]
        whole, parts = self._lead(logits, number)[0], list[float]()
        size = max(1, MOST_OCCLUDED // (sum(map(len, sides)) + 1))
        for at in range(0, len(places), size):
            made: list[Any] = []
            for side, begin, end in places[at : at + size]:
                rest = [one[:begin] + one[end:] if each == side else one for each, one in enumerate(sides)]
                made.append(tuple(rest) if len(rest) > 1 else rest[0])
            left = self._lead(self._run(made, 1)[1], number)
            parts += [whole - each for each in left]
        shares: dict[str, float] = {}
        for (side, begin, end), part in zip(places, parts, strict=True):
            word = sides[side][begin:end].lower()
            shares[word] = shares.get(word, 0.0) + part
        total = sum(each for each in shares.values() if each > 0)
        named = [(word, each / total) for word, each in shares.items() if each > 0]
        named.sort(key=lambda each: (-each[1], each[0]))
        raw = b"".join(struct.pack("=QQQd", *place, part) for place, part in zip(places, parts, strict=True))
        logit = float(logits[0, number])
        return number, float(probabilities[0, number]), logit, logit - sum(parts), named, raw

    def _lead(self, logits: Any, number: int) -> list[float]:
        """A label's logits, less the mean of all labels' if a text has exactly one."""
        own = logits[:, number].astype(float)
        found: list[float] = (own if self.several else own - logits.astype(float).mean(1)).tolist()
        return found

    def encode(self, texts: object, threads: int) -> bytearray:
        """Refuse: the features of a transformer are no part of its file."""
        raise InputError("this model is a transformer, whose features are not in its file; give a TextCNN.")

    def match(self, *given: object) -> list[tuple[int, float]]:
        """Refuse, as for `encode`."""
        raise InputError("this model is a transformer, which matches no stored texts; give a TextCNN.")

    def firings(self, texts: object, top: int) -> list[tuple[int, bytearray, list[tuple[str, float]]]]:
        """Refuse: a transformer has no filters."""
        raise InputError("this model is a transformer, which has no filters; give a TextCNN.")

    def knows(self, word: str) -> bool:
        """Whether the tokenizer has a token of this name."""
        return self._tokenizer.token_to_id(word) is not None


def session_of(data: bytes, threads: int) -> Any:
    """ONNX Runtime on a graph, with so many threads; 0 for as many as there are cores. ValueError if it cannot read it.

    session_of(Path("runs/reviews/model.onnx").read_bytes(), 1).run(["probabilities"], fed)
    """
    runtime = require("onnxruntime", extra=EXTRA)
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 4
    try:
        return runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors have no narrower base
        raise ValueError(f"ONNX Runtime cannot read it ({str(error).partition(chr(10))[0][:200]})") from None


def whole_number(text: str) -> int:
    """How many tokens are read; ValueError for what no model has."""
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 2 <= int(text) <= _LONGEST):
        raise ValueError(f"its number of tokens is not one from 2 to {_LONGEST}")
    return int(text)


@contextmanager
def tokenizer_at_work() -> Iterator[None]:
    """ValueError for whatever a tokenizer raises: the library documents no errors, and its panics are no Exception."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise ValueError(f"its tokenizer is damaged ({str(error).partition(chr(10))[0]})") from None


def strings(values: object) -> list[str]:
    """A list of strings; ValueError for anything else."""
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise ValueError("its labels are not a list of strings")
    return values
