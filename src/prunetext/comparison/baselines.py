"""What every method has to beat: the same small architecture without pruning, and models of other kinds."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import torch

from prunetext.jobs import Job
from prunetext.models.textcnn import Shape, TextCNN
from prunetext.models.units import UNKNOWN, WORDS
from prunetext.pruning.search import Search
from prunetext.runtime._native import tokenize

THREADS = 10  # of fastText: with fewer its training can end with NaN
LEAST_WORDS = 16
CUTOFFS = (100_000, 50_000, 20_000, 10_000, 5_000, 2_000, 1_000, 500, 200)  # features that a .ftz file keeps
CUT_BYTES = 13  # of such a feature, at least: its number, its place and a code of half its dimensions
BINARY = {"dim": 10, "wordNgrams": 2, "bucket": 200_000, "epoch": 5, "lr": 0.5}  # a size at which .ftz files are good


class Made(NamedTuple):
    """A baseline: its bytes, how it labels texts, and how long it took to make."""

    name: str
    bytes: int
    predict: Callable[[list[str]], list[str]]
    seconds: float


Maker = Callable[[Job, int | None], Made | None]


def scratch(job: Job, search: Search, like: TextCNN, budget: int, *, teacher: bool) -> tuple[TextCNN, float]:
    """An architecture as small as `like`, trained from the start: its words are the most frequent ones.

    With `teacher`, most of each target is the dense model's opinion, as in recoveries. It is trained as long as the
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


def others(*, sized: bool, autotune: int) -> dict[str, Maker]:
    """How to make models of other packages, of those that are installed; `sized` ones keep to a number of bytes.

    autotune: seconds that fastText may look for the best model of that size; 0 leaves it out.
    """
    found: dict[str, Maker] = {}
    if find_spec("sklearn") is not None:
        found["tf-idf + logistic regression"] = linear
    if find_spec("fasttext") is not None and not sized:
        found["fastText .bin"] = fasttext_binary
    elif find_spec("fasttext") is not None:
        found["fastText .ftz"] = fasttext_cut
        if autotune:
            found["fastText autotuned"] = partial(fasttext_tuned, seconds=autotune)
    return found


def linear(job: Job, budget: int | None) -> Made | None:
    """Logistic regression on tf-idf of words and bigrams: float32 weights, and the features' names.

    None if not even a few features fit.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    began = time.perf_counter()
    classes = len(job.labels) if len(job.labels) > 2 else 1
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
    if budget is not None and size > budget:
        return None
    seconds = time.perf_counter() - began
    return Made(
        "tf-idf + logistic regression", size, lambda texts: [str(each) for each in model.predict(texts)], seconds
    )


def fasttext_binary(job: Job, budget: int | None) -> Made:
    """FastText with bigrams, as it is trained."""
    with FastText(job) as made:
        return made("fastText .bin", made.train(**BINARY))


def fasttext_cut(job: Job, budget: int | None) -> Made | None:
    """FastText with bigrams, quantised, with as many features as fit; None if that is less than the fewest tried."""
    assert budget is not None
    for cutoff in CUTOFFS:
        if CUT_BYTES * cutoff > budget:
            continue
        with FastText(job) as made:
            model = made.train(**BINARY)
            try:
                model.quantize(made.file("train"), cutoff=cutoff, retrain=True, qnorm=True, thread=THREADS, verbose=0)
            except ValueError:  # it can not quantise so few
                return None
            found = made("fastText .ftz", model)
            if found.bytes <= budget:
                return found
    return None


def fasttext_tuned(job: Job, budget: int | None, seconds: int) -> Made | None:
    """FastText, its parameters and size tuned on dev by itself; None if it finds no model so small."""
    assert budget is not None
    with FastText(job) as made:
        try:
            model = made.train(
                autotuneValidationFile=made.file("dev"),
                autotuneDuration=seconds,
                autotuneModelSize=f"{max(1, budget // 1000)}k",
            )
        except (RuntimeError, ValueError):
            return None
        found = made("fastText autotuned", model)
        return found if found.bytes <= budget else None


class FastText:
    """Trains fastText on a job's texts, by the tokens that prunetext sees; labels by their numbers."""

    def __init__(self, job: Job) -> None:
        self.job, self.began = job, time.perf_counter()
        self.folder = tempfile.TemporaryDirectory()

    def __enter__(self) -> FastText:
        """Nothing more to do."""
        return self

    def __exit__(self, *about: object) -> None:
        """Leave no files."""
        self.folder.cleanup()

    def file(self, name: str) -> str:
        """The texts of a split in fastText's format."""
        examples, path = self.job.texts[name], Path(self.folder.name) / name
        if not path.exists():
            numbers = {label: number for number, label in enumerate(self.job.labels)}
            lines = (
                f"__label__{numbers[label]} {' '.join(tokenize(text))}\n"
                for text, label in zip(examples.texts, examples.labels, strict=True)
            )
            path.write_text("".join(lines), "utf-8")
        return str(path)

    def train(self, **options: Any) -> Any:
        """A model trained on train."""
        import fasttext

        fasttext.FastText.eprint = lambda *arguments: None
        return fasttext.train_supervised(self.file("train"), thread=THREADS, verbose=0, **options)

    def __call__(self, name: str, model: Any) -> Made:
        """The model with its size on disk."""
        seconds, path, labels = time.perf_counter() - self.began, Path(self.folder.name) / "model", self.job.labels
        model.save_model(str(path))

        def predict(texts: list[str]) -> list[str]:
            guesses, _ = model.predict([" ".join(tokenize(text)) for text in texts])
            return [labels[int(guess[0].removeprefix("__label__"))] if guess else labels[0] for guess in guesses]

        return Made(name, path.stat().st_size, predict, seconds)
