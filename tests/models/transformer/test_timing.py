"""A table of times: what models cost by it, and what it is not made of."""

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunetext.models.groups import TIME
from prunetext.models.times import Times
from prunetext.models.transformer.stopwatch import measured_counts, measured_times, usual_batch
from prunetext.models.transformer.timing import TimeTable, interpolated, monotone, slope
from prunetext.pruning.shrinking import shrink

TABLE = TimeTable(32, heads=((1, 100.0), (2, 150.0), (4, 300.0)), neurons=((16, 80.0), (40, 200.0)), outside=1000.0)
ROWS = st.lists(
    st.tuples(st.integers(1, 2000), st.floats(0, 1e9)), min_size=1, max_size=20, unique_by=lambda row: row[0]
)


@pytest.mark.parametrize("architecture", ["bert", "electra", "modernbert"])
def test_a_cut_model_costs_what_the_table_says_of_the_whole_one(
    encoder: Callable[[str], Any], architecture: str
) -> None:
    model = encoder(architecture).ours()
    kinds = ("layers", "heads", "neurons")
    groups, cost, layers = TABLE.groups(model, model.groups(kinds)), TABLE.cost(model), len(model.layers)
    assert cost({}) == 1000.0 + layers * 500.0
    kept = {group.name: np.ones(group.size, bool) for group in groups}
    kept["layers.0.heads"][2:] = kept["layers.1.neurons"][28:] = kept["layers"][-1] = False
    # Of one layer, half of the heads, of the next, 12 of 40 neurons, in the middle of two rows; and a whole layer.
    assert cost(kept) == pytest.approx(cost({}) - (150 + 60 if layers > 2 else 150) - 500)
    small = shrink(model, kept)
    assert TABLE.fits(small)
    assert TABLE.cost(small)({}) == pytest.approx(cost(kept))
    assert small.costs()[TIME]({}) == model.costs()[TIME](kept), "multiplications stay what they are"


def test_a_unit_costs_what_the_next_ones_save(encoder: Callable[[str], Any]) -> None:
    model = encoder("bert").ours()
    groups = {group.name: group for group in TABLE.groups(model, model.groups(("layers", "heads", "neurons")))}
    whole = {name: np.ones(group.size, bool) for name, group in groups.items()}
    assert groups["layers"].costs[TIME](whole).tolist() == [500.0, 500.0]
    assert groups["layers.0.heads"].costs[TIME](whole).tolist() == [75.0] * 4
    assert groups["layers.0.neurons"].costs[TIME](whole) == pytest.approx([5.0] * 40)
    whole["layers.0.heads"][2:] = whole["layers"][1] = False
    assert groups["layers.0.heads"].costs[TIME](whole).tolist() == [50.0] * 4
    assert groups["layers.1.heads"].costs[TIME](whole).tolist() == [0.0] * 4, "its layer has gone"
    assert groups["layers.0.heads"].costs["bytes"](whole)[0] > 0


def test_kinds_without_a_time_save_none(encoder: Callable[[str], Any]) -> None:
    model = encoder("bert").ours()
    (group,) = (each for each in model.groups(("neurons",)) if each.layer == "layer 0")
    (other,) = TABLE.groups(model, [group._replace(kind="dimensions")])
    assert TIME in group.costs
    assert TIME not in other.costs
    assert (TABLE.multiple(group), TABLE.multiple(group._replace(kind="heads"))) == (16, 1)


def test_a_table_is_about_models_of_its_hidden_size(encoder: Callable[[str], Any]) -> None:
    assert isinstance(TABLE, Times)
    assert TABLE.fits(encoder("bert").ours())
    assert not TABLE._replace(hidden=64).fits(encoder("bert").ours())


def test_what_is_left_of_the_whole_time_stands_outside_of_layers(encoder: Callable[[str], Any]) -> None:
    model = encoder("bert").ours()
    assert TABLE.completed(model, 3e-6).outside == pytest.approx(2000.0)
    assert TABLE.completed(model, 3e-6).cost(model)({}) == pytest.approx(3000.0)
    assert TABLE.completed(model, 1e-9).outside == 0.0, "measurements need not add up"


@given(ROWS)
def test_a_monotone_table_is_the_nearest_that_never_falls(rows: list[tuple[int, float]]) -> None:
    found = monotone(rows)
    assert [count for count, _ in found] == sorted(count for count, _ in rows)
    assert all(low <= high * (1 + 1e-12) for (_, low), (_, high) in pairwise(found))
    assert sum(time for _, time in found) == pytest.approx(sum(time for _, time in rows))
    drawn = dict(rows)
    if all(drawn[low] <= drawn[high] for low, high in pairwise(sorted(drawn))):
        assert found == tuple(sorted(rows))


@given(ROWS, st.integers(1, 2000))
def test_more_units_never_take_less_time(rows: list[tuple[int, float]], count: int) -> None:
    found = monotone(rows)
    assert interpolated(found, count) <= interpolated(found, count + 1) * (1 + 1e-9)
    assert slope(found, count) >= 0
    assert (slope(found, count) > 0) == (interpolated(found, count) > found[0][1] and count > found[0][0])


@given(ROWS.filter(lambda rows: max(time for _, time in rows) > 0), st.floats(0, 1e9))
def test_a_table_comes_back_from_json(rows: list[tuple[int, float]], outside: float) -> None:
    level = [(count, time) for (count, _), time in zip(sorted(rows), sorted(time for _, time in rows), strict=True)]
    table = TimeTable(8, tuple(level), tuple(level), outside)
    assert TimeTable.of(json.loads(json.dumps(table.fields()))) == table


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden": 0},
        {"hidden": "8"},
        {"hidden": True},
        {"outside": -1.0},
        {"outside": float("nan")},
        {"outside": 1e300},
        {"heads": []},
        {"heads": None},
        {"heads": [[0, 1.0]]},
        {"heads": [[1, 1.0], [1, 2.0]]},
        {"heads": [[2, 1.0], [1, 2.0]]},
        {"heads": [[1, 2.0], [2, 1.0]]},
        {"heads": [[1, 0.0]]},
        {"heads": [[1.5, 1.0]]},
        {"heads": [[1, "2"]]},
        {"heads": [[1, 1.0, 1.0]]},
        {"heads": [[1, float("inf")]]},
        {"neurons": [[at, float(at)] for at in range(1, 1000)]},
        {"more": 1},
    ],
)
def test_a_damaged_table_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="it"):
        TimeTable.of({**TABLE.fields(), **changes})
    with pytest.raises(ValueError, match="no table"):
        TimeTable.of({name: value for name, value in TABLE.fields().items() if name != "outside"})


def test_a_tiny_encoder_can_be_measured(encoder: Callable[[str], Any]) -> None:
    for architecture in ("bert", "modernbert"):
        model = encoder(architecture).ours()
        table = measured_times(model, tokens=6, texts=3, seconds=0.0)
        assert TimeTable.of(table.fields()) == table, "positive, finite and monotone"
        assert [count for count, _ in table.heads] == [1, 2, 3, 4]
        assert [count for count, _ in table.neurons] == measured_counts(40, 16) == [16, 32, 40]
        assert table.fits(model)


def test_counts_and_batches_are_those_that_matter() -> None:
    assert measured_counts(1, 1) == [1]
    assert measured_counts(7, 16) == [7]
    assert measured_counts(1536, 16)[-9:] == [96, 192, 384, 576, 768, 960, 1152, 1344, 1536]
    assert usual_batch([5000]) == (5000, 1)
    assert usual_batch([]) == (1, 1)
