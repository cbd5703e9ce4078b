"""The texts of a report: the run's own test, read again, or others; and what the packed model does with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from prunetext.data.dataset import Data, Examples
from prunetext.data.formats.tables import as_frame
from prunetext.data.sources import source_name
from prunetext.errors import InputError, RunError
from prunetext.fitting.checks import unusual_reading, whole_reading
from prunetext.fitting.earlier import data_of, read_earlier
from prunetext.judging.api import evaluate
from prunetext.judging.evaluation import Evaluation
from prunetext.judging.unpruned import packed_unpruned, texts_for
from prunetext.reporting.facts import Facts

_Array = npt.NDArray[Any]
THRESHOLDS = 101  # from 0 to 1
MOST_LABELS = 60  # that have thresholds of their own in a page


class JudgedTexts(NamedTuple):
    """Texts, and both models' answers to them; missing: why there are none.

    dense: the packed file of the dense model, without pruning. notes: on the choice of the texts.
    """

    evaluation: Evaluation | None
    examples: Examples | None
    dense: bytes
    missing: str = ""
    name: str = ""
    notes: tuple[str, ...] = ()


def judge_texts(
    facts: Facts,
    data: Any = None,
    slices: Sequence[str] = (),
    split: str | None = None,
    **reading: Any,
) -> JudgedTexts:
    """Judge the run's packed file beside its dense model, on its own test texts or on others.

    data: other labelled texts. Without them, the run's own source is read again; where it is gone, or has other texts
    now, there are none, and the page says why. reading: its options, as for `evaluate`.
    """
    whole = whole_reading("report", reading)
    if data is None:
        refuse_vain(split, whole)
    with packed_unpruned(facts.dense, facts.table) as dense:
        packed = dense.read_bytes()
        notes: list[str] = []
        how: dict[str, Any] = {"max_drop": facts.recipe.get("max_drop") or 0.0, "slices": slices}
        how |= {"metric": facts.recipe.get("metric"), "positive": facts.recipe.get("positive")}
        if data is None:
            try:
                examples = own_test(facts, slices)
            except InputError as error:
                refuse_slices(facts, slices, error)
                return JudgedTexts(None, None, packed, str(error))
            name = f"the test texts of {facts.name}"
        else:
            examples, notes = texts_for(facts.packed, data, split, {**whole, "columns": tuple(slices)})
            name = told_source(data) + (f", {split}" if split else "")
        found = evaluate(facts.packed, examples, against=dense, **how)
        return JudgedTexts(found, examples, packed, name=name, notes=(*notes, *found.notes))


def refuse_vain(split: str | None, reading: Mapping[str, Any]) -> None:
    """Refuse what says which texts to take, or how to read them, where the run's own test is taken."""
    given = {"split": split, **unusual_reading(reading)}
    vain = next((f"--{name.replace('_', '-')}" for name, value in given.items() if value is not None), None)
    if vain is not None:
        raise InputError(
            f"{vain} is given without --data, but the run's own test is read as the run has read it. "
            f"Leave {vain} out, or give --data."
        )


def told_source(data: Any) -> str:
    """What the page calls these texts.

    >>> told_source("folder/reviews.csv"), told_source(Examples(["great"], ["pos"]))
    ('reviews', 'these texts')
    """
    if isinstance(data, Data):
        return data.name
    if isinstance(data, Examples):
        return "these texts"
    return "the data frame" if as_frame(data) is not None else source_name(data)


def own_test(facts: Facts, columns: Sequence[str] = ()) -> Examples:
    """The test texts of the run, from the source that it names; `InputError` if they are gone or have changed."""
    if "data" not in facts.source:
        raise RunError(f"{facts.folder} was trained on data in memory. Give them with --data.")
    data: Data = data_of(read_earlier(facts.folder, {}), None, facts.folder, columns)[0]
    assert data.test is not None
    return data.test


def refuse_slices(facts: Facts, columns: Sequence[str], error: InputError) -> None:
    """Raise the error of the run's own test if the texts are there, and lack only these columns of the user's."""
    if not columns:
        return
    try:
        own_test(facts)
    except InputError:
        return
    said = str(error).replace("Correct columns.", "Correct --slices.")
    raise InputError(said if "--slices" in said else f"--slices: {said}") from None


def threshold_table(
    examples: Examples, labels: Sequence[str], probabilities: _Array, chosen: _Array
) -> list[tuple[str, dict[str, Any]]]:
    """For each label and threshold: the share of texts at or above it, how many of them have the label, and recall.

    The first entry has no label: it is of the one that each text is given, whatever it is, and says what rejecting
    unsure texts would do. Where texts can have several labels, there is none.
    """
    gold = np.array([[label in own for label in labels] for own in examples.label_lists], bool)
    bounds = np.linspace(0, 1, THRESHOLDS)
    rows: list[tuple[str, dict[str, Any]]] = []
    if all(isinstance(each, str) for each in examples.gold):
        right: _Array = np.asarray((gold & chosen).any(1))
        rows.append(("", _curve(probabilities.max(1), right, bounds, len(examples))))
    often = sorted(range(len(labels)), key=lambda at: -int(gold[:, at].sum()))[:MOST_LABELS]
    wanted = gold.sum(0)
    return rows + [
        (labels[at], _curve(probabilities[:, at], gold[:, at], bounds, int(wanted[at]))) for at in sorted(often)
    ]


def _curve(scores: _Array, right: _Array, bounds: _Array, wanted: int) -> dict[str, list[Any]]:
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.concatenate([[0], np.cumsum(right[order])])
    above = np.searchsorted(-ranked, -bounds, side="right")
    found = hits[above]
    precision = [round(float(hit / count), 4) if count else None for hit, count in zip(found, above, strict=True)]
    return {
        "share": [round(float(count / len(scores)), 4) for count in above],
        "precision": precision,
        "recall": [round(float(hit / wanted), 4) if wanted else None for hit in found],
    }
