"""Labels that look alike: one class where nobody could see a difference, a note where a reader can."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.tables import write_csv, write_jsonl
from prunetext.data.api import read
from prunetext.data.dataset import Examples
from prunetext.data.label_forms import alike, clean_label
from prunetext.data.reading import read_examples
from prunetext.errors import InputError

SHOWN = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).map(clean_label).filter(bool)
UNSEEN = st.text(" \xa0\u200b\ufeff\u3000", max_size=3)


@given(SHOWN, UNSEEN, UNSEEN)
def test_what_nobody_sees_around_a_label_makes_no_other_class(label: str, before: str, after: str) -> None:
    written = f"{before}{label}{after}"
    assert clean_label(written) == clean_label(clean_label(written)) == label
    examples = Examples(["a", "b"], [label, written])
    assert examples.labels == [label, label]
    assert examples.trimmed == (written != label)


@pytest.mark.parametrize("written", ["cafe\u0301", "caf\xe9", " caf\xe9\n", "ca\xadf\xe9", "caf\xe9\u200e"])
def test_two_forms_of_a_label_are_one_class(written: str, tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write_jsonl(path, [{"text": "a", "label": "caf\xe9"}, {"text": "b", "label": written}, {"text": "c", "label": "z"}])
    data = read(path)
    assert data.labels == ["caf\xe9", "z"]
    assert data.report.trimmed == (written != "caf\xe9")
    assert read_examples(path, ["caf\xe9", "z"]).labels == ["caf\xe9", "caf\xe9", "z"]


def test_an_invisible_label_is_empty(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "r.jsonl", [{"text": "a", "label": "\u200b"}])
    with pytest.raises(InputError, match="line 1: label is empty"):
        read(tmp_path / "r.jsonl")


def test_a_model_keeps_the_labels_that_it_has(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "r.jsonl", [{"text": "a", "label": "pos "}, {"text": "b", "label": "pos"}])
    assert read_examples(tmp_path / "r.jsonl", ["neg", "pos "]).labels == ["pos ", "pos "]


def test_labels_that_differ_in_case_or_width_are_named(tmp_path: Path) -> None:
    labels = ["Spam", "spam ", "SPAM", "ham", "\uff53\uff50\uff41\uff4d"]
    write_jsonl(tmp_path / "r.jsonl", [{"text": f"t{label}", "label": label} for label in labels])
    report = read(tmp_path / "r.jsonl").report
    assert report.lines()[-2:] == [
        "1 label had outer blanks or invisible characters, which were left out.",
        "Some labels differ only in case or width: 'SPAM' and 'Spam' and 'spam' and '\uff53\uff50\uff41\uff4d'. They "
        "are separate classes: make them one if they mean the same.",
    ]
    assert alike(["a", "b"]) == []


@pytest.mark.parametrize(
    ("cells", "sets"),
    [
        (["['pos', 'day']", "['neg']", "[]"], [("day", "pos"), ("neg",), ()]),
        (["('pos', 'day')", "{'neg'}", "[]"], [("day", "pos"), ("neg",), ()]),
        (["[np.str_('pos'), np.str_('day')]", "('neg',)", "()"], [("day", "pos"), ("neg",), ()]),
        (['["pos", "it\'s"]', '["neg"]', "[1]"], [("it's", "pos"), ("neg",), ("1",)]),
    ],
)
def test_lists_that_are_written_in_cells_are_lists(
    cells: list[str], sets: list[tuple[str, ...]], tmp_path: Path
) -> None:
    path = write_csv(tmp_path / "r.csv", [(f"t{at}", cell) for at, cell in enumerate(cells)])
    assert read(path).train.label_sets == sets


def test_labels_in_brackets_are_labels(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "r.csv", [("a", "[draft] reply"), ("b", "[sent]"), ("c", "(open)"), ("d", "{x}")])
    assert read(path).train.labels == ["[draft] reply", "[sent]", "(open)", "{x}"]
    path = write_csv(tmp_path / "m.csv", [("a", "x"), ("b", "['x']")])
    with pytest.raises(InputError, match=r"line 3: the row has a list of labels, but those before it have one label"):
        read(path)
    for array in ("['pos' 'day']", "[0 1 1]"):
        path = write_csv(tmp_path / "n.csv", [("a", array)])
    with pytest.raises(InputError, match=r"line 2: the labels are an array as NumPy prints it, without commas\. Write"):
        read(path)


def test_cells_of_several_labels_may_be_empty_or_end_in_a_separator(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "r.csv", [("a", ""), ("b", "x; y;"), ("c", ";"), ("d", "x;;z")])
    assert read(path, label_separator=";").train.label_sets == [(), ("x", "y"), (), ("x", "z")]
