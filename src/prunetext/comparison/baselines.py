"""What every method has to beat: the same small architecture without pruning, and models of other kinds."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import torch

from prunetext.fitting.plan import Plan
from prunetext.fitting.stages import size_when_packed
from prunetext.models.protocol import Model, Packing
from prunetext.models.textcnn.layout import UNKNOWN, WORDS, Shape
from prunetext.models.textcnn.model import TextCNN
from prunetext.peers import fasttext
from prunetext.peers.made import Given, Made, Maker
from prunetext.pruning.search import Search
from prunetext.runtime._native import tokenize

LEAST_WORDS = 16
BARE_PACKING = Packing(room=0)  # as in peers' files there is nothing of where a model comes from


def scratch(plan: Plan, search: Search, like: TextCNN, budget: int, *, teacher: bool) -> tuple[Model, float]:
    """An architecture as small as `like`, trained from the start: its words are the most frequent ones.

    With `teacher`, most of each target is the dense model's opinion, as in recoveries. It is trained as long as the
    dense model was, on the packed file's grid; words are left out until the file fits.
    """
    shape, began, maker = like.shape, time.perf_counter(), search.maker
    problem, store = maker.problem, maker.store
    words = shape.words
    model = untrained(shape, words, len(like.remap), problem.first.seed)
    while size_when_packed(plan, model, BARE_PACKING) > budget and words > LEAST_WORDS:
        words = int(words * 0.97)
        model = untrained(shape, words, len(like.remap), problem.first.seed)
    examples = problem.lessons if teacher else problem.train
    settings = dataclasses.replace(problem.first, best_by="loss", soft_share=plan.effort.recovery.teacher)
    key = f"{maker.root}-{'student' if teacher else 'scratch'}-{words}-{budget}"
    if key in store:
        return search.load(key), store.seconds(key)
    maker.train(key, model, examples, settings, "baseline")
    seconds = time.perf_counter() - began
    store.save(key, model, seconds=seconds)
    return model, seconds


def untrained(shape: Shape, words: int, ids: int, seed: int) -> TextCNN:
    """A new model that has so many of the words, which are in the order of their frequency."""
    torch.manual_seed(seed)
    model = TextCNN(shape._replace(words=words))
    remap = torch.arange(ids)
    remap[WORDS + words :] = UNKNOWN
    model.remap = remap
    return model


def others(*, sized: bool, autotune: int, find: Callable[[str], object] = find_spec) -> dict[str, Maker]:
    """How to make models of other packages, of those that are installed; `sized` ones keep to a number of bytes.

    autotune: seconds that fastText may look for the best model of that size; 0 leaves it out. find: tells
    whether a package is there.
    """
    found: dict[str, Maker] = {}
    if find("sklearn") is not None:
        found["tf-idf + logistic regression"] = linear
    if find("fasttext") is not None and not sized:
        found["fastText .bin"] = fasttext.binary
    elif find("fasttext") is not None:
        found["fastText .ftz"] = fasttext.quantised
        if autotune:
            found["fastText autotuned"] = partial(fasttext.autotuned, seconds=autotune)
    return found


def linear(given: Given, budget: int | None) -> Made | None:
    """Logistic regression on tf-idf of words and bigrams: float32 weights, and the features' names.

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
        if budget is None or size <= budget or most is None or most < LEAST_WORDS:
            break
        most = int(most * min(0.97, budget / size))
    if budget is not None and size > budget:
        return None
    seconds = time.perf_counter() - began
    return Made(
        "tf-idf + logistic regression", size, lambda texts: [str(each) for each in model.predict(texts)], seconds
    )
