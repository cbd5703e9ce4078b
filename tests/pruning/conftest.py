"""A model of a few numbers whose formulas are written out by hand, and a small search, for the tests of this folder."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch.nn import functional

from helpers.packing import trained_model
from prunetext.models.encoded import Encoded
from prunetext.models.protocol import Packing
from prunetext.models.textcnn.grouping import STRUCTURE
from prunetext.models.textcnn.layout import Shape
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.packing import size_of_packed
from prunetext.models.textcnn.reading import encode_examples
from prunetext.pruning.budget import Budget
from prunetext.pruning.choosing import observe, scores_of
from prunetext.pruning.criteria.criterion import load_criterion
from prunetext.pruning.driver import Solution, pruned
from prunetext.pruning.methods import load_method
from prunetext.pruning.problem import Problem
from prunetext.pruning.search import Search, begin_search
from prunetext.runtime._native import Vocabulary, count_words
from prunetext.training.loop import train_model
from prunetext.training.settings import Settings

UNKNOWN, A, B = (0.5, -0.5), (1.5, 0.5), (0.5, 2.0)  # rows of the embedding, two dimensions
FIRST, SECOND = (3.0, 4.0), (0.0, -0.1)  # two filters of width 1
BIAS, HEAD = (0.2, 0.3), ((0.1, 0.2), (-0.1, 0.05))  # head (classes, filters)

# So that a search takes several steps although there is so little to remove.
SMALL_STEPS = {"local": "first=1.6,last=1.1", "lottery": "last=1.1"}

Numbers = dict[str, list[list[float]]]  # group → what belongs to each unit


class Tiny(NamedTuple):
    """The model, its texts, and what is written out of it."""

    model: TextCNN
    sample: Encoded
    units: Numbers  # what removal takes away from each unit
    gradients: Callable[[Sequence[np.ndarray]], list[Numbers]]  # of the same weights, for each batch of rows


@pytest.fixture
def tiny() -> Tiny:
    """66 texts, of which the last two are a batch of their own, and labelled unlike those before."""
    model = TextCNN(Shape(words=2, dimensions=2, filters={1: 2}, classes=2, pooling="max"))
    with torch.no_grad():
        model.embedding.copy_(torch.tensor([(0.0, 0.0), UNKNOWN, A, B]))
        model.conv(1).weight.copy_(torch.tensor([FIRST, SECOND])[:, None])
        model.conv(1).bias.copy_(torch.tensor(BIAS))
        model.head.weight.copy_(torch.tensor(HEAD))
        model.head.bias.zero_()
    lists = [[2, 3], [3], [1, 2]] * 22
    offsets = np.cumsum([0, *map(len, lists)]).astype(np.int64)
    flat = np.array([token for text in lists for token in text], np.int32)
    sample = Encoded(flat, offsets, torch.tensor([0, 1, 1] * 21 + [0, 0, 0]))

    def gradients(batches: Sequence[np.ndarray]) -> list[Numbers]:
        return [gradient(sample, rows) for rows in batches]

    return Tiny(model.eval(), sample, units(), gradients)


def units() -> Numbers:
    rows = (UNKNOWN, A, B, FIRST, SECOND)
    return {
        "vocabulary": [[a - b for a, b in zip(word, UNKNOWN, strict=True)] for word in (A, B)],
        "dimensions": [[row[at] for row in rows] for at in (0, 1)],
        "conv1.filters": [[*weight, BIAS[at], HEAD[0][at], HEAD[1][at]] for at, weight in enumerate((FIRST, SECOND))],
    }


def gradient(sample: Encoded, rows: np.ndarray) -> Numbers:
    """By plain autograd on a plain forward pass."""
    embedding = torch.tensor([UNKNOWN, A, B], requires_grad=True)
    weight = torch.tensor([FIRST, SECOND], requires_grad=True)
    bias, head = torch.tensor(BIAS, requires_grad=True), torch.tensor(HEAD, requires_grad=True)
    logits = []
    for row in rows:
        text = torch.from_numpy(sample.ids[sample.offsets[row] : sample.offsets[row + 1]].astype(np.int64))
        best = (embedding[text - 1] @ weight.T).amax(0).clamp(min=0)
        logits.append(torch.relu(best + bias) @ head.T)
    functional.cross_entropy(torch.stack(logits), sample.targets[torch.from_numpy(rows)]).backward()
    found = [tensor.grad for tensor in (embedding, weight, bias, head) if tensor.grad is not None]
    e, w, b, h = found
    return {
        "vocabulary": [e[1].tolist(), e[2].tolist()],
        "dimensions": [torch.cat([e[:, at], w[:, at]]).tolist() for at in (0, 1)],
        "conv1.filters": [torch.cat([w[at], b[at : at + 1], h[:, at]]).tolist() for at in (0, 1)],
    }


@pytest.fixture(scope="session")
def scored() -> Callable[..., dict[str, np.ndarray]]:
    """Score a model's units as the search does, by the name of a criterion."""

    def score(
        text: str, model: TextCNN, sample: Encoded, *, seed: int = 0, kinds: Sequence[str] = STRUCTURE
    ) -> dict[str, np.ndarray]:
        criterion, groups = load_criterion(text), model.groups(kinds)
        state = criterion.init(model, groups, seed)
        observe(model, criterion, groups, state, sample)
        found = scores_of(model, criterion, groups, state)
        assert {name: each.shape for name, each in found.items()} == {each.name: (each.size,) for each in groups}
        return found

    return score


@pytest.fixture(scope="session")
def some_texts() -> Callable[..., Encoded]:
    """Make labelled ids of random texts, none of them empty."""

    def make(words: int, *, texts: int = 60, classes: int = 3, length: int = 5, seed: int = 0) -> Encoded:
        rng = np.random.default_rng(seed)
        offsets = np.concatenate([[0], np.cumsum(rng.integers(1, length + 1, texts))])
        ids = rng.integers(1, words + 2, offsets[-1]).astype(np.int32)
        return Encoded(ids, offsets.astype(np.int64), torch.from_numpy(rng.integers(0, classes, texts)))

    return make


@pytest.fixture(scope="session")
def task(toy_examples: Callable[..., Any]) -> Problem:
    """A dense model that has learnt a corpus of two classes, of whose labels some lie.

    What a text takes is a constant and a time for each addition, so that speeds repeat themselves.
    """
    train, dev = toy_examples(160, noise=0.1, seed=1), toy_examples(100, noise=0.1, seed=2)
    words, labels = sorted(count_words(train.texts)), sorted(set(train.labels))
    encoded = [encode_examples(Vocabulary(words), each, labels) for each in (train, dev)]

    def untrained() -> TextCNN:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return TextCNN(Shape(len(words), 24, {1: 24, 2: 24}, classes=2))

    dense, settings = untrained(), Settings(epochs=8, batch_size=32, learning_rate=1e-2, embedding_rate=3e-2)
    train_model(dense, encoded[0], encoded[1], settings)
    return Problem(
        dense,
        encoded[0],
        encoded[1],
        lambda model: size_of_packed(trained_model(model, words, labels), Packing(room=0)),
        replace(settings, epochs=2),
        first=settings,
        kinds=STRUCTURE,
        untrained=untrained,
        speed=lambda model: 1e6 / (20 + model.costs()["time"]({})),
    )


def in_small_steps(schedule: str) -> str:
    """The schedule, whose steps are small unless it says itself how large they are."""
    name, _, given = schedule.partition(":")
    parameters = [each for each in (given, SMALL_STEPS.get(name, "")) if each]
    return ":".join([name, ",".join(parameters)] if parameters else [name])


@pytest.fixture(scope="session")
def solve() -> Callable[..., Solution]:
    """Search with a method and a budget by their names."""

    def run(
        task: Problem, folder: Path, criterion: str = "taylor", schedule: str = "local", *, budget: Budget, **named: Any
    ) -> Solution:
        folder.mkdir(exist_ok=True)
        method = load_method(criterion, in_small_steps(schedule), task.kinds)
        return pruned(task, method, budget, folder, **named)

    return run


@pytest.fixture(scope="session")
def searching() -> Callable[..., Search]:
    """The state of a search that has begun, in a folder that another may have filled."""

    def run(task: Problem, folder: Path, criterion: str = "taylor", *, budget: Budget, **named: Any) -> Search:
        return begin_search(task, load_method(criterion, "local", task.kinds), budget, folder, **named)

    return run


@pytest.fixture(scope="session")
def assert_same() -> Callable[[Solution, Solution], None]:
    """Two searches ended with the same model, to the bit, and took the same way."""

    def compare(one: Solution, other: Solution) -> None:
        assert one.history == other.history
        assert one[1:-1] == other[1:-1], "all but the model and the function that loads others"
        ours, theirs = one.model.state_dict(), other.model.state_dict()
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())

    return compare
