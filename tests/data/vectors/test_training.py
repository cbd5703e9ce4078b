"""Vectors trained on texts: the same ones each time, near where words stand alike, and of words that no text has."""

import subprocess
import sys

import numpy as np
import pytest

from prunetext.data.vectors.training import PIECE, VECTOR_TRAINERS, train_vectors
from prunetext.errors import InputError

pytest.importorskip("gensim", reason="gensim is not installed")

TEXTS = [f"the {thing} is {word}" for thing in ("film", "plot", "CAST") for word in ("great", "dull")] * 40
WORDS = ["film", "plot", "cast", "great", "dull"]


@pytest.mark.parametrize("kind", VECTOR_TRAINERS)
def test_vectors_are_those_of_the_words_and_of_the_seed(kind: str) -> None:
    found, again = (
        train_vectors(kind, texts, WORDS, dimensions=6, seed=1, buckets=2_000) for texts in (TEXTS, iter(TEXTS))
    )
    assert list(found) == WORDS
    assert {(row.shape, row.dtype) for row in found.values()} == {((6,), np.dtype(np.float32))}
    assert all(np.array_equal(found[word], again[word]) for word in WORDS)
    other = train_vectors(kind, TEXTS, WORDS, dimensions=6, seed=2, buckets=2_000)
    assert not np.array_equal(found["film"], other["film"])


def test_of_words_that_are_cut_whole_ones_are_trained() -> None:
    whole, cut = (
        train_vectors("word2vec", TEXTS, [*WORDS, "·fil"], dimensions=6, seed=1, tokenizer=name)
        for name in ("words/2", "pieces/3")
    )
    assert whole.keys() == cut.keys() == set(WORDS)
    assert all(np.array_equal(whole[word], cut[word]) for word in WORDS)


def test_another_process_gives_the_same_vectors_and_says_nothing() -> None:
    found = train_vectors("word2vec", TEXTS, WORDS, dimensions=6, seed=1, buckets=2_000)
    code = (
        "from prunetext.data.vectors.training import train_vectors\n"
        f"found = train_vectors('word2vec', {TEXTS!r}, {WORDS!r}, dimensions=6, seed=1, buckets=2_000)\n"
        "print(b''.join(row.tobytes() for row in found.values()).hex())\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == b"".join(row.tobytes() for row in found.values()).hex()
    assert done.stderr == ""


def test_a_word_that_no_text_has_is_made_of_its_parts_by_fasttext_alone() -> None:
    words = [*WORDS, "greatest", "greatness", "boring"]
    assert list(train_vectors("word2vec", TEXTS, words, dimensions=4, seed=0, buckets=2_000)) == WORDS
    found = train_vectors("fasttext", TEXTS, words, dimensions=16, seed=0, buckets=2_000)
    assert list(found) == words
    unseen = {word: row / np.linalg.norm(row) for word, row in found.items() if word not in WORDS}
    assert unseen["greatest"] @ unseen["greatness"] > unseen["greatest"] @ unseen["boring"]


def test_long_texts_are_read_to_their_end_and_rare_words_have_their_vector() -> None:
    text = " ".join(["the"] * 20 * PIECE) + " film"
    assert list(train_vectors("word2vec", [text], ["film"], dimensions=2, seed=0, buckets=2_000)) == ["film"]


@pytest.mark.parametrize(
    ("kind", "texts", "sentence"),
    [
        ("glove", TEXTS, "train_vectors is 'glove': it must be word2vec or fasttext."),
        ("word2vec", ["unheard"] * 9, "The texts to train word vectors on have none of the vocabulary's words."),
        ("fasttext", [], "The texts to train word vectors on have none of the vocabulary's words."),
    ],
)
def test_what_cannot_be_is_one_sentence(kind: str, texts: list[str], sentence: str) -> None:
    with pytest.raises(InputError) as error:
        train_vectors(kind, texts, WORDS, dimensions=4, seed=0, buckets=2_000)
    assert str(error.value).startswith(sentence)


@pytest.mark.parametrize("kind", VECTOR_TRAINERS)
def test_training_ends_when_it_is_late_and_words_not_met_have_no_vector(kind: str) -> None:
    asked: list[int] = []

    def late() -> bool:
        asked.append(len(asked))
        return len(asked) > 20

    found = train_vectors(kind, TEXTS, [*WORDS, "unmet"], dimensions=4, seed=0, buckets=2_000, late=late)
    assert {"film", "great"} <= set(found)
    assert len(asked) < len(TEXTS), "neither the first pass nor another one goes on"
    assert train_vectors(kind, TEXTS, WORDS, dimensions=4, seed=0, buckets=2_000, late=lambda: True) == {}
