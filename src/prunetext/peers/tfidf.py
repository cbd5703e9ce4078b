"""scikit-learn as its users have it: tf-idf of words and bigrams by its own tokenizer, and logistic regression."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from prunetext.peers.registry import Peer, PeerTraining, bytes_on_disk, folder_of

if TYPE_CHECKING:
    from importlib.metadata import Distribution

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
    """A pipeline of both, fitted; one thread is all that it uses to predict."""
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
