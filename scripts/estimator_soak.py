"""Use the estimator as scikit-learn does, on 5,000 real texts: a grid of eight settings, five folds, and a stack.

    python scripts/estimator_soak.py ../shared/data/ag_news

Each line is JSON: what was done, its score on texts that it had not seen, and the seconds that it took. It ends with 1
where a score is lower than that of a logistic regression on tf-idf by more than ten points, or where the stack of
both is lower by more than one.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sklearn.ensemble import StackingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

import prunetext

TEXTS, UNSEEN = 5_000, 1_000
GRID = {"filters": [8, 16], "widths": ["1,2", "2,3"], "pooling": ["max", "max+mean"]}
MAY_LOSE, STACK_MAY_LOSE = 0.1, 0.01


def said(what: str, score: Callable[[], float], beside: float, may_lose: float) -> bool:
    """Print one line; whether the score is high enough."""
    began = time.monotonic()
    found = score()
    row = {"what": what, "score": round(found, 4), "tf-idf": round(beside, 4)}
    print(json.dumps({**row, "seconds": round(time.monotonic() - began, 1)}), flush=True)
    return found >= beside - may_lose


def soaked(folder: Path) -> bool:
    """Whether all is well on the first texts of a folder's train, judged on the first ones of its test."""
    train, test = (prunetext.read(folder / f"{name}.jsonl").train for name in ("train", "test"))
    seen = train.texts[:TEXTS], train.labels[:TEXTS]
    unseen = test.texts[:UNSEEN], test.labels[:UNSEEN]
    small = prunetext.TextClassifier(teacher="none", epochs=8, schedule="oneshot:units=0.3", dimensions=16, filters=8)
    words = make_pipeline(TfidfVectorizer(), LogisticRegression())
    plain = words.fit(*seen).score(*unseen)
    rows: list[tuple[str, Callable[[], Any], float]] = [
        ("grid", lambda: GridSearchCV(small, GRID, cv=2).fit(*seen).score(*unseen), MAY_LOSE),
        ("folds", lambda: cross_val_score(small, *seen, cv=5).mean(), MAY_LOSE),
        (
            "stack",
            lambda: StackingClassifier([("small", small), ("words", words)], cv=3).fit(*seen).score(*unseen),
            STACK_MAY_LOSE,
        ),
    ]
    return all(said(what, score, plain, may_lose) for what, score, may_lose in rows)


if __name__ == "__main__":
    sys.exit(not all(soaked(Path(name)) for name in sys.argv[1:]))
