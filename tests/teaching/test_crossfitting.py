"""Members are asked about what they have not seen; n-grams teach where there is no encoder."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from prunetext.data.dataset import Data, Examples
from prunetext.teaching.crossfitting import CrossFitted, Predict, ngram_model

LABELS = ["a", "b"]


@given(texts=st.lists(st.sampled_from("pqrstuvw"), min_size=2, max_size=12).filter(lambda each: len(set(each)) > 1))
def test_no_member_answers_for_a_text_that_it_was_trained_on(texts: list[str]) -> None:
    seen: dict[int, set[str]] = {}

    def fit(number: int, part: Examples) -> Predict:
        seen[number] = set(part.texts)
        sure = dict.fromkeys(part.texts, 0.9)  # of a text that it knows, each member is sure
        return lambda asked: np.array([[1 - sure.get(text, 0.5), sure.get(text, 0.5)] for text in asked], np.float32)

    members = CrossFitted(Examples(texts, [LABELS[at % 2] for at in range(len(texts))]), 3, seed=0, fit=fit)
    answers = np.exp(members.logits([*texts, "other"]))
    np.testing.assert_allclose(answers, 0.5, rtol=1e-5)
    for number, part in seen.items():
        assert part.isdisjoint(text for text in texts if members.fold[text] == number)


def test_members_are_trained_once_and_other_texts_get_their_mean() -> None:
    calls: list[int] = []

    def fit(number: int, part: Examples) -> Predict:
        calls.append(number)
        return lambda asked: np.full((len(asked), 2), [number / 10, 1 - number / 10], np.float32)

    members = CrossFitted(Examples(list("pqrs"), ["a", "b", "a", "b"]), 3, seed=0, fit=fit)
    assert np.exp(members.logits(["new"])).tolist()[0] == np.float32([0.1, 0.9]).tolist() or calls == [0, 1, 2]
    members.logits(["newer"])
    assert calls == [0, 1, 2]


def test_ngrams_learn_the_order_of_words(data: Data) -> None:
    texts = ["good not bad", "bad not good"] * 20
    predict = ngram_model(Examples(texts, LABELS * 20), LABELS)
    answers = predict(["good not bad", "bad not good"])
    assert answers.argmax(1).tolist() == [0, 1]
    np.testing.assert_allclose(answers.sum(1), 1, rtol=1e-5)


def test_a_label_that_a_fold_lacks_has_no_probability() -> None:
    def wanted(texts: Sequence[str]) -> list[float]:
        answers = ngram_model(Examples(["x y", "y z", "z x"], ["a", "b", "a"]), ["a", "b", "c"])(texts)
        return [float(value) for value in answers[:, 2]]

    assert wanted(["x", "y"]) == [0, 0]
