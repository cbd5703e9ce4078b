"""Teachers made of the labelled texts alone, several of a kind, each asked about what it has not been trained on.

A model that has learnt a text by heart repeats its label, which teaches nothing. So the texts are dealt into folds,
every member is trained without one of them, and it alone answers for that fold; of other texts the mean counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from prunetext.data.dataset import Examples
from prunetext.errors import require
from prunetext.runtime._native import tokenize
from prunetext.teaching.cache import Floats

LEAST = 1e-6  # as small as a probability is taken for
NGRAMS, STRENGTH, RAREST = 3, 10.0, 2  # longest n-gram, C of the regression, texts in which an n-gram must stand

Predict = Callable[[Sequence[str]], Floats]  # probabilities (n, classes)
Fit = Callable[[int, Examples], Predict]  # number of the member, its texts


class CrossFitted:
    """Members that are trained when they are first asked.

        teacher = CrossFitted(data.train, 5, seed=0, fit=lambda number, part: ngram_model(part, data.labels))
        teacher.logits(["great film"])          # logarithms of probabilities, (1, classes)

    A text that stands in train several times is in one fold.
    """

    def __init__(self, examples: Examples, folds: int, *, seed: int, fit: Fit) -> None:
        distinct = sorted(set(examples.texts))
        self.examples, self.fit = examples, fit
        self.folds = max(2, min(folds, len(distinct)))
        dealt = np.random.default_rng((seed, 13)).permutation(len(distinct)) % self.folds
        self.fold = dict(zip(distinct, dealt.tolist(), strict=True))
        self.members: list[Predict] = []

    def logits(self, texts: Sequence[str]) -> Floats:
        """Logarithms of the probabilities of each text, (n, classes)."""
        for number in range(len(self.members), self.folds):
            rows = [at for at, text in enumerate(self.examples.texts) if self.fold[text] != number]
            part = Examples([self.examples.texts[at] for at in rows], [self.examples.labels[at] for at in rows])
            self.members.append(self.fit(number, part))
        answers = np.stack([member(texts) for member in self.members])  # (members, n, classes)
        mean: npt.NDArray[np.float32] = answers.mean(0)
        for at, text in enumerate(texts):
            if text in self.fold:
                mean[at] = answers[self.fold[text], at]
        return np.log(np.maximum(mean, LEAST))


def ngram_model(examples: Examples, labels: Sequence[str]) -> Predict:
    """Logistic regression on tf-idf of one to three tokens in a row: characters where the text is Chinese.

    Where no pretrained encoder is at hand it is hard to beat (Wang and Manning 2012, "Baselines and Bigrams").
    """
    require("sklearn", extra="teacher")
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    vectorizer = TfidfVectorizer(
        tokenizer=tokenize,
        token_pattern=None,
        lowercase=False,
        ngram_range=(1, NGRAMS),
        min_df=RAREST if len(examples) > 1_000 else 1,
        sublinear_tf=True,
    )
    model = make_pipeline(vectorizer, LogisticRegression(C=STRENGTH, max_iter=1_000))
    model.fit(examples.texts, examples.labels)
    known = [labels.index(str(each)) for each in model.classes_]

    def predict(texts: Sequence[str]) -> Floats:
        answers = np.zeros((len(texts), len(labels)), np.float32)
        answers[:, known] = model.predict_proba(list(texts))
        return answers

    return predict
