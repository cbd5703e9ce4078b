"""Scores of texts: what is read as one, the levels of many, and the steps between them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import prunetext
from helpers.tables import write_jsonl
from prunetext.data.api import read
from prunetext.data.checking import check_data
from prunetext.data.dataset import Data, Examples
from prunetext.data.scores import FEW_VALUES, MOST_STEPS, levels_for, levels_of, passed, scored, step_names
from prunetext.data.splitting import split
from prunetext.data.task import Task
from prunetext.errors import DataError, InputError

numbers = st.integers(-30, 30).map(float) | st.floats(-1e6, 1e6).map(lambda each: float(f"{each:.6g}"))


@given(st.lists(numbers, min_size=3, max_size=80))
def test_a_score_is_the_sum_of_its_steps(scores: list[float]) -> None:
    levels = levels_for(scores)
    assert sorted(set(levels)) == levels
    assert (levels[0], levels[-1]) == (min(scores), max(scores))
    assert len(levels) <= max(FEW_VALUES, MOST_STEPS + 1)
    if len(levels) > 1:
        assert levels_of(step_names(levels)) == levels
        again = scored(passed(scores, levels), levels)
        np.testing.assert_allclose(again, scores, atol=1e-6 * (levels[-1] - levels[0]))
        assert passed([levels[0] - 1, levels[-1] + 1], levels).tolist() == [
            [0.0] * (len(levels) - 1),
            [1.0] * (len(levels) - 1),
        ]


def test_few_values_are_levels_and_many_have_quantiles() -> None:
    assert levels_for([0, 5, 2, 2, 3.5]) == [0, 2, 3.5, 5]
    levels = levels_for([(at / 1000) ** 2 for at in range(1001)])
    assert len(levels) == MOST_STEPS + 1
    assert levels[8] == pytest.approx(0.25, abs=0.001)


@pytest.mark.parametrize("names", [[], ["0 to 1", "2 to 3"], ["1 to 0"], ["a", "b"], ["0 to 1.0"], ["0 to x"]])
def test_other_names_are_no_steps(names: list[str]) -> None:
    with pytest.raises(ValueError, match=r"steps|could not convert"):
        levels_of(names)


def test_examples_take_numbers_and_texts_of_numbers() -> None:
    found = Examples(["a", "b", "c"], scores=[1, np.float32(0.5), " 2.5 "])
    assert (found.scores, found.labels) == ([1.0, 0.5, 2.5], ["1", "0.5", "2.5"])
    assert found.task == Task(answer="score")
    assert found.subset([2, 0]).scores == [2.5, 1.0]
    assert found.with_more(found).scores == [1.0, 0.5, 2.5] * 2
    assert Data(found).labels == ["0.5 to 1", "1 to 2.5"]
    assert found.targets(Data(found).labels).tolist() == [[1.0, 0.0], [0.0, 0.0], [1.0, 1.0]]
    assert Data(found).fingerprint() != Data(Examples(["a", "b", "c"], scores=[1, 0.5, 2])).fingerprint()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "1e400", None, "good", True, 2e15, "4,5"])
def test_what_is_no_number_is_refused_with_its_place(value: Any) -> None:
    with pytest.raises(InputError, match=r"The score at 1 is .*not a number.*Give a number"):
        Examples(["a", "b"], scores=[1, value])


def test_texts_without_anything_are_refused() -> None:
    with pytest.raises(InputError, match="neither labels nor scores"):
        Examples(["a"])
    with pytest.raises(InputError, match="2 texts, but 1 labels"):
        Examples(["a", "b"], scores=[1])


def write_csv(path: Path, *scores: str) -> Path:
    path.write_text("text,quality\n" + "".join(f"text {at},{score}\n" for at, score in enumerate(scores)), "utf-8")
    return path


def test_scores_are_read_from_every_kind_of_file(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    csv = write_csv(tmp_path / "few.csv", "1", " 2.5", "4e0")
    rows = [{"text": f"text {at}", "quality": score} for at, score in enumerate((1, 2.5, 4))]
    lines = write_jsonl(tmp_path / "few.jsonl", rows)
    parquet.write_table(
        pa.table({"text": ["text 0", "text 1", "text 2"], "quality": [1.0, 2.5, 4.0]}), tmp_path / "few.parquet"
    )
    for source in (csv, lines, tmp_path / "few.parquet"):
        found = read(source, score="quality")
        assert found.train.scores == [1.0, 2.5, 4.0]
        assert found.train.texts == ["text 0", "text 1", "text 2"]


@pytest.mark.parametrize(
    ("score", "said"),
    [
        ("", "score is empty. Give it a score, or drop such rows with --skip-empty."),
        ("nan", "score is 'nan', not a number"),
        ("inf", "score is 'inf', not a number"),
        ("good", "score is 'good', not a number. Write it as a number, or correct --score."),
        ("[1]", "score is '[1]', not a number"),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, score: str, said: str) -> None:
    with pytest.raises(DataError) as error:
        read(write_csv(tmp_path / "bad.csv", "1", score), score="quality")
    assert f"bad.csv, line 3: {said}" in str(error.value)


def test_empty_scores_can_be_dropped(tmp_path: Path) -> None:
    found = read(write_csv(tmp_path / "some.csv", "1", "", "3"), score="quality", skip_empty=True)
    assert found.train.scores == [1.0, 3.0]
    assert "1 row was dropped, because its text or score is empty." in found.report.lines()


def test_bad_lines_of_json_are_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"text": "a", "score": 1}\n{"text": "b", "score": NaN}\n', "utf-8")
    with pytest.raises(DataError, match=r"line 2: .*score"):
        read(path, score="score")
    write_jsonl(path, [{"text": "a", "score": [1]}])
    with pytest.raises(DataError, match=r"line 1: score is \[1\], not a number"):
        read(path, score="score")


def test_columns_are_named_in_messages(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "some.csv", "1", "2")
    with pytest.raises(DataError, match=r"no column 'worth' among the columns 'text', 'quality'. Correct --score."):
        read(path, score="worth")
    with pytest.raises(InputError, match="score and label are given"):
        read(path, score="quality", label="quality")


def test_splits_have_all_parts_of_the_range_and_no_text_twice() -> None:
    scores = [(at * 37 % 500) / 500 for at in range(500)]
    data = split(Data(Examples([f"text {at}" for at in range(500)], scores=scores)), seed=3)
    assert data.dev is not None
    assert data.test is not None
    sides = [set(each.texts) for _, each in data.splits()]
    assert sum(map(len, sides)) == len(set().union(*sides)) == 500
    for _, each in data.splits():
        assert np.mean(each.scores) == pytest.approx(0.5, abs=0.05)
    assert split(data, seed=3).fingerprint() == data.fingerprint()


def test_two_values_are_labels() -> None:
    data = Data(Examples(["a", "b", "c"], scores=[0, 1, 1]), name="films")
    with pytest.raises(InputError, match="films: every score of train is 0 or 1, and a model of scores needs three"):
        check_data(data, data.labels)


def test_labels_beside_scores_are_refused() -> None:
    data = Data(Examples(["a", "b", "c"], scores=[0, 1, 2]), Examples(["d"], ["good"]), name="films")
    with pytest.raises(InputError, match=r"dev holds .* with one label each, but train holds .* with a score each"):
        check_data(data, data.labels)


def test_scores_come_with_further_columns(tmp_path: Path) -> None:
    rows = [{"text": "a", "score": 1, "source": "web"}, {"text": "b", "score": 2, "source": None}]
    found = read(write_jsonl(tmp_path / "few.jsonl", rows), score="score", columns="source")
    assert found.train.columns == {"source": ["web", None]}
    assert json.dumps(found.train.scores) == "[1.0, 2.0]"


def test_the_public_reader_knows_scores(tmp_path: Path) -> None:
    assert prunetext.read(write_csv(tmp_path / "few.csv", "1", "2"), score="quality").train.scores == [1.0, 2.0]
