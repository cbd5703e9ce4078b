"""Each criterion of zeroth and first order against its formula, written out by hand on a model of a few numbers."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch

from prunetext.errors import InputError
from prunetext.models.encoded import Encoded
from prunetext.models.textcnn.grouping import TEXTCNN_KINDS
from prunetext.models.textcnn.model import TextCNN
from prunetext.pruning.choosing import scores_of
from prunetext.pruning.criteria.criterion import CRITERIA, load_criterion
from prunetext.training.loop import Hooks, train_model
from prunetext.training.settings import Settings

BATCHES = (np.arange(64), np.arange(64, 66))
Score = Callable[..., dict[str, np.ndarray]]
Texts = Callable[..., Encoded]
Model = Callable[..., TextCNN]


def norm(values: list[float], power: int) -> float:
    return float(sum(abs(value) ** power for value in values) ** (1 / power))


def assert_scores(found: dict[str, np.ndarray], expected: dict[str, list[float]]) -> None:
    assert found.keys() == expected.keys()
    for name, scores in found.items():
        assert scores.tolist() == pytest.approx(expected[name], rel=1e-4, abs=1e-7), name


def test_magnitude_is_the_l2_norm_of_what_goes(tiny: Any, scored: Score) -> None:
    expected = {name: [norm(weights, 2) for weights in each] for name, each in tiny.units.items()}
    assert_scores(scored("magnitude", tiny.model, tiny.sample), expected)


def test_gradient_adds_up_absolute_gradients_over_batches(tiny: Any, scored: Score) -> None:
    batches = tiny.gradients(BATCHES)
    moved = {name: [sum(norm(batch[name][unit], 1) for batch in batches) for unit in (0, 1)] for name in tiny.units}
    assert any(scores[0] != scores[1] for scores in moved.values())
    for text in ("gradient", "gradient:remove=smallest"):
        assert_scores(scored(text, tiny.model, tiny.sample), moved)
    # The other direction keeps what is pruned small: what is large and hardly moves is worth most.
    still = {
        name: [norm(weights, 1) / moved[name][unit] for unit, weights in enumerate(each)]
        for name, each in tiny.units.items()
    }
    assert_scores(scored("gradient:remove=largest", tiny.model, tiny.sample), still)


def test_taylor_is_the_first_order_loss_of_a_removal_summed_over_batches(tiny: Any, scored: Score) -> None:
    batches, falls = tiny.gradients(BATCHES), {}
    for name, each in tiny.units.items():
        falls[name] = np.array([[np.dot(w, batch[name][unit]) for batch in batches] for unit, w in enumerate(each)])
        assert (falls[name].prod(1) < 0).any()  # batches do not agree, and may not cancel
    expected = {name: np.abs(each).sum(1).tolist() for name, each in falls.items()}
    assert_scores(scored("taylor", tiny.model, tiny.sample), expected)


def test_snip_is_each_weights_part_in_the_gradient_of_the_whole_sample_as_a_share(tiny: Any, scored: Score) -> None:
    batches, expected = tiny.gradients(BATCHES), {}
    one, other = (np.array(batch["conv1.filters"]) * tiny.units["conv1.filters"] for batch in batches)
    assert (one * other < 0).any()  # batches may cancel,
    assert ((one + other).max(1) > 0).any()  # but not the weights of a unit
    assert ((one + other).min(1) < 0).any()
    for name, each in tiny.units.items():
        whole = [np.sum([batch[name][unit] for batch in batches], axis=0) for unit in (0, 1)]
        parts = [float(np.abs(np.array(w) * whole[unit]).sum()) for unit, w in enumerate(each)]
        expected[name] = [part / sum(parts) for part in parts]
    assert_scores(scored("snip", tiny.model, tiny.sample), expected)


def test_movement_is_what_training_moved_away_from_removal_summed_over_its_steps(
    random_model: Model, some_texts: Texts
) -> None:
    model, texts = random_model(words=9, dimensions=4, filters={1: 2, 2: 3}), some_texts(9)
    criterion, groups = load_criterion("movement"), model.groups()
    state = criterion.init(model, groups, 0)
    assert criterion.trains
    assert criterion.after_backward is not None
    after_backward = criterion.after_backward
    steps: list[dict[str, torch.Tensor]] = []

    def watch(now: TextCNN) -> None:
        after_backward(state, now, groups)
        w = {name: each.detach() for name, each in now.named_parameters()}
        g = {name: torch.zeros_like(each) + each.grad for name, each in now.named_parameters()}  # type: ignore[operator]
        own = {name: each * g[name] for name, each in w.items()}
        change = (w["embedding"] - w["embedding"][1]) * g["embedding"]
        head = own["head.weight"].sum(0)  # (5 filters' maxima, then their means)
        dimensions = own["embedding"].sum(0) + own["conv1.weight"].sum((0, 1)) + own["conv2.weight"].sum((0, 1))
        first = own["conv1.weight"].sum((1, 2)) + own["conv1.bias"] + head[:2] + head[5:7]
        second = own["conv2.weight"].sum((1, 2)) + own["conv2.bias"] + head[2:5] + head[7:]
        steps.append(
            {
                "vocabulary": change[2:].sum(1),
                "dimensions": dimensions,
                "conv1.filters": first,
                "conv2.filters": second,
            }
        )

    settings = Settings(epochs=2, batch_size=20, learning_rate=0.05, embedding_rate=0.05)
    train_model(model, texts, texts, settings, hooks=Hooks(watch, noted=state))
    assert len(steps) == 6
    expected = {name: (-sum(step[name] for step in steps)).tolist() for name in steps[0]}  # type: ignore[union-attr]
    assert min(map(min, expected.values())) < 0 < max(map(max, expected.values()))
    assert_scores(scores_of(model, criterion, groups, state), expected)


def test_random_is_seeded_and_draws_again(random_model: Model, some_texts: Texts, scored: Score) -> None:
    model, texts = random_model(words=50), some_texts(50)
    first, again, other = (scored("random:draws=3", model, texts, seed=seed) for seed in (0, 0, 1))
    for name, scores in first.items():
        assert scores.tolist() == again[name].tolist()
        assert scores.tolist() != other[name].tolist()
    assert [load_criterion(text).draws for text in ("random", "random:draws=3", "magnitude")] == [1, 3, 1]


def test_no_name_is_an_alias_of_another(random_model: Model, some_texts: Texts, scored: Score) -> None:
    # Three parameters that are pruned: words, filters and the weights of a convolution, each a group of its own.
    model, texts = random_model(words=40, dimensions=6, filters={2: 16}, seed=3), some_texts(40, texts=200)
    assert len(CRITERIA) == 9
    names = [*CRITERIA, "gradient:remove=largest"]
    orders = {
        name: {group: np.argsort(scores).tolist() for group, scores in scored(name, model, texts).items()}
        for name in names
    }
    for one, other in combinations(names, 2):
        for group in ("vocabulary", "conv2.filters"):
            assert orders[one][group] != orders[other][group], (one, other, group)


@pytest.mark.parametrize("text", [*CRITERIA, "lasso:penalty=l1"])
def test_scoring_repeats_itself_and_leaves_the_model_as_it_was(
    random_model: Model, some_texts: Texts, scored: Score, text: str
) -> None:
    model, texts = random_model(words=5), some_texts(5)
    refused = load_criterion(text).refuses
    kinds = [kind for kind in TEXTCNN_KINDS if kind not in refused]
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    first, again = (scored(text, model.train(), texts, seed=3, kinds=kinds) for _ in range(2))  # dropout is off
    assert {name: scores.tolist() for name, scores in first.items()} == {n: s.tolist() for n, s in again.items()}
    assert all(np.isfinite(scores).all() for scores in first.values())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("text", ["magnitude", "taylor", "snip", "fisher", "movement"])
def test_a_word_equal_to_the_unknown_word_costs_nothing(tiny: Any, scored: Score, text: str) -> None:
    tiny.model.embedding.data[3] = tiny.model.embedding.data[1]
    assert scored(text, tiny.model, tiny.sample)["vocabulary"][1] == 0


def test_a_vector_that_rounding_does_not_change_loses_nothing_by_fewer_bits(tiny: Any, scored: Score) -> None:
    model = tiny.model
    model.embedding.data[3] = 0  # zero stays zero
    for text in ("magnitude", "taylor", "fisher"):
        scores = scored(text, model, tiny.sample, kinds=("bits",))
        for name in ("embedding.8bit", "embedding.4bit"):
            assert scores[name][1] == 0 < abs(scores[name][0])


def test_what_a_criterion_needs_of_training() -> None:
    loaded = {name: load_criterion(name) for name in CRITERIA}
    assert [name for name, each in loaded.items() if each.after_step] == ["lasso"]
    assert [name for name, each in loaded.items() if each.trains] == ["lasso", "movement"]
    assert [name for name, each in loaded.items() if each.per_example] == ["fisher", "obs"]
    assert [name for name, each in loaded.items() if each.remove] == ["obs"]


ALL = "fisher, gradient, lasso, magnitude, movement, obs, random, snip, taylor"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("size", f"criterion 'size' is unknown. Choose one of {ALL}."),
        ("", f"criterion '' is unknown. Choose one of {ALL}."),
        ("magnitude:power=1", "criterion 'magnitude' has no parameter 'power'. It takes none."),
        ("lasso:power=2", "criterion 'lasso' has no parameter 'power'. It takes penalty, strength, threshold."),
        ("gradient:remove=some", "gradient:remove=some is unknown. Choose smallest or largest."),
        ("gradient:remove", "gradient:remove= is unknown. Choose smallest or largest."),
        (
            "random:draws=0",
            "random:draws=0 is not a whole number from 1 to 100. Give a whole number, such as random:draws=1.",
        ),
        ("random:draws=1.5", "random:draws=1.5 is not a whole number from 1 to 100."),
        ("obs:damping=-1", "obs:damping=-1 is not a number of zero or more. Give a number, such as obs:damping=0.1."),
        ("lasso:penalty=l2", "lasso:penalty=l2 is unknown. Choose group or l1."),
        ("lasso:strength=-1", "lasso:strength=-1 is not a number of zero or more."),
        ("lasso:threshold=nan", "lasso:threshold=nan is not a number of zero or more."),
        ("lasso:threshold=inf", "lasso:threshold=inf is not a number of zero or more."),
        ("lasso:threshold=much", "lasso:threshold=much is not a number of zero or more."),
    ],
)
def test_unknown_names_and_values_are_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InputError) as error:
        load_criterion(text)
    assert str(error.value).startswith(sentence)


def test_each_criterion_is_found_by_its_name() -> None:
    assert list(CRITERIA) == sorted(CRITERIA)
    for name in CRITERIA:
        assert callable(load_criterion(name).score)
