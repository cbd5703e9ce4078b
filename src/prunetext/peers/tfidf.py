"""scikit-learn as a peer: tf-idf of words and bigrams, and logistic regression."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from prunetext.peers.estimators import of_estimator
from prunetext.peers.made import Given, Made
from prunetext.peers.registry import Peer, PeerTraining, bytes_on_disk, folder_of
from prunetext.runtime._native import tokenize

if TYPE_CHECKING:
    from importlib.metadata import Distribution

LINEAR = "tf-idf + logistic regression"
LEAST_FEATURES = 16  # with fewer, no smaller model is tried
# Arrays and a list of names instead of a pickle, which nobody should have to trust.
TFIDF_CODE = """
import json
import numpy
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
arrays = numpy.load(PATH + "/arrays.npz")
with open(PATH + "/vocabulary.json", encoding="utf-8") as file:
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), vocabulary=json.load(file))
vectorizer.idf_ = arrays["idf"]
model = LogisticRegression()
model.classes_, model.coef_, model.intercept_ = arrays["classes"], arrays["coef"], arrays["intercept"]
def predict(texts):
    return model.predict(vectorizer.transform(texts)).tolist()
"""


def tf_idf(training: PeerTraining, found: Distribution) -> Peer:
    """A pipeline of both in its usual form, with its own tokenizer; it predicts with one thread."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2)
    model = LogisticRegression(max_iter=1000, C=10.0)
    model.fit(vectorizer.fit_transform(training.examples.texts), training.examples.labels)
    path = training.folder / "scikit-learn"
    path.mkdir()
    arrays = {"idf": vectorizer.idf_, "coef": model.coef_, "intercept": model.intercept_}
    np.savez(path / "arrays.npz", classes=np.array([str(label) for label in model.classes_]), **arrays)
    names = {name: int(column) for name, column in vectorizer.vocabulary_.items()}
    (path / "vocabulary.json").write_text(json.dumps(names, ensure_ascii=False), "utf-8")
    return Peer(
        f"{found.name} tf-idf + LR", found.version, TFIDF_CODE, str(path), bytes_on_disk(path), folder=folder_of(found)
    )


def linear(given: Given, budget: int | None) -> Made | None:
    """The same with prunetext's tokens: float32 weights, and the features' names.

    None if not even a few features fit.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    began = time.perf_counter()
    classes = len(given.labels) if len(given.labels) > 2 else 1
    most = None if budget is None else max(1, budget // (4 * classes + 4 + 8))
    while True:
        vectorizer = TfidfVectorizer(
            tokenizer=tokenize, token_pattern=None, lowercase=False, ngram_range=(1, 2), max_features=most, min_df=2
        )
        model = make_pipeline(vectorizer, LogisticRegression(max_iter=1000, C=10.0))
        model.fit(given.texts["train"].texts, given.texts["train"].labels)
        names = sum(len(name.encode()) + 1 for name in vectorizer.vocabulary_)
        size = 4 * (classes + 1) * len(vectorizer.vocabulary_) + 4 * classes + names  # weights, idf, names
        if budget is None or size <= budget or most is None or most < LEAST_FEATURES:
            break
        most = int(most * min(0.97, budget / size))
    if budget is not None and size > budget:
        return None
    seconds = time.perf_counter() - began
    named = replace(of_estimator(model), name=LINEAR)
    return Made(named, size, lambda texts: [str(each) for each in model.predict(texts)], seconds)
