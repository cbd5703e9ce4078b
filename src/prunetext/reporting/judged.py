"""The texts of a report: the run's own test, read again, or others; and what the packed model does with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from prunetext.data.dataset import Data, Examples
from prunetext.errors import InputError, RunError
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

    dense: the packed file of the dense model, without pruning.
    """

    evaluation: Evaluation | None
    examples: Examples | None
    dense: bytes
    missing: str = ""
    name: str = ""


def judge_texts(
    facts: Facts, data: Any = None, slices: Sequence[str] = (), split: str | None = None, **reading: Any
) -> JudgedTexts:
    """Judge the run's packed file beside its dense model, on its own test texts or on others.

    data: other labelled texts. Without them, the run's own source is read again; where it is gone, or has other texts
    now, there are none, and the page says why.
    """
    with packed_unpruned(facts.dense) as dense:
        packed = dense.read_bytes()
        how: dict[str, Any] = {"max_drop": facts.recipe.get("max_drop") or 0.0, "slices": slices}
        how |= {"metric": facts.recipe.get("metric"), "positive": facts.recipe.get("positive")}
        if data is None:
            try:
                examples, name = own_test(facts, slices), facts.name
            except InputError as error:
                return JudgedTexts(None, None, packed, str(error))
        else:
            examples = texts_for(facts.packed, data, split, {**reading, "columns": tuple(slices)})
            name = data if isinstance(data, str) else Path(str(getattr(data, "name", "these texts"))).name
        found = evaluate(facts.packed, examples, against=dense, **how)
        return JudgedTexts(found, examples, packed, name=str(name))


def own_test(facts: Facts, columns: Sequence[str]) -> Examples:
    """The test texts of the run, from the source that it names; `InputError` if they are gone or have changed."""
    if "data" not in facts.source:
        raise RunError(f"{facts.folder} was trained on data in memory. Give them with --data.")
    data: Data = data_of(read_earlier(facts.folder, {}), None, facts.folder, columns)[0]
    assert data.test is not None
    return data.test


def threshold_table(examples: Examples, labels: Sequence[str], probabilities: _Array, chosen: _Array) -> dict[str, Any]:
    """For each label and threshold: the share of texts at or above it, how many of them have the label, and recall.

    The first entry is of the label that each text is given, whatever it is: what rejecting unsure texts would do.
    """
    gold = np.array([[label in own for label in labels] for own in examples.label_lists], bool)
    bounds = np.linspace(0, 1, THRESHOLDS)
    rows: dict[str, Any] = {}
    if (chosen.sum(1) == 1).all():
        right: _Array = np.asarray((gold & chosen).any(1))
        rows[""] = _curve(probabilities.max(1), right, bounds, len(examples))
    often = sorted(range(len(labels)), key=lambda at: -int(gold[:, at].sum()))[:MOST_LABELS]
    for at in sorted(often):
        rows[labels[at]] = _curve(probabilities[:, at], gold[:, at], bounds, int(gold[:, at].sum()))
    return rows


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
