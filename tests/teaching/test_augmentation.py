"""Texts that are made: repeatable, of the words that there are, and mostly other than their source."""

from hypothesis import given
from hypothesis import strategies as st

from prunetext.runtime._native import Vocabulary, tokenize
from prunetext.teaching.augmentation import HIDDEN, augmented

words = st.text("abcdefgh", min_size=1, max_size=3)
texts = st.lists(st.lists(words, min_size=1, max_size=8).map(" ".join), min_size=1, max_size=6)


@given(texts=texts, count=st.integers(0, 30), seed=st.integers(0, 9))
def test_as_many_as_asked_for_of_known_words_alone(texts: list[str], count: int, seed: int) -> None:
    made = augmented(texts, count, seed)
    assert len(made) == count
    assert made == augmented(texts, count, seed)
    known = {word for text in texts for word in tokenize(text)} | {HIDDEN}
    longest = max(len(tokenize(text)) for text in texts)
    for text in made:
        assert set(tokenize(text)) <= known
        assert 1 <= len(tokenize(text)) <= longest


def test_every_text_has_its_turn_before_one_has_a_second() -> None:
    texts = [f"{name} {name} {name} {name} {name} {name}" for name in ("aa", "bb", "cc", "dd")]
    made = augmented(texts, 4, seed=0)
    sources = {max(text.split(), key=text.split().count) for text in made if len(text.split()) > 2}
    assert len(sources) == len([text for text in made if len(text.split()) > 2])


def test_most_are_new() -> None:
    text = "one two three four five six seven eight nine ten"
    assert sum(made == text for made in augmented([text], 200, seed=1)) < 10


def test_a_hidden_word_is_unknown_to_every_vocabulary() -> None:
    ids, _ = Vocabulary(["film", "great"]).encode([f"great {HIDDEN} film"])
    assert memoryview(ids).cast("i").tolist() == [3, 1, 2]


def test_no_texts_and_empty_texts_are_no_trouble() -> None:
    assert augmented([], 3, seed=0) == []
    assert augmented([""], 2, seed=0) == ["", ""]
