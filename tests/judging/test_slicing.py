"""The parts of texts: each text is in one part of a column, and what is rare stands together."""

import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunetext.data.dataset import Examples
from prunetext.data.task import Task
from prunetext.errors import InputError
from prunetext.judging.slicing import (
    MISSING,
    OTHERS,
    check_columns,
    of_column,
    of_labels,
    parts_of,
    slices_of,
    told_values,
    unknown_share,
)
from prunetext.statistics.answers import Answers, OpenedModel

VALUES = st.one_of(st.none(), st.integers(-3, 3), st.text(max_size=2), st.booleans(), st.floats())


class Knowing(OpenedModel):
    """A model that knows some words."""

    def __init__(self, *words: str, tokenizer: str = "bert/1") -> None:
        super().__init__("m", ["x", "y"], Task(), lambda inputs: Answers.of(np.tile([[0.4, 0.6]], (len(inputs), 1))))
        object.__setattr__(self, "words", lambda: (list(words), tokenizer))


@given(st.lists(VALUES, min_size=1, max_size=200))
def test_each_text_has_one_value_of_a_column(values: list[object]) -> None:
    found = of_column("c", values)
    assert (np.sum([each.inside for each in found], axis=0) == 1).all()
    assert len({each.value for each in found}) == len(found)


@given(st.lists(st.integers(0, 1000) | st.floats(-1e6, 1e6), min_size=1, max_size=200))
def test_each_number_is_in_one_of_at_most_four_parts(numbers: list[float]) -> None:
    found = parts_of("n", np.array(numbers), "")
    assert 1 <= len(found) <= 4
    assert (np.sum([each.inside for each in found], axis=0) == 1).all()


def test_rare_and_missing_values_and_numbers() -> None:
    assert set(told_values(["mail"] * 30 + ["fax"] * 3 + [None] * 20 + [float("nan")])) == {"mail", OTHERS, MISSING}
    many = [str(each) for each in range(100)]
    assert set(told_values(many)) == {"0 to 24", "25 to 49", "50 to 74", "75 to 99"}, "numbers of a table, too"
    assert set(told_values([*many[:-1], "never"])) == {OTHERS}
    assert set(told_values([*map(int, many), None])) == {"0 to 24", "25 to 49", "50 to 74", "75 to 99", MISSING}
    assert told_values(np.repeat(np.array([1, 2]), 20).tolist())[0] == "1"
    days = [datetime.date(2020, 1, 1)] * 25
    assert set(told_values(days)) == {"2020-01-01"}


def test_small_parts_are_left_out_but_no_label_is() -> None:
    examples = Examples(["a b", "c"] * 30, ["x"] * 58 + ["y"] * 2, columns={"source": ["s"] * 50 + ["t"] * 10})
    found = slices_of(examples, ["x", "y", "z"], ["source"], [])
    assert [(each.column, each.value, int(each.inside.sum())) for each in found] == [
        ("label", "x", 58),
        ("label", "y", 2),
        ("source", "s", 50),
        ("length", "1 characters", 30),
        ("length", "3 characters", 30),
    ]


def test_labels_of_texts_that_have_several() -> None:
    examples = Examples(["a", "b", "c"], [["x", "y"], [], ["y"]])  # type: ignore[arg-type]
    found = {each.value: each.inside.tolist() for each in of_labels(examples, ["x", "y"])}
    assert found == {"x": [True, False, False], "y": [True, False, True]}


def test_unknown_and_removed_words() -> None:
    examples = Examples(["good film", "good odd film odd", "", "film"] * 20, ["x", "y", "x", "y"] * 20)
    assert unknown_share(examples, ["good", "film"], "bert/1")[:4].tolist() == [0.0, 0.5, 0.0, 0.0]
    pair = Examples(["good"], ["x"], ["odd"])
    assert unknown_share(pair, ["good"], "bert/1").tolist() == [0.5]
    models = [Knowing("good", "film"), Knowing("film")]
    found = {(each.column, each.value): int(each.inside.sum()) for each in slices_of(examples, ["x", "y"], [], models)}
    assert found["unknown words", "none"] == 60
    assert found["unknown words", "25 to 50 %"] == 20
    assert found["removed words", "25 to 50 %"] == 20
    assert found["removed words", "10 to 25 %"] == 20
    other = [models[0], Knowing("film", tokenizer="words/2")]
    assert not any(each.column == "removed words" for each in slices_of(examples, ["x", "y"], [], other))


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="slices is 'sourc', but these texts have no such column"):
        check_columns(Examples(["a"], ["x"], columns={"source": ["s"]}), ["sourc"])
