"""Anything that labels texts, opened: a file of any kind, a run's folder, an object in memory."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunetext.data.probabilities import PROBABILITY_ENDINGS, read_probabilities
from prunetext.data.task import Task
from prunetext.errors import require
from prunetext.modelfiles.exporting import packed_file
from prunetext.modelfiles.header import is_float, read_header
from prunetext.modelfiles.inspection import provenance_of, words_of_packed
from prunetext.peers import estimators, fasttext_files, onnxruntime
from prunetext.runtime.api import load
from prunetext.runtime.cascade_files import CASCADE_FORMAT
from prunetext.runtime.classifier import Classifier, cascade_folder
from prunetext.runtime.onnx_files import ENCODER_FORMAT, is_onnx, is_packed_encoder
from prunetext.runtime.states import parsed
from prunetext.statistics.answers import Answering, Answers, OpenedModel

if TYPE_CHECKING:
    from prunetext.data.dataset import Input
    from prunetext.models.protocol import Trained


@dataclass(frozen=True)
class OwnModel(OpenedModel):
    """A prunetext model: `graph` gives its ONNX graph and its words, `words` these and the tokenizer that finds them.

    A packed model that was loaded from bytes cannot list its words.
    """

    graph: Callable[[], tuple[Any, list[str]]] = field(kw_only=True)
    words: Callable[[], tuple[list[str], str]] | None = field(kw_only=True)


def opened(model: Any) -> Answering:
    """The result of `open_model`."""
    if isinstance(model, Classifier):
        return of_packed(model, repr(model))
    if isinstance(model, Answering):
        return model
    if isinstance(model, (bytes, bytearray, memoryview)):
        return of_packed(load(model), "the model in memory")
    if not isinstance(model, (str, os.PathLike)):
        return estimators.of_estimator(model)
    path, ending = Path(model), Path(model).suffix.lower()
    if cascade_folder(path) is not None:
        return of_packed(load(path), os.fspath(model))
    if path.is_dir():
        return opened(packed_file(path))
    if ending in PROBABILITY_ENDINGS:
        return of_table(path)
    if ending == onnxruntime.ENDING and not is_packed_encoder(path):
        return onnxruntime.onnx_file(path)
    if fasttext_files.is_fasttext(path):
        return fasttext_files.fasttext_file(path)
    if is_onnx(path) or not is_float(model):
        return of_packed(load(model), os.fspath(model), path)
    return of_float(path)


def of_packed(classifier: Classifier, name: str, path: Path | None = None) -> Answering:
    """A packed file, run natively or, if it is a transformer, by ONNX Runtime; or a cascade of both."""
    provenance = provenance_of(classifier.metadata)
    if classifier.reject is not None:
        provenance["reject"] = classifier.reject
    about = name, classifier.labels, Task.named(classifier.task), lambda inputs: Answers(*classifier.answers(inputs))
    if classifier.metadata["format"] in (ENCODER_FORMAT, CASCADE_FORMAT):
        return OpenedModel(*about, provenance)

    def graph() -> tuple[Any, list[str]]:
        from prunetext.models.textcnn.onnx import packed_graph
        from prunetext.runtime.reference import ReferenceModel

        assert path is not None
        model = ReferenceModel(path)
        return packed_graph(model), list(model.row_of)

    @functools.cache
    def words() -> tuple[list[str], str]:
        assert path is not None
        return words_of_packed(path), classifier.metadata["tokenizer"]

    return OwnModel(*about, provenance, graph=graph, words=None if path is None else words)


def of_float(path: Path) -> Answering:
    """A float model of a run, by torch."""
    require("torch", extra="train")
    from prunetext.modelfiles.trained import read_trained
    from prunetext.models.protocol import load_family

    found = read_trained(path)
    family, provenance = (
        load_family(found.family),
        {"recipe": parsed(read_header(path).metadata.get("recipe", "null"), path)},
    )
    about = str(path), found.labels, found.task, lambda inputs: answers_of_float(found, inputs)
    graph, words = family.graph, family.words
    if graph is None or words is None:
        return OpenedModel(*about, provenance)
    return OwnModel(*about, provenance, graph=lambda: (graph(found), found.reader.words), words=lambda: words(found))


def answers_of_float(found: Trained, inputs: Sequence[Input]) -> Answers:
    """The answers of a float model to some texts."""
    import numpy as np

    from prunetext.models.protocol import load_family
    from prunetext.training.answering import answers

    encoded = load_family(found.family).encode(found.reader, inputs)
    thresholds = None if found.thresholds is None else np.array(found.thresholds)
    return answers(found.model, dataclasses.replace(encoded, task=found.task._replace(texts=encoded.texts)), thresholds)


def of_table(path: Path, labels: Sequence[str] | None = None, task: Task | None = None) -> Answering:
    """A table of earlier answers; it knows nothing about other texts. labels, task: of train, for a teacher."""
    import numpy as np

    table = read_probabilities(path, labels, task)
    silent = np.full(len(table.labels), np.nan)

    def answer(inputs: Sequence[Input]) -> Answers:
        found = [table.rows.get(text, silent) for text in inputs]
        return Answers.of(np.array(found).reshape(-1, len(silent)), table.thresholds)

    return OpenedModel(str(path), table.labels, table.task, answer)
