"""Scores inside the parts of some texts."""

from __future__ import annotations

import numpy as np
import pytest

from prunetext.data.dataset import Examples
from prunetext.errors import InputError
from prunetext.judging.scored_slices import explained_by, scored_columns

SOURCES = ["web"] * 40 + ["book"] * 30 + ["code"] * 25 + [None]


@pytest.fixture
def examples() -> Examples:
    """Scores that follow the source, and differ inside two of three."""
    random = np.random.default_rng(0)
    scores = [*random.integers(0, 3, 40), *random.integers(2, 6, 30), *[5] * 25, 1]
    return Examples([f"text {at}" for at in range(96)], scores=scores, columns={"source": SOURCES})  # type: ignore[arg-type]


def test_a_model_that_only_knows_the_source_ranks_nothing_inside(examples: Examples) -> None:
    true = np.array(examples.scores)
    means = {
        name: np.mean([each for each, own in zip(true, SOURCES, strict=True) if own == name]) for name in set(SOURCES)
    }
    (found,) = scored_columns(examples, ["source"], np.array([means[name] for name in SOURCES]))
    assert [(each.value, each.n) for each in found.parts[:2]] == [("web", 40), ("book", 30)]
    assert found.explained > 0.99
    assert 0.5 < found.true_explained < 0.99
    assert found.within == 0.0
    assert [each.spearman for each in found.parts if each.value in ("web", "book")] == [0.0, 0.0]


def test_a_model_that_is_right_ranks_all(examples: Examples) -> None:
    (found,) = scored_columns(examples, ["source"], np.array(examples.scores))
    assert found.within == pytest.approx(1.0)
    assert found.explained == found.true_explained
    flat = {each.value: each for each in found.parts}["code"]
    assert (flat.constant, flat.spearman, flat.auc) == (True, None, None)
    said = found.sentences()
    assert said[-1].startswith("All true scores are equal where source is code (25 texts)")
    assert said[0].startswith("source alone explains ")
    assert found.fields()["parts"][0]["value"] == "web"


def test_the_metric_says_from_which_score_on_texts_are_told_apart(examples: Examples) -> None:
    scores = np.array(examples.scores)
    assert next(scored_columns(examples, ["source"], scores, "auc:3")).bound == 3.0
    assert next(scored_columns(examples, ["source"], scores)).bound == np.median(scores)


def test_a_column_must_be_there(examples: Examples) -> None:
    with pytest.raises(InputError, match="no such column"):
        list(scored_columns(examples, ["language"], np.array(examples.scores)))


def test_nothing_is_explained_where_nothing_differs() -> None:
    assert explained_by(np.array([0, 1]), np.array([2.0, 2.0])) == 0.0
