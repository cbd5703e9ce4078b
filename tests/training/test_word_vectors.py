"""Vectors trained on texts: the same ones each time, near where words stand alike, and of words that no text has."""

import subprocess
import sys

import numpy as np
import pytest

from prunetext.errors import InputError
from prunetext.training.word_vectors import KINDS, PIECE, train_vectors

pytest.importorskip("gensim", reason="gensim is not installed")

TEXTS = [f"the {thing} is {word}" for thing in ("film", "plot", "CAST") for word in ("great", "dull")] * 40
WORDS = ["film", "plot", "cast", "great", "dull"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_texts_give_the_same_vectors_in_any_process(kind: str) -> None:
    found = train_vectors(kind, TEXTS, WORDS, dimensions=6, seed=1)
    assert list(found) == WORDS
    assert {row.shape for row in found.values()} == {(6,)}
    assert {row.dtype for row in found.values()} == {np.dtype(np.float32)}
    other = train_vectors(kind, TEXTS, WORDS, dimensions=6, seed=2)
    assert not np.array_equal(found["film"], other["film"])
    code = (
        "from prunetext.training.word_vectors import train_vectors\n"
        f"found = train_vectors({kind!r}, iter({TEXTS!r}), {WORDS!r}, dimensions=6, seed=1)\n"
        "print(b''.join(row.tobytes() for row in found.values()).hex())\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == b"".join(row.tobytes() for row in found.values()).hex()
    assert done.stderr == ""


def test_a_word_that_no_text_has_is_made_of_its_parts_by_fasttext_alone() -> None:
    words = [*WORDS, "greatest"]
    assert "greatest" not in train_vectors("word2vec", TEXTS, words, dimensions=4, seed=0)
    found = train_vectors("fasttext", TEXTS, words, dimensions=16, seed=0)
    near = {word: found["greatest"] @ row / np.linalg.norm(row) for word, row in found.items() if word in WORDS}
    assert max(near, key=near.__getitem__) == "great"


def test_long_texts_are_read_to_their_end_and_rare_words_have_their_vector() -> None:
    text = " ".join(["the"] * 20 * PIECE) + " film"
    assert list(train_vectors("word2vec", [text], ["film"], dimensions=2, seed=0)) == ["film"]


@pytest.mark.parametrize(
    ("kind", "texts", "sentence"),
    [
        ("glove", TEXTS, "train_vectors is 'glove': it must be word2vec or fasttext."),
        ("word2vec", ["unheard"] * 9, "The texts to train word vectors on have none of the words of the vocabulary."),
        ("fasttext", [], "The texts to train word vectors on have none of the words of the vocabulary."),
    ],
)
def test_what_cannot_be_is_one_sentence(kind: str, texts: list[str], sentence: str) -> None:
    with pytest.raises(InputError) as error:
        train_vectors(kind, texts, WORDS, dimensions=4, seed=0)
    assert str(error.value).startswith(sentence)
