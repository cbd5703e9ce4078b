"""What every method has to beat: as small as the budget says, and made as fairly as the pruned models."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from prunetext.comparison import baselines, study
from prunetext.comparison.baselines import LEAST_WORDS, others, scratch, untrained
from prunetext.fitting import stages as jobs
from prunetext.fitting.stages import Job
from prunetext.models.encoded import Encoded
from prunetext.models.textcnn.layout import UNKNOWN, WORDS
from prunetext.models.textcnn.model import TextCNN
from prunetext.pruning.search import Search
from prunetext.training.answering import logits
from prunetext.training.settings import Settings

pytestmark = pytest.mark.usefixtures("repeatable")
LINEAR = "tf-idf + logistic regression"


class Call(NamedTuple):
    """What a baseline was made with."""

    job: Job
    search: Search
    like: TextCNN
    budget: int


class Training(NamedTuple):
    """What a training was given: the weights as they were before it."""

    weights: dict[str, torch.Tensor]
    examples: Encoded
    settings: Settings
    stage: str


@pytest.fixture(scope="module")
def asked(comparing: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory, repeatable: None) -> Call:
    """How a comparison asks for its small models."""
    calls: list[Call] = []

    def recorded(job: Job, search: Search, like: TextCNN, budget: int, *, teacher: bool) -> tuple[TextCNN, float]:
        calls.append(Call(job, search, like, budget))
        return like, 0.0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "scratch", recorded)
        patch.setattr(study, "others", lambda **named: {})
        out = tmp_path_factory.mktemp("baselines") / "out"
        comparing(out, methods="random/oneshot", sizes="9/10", seeds=1)
    assert len(calls) == 2
    assert calls[0].like is calls[1].like
    return calls[0]


@pytest.fixture
def trainings(asked: Call, monkeypatch: pytest.MonkeyPatch) -> list[Training]:
    """What is trained from now on."""
    seen: list[Training] = []
    train = Search.train

    def recorded(
        self: Search, key: str, model: TextCNN, examples: Encoded, settings: Settings, stage: str, **named: Any
    ) -> tuple[TextCNN, bool]:
        weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        seen.append(Training(weights, examples, settings, stage))
        return train(self, key, model, examples, settings, stage, **named)

    monkeypatch.setattr(Search, "train", recorded)
    return seen


def test_from_scratch_it_has_the_pruned_architecture_within_the_budget(asked: Call) -> None:
    job, search, like, budget = asked
    assert job.packed_size(like) <= budget
    model, seconds = scratch(job, search, like, budget, teacher=False)
    assert job.packed_size(model) <= budget
    assert model.shape._replace(words=0) == like.shape._replace(words=0)
    assert model.shape.words <= like.shape.words < search.task.dense.shape.words
    assert seconds > 0


def test_words_are_left_out_until_it_fits(asked: Call, trainings: list[Training]) -> None:
    job, search, like, _ = asked
    whole = like.shape._replace(words=len(job.words))
    start = untrained(whole, len(job.words), len(like.remap), 0)
    sizes = {words: job.packed_size(untrained(whole, words, len(like.remap), 0)) for words in range(16, 21)}
    assert sorted(sizes.values()) == list(sizes.values())
    for words in (20, 18, 16):
        model, _ = scratch(job, search, start, sizes[words], teacher=False)
        assert model.shape == whole._replace(words=words)
        # The words are in the order of their frequency, the rest is the unknown word.
        kept = torch.arange(len(like.remap))
        kept[WORDS + words :] = UNKNOWN
        assert torch.equal(model.remap, kept)
        if words == 20:  # all of them, those that tell the classes apart, too
            right = logits(model, job.encoded["test"]).argmax(1) == job.encoded["test"].targets
            assert right.float().mean() > 0.8, "it was trained"
    few, _ = scratch(job, search, start, 100, teacher=False)
    assert few.shape.words == LEAST_WORDS, "fewer say nothing, whatever the budget"
    assert len({len(each.weights["embedding"]) for each in trainings}) == 3


def test_the_student_differs_by_its_teacher_only(asked: Call, trainings: list[Training]) -> None:
    job, search, like, budget = asked
    models = []
    for teacher in (False, True):
        torch.manual_seed(3 + teacher)  # what was drawn before must not count
        models.append(scratch(job, search, like, budget - 1, teacher=teacher)[0])
    alone, taught = trainings
    assert alone.weights.keys() == taught.weights.keys()
    assert all(torch.equal(tensor, taught.weights[name]) for name, tensor in alone.weights.items())
    assert (alone.settings, alone.stage) == (taught.settings, taught.stage)
    assert alone.settings.epochs == search.task.first.epochs
    np.testing.assert_array_equal(alone.examples.ids, taught.examples.ids)
    np.testing.assert_array_equal(alone.examples.offsets, taught.examples.offsets)
    assert alone.examples.soft is None
    assert torch.equal(alone.examples.targets, taught.examples.targets)
    opinions = logits(search.task.dense, alone.examples).softmax(1)
    torch.testing.assert_close(taught.examples.soft, opinions)
    assert taught.settings.soft_share == jobs.TEACHER
    assert not torch.equal(models[0].head.weight, models[1].head.weight)


def test_a_small_model_that_is_there_is_not_trained_again(asked: Call, trainings: list[Training]) -> None:
    job, search, like, budget = asked
    first, took = scratch(job, search, like, budget - 2, teacher=True)
    again, seconds = scratch(job, search, like, budget - 2, teacher=True)
    assert len(trainings) == 1
    assert seconds == took > 0
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in first.state_dict().items())


def accuracy(job: Job, predict: Callable[[list[str]], list[str]]) -> float:
    texts = job.texts["test"]
    return float(np.mean(np.array(predict(texts.texts)) == np.array(texts.labels)))


def test_tf_idf_keeps_to_the_budget_and_uses_it(asked: Call) -> None:
    pytest.importorskip("sklearn")
    make = others(sized=True, autotune=0)[LINEAR]
    found = {budget: make(asked.job, budget) for budget in (15, 300, 1_000, 3_000, 1_000_000)}
    assert found[15] is None, "no feature fits"
    sizes = []
    for budget, each in list(found.items())[1:]:
        assert each is not None
        assert each.name == LINEAR
        assert 0.75 * min(budget, 3_000) < each.bytes <= budget
        sizes.append(each.bytes)
    assert sizes == sorted(set(sizes))
    whole = others(sized=False, autotune=0)[LINEAR](asked.job, None)
    assert whole is not None
    assert whole.bytes == sizes[-1]
    assert accuracy(asked.job, whole.predict) > 0.8
    assert set(whole.predict(["common1", ""])) <= {"class 0", "class 1"}


def test_bytes_of_tf_idf_are_those_of_its_weights_and_names(asked: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    text = pytest.importorskip("sklearn.feature_extraction.text")
    fitted: list[Any] = []

    class Seen(text.TfidfVectorizer):  # type: ignore[misc, name-defined]
        def fit_transform(self, *given: Any, **named: Any) -> Any:
            fitted.append(self)
            return super().fit_transform(*given, **named)

    monkeypatch.setattr(text, "TfidfVectorizer", Seen)
    made = others(sized=True, autotune=0)[LINEAR](asked.job, 2_000)
    names = fitted[-1].get_feature_names_out()
    assert made is not None
    # For each feature an idf, a weight (of two classes there is one row of them), its name and an end; one bias.
    assert made.bytes == sum(8 + len(name) + 1 for name in names) + 4


def test_packages_that_are_not_there_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "find_spec", lambda name: None)
    assert others(sized=True, autotune=9) == others(sized=False, autotune=0) == {}
    monkeypatch.setattr(baselines, "find_spec", lambda name: name)
    assert list(others(sized=False, autotune=9)) == [LINEAR, "fastText .bin"]
    assert list(others(sized=True, autotune=0)) == [LINEAR, "fastText .ftz"]
    assert list(others(sized=True, autotune=9)) == [LINEAR, "fastText .ftz", "fastText autotuned"]
