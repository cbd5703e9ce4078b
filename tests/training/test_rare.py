"""What training knows of classes of few texts."""

from collections.abc import Callable

import pytest
import torch

from helpers.toy_family import Bag
from helpers.training import Sets, new_model
from prunetext.models.encoded import Encoded
from prunetext.models.protocol import Model
from prunetext.models.textcnn.model import TextCNN
from prunetext.training.answering import dev_values, logits
from prunetext.training.rare import dev_biases, rare_values, take_biases


@pytest.fixture(scope="module")
def dev(sets: Sets) -> Encoded:
    """Texts of three classes, the last of which is rare."""
    rows = torch.cat([torch.arange(0, 45, 3), torch.arange(1, 45, 3), torch.arange(2, 12, 3)]).numpy()
    return sets[1].subset(rows)


def test_the_biases_that_suit_dev_best_are_added_to_the_logits(sets: Sets, dev: Encoded) -> None:
    model = new_model(sets[2])
    before, wanted = logits(model, dev), torch.from_numpy(dev_biases(model, dev, [2]).offsets).float()
    assert wanted[:2].tolist() == [0, 0]
    assert wanted[2] != 0
    take_biases(model, dev, [2])
    torch.testing.assert_close(logits(model, dev), before + wanted, rtol=0, atol=1e-5)


def test_the_best_epoch_is_told_by_what_is_left_after_them(sets: Sets, dev: Encoded) -> None:
    model = new_model(sets[2])
    value, loss = rare_values(model, dev, None, (0.5, 0.5, 2.0), rare=[2])
    assert value == dev_values(model, dev)[0]
    assert loss == dev_biases(model, dev, [2]).loss
    surer = new_model(sets[2])
    with torch.no_grad():
        surer.head.weight *= 5
        surer.head.bias *= 5
    assert dev_values(surer, dev)[1] > 1.2 * dev_values(model, dev)[1]
    assert rare_values(surer, dev, rare=[2])[1] == pytest.approx(loss, rel=0.05)


@pytest.mark.parametrize("kind", ["text", "pair", "bag"])
def test_a_model_of_any_family_can_be_shifted(
    kind: str, random_model: Callable[..., TextCNN], random_ids: Callable[..., torch.Tensor]
) -> None:
    texts = 2 if kind == "pair" else 1
    model: Model = Bag(7, classes=3) if kind == "bag" else random_model(texts=texts)
    ids = random_ids(7, texts=texts)
    offsets = torch.tensor([0.5, 0.0, -1.5])
    with torch.no_grad():
        before = model(ids)
        model.shift(offsets)
        torch.testing.assert_close(model(ids), before + offsets)
