"""Texts that are made: repeatable, of the words that there are, and mostly other than their source."""

from hypothesis import given
from hypothesis import strategies as st

from prunetext.runtime._native import Vocabulary, tokenize
from prunetext.teaching.augmentation import CROP, EXCHANGE, HIDDEN, HIDE, augmented

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
        assert 1 <= len(tokenize(text)) <= 2 * longest


def test_of_words_that_are_cut_whole_ones_are_taken() -> None:
    assert augmented(["fine films", "dull plays"], 9, 0, "pieces/3") == augmented(["fine films", "dull plays"], 9, 0)
    assert augmented(["好电影", "坏电影"], 9, 0, "pairs/4") == augmented(["好电影", "坏电影"], 9, 0)


def test_a_third_each_is_spliced_cropped_and_exchanged() -> None:
    texts = [" ".join(f"{name}{number}" for number in range(20)) for name in "pqrs"]
    made = [text.split() for text in augmented(texts, 300, seed=0)]
    for number, new in enumerate(made):
        sources = [text.split() for text in texts]
        if number % 3 == 0:
            assert any(
                new == one[:head] + two[len(two) - (len(new) - head) :]
                for one in sources
                for two in sources
                for head in range(len(new) + 1)
                if 0 <= len(new) - head <= len(two)
            )
        elif number % 3 == 1:
            assert int(20 * CROP[0]) <= len(new) <= 20 * CROP[1]
            assert any(new == one[at : at + len(new)] for one in sources for at in range(20))
        else:
            assert len(new) == 20
    exchanged = [word for new in made[2::3] for word in new]
    share = exchanged.count(HIDDEN) / len(exchanged)
    assert abs(share - HIDE) < 0.03
    assert HIDE + EXCHANGE < 0.5


def test_every_text_has_its_turn_before_one_has_a_second() -> None:
    texts = [" ".join([name] * 20) for name in ("aa", "bb", "cc")]
    cropped = [set(text.split()) for text in augmented(texts, 9, seed=0)]
    assert all(any(name in each for each in cropped) for name in ("aa", "bb", "cc"))


def test_most_are_new() -> None:
    texts = ["one two three four five six seven eight nine ten", "eleven twelve thirteen fourteen"]
    assert sum(made in texts for made in augmented(texts, 200, seed=1)) < 5


def test_a_hidden_word_is_unknown_to_every_vocabulary() -> None:
    ids, _ = Vocabulary(["film", "great"]).encode([f"great {HIDDEN} film"])
    assert memoryview(ids).cast("i").tolist() == [3, 1, 2]


def test_no_texts_and_empty_texts_are_no_trouble() -> None:
    assert augmented([], 3, seed=0) == []
    assert augmented([""], 3, seed=0) == ["", "", ""]
