"""What each group alone could do without: the lowest share of it and of nothing else, measured on dev, test unasked."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch.nn import functional

import prunetext
from helpers.masking import mask
from helpers.runs import change_state, copy_run
from helpers.tables import write_splits
from prunetext.data.dataset import Data, Examples
from prunetext.errors import InputError
from prunetext.fitting.effort import Effort
from prunetext.fitting.parts import SENSITIVITY
from prunetext.modelfiles.trained import read_trained
from prunetext.models.encoded import Encoded
from prunetext.models.textcnn.grouping import TEXTCNN_KINDS
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.turning import balance, rotation, turn
from prunetext.pruning.budget import Budget
from prunetext.pruning.methods import load_method
from prunetext.pruning.problem import Problem
from prunetext.pruning.search import Search
from prunetext.pruning.sensitivity import REMOVED_SHARES, Sensitivity, sensitivities
from prunetext.pruning.shrinking import shrink
from prunetext.runtime.states import read_state
from prunetext.statistics.evaluation import paired_standard_error
from prunetext.training.answering import logits

ALL = tuple(TEXTCNN_KINDS)
SMALL = {
    "teacher": "none",
    "dimensions": 12,
    "filters": 8,
    "widths": "1,2",
    "epochs": 3.0,
    "max_drop": 100.0,
    "schedule": "oneshot",
}

QUICK = Effort(training={"batch_size": 16, "learning_rate": 1e-2, "embedding_rate": 4e-2, "patience": 99})
Call = Callable[..., tuple[int, str, str]]


def rounded(model: TextCNN) -> TextCNN:
    balance(model)
    model.fit_grid()
    return model


def answers(model: TextCNN, examples: Encoded) -> tuple[np.ndarray, float]:
    """Which texts are labelled rightly, and the mean cross-entropy."""
    found = logits(model, examples)
    return (found.argmax(1) == examples.targets).numpy(), float(functional.cross_entropy(found, examples.targets))


@pytest.mark.parametrize("criterion", ["magnitude", "taylor"])
def test_each_row_is_the_lowest_share_of_one_group(
    task: Problem,
    tmp_path: Path,
    searching: Callable[..., Search],
    scored: Callable[..., dict[str, np.ndarray]],
    criterion: str,
) -> None:
    task = replace(task, kinds=ALL)
    (tmp_path / "rows").mkdir()
    rows = list(sensitivities(task, load_method(criterion, "local", ALL), tmp_path / "rows"))
    search = searching(task, tmp_path, criterion, budget=Budget())
    model = copy.deepcopy(task.dense)
    turn(model, rotation(model, model.occurrences(task.train.ids)))
    scores = scored(criterion, model, search.maker.problem.sample, kinds=ALL)
    before, loss = answers(task.dense, task.dev)
    expected = []
    for group in model.groups(ALL):
        counts = dict.fromkeys(min(round(share * group.size), group.size - group.floor) for share in REMOVED_SHARES)
        for count in filter(None, counts):
            kept = np.ones(group.size, dtype=bool)
            kept[sorted(range(group.size), key=lambda unit, name=group.name: scores[name][unit])[:count]] = False
            # Shrunk, a filter that lost taps averages over fewer windows than masked.
            make = shrink if group.kind == "taps" else mask
            packed = rounded(make(model, {group.name: kept}))
            with packed.on_grid():
                now, after = answers(packed, task.dev)
            size = task.packed_size(rounded(shrink(model, {group.name: kept})))
            drop, error = 100 * (before.mean() - now.mean()), paired_standard_error(before, now)
            expected.append((group.name, count, count / group.size, size, drop, error, after - loss))
    assert [row[:4] for row in rows] == [row[:4] for row in expected]
    np.testing.assert_allclose([row[4:6] for row in rows], [row[4:6] for row in expected], atol=1e-9)
    np.testing.assert_allclose([row.loss for row in rows], [row[6] for row in expected], atol=1e-5)
    assert {group.kind for group in model.groups(ALL)} == set(ALL) - {"bigrams"}, "the model has none"
    assert max(row.drop for row in rows) > 5, "some removal must hurt, or the drops prove nothing"
    assert len({row.bytes for row in rows}) > len(rows) / 2


@pytest.fixture(scope="module")
def fitted(toy_data: Callable[..., Data], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, and a finished run on them; no test changes them."""
    folder = tmp_path_factory.mktemp("sensitivities")
    write_splits(folder / "data", toy_data(noise=0.1))
    prunetext.fit(folder / "data", out=folder / "run", effort=QUICK, **SMALL)
    return folder


@pytest.fixture
def both(fitted: Path, tmp_path: Path) -> Path:
    """A copy of them that may be changed."""
    return copy_run(fitted, tmp_path / "both")


def test_all_kinds_of_a_finished_run_are_measured_and_written(both: Path) -> None:
    before = {each.name for each in (both / "run").iterdir()}
    rows = prunetext.sensitivity(both / "run")
    groups = read_trained(both / "run" / "dense.safetensors").model.groups(ALL)
    assert list(dict.fromkeys(row.group for row in rows)) == [group.name for group in groups]
    assert {group.kind for group in groups} == set(ALL)
    assert {each.name for each in (both / "run").iterdir()} == before | {SENSITIVITY}
    lines = (both / "run" / SENSITIVITY).read_text("utf-8").splitlines()
    assert [Sensitivity(**json.loads(line)) for line in lines] == rows
    assert prunetext.sensitivity(both / "run") == rows, "again, it is the same"
    few = prunetext.sensitivity(both / "run", groups="filters,bits", criterion="random")
    assert {row.group.partition(".")[0] for row in few} == {"conv1", "conv2", "embedding"}
    assert len((both / "run" / SENSITIVITY).read_text("utf-8").splitlines()) == len(few)
    assert {each.name for each in (both / "run").iterdir()} == before | {SENSITIVITY}


def test_rows_end_with_a_group_that_has_no_more_to_give(both: Path) -> None:
    rows = prunetext.sensitivity(both / "run", groups="filters,dimensions")
    for name in {row.group for row in rows}:
        removed = [row.removed for row in rows if row.group == name]
        assert removed == sorted(set(removed)), "each number of units once, the smallest first"
        assert min(removed) > 0


def test_dev_is_asked_and_test_never(both: Path) -> None:
    rows = prunetext.sensitivity(both / "run")
    data = prunetext.read(both / "data")
    assert data.dev is not None
    assert data.test is not None

    def others(examples: Examples) -> Examples:
        swapped = {"class 0": "class 1", "class 1": "class 0"}
        return Examples(examples.texts, [swapped[label] for label in examples.labels])

    for changed, same in (
        (Data(data.train, data.dev, others(data.test)), True),
        (Data(data.train, others(data.dev), data.test), False),
    ):
        # The run is made to believe that these were its data.
        before, now = read_state(both / "run" / "recipe.json")["data"], changed.fingerprint()
        change_state(both / "run", "recipe.json", lambda text, old=before, new=now: text.replace(old, new))
        write_splits(both / "data", changed)
        assert (prunetext.sensitivity(both / "run") == rows) is same


def test_the_command_prints_a_table_or_json(both: Path, call: Call) -> None:
    code, out, err = call("sensitivity", both / "run", "--criterion", "taylor", "--json")
    assert (code, err) == (0, "")
    rows = [Sensitivity(**row) for row in json.loads(out)]
    assert rows == prunetext.sensitivity(both / "run", criterion="taylor")
    assert rows != prunetext.sensitivity(both / "run")
    code, out, err = call("sensitivity", both / "run", "--criterion", "taylor")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == ["group", "removed", "share", "bytes", "drop", "±", "error", "loss"]
    for row, line in zip(rows, lines[1:], strict=False):
        numbers = (f"{row.bytes:,}", f"{row.drop:.2f}", f"{row.error:.2f}", f"{row.loss:+.4f}")
        assert line.split() == [row.group, f"{row.removed:,}", f"{100 * row.share:.0f}", "%", *numbers]
    assert lines[len(rows) + 1] == ""
    assert "without recovery, on dev" in lines[-1]


NO_OPTION = "No such option: --{0}"
ENDS = {
    "out": (NO_OPTION.format("out"), "{run} --out {tmp}/out"),
    "size": (NO_OPTION.format("max-size"), "{run} --max-size 4kB"),
    "schedule": (NO_OPTION.format("schedule"), "{run} --schedule oneshot"),
    "overwrite": (NO_OPTION.format("overwrite"), "{run} --overwrite"),
    "no run": (
        "{tmp} holds no finished run: its recipe.json is missing. Give the --out of a fit.\n",
        "{tmp}",
    ),
    "no arguments": ("run is missing. Give the --out of a fit.\n", ""),
    "criterion": ("criterion 'best' is unknown. Choose one of fisher, ", "{run} --criterion best"),
    "group": ("groups has 'heads'. Choose any of ", "{run} --groups heads"),
    "refused": (
        "criterion lasso does not go with groups bits: ",
        "{run} --criterion lasso --groups bits",
    ),
    "moved": ("{tmp}/none: there is no such file or folder.", "{run} --data {tmp}/none"),
}


@pytest.mark.parametrize("case", ENDS)
def test_the_command_refuses_bad_input_in_one_sentence(case: str, fitted: Path, tmp_path: Path, call: Call) -> None:
    sentence, arguments = ENDS[case]
    names = {"run": fitted / "run", "tmp": tmp_path}
    code, out, err = call("sensitivity", *[each.format(**names) for each in arguments.split()])
    assert (code, out) == (2, "")
    assert err.startswith(sentence.format(**names))
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
    assert not (fitted / "run" / SENSITIVITY).exists()


def test_a_criterion_measures_what_it_does_not_refuse(both: Path) -> None:
    rows = prunetext.sensitivity(both / "run", criterion="lasso", groups="filters,bits")
    assert {row.group for row in rows} == {"conv1.filters", "conv2.filters"}
    with pytest.raises(InputError, match="does not go with groups bits"):
        prunetext.sensitivity(both / "run", criterion="lasso", groups="bits")


def test_options_are_those_of_python_too(both: Path, toy_data: Callable[..., Data]) -> None:
    with pytest.raises(InputError, match="other texts or labels"):
        prunetext.sensitivity(both / "run", data=toy_data(seed=9))
    with pytest.raises(InputError, match="criterion is 3: it must be"):
        prunetext.sensitivity(both / "run", criterion=3)  # type: ignore[arg-type]
    kept: dict[str, Any] = {"data": both / "data"}
    assert prunetext.sensitivity(both / "run", groups="vocabulary", **kept)
