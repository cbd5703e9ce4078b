"""What every method has to beat: as small as the budget says, and made as fairly as the pruned models."""

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from helpers.runs import QUICK
from prunetext.comparison.agenda import Agenda
from prunetext.comparison.baselines import BARE_PACKING, LEAST_WORDS, scratch, untrained
from prunetext.comparison.studies import plan_of, study_of
from prunetext.comparison.study import size_in_bytes
from prunetext.data.dataset import Data
from prunetext.fitting.folder import Run
from prunetext.fitting.plan import Plan
from prunetext.fitting.recovery import Recovery
from prunetext.fitting.stages import Lessons, size_when_packed
from prunetext.models.encoded import Encoded
from prunetext.models.textcnn.layout import UNKNOWN, WORDS
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.starting import settle
from prunetext.options import FitOptions, ModelOptions
from prunetext.pruning.budget import Budget
from prunetext.pruning.candidates import CandidateMaker
from prunetext.pruning.driver import walked
from prunetext.pruning.schedules import load_schedule
from prunetext.pruning.search import Search
from prunetext.training.answering import logits
from prunetext.training.settings import Settings


class Call(NamedTuple):
    """What a baseline is made with."""

    plan: Plan
    search: Search
    like: TextCNN
    budget: int
    lessons: Lessons

    def size(self, model: TextCNN) -> int:
        return size_when_packed(self.plan, model, BARE_PACKING)


class Training(NamedTuple):
    """What a training was given: the weights as they were before it."""

    weights: dict[str, torch.Tensor]
    examples: Encoded
    settings: Settings
    stage: str


class Recording(CandidateMaker):
    """Makes candidates, and notes what it trains."""

    seen: list[Training]

    def train(self, key: str, model: Any, examples: Encoded, settings: Settings, stage: str, **named: Any) -> bool:
        weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        self.seen.append(Training(weights, examples, settings, stage))
        return super().train(key, model, examples, settings, stage, **named)


@pytest.fixture(scope="module")
def made(data: Data, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Call]:
    """A dense model, and one cut to nine tenths of its file, as a comparison has them."""
    shape = settle(ModelOptions(dimensions=24, filters=16, widths="1,2"))
    plan = plan_of(data, shape, FitOptions(epochs=3.0), QUICK)
    with Run(tmp_path_factory.mktemp("baselines"), plan.recipe, overwrite=False) as run:
        study = study_of(plan, run, Agenda((), (), baselines=True, autotune=0), None)
        search, history = study.search("random/oneshot")
        budget = size_in_bytes("9/10", search.whole)
        walked(search.within(Budget(max_size=budget)), load_schedule("oneshot"), history)
        like = search.load(history[-1].key)
        assert isinstance(like, TextCNN)
        yield Call(plan, search, like, budget, study.lessons)


@pytest.fixture
def asked(made: Call) -> Call:
    """The same, with a maker that notes what it trains."""
    old = made.search.maker
    maker = Recording(old.problem, old.criterion, "random", old.evaluator, old.store.folder)
    maker.seen = []
    return made._replace(search=dataclasses.replace(made.search, maker=maker))


@pytest.fixture
def trainings(asked: Call) -> list[Training]:
    """What is trained from now on."""
    assert isinstance(asked.search.maker, Recording)
    return asked.search.maker.seen


def test_from_scratch_it_has_the_pruned_architecture_within_the_budget(asked: Call) -> None:
    plan, search, like, budget, _ = asked
    assert asked.size(like) <= budget
    model, seconds = scratch(plan, search, like, budget, teacher=False)
    assert isinstance(model, TextCNN)
    assert asked.size(model) <= budget
    assert model.shape._replace(words=0) == like.shape._replace(words=0)
    assert model.shape.words <= like.shape.words <= len(plan.beginning.reader.words)
    assert like.shape != plan.beginning.untrained().shape
    assert seconds > 0


def test_words_are_left_out_until_it_fits(asked: Call, trainings: list[Training]) -> None:
    plan, search, like, _, lessons = asked
    count, test = len(plan.beginning.reader.words), lessons.encoded["test"]
    whole = like.shape._replace(words=count)
    start = untrained(like, count, 0)
    sizes = {words: asked.size(untrained(like, words, 0)) for words in range(16, 21)}
    assert sorted(sizes.values()) == list(sizes.values())
    for words in (20, 18, 16):
        model, _ = scratch(plan, search, start, sizes[words], teacher=False)
        assert isinstance(model, TextCNN)
        assert model.shape == whole._replace(words=words)
        # The words are in the order of their frequency, the rest is the unknown word.
        kept = torch.arange(len(like.remap))
        kept[WORDS + words :] = UNKNOWN
        assert torch.equal(model.remap, kept)
        if words == 20:  # all of them, those that tell the classes apart, too
            right = logits(model, test).argmax(1) == test.targets
            assert right.float().mean() > 0.8, "it was trained"
    few, _ = scratch(plan, search, start, 100, teacher=False)
    assert isinstance(few, TextCNN)
    assert few.shape.words == LEAST_WORDS, "fewer say nothing, whatever the budget"
    assert len({len(each.weights["embedding"]) for each in trainings}) == 3


def test_the_student_differs_by_its_teacher_only(asked: Call, trainings: list[Training]) -> None:
    plan, search, like, budget, _ = asked
    models = []
    for teacher in (False, True):
        torch.manual_seed(3 + teacher)  # what was drawn before must not count
        models.append(scratch(plan, search, like, budget - 1, teacher=teacher)[0])
    alone, taught = trainings
    assert alone.weights.keys() == taught.weights.keys()
    assert all(torch.equal(tensor, taught.weights[name]) for name, tensor in alone.weights.items())
    assert (alone.settings, alone.stage) == (taught.settings, taught.stage)
    assert alone.settings.epochs == search.maker.problem.first.epochs
    np.testing.assert_array_equal(alone.examples.ids, taught.examples.ids)
    np.testing.assert_array_equal(alone.examples.offsets, taught.examples.offsets)
    assert alone.examples.soft is None
    assert torch.equal(alone.examples.targets, taught.examples.targets)
    opinions = logits(search.maker.problem.dense, alone.examples).softmax(1)
    torch.testing.assert_close(taught.examples.soft, opinions)
    assert taught.settings.soft_share == Recovery().teacher
    assert not torch.equal(models[0].head.weight, models[1].head.weight)


def test_a_small_model_that_is_there_is_not_trained_again(asked: Call, trainings: list[Training]) -> None:
    plan, search, like, budget, _ = asked
    first, took = scratch(plan, search, like, budget - 2, teacher=True)
    again, seconds = scratch(plan, search, like, budget - 2, teacher=True)
    assert len(trainings) == 1
    assert seconds == took > 0
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in first.state_dict().items())
