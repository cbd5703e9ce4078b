"""The baseline of every run: tf-idf and a regression, which take five lines of scikit-learn.

The regression is logistic; where texts have scores, it is a ridge regression.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from prunetext.data.dataset import Examples, Input
from prunetext.data.scores import levels_of, passed
from prunetext.runtime._native import tokenize
from prunetext.runtime.tokenizers import BERT, whole_words
from prunetext.statistics.answers import Answers, Array
from prunetext.statistics.thresholds import tuned

_STRENGTHS = (1.0, 10.0, 100.0)  # C of the regression; dev chooses
_RIDGES = (0.1, 0.3, 1.0, 3.0)  # 1 / alpha, where texts have scores
_FOLDS = 3  # parts of train, of which each is answered by a regression on the others
_USUAL_STRENGTH = 10.0  # where there is too much work for all of them
_LONGEST, _RAREST, _STEPS = 2, 2, 200  # tokens of an n-gram, texts that it must occur in, iterations
_MUCH_WORK, _MOST_WORK = 50_000_000, 1_000_000_000  # n-grams of all texts times labels: seconds a strength; a minute
_MOST_WEIGHTS = 50_000_000  # n-grams times labels
_MOST_CHARACTERS = 50_000_000  # of train: all pairs of words are in memory until the rare ones are left out
_TINY, _SURE = 1e-12, 30.0  # log-odds of a label that all texts have


def likely_seconds(train: Examples, asked: Examples, labels: int) -> float:
    """How long all takes that a run does with it, as a careful guess: train is learnt, `asked` is answered thrice.

    >>> likely_seconds(Examples(["a" * 1_000_000], ["x"]), Examples([""], ["x"]), 4)
    10.0
    """
    learnt, answered = (sum(map(len, each.all_texts)) for each in (train, asked))
    return 2 + 4e-6 * learnt * (1 + labels / 4) + 4e-6 * answered


class Baseline(NamedTuple):
    """A fitted baseline: its answers to texts or pairs, its bytes, and C."""

    answers: Callable[[Sequence[Input]], Answers]
    bytes: int
    strength: float


class OfTrain(NamedTuple):
    """Probabilities (n, labels) of train's own texts: by a baseline that has learnt them, and by some that have not."""

    learnt: Array
    held_out: Array


class _Tried(NamedTuple):
    """A baseline, its answers to dev, and the thresholds that suit these, where a text can have several labels."""

    baseline: Baseline
    on_dev: Answers
    limits: Array | None


class Baselines:
    """Baselines with several C, fitted to train when one is first asked for.

        every = Baselines(data.train, data.dev, data.labels)
        found = every.best(measure.value)
        found.answers(["great film"]).probabilities        # array([[0.1, 0.9]])

    Words, and pairs of words that follow one another, in two texts at least, by the tokenizer of the model, but never
    pieces of words. Each label has a regression of its own. Pairs of texts are told by the differences and products of
    the two. If texts can have several labels, dev gives thresholds. Their bytes are those of the weights in float32
    and of the names of the features.
    """

    def __init__(self, train: Examples, dev: Examples, labels: Sequence[str], tokenizer: str = BERT) -> None:
        self._train, self._dev, self._labels, self._tokenizer = train, dev, list(labels), tokenizer

    def best(self, value: Callable[[Answers], float], more: Examples | None = None) -> Baseline | None:
        """The one whose answers to dev have the largest value; None if there is none.

        more: texts of dev that it then learns, too. There is none without scikit-learn, if no word is in two texts, or
        if it would take minutes or gigabytes.
        """
        found = [(value(each.on_dev), each) for each in self._tried]
        if not found:
            return None
        best = max(found, key=lambda each: each[0])[1]
        if more is None:
            return best.baseline
        train = self._train.with_more(more)
        features, strength = _Features(whole_words(self._tokenizer)), best.baseline.strength
        seen = features.learnt(train)
        shares = self._shares(seen, train, strength)
        return self._baseline(features, seen.shape[1], shares, best.limits, strength)

    def of_train(self, value: Callable[[Answers], float]) -> OfTrain | None:
        """What the best one says of train's own texts, and what others say that have not learnt them; None if none.

            of_train = every.of_train(measure.value)
            of_train.learnt          # right about nearly all of them, which teaches nothing
            of_train.held_out        # as it answers new texts

        The others have the same C. All rows of a text are held out together; the list of n-grams and their idf, which
        know no label, are those of all of train.
        """
        best = self.best(value)
        if best is None:
            return None
        train, held_out = self._train, np.zeros((len(self._train), len(self._labels)))
        seen = _Features(whole_words(self._tokenizer)).learnt(train)
        _, text = np.unique(train.texts, return_inverse=True)
        fold = np.random.default_rng(0).permutation(int(text.max()) + 1)[text] % _FOLDS
        for each in range(_FOLDS):
            inside, outside = np.flatnonzero(fold != each), np.flatnonzero(fold == each)
            shares = self._shares(seen[inside], train.subset(inside.tolist()), best.strength)
            held_out[outside] = shares(seen[outside])
        return OfTrain(self._shares(seen, train, best.strength)(seen), held_out)

    @property
    def fitted(self) -> bool:
        """Whether one was asked for."""
        return "_tried" in self.__dict__

    @cached_property
    def _tried(self) -> list[_Tried]:
        train, labels = self._train, self._labels
        if sum(map(len, train.all_texts)) > _MOST_CHARACTERS:
            return []
        try:
            features = _Features(whole_words(self._tokenizer))
            seen, asked = features.learnt(train), features.of(self._dev.inputs)
        except (ImportError, ValueError):  # no scikit-learn, or no word in two texts
            return []
        work = seen.nnz * len(labels)
        if not seen.nnz or work > _MOST_WORK or seen.shape[1] * len(labels) > _MOST_WEIGHTS:
            return []
        strengths: tuple[float, ...] = _STRENGTHS if work <= _MUCH_WORK else (_USUAL_STRENGTH,)
        if train.scores is not None:
            strengths = _RIDGES
        return [self._one(features, seen, asked, strength) for strength in strengths]

    def _one(self, features: _Features, seen: Any, asked: Any, strength: float) -> _Tried:
        """The one of this C, fitted to the rows of train."""
        shares = self._shares(seen, self._train, strength)
        on_dev = shares(asked)
        truth = np.asarray(self._dev.targets(self._labels))
        limits = tuned(on_dev, truth) if truth.ndim == 2 and self._train.scores is None else None
        found = self._baseline(features, seen.shape[1], shares, limits, strength)
        return _Tried(found, Answers.of(on_dev, limits), limits)

    def _shares(self, seen: Any, train: Examples, strength: float) -> Callable[[Any], Array]:
        if train.scores is not None:
            return _fitted_ridge(seen, np.array(train.scores), strength, levels_of(self._labels))
        targets = np.asarray(train.targets(self._labels))
        several = targets.ndim == 2
        targets = targets.astype(bool) if several else targets[:, None] == np.arange(len(self._labels))
        return _fitted(seen, targets, strength, several=several)

    def _baseline(
        self, features: _Features, count: int, shares: Callable[[Any], Array], limits: Array | None, strength: float
    ) -> Baseline:
        one = self._train.scores is not None or (len(self._labels) == 2 and limits is None)
        classes = 1 if one else len(self._labels)
        size = features.bytes + 4 * classes * (count + 1)
        return Baseline(lambda inputs: Answers.of(shares(features.of(inputs)), limits), size, strength)


class _Features:
    """Tf-idf of the n-grams of texts or pairs."""

    def __init__(self, tokenizer: str) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self.vectorizer = TfidfVectorizer(
            tokenizer=lambda text: tokenize(text, tokenizer),
            token_pattern=None,
            lowercase=False,
            ngram_range=(1, _LONGEST),
            min_df=_RAREST,
        )

    def learnt(self, train: Examples) -> Any:
        """Take the n-grams of train; its rows."""
        if len(train.all_texts) == len(train):
            return self.vectorizer.fit_transform(train.texts)
        self.vectorizer.fit(train.all_texts)  # of both texts of each pair
        return self.of(train.inputs)

    @property
    def bytes(self) -> int:
        """Of the names of all n-grams, one a line, and of their idf."""
        return sum(len(name.encode()) + 1 + 4 for name in self.vectorizer.vocabulary_)

    def of(self, inputs: Sequence[Input]) -> Any:
        """A sparse row for each text or pair."""
        from scipy.sparse import hstack

        if all(isinstance(each, str) for each in inputs):
            return self.vectorizer.transform(inputs)
        one, other = (self.vectorizer.transform([pair[side] for pair in inputs]) for side in (0, 1))
        return hstack([abs(one - other), one.multiply(other)], format="csr")


def _fitted_ridge(seen: Any, scores: Array, strength: float, levels: Sequence[float]) -> Callable[[Any], Array]:
    """Fit a ridge regression to scores; it gives the share of each step that a text has passed."""
    from sklearn.linear_model import Ridge

    regression = Ridge(alpha=1 / strength, solver="sparse_cg", tol=1e-6).fit(seen, scores)
    return lambda rows: passed(regression.predict(rows), levels).astype(float)


def _fitted(seen: Any, targets: Array, strength: float, *, several: bool) -> Callable[[Any], Array]:
    """Fit a regression for each label, or one for two; they give the probability of each label."""
    from scipy.special import expit
    from sklearn.linear_model import LogisticRegression

    asked = targets[:, 1:] if targets.shape[1] == 2 and not several else targets
    weights = np.zeros((seen.shape[1], asked.shape[1]), np.float32)
    constants = np.zeros(asked.shape[1])
    for at, truth in enumerate(asked.T):
        if truth.all() or not truth.any():
            constants[at] = _SURE if truth.all() else -_SURE
            continue
        # The dual problem has as many unknowns as there are texts: three to ten times as fast, and the same answers.
        regression = LogisticRegression(C=strength, solver="liblinear", dual=True, random_state=0, max_iter=_STEPS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one that has not converged is judged like any other
            regression.fit(seen, truth)
        weights[:, at], constants[at] = regression.coef_[0], regression.intercept_[0]

    def shares(rows: Any) -> Array:
        columns = expit(rows @ weights + constants)
        found = columns if columns.shape[1] == targets.shape[1] else np.hstack([1 - columns, columns])
        return found if several else found / np.maximum(found.sum(1, keepdims=True), _TINY)

    return shares
