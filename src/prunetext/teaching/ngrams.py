"""A teacher for any language: logistic regression on n-grams, each weighted by how much it tells about a class."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from prunetext.data.dataset import Examples, Input
from prunetext.errors import InputError, require
from prunetext.runtime._native import tokenize
from prunetext.runtime.tokenizers import pieces_of, whole_words
from prunetext.teaching.cache import Floats

LONGEST_NGRAM, STRENGTH, REGRESSION_STEPS = 3, 0.3, 300  # tokens of an n-gram, C of the regression, iterations at most
RAREST_NGRAM, FEW = 2, 1_000  # texts that an n-gram must occur in, if there are at least so many texts
LEAST_SHARE = 1e-6  # smaller probabilities are raised to this
HALF_PASSED = 0.5  # of a step between levels of scores

Answer = Callable[[Sequence[Input]], Floats]


def ngram_model(examples: Examples, labels: Sequence[str], tokenizer: str = "bert/1") -> Answer:
    """Train on labelled texts; the answers are logarithms of probabilities (n, classes), in the order of the labels.

    If texts can have several labels, they are the log-odds of each label; of scores, those of having passed half of
    each step.

        answer = ngram_model(data.train, data.labels)
        answer(["great film"])        # array([[-3.9, -0.02]], dtype=float32)

    N-grams of up to three tokens (characters in Chinese), and pieces of words by pieces/3, count once a text. Each is
    multiplied by the logarithm of how much more often it occurs in texts of a class than in the others; each class has
    a logistic regression. Without a pretrained encoder this is hard to beat. For pairs, n-grams of both texts, of only
    the first, and of only the second are different features.
    Source: Wang and Manning 2012, "Baselines and Bigrams: Simple, Good Sentiment and Topic Classification".
    """
    require("sklearn", extra="train")
    from scipy.special import logit
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(
        analyzer=lambda given: ngrams_of(given, tokenizer),
        min_df=RAREST_NGRAM if len(examples) >= FEW else 1,
        binary=True,
        dtype=np.float64,
    )
    try:
        seen = vectorizer.fit_transform(examples.inputs)
    except ValueError:
        raise InputError(
            "teacher ngrams: no n-gram occurs in two texts of train. Give more texts, or another teacher."
        ) from None
    several, models = examples.task.of_many, regressions_of(examples, labels, seen)

    def answer(texts: Sequence[Input]) -> Floats:
        found = vectorizer.transform(texts)
        shares = np.stack([share_of(found, weights, model) for weights, model in models], axis=1)
        if several:
            odds: Floats = logit(np.clip(shares, LEAST_SHARE, 1 - LEAST_SHARE)).astype(np.float32)
            return odds
        if len(labels) == 2:
            shares = np.hstack([1 - shares, shares])
        shares = np.maximum(shares, LEAST_SHARE)
        logarithms: Floats = np.log(shares / shares.sum(1, keepdims=True)).astype(np.float32)
        return logarithms

    return answer


def regressions_of(examples: Examples, labels: Sequence[str], seen: Any) -> list[tuple[Any, Any]]:
    """The weights of n-grams and a regression for each label, one for two; a number for a step that tells nothing."""
    from scipy.sparse import diags_array

    single, each_label = not examples.task.of_many and len(labels) == 2, examples.label_lists
    steps = None if examples.scores is None else examples.targets(labels) >= HALF_PASSED
    models: list[tuple[Any, Any]] = []
    for number in range(1 if single else 0, len(labels)):
        inside = np.array([labels[number] in own for own in each_label]) if steps is None else steps[:, number]
        if inside.all() or (steps is not None and not inside.any()):
            if steps is not None:  # a step that all texts have passed, or none
                models.append((None, 1.0 if inside.all() else 0.0))
                continue
            raise InputError(
                f"teacher ngrams: every text of train has the label {labels[number]!r}, which cannot be learnt. "
                "Leave the label out, or give another teacher."
            )
        own, other = (1 + np.asarray(seen[rows].sum(0)).ravel() for rows in (inside, ~inside))
        weights = diags_array(np.log(own / own.sum()) - np.log(other / other.sum()))
        models.append((weights, fitted_to(seen @ weights, inside)))
    return models


def share_of(found: Any, weights: Any, model: Any) -> Any:
    """The probability of a label for each row, by its regression; one number for all where there is none."""
    if weights is None:
        return np.full(found.shape[0], model)
    return model.predict_proba(found @ weights)[:, 1]


def fitted_to(seen: Any, inside: Any) -> Any:
    """A regression that tells rows of features from others."""
    from sklearn.linear_model import LogisticRegression

    # The dual problem has as many unknowns as there are texts, far fewer than n-grams: ten times as fast.
    model = LogisticRegression(C=STRENGTH, max_iter=REGRESSION_STEPS, solver="liblinear", dual=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one that has not converged answers like any other
        return model.fit(seen, inside)


def ngrams_of(given: Input, tokenizer: str = "bert/1") -> list[str]:
    """N-grams of up to three tokens, and pieces if there are any; for pairs, with a mark of the text that has them.

    >>> ngrams_of("a great film"), ngrams_of(("great film", "dull film"))[:2]
    (['a', 'great', 'film', 'a great', 'great film', 'a great film'], ['= film', '< great'])
    """
    if isinstance(given, str):
        words, spans = tokenize(given, whole_words(tokenizer)), range(1, LONGEST_NGRAM + 1)
        found = [" ".join(words[at : at + span]) for span in spans for at in range(len(words) - span + 1)]
        return [*found, *pieces_of(given, tokenizer)]
    first, second = (dict.fromkeys(ngrams_of(text, tokenizer)) for text in given)
    both = [f"= {each}" for each in first if each in second]
    sides = (("<", first, second), (">", second, first))
    return [*both, *(f"{mark} {each}" for mark, own, other in sides for each in own if each not in other)]
