"""The encoder beside transformers' own, its masked and its shrunk form, and its graph in ONNX."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.encoders import ARCHITECTURES
from prunetext.models.groups import BYTES, TIME
from prunetext.models.transformer.graph import encoder_graph
from prunetext.models.transformer.grouping import TRANSFORMER_KINDS
from prunetext.models.transformer.model import TextEncoder
from prunetext.pruning.shrinking import expand, masked, shrink

KINDS = tuple(TRANSFORMER_KINDS)
LENGTHS = torch.tensor([12, 3, 7, 1])


def some_ids(words: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids of four texts of unequal length, and which of them are tokens."""
    random = torch.Generator().manual_seed(0)
    ids = torch.randint(4, words, (4, 12), generator=random)
    return ids, torch.arange(12) < LENGTHS[:, None]


def batch_of(model: TextEncoder, *, pairs: bool = False) -> torch.Tensor:
    """The same as a batch; of pairs, with a third of the tokens in the second text."""
    words = model.words.num_embeddings
    ids, inside = some_ids(words)
    second = (torch.arange(12) >= 8) & torch.tensor(pairs and model.token_kinds is not None)
    return torch.where(inside, 1 + ids + words * second, 0)


def kept_of(model: TextEncoder, seed: int) -> Mapping[str, np.ndarray]:
    """Random units of random groups, at least the floor of each."""
    random = np.random.default_rng(seed)
    kept = {}
    for group in model.groups(KINDS):
        if random.random() < 0.8:
            kept[group.name] = random.random(group.size) < 0.6
            kept[group.name][random.integers(group.size)] = True
    return kept


@pytest.mark.parametrize("pooling", ["mean", "first"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_features_are_those_of_transformers(encoder: Callable[[str], Any], architecture: str, pooling: str) -> None:
    made = encoder(architecture)
    ids, inside = some_ids(len(made.found.tensors["words.weight"]))
    padding = made.theirs.config.pad_token_id or 0
    with torch.no_grad():
        states = made.theirs(torch.where(inside, ids, padding), attention_mask=inside.long()).last_hidden_state
        expected = states[:, 0] if pooling == "first" else (states * inside[:, :, None]).sum(1) / LENGTHS[:, None]
        model = made.ours(pooling=pooling)
        batch = torch.where(inside, 1 + ids, 0)
        x = model.embedded(batch, inside)
        for layer in model.layers.values():
            x = layer(x, inside[:, None, None, :])
        found = model.pooled(x if model.final_norm is None else model.final_norm(x), inside)
        np.testing.assert_allclose(found, expected, atol=1e-5)
        np.testing.assert_allclose(model(batch), model.head(expected), atol=1e-4)


@pytest.mark.parametrize("architecture", ["bert", "electra"])
def test_the_second_text_of_a_pair_has_another_kind(encoder: Callable[[str], Any], architecture: str) -> None:
    made = encoder(architecture)
    model = made.ours()
    ids, inside = some_ids(model.words.num_embeddings)
    kinds = (torch.arange(12) >= 8).long().expand(4, -1)
    with torch.no_grad():
        states = made.theirs(
            torch.where(inside, ids, 0), attention_mask=inside.long(), token_type_ids=kinds
        ).last_hidden_state
        expected = model.head((states * inside[:, :, None]).sum(1) / LENGTHS[:, None])
        np.testing.assert_allclose(model(batch_of(model, pairs=True)), expected, atol=1e-4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.no_grad()
def test_hidden_states_go_by_the_numbers_of_layers(encoder: Callable[[str], Any], architecture: str) -> None:
    model = encoder(architecture).ours()
    batch, numbers = batch_of(model), list(model.layers)
    logits, states = model.revealed(batch)
    assert torch.equal(logits, model(batch))
    assert list(states) == numbers
    assert all(each.shape == (int(LENGTHS.sum()), 32) for each in states.values())
    small = shrink(model, {"layers": np.arange(len(numbers)) != 0})
    logits, left = small.eval().revealed(batch)
    assert torch.equal(logits, small(batch))
    assert list(left) == numbers[1:]
    last = model.final_norm(states[numbers[-1]]) if model.final_norm is not None else states[numbers[-1]]
    first_text = last[: int(LENGTHS[0])].mean(0)
    torch.testing.assert_close(model.head(first_text), model(batch)[0], rtol=1e-4, atol=1e-4)


def bytes_of_tensors(model: TextEncoder) -> int:
    """Bytes of a packed file's tensors, but for those of the graph; rows of positions that no text has count, too."""
    graph = encoder_graph(model, ["a", "b", "c"], formats=dict.fromkeys(model.number_parts(), "int8")).graph
    own = (".weight", ".bias", ".scales", ".evening", ".even")
    more = 0 if model.positions is None else model.layout.first_position * model.positions.embedding_dim
    return sum(len(each.raw_data) for each in graph.initializer if each.name.endswith(own)) + 2 * more


@pytest.mark.parametrize("form", ["ours", "factorised"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@settings(max_examples=8)
@given(seed=st.integers(0, 1000))
def test_a_shrunk_model_is_the_masked_one(
    encoder: Callable[[str], Any], architecture: str, form: str, seed: int
) -> None:
    model = getattr(encoder(architecture), form)()
    kept, batch = kept_of(model, seed), batch_of(model)
    with torch.no_grad():
        small = shrink(model, kept).eval()
        with masked(model, kept):
            expected = model(batch)
        np.testing.assert_allclose(small(batch), expected, atol=1e-4)
        assert isinstance(small, TextEncoder)
        for resource in (BYTES, TIME):
            assert small.costs()[resource]({}) == pytest.approx(model.costs()[resource](kept))
        assert small.costs()[BYTES]({}) == bytes_of_tensors(small)
        np.testing.assert_allclose(expand(small, model, kept).eval()(batch), expected, atol=1e-4)


@pytest.mark.parametrize("form", ["ours", "factorised"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_units_cost_what_their_removal_saves(encoder: Callable[[str], Any], architecture: str, form: str) -> None:
    model = getattr(encoder(architecture), form)()
    groups = model.groups(KINDS)
    assert {group.kind for group in groups} == {*KINDS} - ({"ranks"} if form == "ours" else set())
    for before in ({}, kept_of(model, 5)):
        for group in groups:
            stays = before.get(group.name, np.ones(group.size, bool))
            first = int(np.flatnonzero(stays)[0])
            kept = {**before, group.name: stays & (np.arange(group.size) != first)}
            for resource in (BYTES, TIME):
                cost = model.costs()[resource]
                assert group.costs[resource](before)[first] == pytest.approx(cost(before) - cost(kept))


def test_a_layer_that_goes_takes_its_heads_with_it(encoder: Callable[[str], Any]) -> None:
    model = encoder("bert").ours()
    small = shrink(model, {"layers": np.array([False, True])})
    assert isinstance(small, TextEncoder)
    assert list(small.layers) == ["1"]
    assert small.counts() == {"layers": 1, "heads": 4, "neurons": 40, "hidden": 32, "ranks": 32}
    assert shrink(small, {"layers.1.heads": np.array([True, False, False, True])}).counts()["heads"] == 2


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("several", [False, True])
def test_the_graph_gives_the_same(encoder: Callable[[str], Any], architecture: str, several: bool) -> None:
    whole, product = encoder(architecture).ours(), encoder(architecture).factorised()
    for model in (whole, *(shrink(each, kept_of(each, 3)).eval() for each in (whole, product)), product):
        graph = encoder_graph(model, ["a", "b", "c"], 1.5, several=several)
        onnx.checker.check_model(graph, full_check=True)
        session = onnxruntime.InferenceSession(graph.SerializeToString())
        batch, words = batch_of(model, pairs=True), model.words.num_embeddings
        fed = {"input_ids": (batch - 1).clamp(min=0) % words, "attention_mask": (batch > 0).long()}
        if "token_type_ids" in {each.name for each in session.get_inputs()}:
            fed["token_type_ids"] = (batch - 1).clamp(min=0) // words
        found, logits = session.run(["probabilities", "logits"], {name: each.numpy() for name, each in fed.items()})
        with torch.no_grad():
            expected = model(batch)
        np.testing.assert_allclose(logits, expected, atol=1e-4)
        scores = expected / 1.5
        np.testing.assert_allclose(found, torch.sigmoid(scores) if several else torch.softmax(scores, 1), atol=1e-5)
        domains = {each.domain for each in graph.graph.node}
        assert domains == {""}
