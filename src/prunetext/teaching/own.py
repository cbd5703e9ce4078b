"""Teachers that are trained on the student's own labelled texts: regressions, and larger or several TextCNNs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from prunetext.data.dataset import Data, Input
from prunetext.data.scores import levels_of, scored
from prunetext.errors import InputError, require
from prunetext.peers.baseline import Baselines
from prunetext.statistics.answers import Answers
from prunetext.teaching.cache import Floats, cache_folder, cached, digest_of
from prunetext.teaching.ensemble import LARGE_MODEL, SMALL_MODEL, ensemble
from prunetext.teaching.ngrams import Answer, ngram_model
from prunetext.teaching.teacher import Teacher, Tell
from prunetext.training.losses import loss_of
from prunetext.training.pace import MANY_CLASSES

NGRAMS_VERSION, TFIDF_VERSION = 2, 1  # answers of another version are not used
ENSEMBLE_VERSION, ENSEMBLE_OF_MANY_VERSION = 1, 2  # the second of many classes
NGRAMS, TFIDF, ENSEMBLE = "ngrams", "tf-idf", "ensemble"
MOST_MEMBERS = 20
SMALL = "small"  # members of an ensemble as large as a student
_LEAST_SHARE = 1e-6  # smaller probabilities are raised to this


def version_for(version: int, tokenizer: str) -> str:
    """The version of what is cached, and the tokenizer unless it is the one that earlier versions had."""
    return str(version) if tokenizer == "bert/1" else f"{version} {tokenizer}"


def asked_once(
    name: str, key: str, labels: Sequence[str], make: Callable[[Tell], Answer], *, kept: bool = True
) -> Teacher:
    """A teacher that is made when it is first asked about a text without a cached answer; kept: in the cache."""
    made: list[Answer] = []
    notes: list[str] = []

    def answer(texts: Sequence[Input], tell: Tell) -> Floats:
        def ask(chunk: Sequence[Input]) -> Floats:
            if not made:
                made.append(make(tell))
            return made[0](chunk)

        return cached(key, texts, len(labels), ask, tell, noted=notes.append) if kept else ask(texts)

    return Teacher(name, key, answer, notes=notes, quick=True)


def of_ngrams(name: str, data: Data, tokenizer: str) -> Teacher:
    """A logistic regression on n-grams of the labelled texts."""
    require("sklearn", extra="train")
    labels = data.labels
    key = digest_of("ngrams", version_for(NGRAMS_VERSION, tokenizer), *data.train.inputs, "", *data.train.labels)
    return asked_once(name, key, labels, lambda tell: ngram_model(data.train, labels, tokenizer))


def of_tfidf(name: str, data: Data, tokenizer: str, baselines: Baselines) -> Teacher:
    """The regression on tf-idf whose answers to dev have the smallest loss."""
    require("sklearn", extra="train")
    labels, dev, loss = data.labels, data.dev, loss_of(data.train.task)
    assert dev is not None

    def make(tell: Tell) -> Answer:
        found = baselines.best(likelihood_of(data))
        if found is None:
            raise InputError(
                "teacher tf-idf: no word occurs in two texts of train, or there are too many. Give another teacher."
            )

        def answer(texts: Sequence[Input]) -> Floats:
            said = torch.from_numpy(found.answers(texts).probabilities)
            logits: Floats = loss.inverse(said, _LEAST_SHARE).float().numpy()
            return logits

        return answer

    parts = [*data.train.inputs, "", *data.train.labels, "", *dev.inputs, "", *dev.labels]
    return asked_once(
        name, digest_of("tf-idf", version_for(TFIDF_VERSION, tokenizer), *parts), labels, make, kept=False
    )


def likelihood_of(data: Data) -> Callable[[Answers], float]:
    """The likelihood of answers to dev, or of scores the squared error below zero: larger is better."""
    assert data.dev is not None
    if data.dev.scores is not None:
        levels, true = levels_of(data.labels), np.array(data.dev.scores)
        return lambda said: -float(((scored(said.probabilities, levels) - true) ** 2).mean())
    loss, targets = loss_of(data.train.task), torch.from_numpy(data.dev.targets(data.labels))

    def likelihood(said: Answers) -> float:
        logits = loss.inverse(torch.from_numpy(said.probabilities), _LEAST_SHARE)
        return -float(loss.mean(logits, targets.to(logits.dtype) if targets.dim() > 1 else targets))

    return likelihood


def held_out(teacher: Teacher, data: Data, baselines: Baselines) -> Teacher:
    """The regressions on tf-idf as a teacher that teaches alone, and says of train's texts what it would of new ones.

    A regression is right and sure about nearly all texts that it has learnt, which a student knows from their labels.
    Half of what it teaches about each is therefore from one that has not learnt it.
    """
    loss = loss_of(data.train.task)

    def of_train() -> Floats | None:
        found = baselines.of_train(likelihood_of(data))
        if found is None:
            return None
        both = torch.from_numpy((found.learnt + found.held_out) / 2)
        logits: Floats = loss.inverse(both, _LEAST_SHARE).float().numpy()
        return logits

    return teacher._replace(key=digest_of(teacher.key, "held out"), of_train=of_train)


def of_ensemble(name: str, data: Data, tokenizer: str) -> Teacher:
    """Several TextCNNs, larger than a student unless they are to be small."""
    _, _, given = name.partition(":")
    count, _, size = given.partition(":")
    count = count or "5"
    if not count.isdecimal() or not 1 <= int(count) <= MOST_MEMBERS:
        raise InputError(f"teacher {name}: {count} is not a number from 1 to {MOST_MEMBERS}. Give ensemble:5, say.")
    if size not in ("", SMALL):
        raise InputError(f"teacher {name}: there is no size {size}. Give ensemble:{count}:{SMALL}, or leave it out.")
    labels, dev, shape = data.labels, data.dev, SMALL_MODEL if size else LARGE_MODEL
    assert dev is not None
    parts = [*data.train.inputs, "", *data.train.labels, "", *dev.inputs, "", *dev.labels]
    kind = f"ensemble {size}" if size else "ensemble"
    version = ENSEMBLE_OF_MANY_VERSION if len(labels) >= MANY_CLASSES else ENSEMBLE_VERSION
    folder = cache_folder() / "teachers" / digest_of(kind, version_for(version, tokenizer), *parts)

    def make(tell: Tell) -> Answer:
        return ensemble(int(count), data.train, dev, labels, folder, tell, shape, tokenizer)

    return asked_once(name, digest_of(folder.name, count), labels, make)._replace(quick=bool(size))


def tolerant(teacher: Teacher, classes: int) -> Teacher:
    """The same, but without an answer where it cannot be trained on these texts."""

    def answer(texts: Sequence[Input], tell: Tell) -> Floats:
        try:
            return teacher.answer(texts, tell)
        except (InputError, MemoryError):
            return np.full((len(texts), classes), np.nan, np.float32)

    def of_train() -> Floats | None:
        try:
            return None if teacher.of_train is None else teacher.of_train()
        except MemoryError:
            return None

    return teacher._replace(answer=answer, of_train=of_train)
