"""The baseline is what five lines of scikit-learn give, for texts, pairs and several labels."""

from __future__ import annotations

import numpy as np
import pytest

from prunetext.data.dataset import Examples
from prunetext.peers.baseline import Baselines, likely_seconds
from prunetext.runtime._native import tokenize
from prunetext.statistics.metrics import measure_of

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

STRENGTHS = (1.0, 10.0, 100.0)
WORDS = [f"{first}{last}" for first in "bdfgk" for last in ("a", "e", "i", "o", "u")]


def texts_of(count: int, classes: int, seed: int) -> Examples:
    drawn = np.random.default_rng(seed)
    labels = [int(drawn.integers(classes)) for _ in range(count)]
    texts = [" ".join([*drawn.choice(WORDS, 5), WORDS[label] if drawn.random() < 0.7 else "x"]) for label in labels]
    return Examples(texts, [f"class {label}" for label in labels])


@pytest.mark.parametrize("classes", [2, 4])
def test_it_answers_as_five_lines_of_scikit_learn(classes: int) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    train, dev, test = (texts_of(count, classes, seed) for seed, count in enumerate((300, 100, 200)))
    labels = [f"class {number}" for number in range(classes)]
    vectorizer = TfidfVectorizer(tokenizer=tokenize, token_pattern=None, ngram_range=(1, 2), min_df=2)
    rows = vectorizer.fit_transform(train.texts)
    models = [
        OneVsRestClassifier(LogisticRegression(C=strength, solver="liblinear")).fit(rows, train.labels)
        for strength in STRENGTHS
    ]
    on_dev = [model.score(vectorizer.transform(dev.texts), dev.labels) for model in models]
    best = models[int(np.argmax(on_dev))]
    found = Baselines(train, dev, labels).best(measure_of(None, dev, labels).value)
    assert found is not None
    assert found.strength == STRENGTHS[int(np.argmax(on_dev))]
    said = found.answers(test.texts)
    assert said.named(labels, several=False) == best.predict(vectorizer.transform(test.texts)).tolist()
    assert said.probabilities.sum(1) == pytest.approx(1)
    weights = 4 * rows.shape[1] * ((1 if classes == 2 else classes) + 1)
    assert weights < found.bytes < weights + 20 * rows.shape[1]


def test_pairs_are_told_by_what_both_texts_have() -> None:
    drawn = np.random.default_rng(0)
    same = [bool(drawn.integers(2)) for _ in range(400)]
    pairs = [(one, one if alike else str(drawn.choice(WORDS))) for alike in same for one in [str(drawn.choice(WORDS))]]
    examples = Examples([one for one, _ in pairs], ["ny"[alike] for alike in same], [other for _, other in pairs])
    train, dev = examples.subset(range(300)), examples.subset(range(300, 400))
    found = Baselines(train, dev, ["n", "y"]).best(measure_of(None, dev, ["n", "y"]).value)
    assert found is not None
    right = np.array(found.answers(dev.inputs).named(["n", "y"], several=False)) == np.array(dev.labels)
    assert right.mean() > 0.9
    names, features = 4 * len(WORDS), len(WORDS)  # "ba" and a line break, and four bytes of idf
    assert found.bytes == pytest.approx(4 * (2 * features + 1) + names + 3 * len(WORDS), abs=40)


def test_each_of_several_labels_has_a_threshold_and_one_that_none_has_is_never_given() -> None:
    texts = [f"{one} {other}" for one in WORDS[:6] for other in WORDS[6:12]] * 3
    gold = [[name for name, word in (("a", WORDS[0]), ("b", WORDS[7])) if word in text.split()] for text in texts]
    examples, labels = Examples(texts, gold), ["a", "b", "never"]
    found = Baselines(examples, examples, labels).best(measure_of(None, examples, labels).value)
    assert found is not None
    assert [list(each) for each in found.answers(texts).named(labels, several=True)] == gold


def test_without_a_word_in_two_texts_there_is_none() -> None:
    alone = Examples(["one", "two"], ["a", "b"])
    assert Baselines(alone, alone, ["a", "b"]).best(lambda said: 0.0) is None


def test_words_are_those_of_the_model_and_never_pieces() -> None:
    train = Examples(["schön tag", "schon tag"] * 10, ["a", "b"] * 10)
    said = [Baselines(train, train, ["a", "b"], name).best(lambda said: 0.0) for name in ("bert/1", "pieces/3")]
    stripped, marked = (each and each.answers(["schön", "schon"]).probabilities[:, 0] for each in said)
    assert stripped is not None
    assert marked is not None
    assert stripped[0] == stripped[1]
    assert marked[0] > 0.5 > marked[1]
    assert said[1] is not None
    assert said[1].bytes < 100, "five n-grams, whose names are short"


def test_likely_seconds_grow_with_texts_and_labels() -> None:
    few, many = Examples(["a" * 100], ["x"]), Examples(["a" * 100] * 10, ["x"] * 10)
    assert likely_seconds(few, few, 2) < likely_seconds(many, few, 2) < likely_seconds(many, few, 20)
    assert likely_seconds(few, few, 2) < likely_seconds(few, many, 2)


def test_what_would_take_gigabytes_is_not_tried() -> None:
    long, one = Examples(["a a b " * 9_000_000], ["a"]), Examples(["a"], ["a"])
    assert Baselines(long, one, ["a"]).best(lambda said: 0.0) is None
    labels = [f"label {number}" for number in range(6_000)]
    texts = [f"w{number} w{number + 1}" for number in range(10_000)]
    many = Examples(texts, [labels[number % len(labels)] for number in range(len(texts))])
    assert Baselines(many, many, labels).best(lambda said: 0.0) is None


def test_texts_of_dev_are_learnt_with_the_strength_that_dev_chose() -> None:
    train = Examples(["good film", "bad film", "good", "bad"] * 3, ["y", "n", "y", "n"] * 3)
    dev = Examples(["good", "bad", "superb", "superb"], ["y", "n", "y", "y"])
    every, value = Baselines(train, dev, ["n", "y"]), measure_of(None, dev, ["n", "y"]).value
    before, after = every.best(value), every.best(value, dev)
    assert before is not None
    assert after is not None
    assert after.strength == before.strength
    assert after.bytes > before.bytes  # it knows one word more
    sure = [each.answers(["superb"]).probabilities[0, 1] for each in (before, after)]
    assert sure[1] > sure[0]
    pairs = Examples(train.texts, train.labels, train.texts[::-1])
    found = Baselines(pairs, pairs, ["n", "y"])
    one, two = found.best(lambda said: 0.0), found.best(lambda said: 0.0, pairs)
    assert one is not None
    assert two is not None
    assert one.bytes == two.bytes


def test_the_answer_to_a_text_that_is_held_out_knows_nothing_of_its_label() -> None:
    train, dev = texts_of(200, 3, 0), texts_of(60, 3, 1)
    labels = ["class 0", "class 1", "class 2"]
    twice = train.with_more(train.subset([0]))  # all rows of a text are held out together
    changed = [
        f"class {(int(label[-1]) + 1) % 3}" if at in (0, 200) else label for at, label in enumerate(twice.labels)
    ]
    before, after = (
        Baselines(each, dev, labels).of_train(lambda said: 0.0) for each in (twice, Examples(twice.texts, changed))
    )
    assert before is not None
    assert after is not None
    assert before.held_out.shape == (201, 3)
    assert before.held_out.sum(1) == pytest.approx(1)
    assert (before.held_out[[0, 200]] == after.held_out[[0, 200]]).all()
    assert not (before.held_out == after.held_out).all(), "others have learnt it"
    targets = twice.targets(labels)
    best = Baselines(twice, dev, labels).best(lambda said: 0.0)
    assert best is not None
    assert before.learnt == pytest.approx(best.answers(twice.texts).probabilities)
    assert (before.held_out.argmax(1) == targets).mean() < (before.learnt.argmax(1) == targets).mean()


def test_nothing_is_held_out_where_there_is_no_baseline() -> None:
    alone = Examples(["a", "b"], ["a", "b"])
    assert Baselines(alone, alone, ["a", "b"]).of_train(lambda said: 0.0) is None
