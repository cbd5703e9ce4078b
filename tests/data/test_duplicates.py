"""Texts that are nearly the same are found as a comparison of every two texts finds them."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from prunetext.data.duplicates import Near, comparable, near_duplicates, nearly_among
from prunetext.runtime._native import tokenize

TEXTS = st.lists(st.lists(st.sampled_from("abc"), max_size=9).map(" ".join), max_size=12)


def shingles(text: str) -> set[tuple[str, ...]]:
    words = tokenize(text)
    return {tuple(words[at : at + 3]) for at in range(max(len(words) - 2, min(len(words), 1)))}


def by_hand(texts: list[str], least: float) -> list[tuple[int, int, float]]:
    found = []
    for (one, first), (other, second) in combinations(enumerate(map(shingles, texts)), 2):
        if first & second and len(first & second) / len(first | second) >= least:
            found.append((one, other, len(first & second) / len(first | second)))
    return found


@given(TEXTS, st.sampled_from([0.3, 0.6, 1.0]))
def test_it_finds_what_comparing_every_two_texts_finds(texts: list[str], least: float) -> None:
    assert [tuple(each) for each in near_duplicates(texts, least)] == by_hand(texts, least)


@given(TEXTS, TEXTS)
def test_texts_of_another_list_are_found_likewise(texts: list[str], others: list[str]) -> None:
    pairs = by_hand([*texts, *others], 0.6)
    assert nearly_among(texts, others) == sorted({one for one, other, _ in pairs if one < len(texts) <= other})


def test_case_does_not_count_and_what_very_many_texts_share_says_nothing() -> None:
    assert near_duplicates(["One two three", "one TWO three"]) == [Near(0, 1, 1.0)]
    assert near_duplicates(["", "", "!?"]) == []
    signed = [f"only{at} here{at} now{at} best regards from all of us" for at in range(120)]
    assert near_duplicates(signed, 0.3) == []
    assert near_duplicates(["你好世界和平", "你好世界和平了"]) == [Near(0, 1, 0.8)]


def test_too_much_text_is_not_compared() -> None:
    assert comparable(["a" * 10])
    assert not comparable(["a" * 10_000_000], ["b" * 10_000_001])
