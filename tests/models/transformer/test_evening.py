"""Columns of activations brought to about one size before they are rounded."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from helpers.encoders import ARCHITECTURES
from prunetext.models.transformer.evening import best_factors, evening_of, is_evened, random_texts
from prunetext.models.transformer.graph import encoder_graph
from prunetext.models.transformer.numbered import RoundingPlan
from prunetext.models.transformer.rounded import RoundedLinear, rounded_encoder


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_file_with_factors_computes_as_its_reference(encoder: Callable[[str], Any], architecture: str) -> None:
    model = encoder(architecture).factorised()
    words, formats = model.words.num_embeddings, dict.fromkeys(model.number_parts(), "int8")
    batch = random_texts(words, 12, [2, 3])
    evening = evening_of(model, batch)
    assert set(evening) == {
        name for name, part in model.named_modules() if isinstance(part, torch.nn.Linear) and is_evened(name)
    }
    graph = encoder_graph(model, ["a", "b", "c"], 1.0, formats, RoundingPlan(evening=evening))
    plain = encoder_graph(model, ["a", "b", "c"], 1.0, formats)
    assert graph.ByteSize() == plain.ByteSize()
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    fed = {"input_ids": batch - 1, "attention_mask": torch.ones_like(batch), "token_type_ids": 0 * batch}
    given = {each.name for each in session.get_inputs()}
    (found,) = session.run(["probabilities"], {name: each.numpy() for name, each in fed.items() if name in given})
    with torch.no_grad():
        expected = torch.softmax(rounded_encoder(model, formats, evening)(batch), 1)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_large_column_no_longer_hides_the_others() -> None:
    torch.manual_seed(0)
    x, layer = torch.randn(200, 16), torch.nn.Linear(16, 8)
    x[:20, 3] *= 60
    with torch.no_grad():
        exact = layer(x)
        evening = (1 / best_factors(x, [layer.weight])).numpy()
        before, after = ((RoundedLinear(layer, each)(x) - exact).square().mean() for each in (None, evening))
    assert after < before / 4
    assert evening.argmin() == 3


def test_what_is_even_stays_and_nothing_is_no_error() -> None:
    torch.manual_seed(0)
    weights = [torch.randn(4, 8), torch.randn(2, 8)]
    assert best_factors(torch.zeros(3, 8), weights).tolist() == [1.0] * 8
    assert torch.isfinite(best_factors(torch.randn(9, 8), [torch.zeros(4, 8)])).all()


def test_a_training_goes_on_behind_it(encoder: Callable[[str], Any]) -> None:
    model = encoder("bert").ours().train()
    evening_of(model, random_texts(40, 8, []))
    assert model.training
    assert not any(each._forward_hooks for each in model.modules())
