"""The dense model of a run as a packed file, without any pruning: what a packed one can be asked beside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from prunetext.data.dataset import Examples
from prunetext.data.formats.tables import as_frame
from prunetext.judging.api import asked
from prunetext.judging.texts import choose_examples
from prunetext.modelfiles.api import open_model
from prunetext.modelfiles.trained import read_trained
from prunetext.models.protocol import Packing, load_family
from prunetext.statistics.answers import Array
from prunetext.statistics.evaluation import Verdict
from prunetext.statistics.metrics import title_of


class ToldVerdict(NamedTuple):
    """A verdict as people read it: its name, in a sentence, and the title of its metric."""

    name: str
    sentence: str
    metric: str


def told_verdict(result: Mapping[str, Any]) -> ToldVerdict:
    """The verdict of a result.json.

    >>> verdict = {"name": "kept", "drop": 0.1, "low": -0.1, "high": 0.3, "needed": None, "doubt": ""}
    >>> told_verdict({"verdict": verdict}).sentence
    'kept: the packed model is 0.10 points worse, with 95 % confidence at most 0.30 points worse.'
    """
    title, verdict = title_of(result.get("metric", "accuracy")), Verdict(**result["verdict"])
    return ToldVerdict(verdict.name, verdict.sentence(title), title)


@contextmanager
def packed_unpruned(dense: Path, table: str = "int8") -> Iterator[Path]:
    """A float model as a packed file, which is gone behind the block.

        with packed_unpruned(Path("runs/reviews/dense.safetensors")) as path:
            prunetext.load(path)

    table: of the packed file, int8 or int16.
    """
    trained = read_trained(dense)
    with TemporaryDirectory() as scratch:
        path = Path(scratch) / "dense.safetensors"
        load_family(trained.family).pack(trained, path, Packing(table=table))
        yield path


def labelled_by(path: Path, examples: Examples) -> tuple[list[str], Array, Array]:
    """A model's labels, its probabilities of these texts, and the labels that it gives, bool (texts, classes)."""
    model = open_model(path)
    said = asked(model, examples, model.labels)
    return model.labels, said.probabilities, said.chosen


def texts_for(path: Path, data: Any, split: str | None, reading: Mapping[str, Any]) -> tuple[Examples, list[str]]:
    """The texts of a source on which this model can be judged, as `evaluate` takes them, and notes on them."""
    return choose_examples(as_frame(data) or data, split, open_model(path), None, dict(reading))
