"""A graph whose activations are floats again computes with the file's own weights."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from helpers.encoders import ARCHITECTURES
from prunetext.models.transformer.float_activations import with_float_activations
from prunetext.models.transformer.graph import encoder_graph
from prunetext.models.transformer.model import TextEncoder
from prunetext.models.transformer.numbered import array
from prunetext.models.transformer.numbers import MOST_OF_ROW, MOST_OF_WEIGHT, WORDS_PART, integer_rows, part_of

LABELS = ["a", "b", "c"]


def answers_of(graph: onnx.ModelProto, ids: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    fed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    return np.asarray(session.run(["logits"], {each.name: fed[each.name] for each in session.get_inputs()})[0])


@torch.no_grad()
def with_rounded_weights(model: TextEncoder) -> TextEncoder:
    """The model with the numbers that int8 leaves of its weights."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and part_of(f"{name}.weight") != WORDS_PART:
            module.weight.copy_(torch.from_numpy(integer_rows(array(module.weight), MOST_OF_WEIGHT).floats()))
    for table in (model.positions, model.project):
        if table is not None:
            table.weight.copy_(table.weight.half().float())
    model.words.weight.copy_(torch.from_numpy(integer_rows(array(model.words.weight), MOST_OF_ROW).floats()))
    return model


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_weights_are_those_of_the_file(encoder: Callable[[str], Any], architecture: str) -> None:
    model = encoder(architecture).ours()
    packed = encoder_graph(model, LABELS, formats=dict.fromkeys(model.number_parts(), "int8"))
    before = packed.SerializeToString()
    graph = with_float_activations(packed)
    assert packed.SerializeToString() == before, "it is a copy"
    onnx.checker.check_model(graph, full_check=True)
    kinds = {each.op_type for each in graph.graph.node}
    assert not kinds & {"DynamicQuantizeLinear", "MatMulInteger"}
    ids = np.random.default_rng(0).integers(4, model.words.num_embeddings, (5, 9))
    found = answers_of(graph, ids)
    with torch.no_grad():
        expected = with_rounded_weights(model)(torch.from_numpy(ids + 1)).numpy()
    np.testing.assert_allclose(found, expected, atol=2e-4)
    assert not np.allclose(found, answers_of(packed, ids), atol=1e-5), "activations of the file are rounded"


def test_a_graph_without_int8_stays_as_it_is(encoder: Callable[[str], Any]) -> None:
    graph = encoder_graph(encoder("bert").ours(), LABELS)
    assert with_float_activations(graph) == graph
