"""The teacher of n-grams: it reads the order of words, and answers with probabilities."""

import numpy as np

from prunetext.data.dataset import Examples
from prunetext.teaching.ngrams import ngram_model, ngrams_of


def test_it_reads_the_order_of_words() -> None:
    texts, labels = ["good not bad", "bad not good"], ["a", "b"]
    answers = ngram_model(Examples(texts * 20, labels * 20), labels)(texts)
    assert answers.dtype == np.float32
    assert answers.argmax(1).tolist() == [0, 1]


def test_answers_of_several_classes_are_probabilities_in_the_order_of_the_labels() -> None:
    texts = ["red rose", "blue sky", "green leaf"]
    train = Examples(texts * 5, ["z", "y", "x"] * 5)
    for labels in (["x", "y", "z"], ["z", "x", "y"]):
        answers = np.exp(ngram_model(train, labels)([*texts, "", "unheard of"]))
        np.testing.assert_allclose(answers.sum(1), 1, rtol=1e-5)
        assert [labels[at] for at in answers[:3].argmax(1)] == ["z", "y", "x"]


def test_pieces_tell_words_that_were_never_seen() -> None:
    train = Examples([f"{word}{ending}" for word in "bcdfgh" for ending in ("ung", "lich")], ["a", "b"] * 6)
    answers = ngram_model(train, ["a", "b"], "pieces/3")(["zung", "zlich"])
    assert answers.argmax(1).tolist() == [0, 1]
    assert ngrams_of("A film", "pieces/3") == ["a", "film", "a film", "··fi", "·fil", "·ilm", "·lm·"]


def test_chinese_goes_by_character() -> None:
    answers = ngram_model(Examples(["好电影", "坏电影"] * 10, ["pos", "neg"] * 10), ["neg", "pos"])(["好", "坏"])
    assert answers.argmax(1).tolist() == [1, 0]
    assert ngrams_of("好电影", "pairs/4") == ngrams_of("好电影") == ["好", "电", "影", "好 电", "电 影", "好 电 影"]
