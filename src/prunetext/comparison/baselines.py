"""The baselines that every method must beat: the same small architecture without pruning."""

from __future__ import annotations

import dataclasses
import time

import torch

from prunetext.fitting.plan import Plan
from prunetext.fitting.stages import size_when_packed
from prunetext.models.protocol import Model, Packing
from prunetext.models.textcnn.kinds import kind_like
from prunetext.models.textcnn.layout import UNKNOWN, WORDS
from prunetext.models.textcnn.model import TextCNN
from prunetext.pruning.search import Search

LEAST_WORDS = 16
BARE_PACKING = Packing(room=0)  # without provenance, as peers' files are


def scratch(plan: Plan, search: Search, like: TextCNN, budget: int, *, teacher: bool) -> tuple[Model, float]:
    """An architecture as small as `like`, trained from scratch; its words are the most frequent ones.

    With `teacher`, most of each target is the dense model's answer, as in recoveries. It is trained as long as the
    dense model was, on the packed file's grid; words are left out until the file fits.
    """
    began, maker = time.perf_counter(), search.maker
    problem, store = maker.problem, maker.store
    words = like.shape.words
    model = untrained(like, words, problem.first.seed)
    while size_when_packed(plan, model, BARE_PACKING) > budget and words > LEAST_WORDS:
        words = int(words * 0.97)
        model = untrained(like, words, problem.first.seed)
    examples = problem.lessons if teacher else problem.train
    settings = dataclasses.replace(problem.first, best_by="loss", soft_share=plan.effort.recovery.teacher)
    key = f"{maker.root}-{'student' if teacher else 'scratch'}-{words}-{budget}"
    if key in store:
        return search.load(key), store.seconds(key)
    maker.train(key, model, examples, settings, "baseline")
    seconds = time.perf_counter() - began
    store.save(key, model, seconds=seconds)
    return model, seconds


def untrained(like: TextCNN, words: int, seed: int) -> TextCNN:
    """A new model as large as another one, with so many of the words, the most frequent ones."""
    torch.manual_seed(seed)
    model = kind_like(like)(like.shape._replace(words=words))
    remap = torch.arange(len(like.remap))
    remap[WORDS + words :] = UNKNOWN
    model.remap = remap
    return model
