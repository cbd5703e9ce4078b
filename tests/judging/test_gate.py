"""May one model replace another: kept, lost and undecided, and the files that say so."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import prunetext
from helpers.tables import write_csv, write_jsonl
from prunetext.data.dataset import Examples
from prunetext.errors import InputError
from prunetext.judging.checks import Check
from prunetext.judging.gate_files import junit_of, marked
from prunetext.judging.gating import Gate

HOSTILE = 'a|b\n</testcase> ]]> \x00\x1b[2J & <script> @all [x](http://y) `c` "q" \ud800'


def answering(path: Path, texts: list[str], positive: np.ndarray[Any, Any]) -> Path:
    """A file of probabilities, in the place of a model."""
    shares = np.where(positive, 0.9, 0.1)
    rows = [
        {"text": text, "probabilities": {"n": 1 - p, "p": p}} for text, p in zip(texts, shares.tolist(), strict=True)
    ]
    return write_jsonl(path, rows)


def gated(folder: Path, n: int, wrong: list[int], texts: list[str] | None = None, **options: Any) -> Gate:
    """The gate of a model that is right on all of n texts, and of one that is wrong on some."""
    texts = texts or [f"text {at}" for at in range(n)]
    gold = np.arange(n) % 2 == 0
    now = gold.copy()
    now[wrong] ^= True
    examples = Examples(
        texts, np.where(gold, "p", "n").tolist(), columns={"source": ["forum"] * 60 + ["web"] * (n - 60)}
    )
    a, b = answering(folder / "a.jsonl", texts, gold), answering(folder / "b.jsonl", texts, now)
    return prunetext.gate(a, b, examples, **options)


def test_a_model_that_answers_alike_is_kept(tmp_path: Path) -> None:
    found = gated(tmp_path, 2000, [7])
    assert (found.name, found.code, found.reasons) == ("kept", 0, [])
    assert found.checks[0].said.startswith("kept: the model loses 0.05 points against it")


def test_a_model_that_is_worse_is_lost(tmp_path: Path) -> None:
    found = gated(tmp_path, 2000, list(range(100, 200)))
    assert (found.name, found.code) == ("lost", 3)
    assert found.reasons[0].startswith("verdict: lost: the model loses 5.00 points")
    assert found.reasons[1] == "churn: 5.00 % of the texts (100 of 2,000) change their label; 2 % are allowed."


@pytest.mark.parametrize(("undecided", "code"), [(None, 4), ("pass", 0), ("fail", 3)])
def test_too_few_texts_are_undecided(tmp_path: Path, undecided: str | None, code: int) -> None:
    found = gated(tmp_path, 100, [3], undecided=undecided)
    assert (found.name, found.code) == ("undecided", code)
    (suite,) = [ElementTree.fromstring(found.junit())]
    assert suite.attrib["failures"] == ("0" if undecided == "pass" else "1")
    assert suite.attrib["skipped"] == ("1" if undecided == "pass" else "0")


def test_churn_or_one_slice_alone_can_refuse_it(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    wrong = draw.choice(4000, 50, replace=False).tolist()
    churned = gated(tmp_path, 4000, wrong, max_drop=5.0, max_churn=1.0)
    assert (churned.name, [each.split(":")[0] for each in churned.reasons]) == ("lost", ["churn"])
    assert gated(tmp_path, 4000, wrong, max_drop=5.0, max_churn=1.3).code == 0
    sliced = gated(tmp_path, 4000, list(range(12)), max_drop=1.0, slices="source")
    assert (sliced.name, [each.split(":")[0] for each in sliced.reasons]) == ("lost", ["slice source forum"])
    assert gated(tmp_path, 4000, list(range(12)), max_drop=1.0).code == 0


def test_numbers_out_of_range_are_refused(tmp_path: Path) -> None:
    for options, said in (
        ({"max_churn": -1.0}, "max_churn is -1.0: it must be between 0 and 100."),
        ({"undecided": "maybe"}, "undecided is 'maybe': it must be pass or fail."),
        ({"max_drop": 101.0}, "max_drop is 101.0: it must be between 0 and 100."),
    ):
        with pytest.raises(InputError) as error:
            gated(tmp_path, 100, [], **options)
        assert str(error.value) == said


def test_the_files_are_whole_whatever_texts_and_labels_say(tmp_path: Path) -> None:
    texts = [f"{at} {HOSTILE[:-1]}" for at in range(400)]
    found = gated(tmp_path, 400, list(range(40)), texts, slices="source")
    suite = ElementTree.fromstring(found.junit())
    assert len(suite) == int(suite.attrib["tests"]) == len(found.checks)
    assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure")) == len(found.reasons)
    rows = [line for line in found.markdown().splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {4, 7}, "no text adds a column"
    page = found.markdown()
    assert not any(sign in page for sign in ("<script", "@all", "[x](", "`", "\x1b", "\x00", "://"))
    assert json.loads(json.dumps(found.fields()))["evaluation"]["damage"]["lost"] == 40


@given(st.text(alphabet=st.characters()))
def test_any_text_can_stand_in_both_files(text: str) -> None:
    suite = ElementTree.fromstring(junit_of([Check(text, "lost", text), Check("x", "kept", text)]).encode("utf-8"))
    assert [each.tag for each in suite] == ["testcase", "testcase"]
    cell = marked(text)
    assert not set(cell) & set("|`\n\r[]*_~@!\\")
    assert cell.count("<") == 2 * cell.startswith("<code>")
    assert len(marked(text, most=5)) <= len("<code></code>") + 5 * len("&#124;")


def test_it_takes_models_of_any_kind(tmp_path: Path) -> None:
    """A classifier of scikit-learn against a file of probabilities, and a table in the place of examples."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline

    texts = [f"{'good' if at % 2 == 0 else 'bad'} film {at}" for at in range(700)]
    gold = np.arange(700) % 2 == 0
    labels = np.where(gold, "p", "n").tolist()
    model = make_pipeline(CountVectorizer(), MultinomialNB()).fit(texts, labels)
    table = write_csv(tmp_path / "rows.csv", zip(texts, labels, strict=True))
    found = prunetext.gate(answering(tmp_path / "a.jsonl", texts, gold), model, table, metric="macro-f1", max_drop=1)
    assert (found.name, found.evaluation.metric) == ("kept", "macro-f1")
