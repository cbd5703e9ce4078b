"""What a unit costs is what the packed file loses without it, whatever else is gone."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from prunetext.models.textcnn.costs import Costs
from prunetext.models.textcnn.grouping import TEXTCNN_KINDS
from prunetext.models.textcnn.layout import UNKNOWN, WORDS
from prunetext.models.textcnn.model import TextCNN

Model = Callable[..., TextCNN]
Kept = dict[str, np.ndarray]


def some_kept(model: TextCNN, kinds: tuple[str, ...], seed: int) -> Kept:
    """Some of the units gone, of taps only those at edges, of bits one after another."""
    rng, kept = np.random.default_rng(seed), {}
    for group in model.groups(kinds):
        kept[group.name] = rng.random(group.size) < 0.7
        kept[group.name][rng.integers(group.size)] = True
        if group.kind == "taps":
            width, filters = int(group.name[4]), group.size // int(group.name[4])
            first, size = rng.integers(0, width, (filters, 1)), rng.integers(1, width + 1, (filters, 1))
            kept[group.name] = ((np.arange(width) >= first) & (np.arange(width) < first + size)).ravel()
    if "bits" in kinds:
        kept["embedding.4bit"] |= kept["embedding.8bit"]
    return kept


@settings(max_examples=60)
@given(
    kind=st.sampled_from(["vocabulary", "bigrams", "dimensions", "filters", "taps", "bits"]),
    others=st.sets(st.sampled_from(["vocabulary", "bigrams", "dimensions", "filters", "taps", "bits"])),
    pooling=st.sampled_from(["max", "max+mean"]),
    seed=st.integers(0, 2**31),
)
def test_a_units_cost_is_what_the_file_loses_without_it(
    random_model: Model, kind: str, others: set[str], pooling: str, seed: int
) -> None:
    model = random_model(words=6, dimensions=4, filters={1: 2, 3: 3}, pooling=pooling, seed=seed, bigrams=5)
    kept = some_kept(model, tuple({kind, *others}), seed)
    for group in model.groups((kind,)):
        costs = group.costs["bytes"](kept)
        assert costs.shape == (group.size,)
        if kind == "bits":  # a word that has not so many bits, or is gone, saves none
            assert (costs[~kept[group.name]] == 0).all()
        works = group.costs["time"](kept) if "time" in group.costs else None
        for unit in np.flatnonzero(kept[group.name]):
            without = {**kept, group.name: kept[group.name].copy()}
            without[group.name][unit] = False
            if kind == "taps" and costs[unit] == 0:
                continue  # a hole in a filter saves nothing
            lost = model.costs()["bytes"](kept) - model.costs()["bytes"](without)
            assert costs[unit] == pytest.approx(lost, abs=1e-9)
            faster = model.costs()["time"](kept) - model.costs()["time"](without)
            assert faster == (0 if works is None else works[unit])


def test_a_single_weight_costs_what_its_bits_take(random_model: Model) -> None:
    model = random_model(words=4, dimensions=3, filters={2: 2})
    model.bits[WORDS + 1] = 4
    with torch.no_grad():
        model.embedding[WORDS + 2, 0] = 0
        model.conv(2).weight[1, 1, 2] = 0
    embedding, conv = model.groups(("weights",))
    kept = {"vocabulary": np.array([True, True, True, False]), "conv2.filters": np.array([False, True])}
    assert embedding.costs["bytes"](kept).reshape(4, 3).tolist() == [[1] * 3, [0.5] * 3, [0, 1, 1], [0] * 3]
    assert conv.costs["bytes"](kept).reshape(2, 2, 3).tolist() == [[[0] * 3] * 2, [[1] * 3, [1, 1, 0]]]
    assert (
        embedding.costs["bytes"]({"dimensions": np.array([False, True, True])}).reshape(4, 3)[:, 0].tolist() == [0] * 4
    )
    # Only the zeros beyond the map of one bit a weight save anything.
    whole = model.costs()["bytes"]({})
    gone = {"conv2.weight.single": np.ones(12, bool)}
    sizes = []
    for unit in range(12):
        gone["conv2.weight.single"][unit] = False
        sizes.append(whole - model.costs()["bytes"](gone))
    assert sizes == [max(0.0, min(unit + 2, 12) - 12 / 8) for unit in range(11)] + [10.5]


def test_tap_edges_are_the_first_and_last_of_what_is_left_and_never_the_last_one(random_model: Model) -> None:
    model = random_model(words=3, dimensions=2, filters={4: 5})
    units, kept = Costs(model), {"conv4.taps": np.ones((5, 4), bool)}
    kept["conv4.taps"][1, 0] = False
    kept["conv4.taps"][2, [0, 3]] = False
    kept["conv4.taps"][3, :3] = False
    kept["conv4.taps"][4, 1] = False  # a hole: the filter is as wide as before
    flat = {"conv4.taps": kept["conv4.taps"].ravel(), "conv4.filters": np.array([True] * 4 + [False])}
    edges = units.tap_edges(flat, 4).reshape(5, 4).astype(int).tolist()
    assert edges == [[1, 0, 0, 1], [0, 1, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    flat["conv4.filters"][4] = True
    assert units.tap_edges(flat, 4).reshape(5, 4)[4].tolist() == [True, False, False, True]
    assert units.taps(flat, 4).sum(1).tolist() == [4, 3, 2, 1, 4]
    assert units.tap_cost(flat, 4).reshape(5, 4)[0].tolist() == [2, 0, 0, 2]
    assert model.costs()["time"](flat) == 14
    assert model.groups(("taps",))[0].size == 20
    assert not random_model(filters={1: 3}).groups(("taps",))  # a filter of one tap has none to lose


def test_counts_of_each_kind(random_model: Model) -> None:
    model = random_model(words=4, dimensions=3, filters={1: 2, 3: 4}, bigrams=5)
    assert model.counts() == {
        "vocabulary": 4,
        "bigrams": 5,
        "dimensions": 3,
        "filters": 6,
        "taps": 2 * 1 + 4 * 3,
        "weights": 4 * 3 + (2 * 1 + 4 * 3) * 3,
        "bits": 4 * 8 * 3,
    }
    assert list(model.counts()) == list(TEXTCNN_KINDS)
    with torch.no_grad():
        model.embedding[UNKNOWN] = 0  # which is no word
        model.embedding[WORDS:, 1] = 0
        model.conv(3).weight[0] = 0
        model.conv(3).bias.zero_()
        model.head.weight.zero_()
    model.bits[WORDS] = 2
    assert model.counts()["weights"] == 4 * 2 + (2 * 1 + 3 * 3) * 3
    assert model.counts()["bits"] == (3 * 8 + 2) * 3


def test_every_group_has_a_kind_and_units_of_its_own(random_model: Model) -> None:
    model = random_model(words=6, dimensions=4, filters={1: 2, 3: 3}, bigrams=5)
    groups = model.groups(tuple(TEXTCNN_KINDS))
    assert [group.name for group in groups] == [
        "vocabulary",
        "bigrams",
        "dimensions",
        "conv1.filters",
        "conv3.filters",
        "conv3.taps",
        "embedding.single",
        "conv1.weight.single",
        "conv3.weight.single",
        "embedding.8bit",
        "embedding.4bit",
    ]
    assert [group.kind for group in groups if "time" in group.costs] == ["filters", "filters", "taps"]
    assert [group.floor for group in groups] == [1, 0] + [1] * 7 + [0, 0]
    assert not random_model().groups(("bigrams",))
    for kind in TEXTCNN_KINDS:
        assert model.groups((kind,))
        assert all(group.kind == kind for group in model.groups((kind,)))
