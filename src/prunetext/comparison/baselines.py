"""What every method has to beat: the same small architecture without pruning, and models of other kinds."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import torch

from prunetext.jobs import Job
from prunetext.models.textcnn import Shape, TextCNN
from prunetext.models.units import UNKNOWN, WORDS
from prunetext.pruning.search import Search
from prunetext.runtime._native import tokenize

FASTTEXT_THREADS = 10  # with fewer its training can end with NaN
LEAST_WORDS = 16
CUTOFFS = (100_000, 50_000, 20_000, 10_000, 5_000, 2_000, 1_000, 500, 200)  # features that a .ftz file keeps
BINARY = {"dim": 10, "wordNgrams": 2, "bucket": 200_000, "epoch": 5, "lr": 0.5}  # a size at which .ftz files are good


class Made(NamedTuple):
    """A baseline: its bytes, how it labels texts, and how long it took to make."""

    name: str
    bytes: int
    predict: Callable[[list[str]], list[str]]
    seconds: float


def scratch(job: Job, search: Search, like: TextCNN, budget: int, *, teacher: bool) -> tuple[TextCNN, float]:
    """An architecture as small as `like`, trained from the start: its words are the most frequent ones.

    With `teacher`, half of each target is the dense model's opinion, as in recoveries. It is trained as long as the
    dense model was, with the packed file's rounding; words are left out until the file fits.
    """
    shape, began = like.shape, time.perf_counter()
    words = shape.words
    model = untrained(shape, words, len(like.remap), search.task.first.seed)
    while job.packed_size(model) > budget and words > LEAST_WORDS:
        words = int(words * 0.97)
        model = untrained(shape, words, len(like.remap), search.task.first.seed)
    examples = search.lessons if teacher else search.task.train
    settings = dataclasses.replace(search.task.first, best_by="loss")
    key = f"{search.root}-{'student' if teacher else 'scratch'}-{words}-{budget}"
    if key in search.store:
        return search.load(key), 0.0
    search.train(key, model, examples, settings, "baseline")
    search.store.save(key, model)
    return model, time.perf_counter() - began


def untrained(shape: Shape, words: int, ids: int, seed: int) -> TextCNN:
    """A new model that has so many of the words, which are in the order of their frequency."""
    torch.manual_seed(seed)
    model = TextCNN(shape._replace(words=words))
    remap = torch.arange(ids)
    remap[WORDS + words :] = UNKNOWN
    model.remap = remap
    return model


def others(job: Job, budget: int | None, autotune: int) -> Iterator[Made]:
    """Models of other packages that are installed, at most `budget` bytes large; None is each at its best size.

    autotune: seconds that fastText may look for the best model of that size; 0 leaves it out.
    """
    if find_spec("sklearn") is not None:
        yield linear(job, budget)
    if find_spec("fasttext") is not None:
        yield from fasttexts(job, budget, autotune)


def linear(job: Job, budget: int | None) -> Made:
    """Logistic regression on tf-idf of words and bigrams: float32 weights, and the features' names."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    began = time.perf_counter()
    classes = max(1, len(job.labels) if len(job.labels) > 2 else 1)
    most = None if budget is None else max(1, budget // (4 * classes + 4 + 8))
    while True:
        vectorizer = TfidfVectorizer(
            tokenizer=tokenize, token_pattern=None, lowercase=False, ngram_range=(1, 2), max_features=most, min_df=2
        )
        model = make_pipeline(vectorizer, LogisticRegression(max_iter=1000, C=10.0))
        model.fit(job.texts["train"].texts, job.texts["train"].labels)
        names = sum(len(name.encode()) + 1 for name in vectorizer.vocabulary_)
        size = 4 * (classes + 1) * len(vectorizer.vocabulary_) + 4 * classes + names  # weights, idf, names
        if budget is None or size <= budget or most is None or most < LEAST_WORDS:
            break
        most = int(most * min(0.97, budget / size))
    seconds = time.perf_counter() - began
    return Made(
        "tf-idf + logistic regression", size, lambda texts: [str(each) for each in model.predict(texts)], seconds
    )


def fasttexts(job: Job, budget: int | None, autotune: int) -> Iterator[Made]:
    """FastText with bigrams: its file as it is trained, cut to the size, and tuned to the size."""
    import fasttext

    fasttext.FastText.eprint = lambda *arguments: None
    with tempfile.TemporaryDirectory() as folder:
        train, dev = (fasttext_file(job, name, Path(folder)) for name in ("train", "dev"))
        options: dict[str, Any] = {"thread": FASTTEXT_THREADS, "verbose": 0}
        began = time.perf_counter()
        if budget is None:
            model = fasttext.train_supervised(str(train), **BINARY, **options)
            yield made(job, "fastText .bin", model, Path(folder) / "model.bin", began)
            return
        for cutoff in CUTOFFS:
            model = fasttext.train_supervised(str(train), **BINARY, **options)
            model.quantize(str(train), cutoff=cutoff, retrain=True, qnorm=True, thread=FASTTEXT_THREADS, verbose=0)
            found = made(job, "fastText .ftz", model, Path(folder) / "model.ftz", began)
            if found.bytes <= budget:
                yield found
                break
        if autotune:
            began = time.perf_counter()
            size = f"{max(1, budget // 1000)}k"
            try:
                model = fasttext.train_supervised(
                    str(train),
                    autotuneValidationFile=str(dev),
                    autotuneDuration=autotune,
                    autotuneModelSize=size,
                    **options,
                )
            except (RuntimeError, ValueError):  # it found none so small
                return
            yield made(job, "fastText autotuned", model, Path(folder) / "tuned.ftz", began)


def fasttext_file(job: Job, name: str, folder: Path) -> Path:
    """Texts in fastText's format, by the tokens that prunetext sees; labels by their numbers."""
    examples = job.texts[name]
    path = folder / name
    numbers = {label: number for number, label in enumerate(job.labels)}
    with path.open("w", encoding="utf-8") as file:
        for text, label in zip(examples.texts, examples.labels, strict=True):
            file.write(f"__label__{numbers[label]} {' '.join(tokenize(text))}\n")
    return path


def made(job: Job, name: str, model: Any, path: Path, began: float) -> Made:
    """A fastText model with its size on disk."""
    seconds = time.perf_counter() - began
    model.save_model(str(path))

    def predict(texts: list[str]) -> list[str]:
        guesses, _ = model.predict([" ".join(tokenize(text)) for text in texts])
        return [job.labels[int(guess[0].removeprefix("__label__"))] if guess else job.labels[0] for guess in guesses]

    return Made(name, path.stat().st_size, predict, seconds)
