"""Each criterion against its formula, written out by hand on a model of a few numbers."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from prunetext.errors import InputError
from prunetext.models.textcnn import Shape, TextCNN
from prunetext.pruning.criteria import CRITERIA, WORTHLESS, load_criterion
from prunetext.pruning.scoring import scores_of
from prunetext.training.examples import Encoded

UNKNOWN, A, B = (0.5, -0.5), (1.5, 0.5), (0.5, 2.0)  # rows of the embedding, two dimensions
FIRST, SECOND = (3.0, 4.0), (0.0, -0.1)  # two filters of width 1
BIAS, HEAD = (0.2, 0.3), ((1.0, 2.0), (-1.0, 0.5))  # head (classes, filters)


@pytest.fixture
def tiny() -> TextCNN:
    model = TextCNN(Shape(words=2, dimensions=2, filters={1: 2}, classes=2, pooling="max"))
    with torch.no_grad():
        model.embedding.copy_(torch.tensor([(0.0, 0.0), UNKNOWN, A, B]))
        model.conv(1).weight.copy_(torch.tensor([FIRST, SECOND])[:, None])
        model.conv(1).bias.copy_(torch.tensor(BIAS))
        model.head.weight.copy_(torch.tensor(HEAD))
        model.head.bias.zero_()
    return model.eval()


def sample() -> Encoded:
    """66 texts, of which the last two are a batch of their own."""
    lists = [[2, 3], [3], [1, 2]] * 22
    offsets = np.cumsum([0, *map(len, lists)]).astype(np.int64)
    flat = np.array([token for text in lists for token in text], np.int32)
    return Encoded(flat, offsets, torch.tensor([0, 1, 1] * 22))


def scored(text: str, model: TextCNN, seed: int = 0) -> dict[str, list[float]]:
    found = scores_of(model, load_criterion(text), sample(), seed)
    assert {name: len(scores) for name, scores in found.items()} == {g.name: g.size for g in model.groups()}
    return {name: scores.tolist() for name, scores in found.items()}


def norm(*values: float, power: int) -> float:
    return float(sum(abs(value) ** power for value in values) ** (1 / power))


def difference(one: tuple[float, ...], other: tuple[float, ...]) -> list[float]:
    return [a - b for a, b in zip(one, other, strict=True)]


def units(model: TextCNN) -> dict[str, list[list[float]]]:
    """What removal takes away from each unit, written out."""
    rows = (UNKNOWN, A, B, FIRST, SECOND)
    return {
        "vocabulary": [difference(A, UNKNOWN), difference(B, UNKNOWN)],
        "dimensions": [[row[at] for row in rows] for at in (0, 1)],
        "conv1.filters": [[*weight, BIAS[at], HEAD[0][at], HEAD[1][at]] for at, weight in enumerate((FIRST, SECOND))],
    }


def gradients(model: TextCNN) -> list[dict[str, list[list[float]]]]:
    """Gradients of the same weights, one dictionary for each batch, by plain autograd on a plain forward pass."""
    found = []
    examples = sample()
    for rows in (np.arange(64), np.arange(64, 66)):
        embedding = torch.tensor([UNKNOWN, A, B], requires_grad=True)
        weight = torch.tensor([FIRST, SECOND], requires_grad=True)
        bias, head = torch.tensor(BIAS, requires_grad=True), torch.tensor(HEAD, requires_grad=True)
        logits = []
        for row in rows:
            text = torch.from_numpy(examples.ids[examples.offsets[row] : examples.offsets[row + 1]].astype(np.int64))
            best = (embedding[text - 1] @ weight.T).amax(0).clamp(min=0)
            logits.append(torch.relu(best + bias) @ head.T)
        functional.cross_entropy(torch.stack(logits), examples.targets[torch.from_numpy(rows)]).backward()
        e, w, b, h = (cast_grad(tensor) for tensor in (embedding, weight, bias, head))
        found.append(
            {
                "vocabulary": [e[1].tolist(), e[2].tolist()],
                "dimensions": [torch.cat([e[:, at], w[:, at]]).tolist() for at in (0, 1)],
                "conv1.filters": [torch.cat([w[at], b[at : at + 1], h[:, at]]).tolist() for at in (0, 1)],
            }
        )
    return found


def cast_grad(tensor: Tensor) -> Tensor:
    assert tensor.grad is not None
    return tensor.grad


def assert_scores(found: dict[str, list[float]], expected: dict[str, list[float]]) -> None:
    assert found.keys() == expected.keys()
    for name, scores in found.items():
        assert scores == pytest.approx(expected[name], rel=1e-4, abs=1e-7), name


def test_magnitude_is_the_l2_norm_of_what_goes(tiny: TextCNN) -> None:
    expected = {name: [norm(*weights, power=2) for weights in each] for name, each in units(tiny).items()}
    assert_scores(scored("magnitude", tiny), expected)


def test_lasso_is_the_share_of_a_groups_absolute_weights(tiny: TextCNN) -> None:
    expected = {}
    for name, each in units(tiny).items():
        sizes = [norm(*weights, power=1) for weights in each]
        expected[name] = [size / sum(sizes) for size in sizes]
    assert_scores(scored("lasso", tiny), expected)
    # At most threshold ÷ units is worthless: here a half, so that the smaller of two always is.
    small = {name: [share if share > 0.5 else WORTHLESS for share in shares] for name, shares in expected.items()}
    assert_scores(scored("lasso:threshold=1", tiny), small)


def test_gradient_adds_up_absolute_gradients_over_batches(tiny: TextCNN) -> None:
    batches = gradients(tiny)
    expected = {
        name: [sum(sum(map(abs, batch[name][unit])) for batch in batches) for unit in range(2)] for name in batches[0]
    }
    assert any(scores[0] != scores[1] for scores in expected.values())
    assert_scores(scored("gradient", tiny), expected)
    assert_scores(scored("gradient:remove=smallest", tiny), expected)
    reverse = {name: [-score for score in scores] for name, scores in expected.items()}
    assert_scores(scored("gradient:remove=largest", tiny), reverse)


def test_taylor_is_the_first_order_loss_of_a_removal_summed_over_batches(tiny: TextCNN) -> None:
    weights = units(tiny)
    expected = {}
    for name, each in weights.items():
        expected[name] = [
            sum(abs(np.dot(weight, batch[name][unit])) for batch in gradients(tiny)) for unit, weight in enumerate(each)
        ]
    assert all(min(scores) >= 0 for scores in expected.values())
    assert_scores(scored("taylor", tiny), expected)


def test_random_is_seeded(random_model: Callable[..., TextCNN]) -> None:
    model = random_model(words=50)
    first, again, other = (scores_of(model, load_criterion("random"), sample(), seed) for seed in (0, 0, 1))
    for name, scores in first.items():
        assert scores.tolist() == again[name].tolist()
        assert scores.tolist() != other[name].tolist()


@pytest.mark.parametrize("text", list(CRITERIA))
def test_scoring_repeats_itself_and_leaves_the_model_as_it_was(random_model: Callable[..., TextCNN], text: str) -> None:
    model = random_model(words=2)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    first, again = (scores_of(model.train(), load_criterion(text), sample(), 3) for _ in range(2))  # dropout is off
    assert {name: scores.tolist() for name, scores in first.items()} == {n: s.tolist() for n, s in again.items()}
    assert all(np.isfinite(scores).all() for scores in first.values())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_word_equal_to_the_unknown_word_costs_nothing(tiny: TextCNN) -> None:
    tiny.embedding.data[3] = tiny.embedding.data[1]
    for text, least in (("magnitude", 0), ("taylor", 0), ("lasso", WORTHLESS)):
        assert scored(text, tiny)["vocabulary"][1] == least


def test_the_proximal_step_shrinks_weights_and_gives_exact_zeros(tiny: TextCNN) -> None:
    after_step = load_criterion("lasso:strength=2").after_step
    assert after_step is not None
    after_step(tiny, 0.1)  # everything by 0.2 towards zero, words towards the unknown word
    torch.testing.assert_close(tiny.conv(1).weight[:, 0].detach(), torch.tensor([(2.8, 3.8), (0.0, 0.0)]))
    torch.testing.assert_close(tiny.embedding.detach()[1:], torch.tensor([(0.5, -0.5), (1.3, 0.3), (0.5, 1.8)]))
    torch.testing.assert_close(tiny.head.weight.detach(), torch.tensor([(0.8, 1.8), (-0.8, 0.3)]))
    assert tiny.conv(1).weight[1].eq(0).all()
    assert tiny.conv(1).bias.tolist() == pytest.approx(BIAS)  # a bias is no coefficient


def test_the_proximal_step_leaves_static_dimensions(tiny: TextCNN) -> None:
    tiny.static = 1
    after_step = load_criterion("lasso:strength=2").after_step
    assert after_step is not None
    after_step(tiny, 0.1)
    torch.testing.assert_close(tiny.embedding.detach()[1:], torch.tensor([(0.5, -0.5), (1.5, 0.3), (0.5, 1.8)]))


def test_only_lasso_acts_in_training() -> None:
    assert [name for name in CRITERIA if load_criterion(name).after_step] == ["lasso"]
    assert {load_criterion(name).unit for name in CRITERIA} == {"rank"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("size", "criterion 'size' is unknown. Choose one of gradient, lasso, magnitude, random, taylor."),
        ("", "criterion '' is unknown. Choose one of gradient, lasso, magnitude, random, taylor."),
        ("random:draws=8", "criterion 'random' has no parameter 'draws'. It takes none."),
        ("lasso:power=2", "criterion 'lasso' has no parameter 'power'. It takes strength, threshold."),
        ("gradient:remove=some", "gradient:remove=some is unknown. Choose smallest or largest."),
        ("gradient:remove", "gradient:remove= is unknown. Choose smallest or largest."),
        (
            "lasso:strength=-1",
            "lasso:strength=-1 is not a number of zero or more. Give one, such as lasso:strength=0.001.",
        ),
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
