"""Lists of n-grams for benchmarks/trial_models.py: words and pairs of words by their ids, and a regression on them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from prunetext.models.encoded import Encoded
from prunetext.models.textcnn.layout import WORDS
from prunetext.training.batches import evaluation_batches

STRENGTHS = (0.3, 1.0, 10.0, 100.0)  # C of the regression; dev chooses
RAREST = 2  # texts that a bigram must occur in
Keys = npt.NDArray[np.int64]


class Listed:
    """The listed n-grams: an id for each word, then one for each bigram; 0 is none.

    >>> Listed(5, np.array([2 * 5 + 3]), 1).of(torch.tensor([[2, 3, 2, 0]])).tolist()
    [[0, 0, 0, 2, 0, 3, 5]]
    """

    def __init__(self, words: int, keys: Keys, distance: int, *, words_count: bool = True) -> None:
        self.words, self.distance, self.words_count = words, distance, words_count
        self.keys = torch.from_numpy(keys)  # sorted

    @property
    def count(self) -> int:
        """Rows of a table of them."""
        return self.words + len(self.keys)

    def of(self, ids: Tensor) -> Tensor:
        """The n-grams that texts (batch, length) have, each once, (batch, at most 2 · length)."""
        known = torch.where(ids >= WORDS, ids, 0)
        found = [known] if self.words_count else []
        if len(self.keys) and ids.shape[1] > self.distance:
            one, other = known[:, : -self.distance], known[:, self.distance :]
            keys = torch.where((one > 0) & (other > 0), one * self.words + other, -1)
            places = torch.searchsorted(self.keys, keys).clamp(max=len(self.keys) - 1)
            found.append(torch.where(self.keys[places] == keys, places + self.words, 0))
        if not found:
            return torch.zeros(len(ids), 1, dtype=torch.int64)
        every = torch.cat(found, dim=1).sort(dim=1).values
        every[:, 1:][every[:, 1:] == every[:, :-1]] = 0
        return every


def bigrams_of(train: Encoded, words: int, most: int, by: str, distance: int) -> Keys:
    """The bigrams of labelled texts that tell most about a class (chi2), or occur in most texts (count), sorted."""
    ids, text = train.ids.astype(np.int64), np.repeat(np.arange(len(train)), train.lengths())
    one, other = ids[:-distance], ids[distance:]
    inside = (text[:-distance] == text[distance:]) & (one >= WORDS) & (other >= WORDS)
    pairs = np.unique(np.stack([text[:-distance][inside], (one * words + other)[inside]]), axis=1)
    keys, place, counts = np.unique(pairs[1], return_inverse=True, return_counts=True)
    targets = train.targets.numpy()
    classes = int(targets.max()) + 1
    seen = np.bincount(place * classes + targets[pairs[0]], minlength=len(keys) * classes).reshape(-1, classes)
    expected = counts[:, None] * np.bincount(targets, minlength=classes) / len(targets)
    value = counts if by == "count" else ((seen - expected) ** 2 / np.maximum(expected, 1e-9)).sum(1)
    value = np.where(counts >= RAREST, value, -1.0)
    chosen = np.argsort(-value, kind="stable")[:most]
    return np.sort(keys[chosen[value[chosen] >= 0]])


def rows_of(listed: Listed, texts: Encoded) -> Any:
    """A sparse row of ones for each text, each divided by the root of their number."""
    from scipy.sparse import csr_array

    parts, places = [], []
    for rows in evaluation_batches(texts):
        found = listed.of(texts.take(rows)).numpy()
        at, column = np.nonzero(found)
        parts.append(found[at, column])
        places.append(rows[at])
    columns, texts_of = np.concatenate(parts), np.concatenate(places)
    values = 1 / np.sqrt(np.bincount(texts_of, minlength=len(texts)))[texts_of]
    found = csr_array((values, (texts_of, columns)), shape=(len(texts), listed.count))
    found.indices, found.indptr = found.indices.astype(np.int32), found.indptr.astype(np.int32)  # as scikit-learn asks
    return found


def regression_on(listed: Listed, train: Encoded, dev: Encoded, classes: int) -> tuple[Tensor, Tensor]:
    """Weights (n-grams, classes) and constants of a logistic regression, n-grams weighted by idf, with C by dev."""
    from sklearn.linear_model import LogisticRegression

    seen, asked = rows_of(listed, train), rows_of(listed, dev)
    idf = np.log((1 + len(train)) / (1 + np.bincount(seen.indices, minlength=listed.count))) + 1
    seen.data *= idf[seen.indices]
    best: tuple[float, Tensor, Tensor] | None = None
    for strength in STRENGTHS:
        weights, constants = np.zeros((listed.count, classes)), np.zeros(classes)
        for label in range(1 if classes == 2 else 0, classes):
            inside = train.targets.numpy() == label
            if not inside.any():
                continue
            model = LogisticRegression(C=strength, solver="liblinear", dual=True, random_state=0, max_iter=200)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.fit(seen, inside)
            weights[:, label], constants[label] = model.coef_[0] * idf, model.intercept_[0]
        if classes == 2:
            weights, constants = weights - weights[:, 1:] / 2, constants - constants[1] / 2
        logits = torch.from_numpy(asked @ weights + constants)
        loss = float(torch.nn.functional.cross_entropy(logits, dev.targets))
        if best is None or loss < best[0]:
            best = loss, torch.from_numpy(weights).float(), torch.from_numpy(constants).float()
    assert best is not None
    return best[1:]
