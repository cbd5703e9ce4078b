"""Tf-idf and logistic regression, as a comparison has them: within the bytes asked for, by the same tokens."""

import pytest

from helpers.peers import accuracy
from prunetext.peers.made import Given
from prunetext.peers.tfidf import LINEAR, linear


def test_tf_idf_keeps_to_the_budget_and_uses_it(given: Given) -> None:
    pytest.importorskip("sklearn")
    found = {budget: linear(given, budget) for budget in (15, 300, 1_000, 3_000, 1_000_000)}
    assert found[15] is None, "no feature fits"
    sizes = []
    for budget, each in list(found.items())[1:]:
        assert each is not None
        assert each.model.name == LINEAR
        assert 0.75 * min(budget, 3_000) < each.bytes <= budget
        sizes.append(each.bytes)
    assert sizes == sorted(set(sizes))
    whole = linear(given, None)
    assert whole is not None
    assert whole.bytes == sizes[-1]
    assert accuracy(given, whole) > 0.8
    assert set(whole.predict(["common1", ""])) <= {"class 0", "class 1"}


def test_bytes_of_tf_idf_grow_with_its_weights_and_names(given: Given) -> None:
    pytest.importorskip("sklearn")
    made = linear(given, 2_000)
    assert made is not None
    # For each feature an idf and a weight (there is one row of them for two classes), its name and an end; one bias.
    words = {word for text in given.texts["train"].texts for word in text.split()}
    assert 4 + 8 * 20 < made.bytes <= 2_000
    assert (made.bytes - 4) / (8 + min(map(len, words)) + 1) > 20
