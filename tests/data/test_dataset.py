"""Counting what is wrong with data, and telling one data set from another."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunetext.data.dataset import Data, Examples, count_flaws
from prunetext.data.report import Report
from prunetext.errors import InputError

strings = st.text(st.characters(), max_size=4)
examples = st.lists(st.tuples(strings, strings), max_size=4).map(
    lambda rows: Examples([text for text, _ in rows], [f"a{label}" for _, label in rows])
)
data_sets = st.builds(Data, examples, st.none() | examples, st.none() | examples, st.just("n"), st.just(Report(0)))


@given(data_sets, data_sets)
def test_fingerprints_are_equal_for_equal_data_only(one: Data, other: Data) -> None:
    same = (one.train, one.dev, one.test) == (other.train, other.dev, other.test)
    assert (one.fingerprint() == other.fingerprint()) == same


def test_fingerprint_frames_its_parts() -> None:
    def digest(texts: list[str], labels: list[str], pairs: list[str] | None = None) -> str:
        return Data(Examples(texts, labels, pairs), None, None, "n", Report(0)).fingerprint()

    variants = [
        digest(["ab", "c"], ["x", "y"]),
        digest(["a", "bc"], ["x", "y"]),
        digest(["ab", "c"], ["y", "x"]),
        digest(["c", "ab"], ["y", "x"]),
        digest(["a", "c"], ["bx", "y"]),
        digest(["ab", "c"], ["x", "y"], ["", ""]),
        digest(["ab"], ["x"], ["c"]),
    ]
    assert len(set(variants)) == len(variants)
    data = Data(Examples(["a"], ["x"]), Examples(["b"], ["x"]), None, "n", Report(0))
    assert data.fingerprint() != replace(data, dev=None, test=data.dev).fingerprint()
    assert data.fingerprint() == replace(data, name="other", report=Report(7)).fingerprint()


def test_flaws_are_counted() -> None:
    train = Examples(["a", "a", "a", "a", "b", "c", "c"], ["x", "x", "y", "y", "x", "x", "x"])
    dev = Examples(["a", "d"], ["z", "x"])
    test = Examples(["b", "a", "e"], ["x", "x", "x"])
    report = count_flaws(train, dev, test, skipped=1_234)
    assert report == Report(12, 1_234, 3, 1, {("train", "dev"): 1, ("train", "test"): 2, ("dev", "test"): 1})
    assert report.lines() == [
        "12 rows were read.",
        "1,234 rows were dropped, because their text or label is empty.",
        "3 rows repeat an earlier row of the same split (same text, same label).",
        "1 text has different labels in different rows: no classifier can be right on all of them.",
        "1 text is in both train and dev, which makes scores look better than they are.",
        "2 texts are in both train and test, which makes scores look better than they are.",
        "1 text is in both dev and test, which makes scores look better than they are.",
    ]
    assert count_flaws(Examples(["a"], ["x"])).lines() == ["1 row was read."]
    assert Report(0).lines() == []


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"))))
def test_flaws_equal_their_definition(rows: list[tuple[str, str]]) -> None:
    report = count_flaws(Examples([text for text, _ in rows], [label for _, label in rows]))
    assert report.duplicates == len(rows) - len(set(rows))
    assert report.contradicting == sum(len({b for a, b in rows if a == text}) > 1 for text in "ab")


def test_flaws_of_pairs_are_those_of_both_texts() -> None:
    train = Examples(["a", "a", "a", "a"], ["x", "y", "x", "y"], ["p", "q", "p", "p"])
    dev = Examples(["a", "b"], ["x", "x"], ["r", "p"])
    report = count_flaws(train, dev, Examples(["a"], ["x"], ["q"]))
    assert report == Report(7, 0, 1, 1, {("train", "test"): 1}, pairs=True)
    assert report.lines() == [
        "7 rows were read.",
        "1 row repeats an earlier row of the same split (same texts, same label).",
        "1 pair has different labels in different rows: no classifier can be right on all of them.",
        "1 pair is in both train and test, which makes scores look better than they are.",
    ]


@pytest.mark.parametrize("pairs", [None, ["p", "q", "r"]])
@pytest.mark.parametrize("labels", [["x", "y", "z"], [["x"], [], ["z", "x"]]])
def test_a_subset_has_everything_of_its_rows(pairs: list[str] | None, labels: list[str]) -> None:
    part = Examples(["a", "b", "c"], labels, pairs).subset([2, 0])
    assert part == Examples(["c", "a"], [labels[2], labels[0]], pairs and ["r", "p"])
    assert part.label_lists == (part.label_sets or [("z",), ("x",)])
    assert part.inputs == ([("c", "r"), ("a", "p")] if pairs else ["c", "a"])


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="2 texts, but 1 labels"):
        Examples(["a", "b"], ["x"])
    with pytest.raises(InputError, match="0 second texts"):
        Examples(["a"], ["x"], [])


def test_representations_are_short() -> None:
    data = Data(Examples(["a" * 999], ["x"]), None, Examples([], []), "films", Report(0))
    assert repr(data) == "Data('films': train 1, test 0)"


def test_further_columns_go_with_their_rows() -> None:
    examples = Examples(["a", "b", "c"], ["x", "y", "x"], columns={"source": [1, 2, 3]})
    assert examples.subset([2, 0]).columns == {"source": [3, 1]}
    assert examples == Examples(["a", "b", "c"], ["x", "y", "x"]), "no model sees them"
    with pytest.raises(InputError, match="There are 3 texts, but 1 values of source"):
        Examples(["a", "b", "c"], ["x", "y", "x"], columns={"source": [1]})
