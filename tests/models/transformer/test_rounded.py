"""Files whose parts have numbers of all formats, beside the same arithmetic in torch."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.encoders import ARCHITECTURES
from prunetext.models.transformer.graph import encoder_graph
from prunetext.models.transformer.model import TextEncoder
from prunetext.models.transformer.numbers import NUMBER_FORMATS, UNCLIPPED, integer_rows, parts_in
from prunetext.models.transformer.rounded import RoundedLinear, rounded_activations, rounded_encoder
from prunetext.pruning.shrinking import shrink

LABELS = ["a", "b", "c"]


def asked(graph: onnx.ModelProto, batch: torch.Tensor, words: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and logits of a graph."""
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    fed = {"input_ids": (batch - 1).clamp(min=0) % words, "attention_mask": (batch > 0).long()}
    if "token_type_ids" in {each.name for each in session.get_inputs()}:
        fed["token_type_ids"] = (batch - 1).clamp(min=0) // words
    found = session.run(["probabilities", "logits"], {name: each.numpy() for name, each in fed.items()})
    return found[0], found[1]


def some_texts(model: TextEncoder, lengths: list[int]) -> torch.Tensor:
    """Texts of these lengths; the ends of shorter ones are empty."""
    ids = torch.randint(4, model.words.num_embeddings, (len(lengths), 12), generator=torch.Generator().manual_seed(3))
    return torch.where(torch.arange(12) < torch.tensor(lengths)[:, None], 1 + ids, 0)


def halved(model: TextEncoder) -> TextEncoder:
    """The model without a third of its hidden dimensions, and half of its ranks."""
    kept = {"hidden": np.arange(32) % 3 > 0, "ranks": np.arange(model.words.embedding_dim) % 2 == 0}
    return cast(TextEncoder, shrink(model, kept)).eval()


@pytest.mark.parametrize("form", ["whole", "halved"])
@pytest.mark.parametrize("kind", NUMBER_FORMATS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_file_computes_as_its_reference(
    encoder: Callable[[str], Any], architecture: str, kind: str, form: str
) -> None:
    model = encoder(architecture).ours() if form == "whole" else halved(encoder(architecture).factorised())
    formats = dict.fromkeys(model.number_parts(), kind)
    # Layers that look at neighbours only make other numbers of nothing in torch, and all numbers have one step.
    batch = some_texts(model, [12, 12] if any(model.layout.windows) else [12, 3, 7, 1])
    graph = encoder_graph(model, LABELS, 1.5, formats)
    onnx.checker.check_model(graph, full_check=True)
    found, logits = asked(graph, batch, model.words.num_embeddings)
    with torch.no_grad():
        expected = rounded_encoder(model, formats)(batch)
        plain = model(batch)
    np.testing.assert_allclose(found, torch.softmax(expected / 1.5, 1), atol=1e-4)
    assert abs(logits - plain.numpy()).max() < 0.2, "numbers of all formats say about the same"
    if kind != "float32":
        assert not np.allclose(logits, plain, atol=1e-5), "what is not rounded is not tested"


@pytest.mark.parametrize("architecture", ["bert", "electra", "modernbert"])
def test_parts_of_different_formats_go_together(encoder: Callable[[str], Any], architecture: str) -> None:
    model = halved(encoder(architecture).factorised())
    batch = some_texts(model, [12, 12])
    for shift in range(3):
        formats = {part: NUMBER_FORMATS[(at + shift) % 3] for at, part in enumerate(model.number_parts())}
        found, _ = asked(encoder_graph(model, LABELS, 1.0, formats), batch, model.words.num_embeddings)
        with torch.no_grad():
            np.testing.assert_allclose(found, torch.softmax(rounded_encoder(model, formats)(batch), 1), atol=1e-4)


def test_the_attention_shares_what_it_rounds(encoder: Callable[[str], Any]) -> None:
    model = encoder("modernbert").ours()
    graph = encoder_graph(model, LABELS, formats=dict.fromkeys(model.number_parts(), "int8")).graph
    count = [each.op_type for each in graph.node].count
    assert count("DynamicQuantizeLinear") == 4 * len(model.layers)
    assert count("MatMulInteger") == 7 * len(model.layers)


def test_onnxruntime_has_one_operation_for_a_product(encoder: Callable[[str], Any], tmp_path: Any) -> None:
    model = encoder("bert").ours()
    graph = encoder_graph(model, LABELS, formats=dict.fromkeys(model.number_parts(), "int8"))
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 4
    onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
    kinds = [each.op_type for each in onnx.load(tmp_path / "optimised.onnx").graph.node]
    assert kinds.count("MatMulIntegerToFloat") == 3 * len(model.layers)  # of query, key and value
    assert kinds.count("DynamicQuantizeMatMul") == 3 * len(model.layers)
    assert kinds.count("MatMulInteger") == 0


@given(seed=st.integers(0, 1000), most=st.sampled_from([63, 127]))
def test_clipping_never_makes_a_row_worse(seed: int, most: int) -> None:
    random = np.random.default_rng(seed)
    rows = (random.standard_t(3, (5, 40)) * 10.0 ** random.integers(-8, 8, (5, 1))).astype(np.float32)
    rows[0] = 0
    best, plain = (
        ((each.floats() - rows) ** 2).sum(1) for each in (integer_rows(rows, most), integer_rows(rows, most, UNCLIPPED))
    )
    assert (best <= plain * (1 + 1e-5)).all()
    found = integer_rows(rows, most)
    assert abs(found.values.astype(int)).max() <= most
    assert not found.values[0].any()
    assert (
        abs(integer_rows(rows, most, UNCLIPPED).floats() - rows) <= abs(rows).max(1, keepdims=True) / most * 0.51
    ).all()


@given(seed=st.integers(0, 1000))
def test_activations_are_within_half_a_step(seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(4, 6, generator=random) + 3 * torch.randn((), generator=random)
    integers, step = rounded_activations(x)
    assert ((integers * step - x).abs() <= 1.01 * step).all(), "half a step, and half of one more for where 0 is"
    assert integers.max() - integers.min() <= 255
    assert torch.equal(rounded_activations(torch.zeros(3))[0], torch.zeros(3))


def test_a_rounded_layer_is_nearly_the_layer() -> None:
    torch.manual_seed(0)
    layer, x = torch.nn.Linear(32, 8), torch.randn(10, 32)
    np.testing.assert_allclose(RoundedLinear(layer)(x).detach(), layer(x).detach(), atol=0.05)


def test_parts_are_the_words_and_two_of_each_layer(encoder: Callable[[str], Any]) -> None:
    model = encoder("electra").ours()
    parts = model.number_parts()
    assert list(parts) == ["words", *(f"layers.{at}.{kind}" for at in model.layers for kind in ("attention", "dense"))]
    assert parts["words"] == model.words.weight.numel()
    assert parts == parts_in(model.weights().shapes)
