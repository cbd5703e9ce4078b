"""Every run keeps its frontier, and a candidate of it can be taken by its number."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from helpers.runs import copy_run, fit, prune
from helpers.tables import write_splits
from prunetext.data.dataset import Data
from prunetext.errors import InputError, RunError
from prunetext.fitting.finishing import Result
from prunetext.fitting.frontier import numbered
from prunetext.pruning.steps import Outcome
from prunetext.runtime.states import read_state

SMALL = {"dimensions": 24, "filters": 16, "widths": "1,2", "epochs": 8.0, "criterion": "taylor"}


@pytest.fixture(scope="module")
def fitted(data: Data, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A folder with data, and a run on them; no test changes them."""
    folder = tmp_path_factory.mktemp("frontier")
    write_splits(folder / "data", data)
    return folder, fit(folder / "data", out=folder / "run", max_drop=3.0, **SMALL)


@pytest.fixture
def both(fitted: tuple[Path, Result], tmp_path: Path) -> Path:
    """A copy of them that may be changed."""
    return copy_run(fitted[0], tmp_path / "both")


def test_candidates_are_numbered_from_the_largest() -> None:
    rows = [Outcome(1.0, 900, 0.0), Outcome(0.3, 300, 2.0), Outcome(0.6, 600, 0.1), Outcome(0.3, 300, 1.0)]
    assert numbered(rows) == [0, 2, 1, 3]


def test_a_run_tells_of_every_candidate_of_its_search(fitted: tuple[Path, Result]) -> None:
    folder, result = fitted
    history = [json.loads(line) for line in (folder / "run" / "history.jsonl").read_text("utf-8").splitlines()]
    assert len(result.frontier) == len(history) > 3
    assert [each.number for each in result.frontier] == list(range(1, len(history) + 1))
    sizes = [each.bytes for each in result.frontier]
    assert sizes == sorted((row["bytes"] for row in history), reverse=True)
    (chosen,) = (each for each in result.frontier if each.chosen)
    assert chosen.accepted
    assert chosen.bytes == min(each.bytes for each in result.frontier if each.accepted)
    for each in result.frontier:
        assert each.low <= each.drop <= each.high
        assert each.texts_per_second is not None
        assert each.texts_per_second > 100
    stored = read_state(folder / "run" / "result.json")["frontier"]
    assert stored == [each._asdict() for each in result.frontier]


def test_a_run_whose_time_is_over_measures_no_speed(data: Data, tmp_path: Path) -> None:
    result = fit(data, out=tmp_path / "run", max_drop=3.0, max_time=0.05, **SMALL)
    assert {each.texts_per_second for each in result.frontier} == {None}


def test_the_candidate_that_the_search_chose_is_the_same_model_if_it_is_picked(
    fitted: tuple[Path, Result], tmp_path: Path
) -> None:
    folder, result = fitted
    (chosen,) = (each for each in result.frontier if each.chosen)
    again = prune(folder / "run", pick=chosen.number, out=tmp_path / "again")
    assert again.reason == f"candidate {chosen.number} was picked"
    before, after = (load_file(each / "pruned.safetensors") for each in (folder / "run", tmp_path / "again"))
    assert before.keys() == after.keys()
    assert all(after[name].equal(tensor) for name, tensor in before.items())
    assert [row[:2] for row in again.frontier] == [row[:2] for row in result.frontier]
    assert [row.chosen for row in again.frontier] == [row.chosen for row in result.frontier]
    assert read_state(tmp_path / "again" / "recipe.json")["pick"] == chosen.number


@pytest.mark.parametrize("place", [0, 1, -1])
def test_any_candidate_can_be_picked(fitted: tuple[Path, Result], tmp_path: Path, place: int) -> None:
    folder, result = fitted
    wanted = result.frontier[place]
    picked = prune(folder / "run", pick=wanted.number, out=tmp_path / "picked", max_drop=20.0)
    assert next(each for each in picked.frontier if each.chosen).number == wanted.number
    assert abs(picked.size - wanted.bytes) < 0.25 * wanted.bytes, "the file has its provenance, too"
    # A picked run is a run like any other.
    smaller = prune(tmp_path / "picked", out=tmp_path / "smaller", max_size=2_900)
    assert smaller.size <= 2_900
    assert "pick" not in read_state(tmp_path / "smaller" / "recipe.json")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"pick": 0}, "pick is 0: the frontier of that run has candidates from 1 to"),
        ({"pick": 99}, "pick is 99: the frontier of that run has candidates from 1 to"),
        ({"pick": 2.5}, "pick is 2.5: it must be a whole number"),
        ({"pick": 2, "max_size": "3kB"}, "pick takes a model as it is, and max_size would ask for another one."),
        ({"pick": 2, "criterion": "obs"}, "pick takes a model as it is, and criterion would ask for another one."),
    ],
)
def test_what_cannot_be_picked_is_one_sentence(
    fitted: tuple[Path, Result], tmp_path: Path, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError) as error:
        prune(fitted[0] / "run", out=tmp_path / "new", **options)
    assert str(error.value).startswith(sentence)


def test_a_candidate_whose_weights_are_gone_is_refused(both: Path, tmp_path: Path) -> None:
    rows = read_state(both / "run" / "result.json")["frontier"]
    number = next(row["number"] for row in rows if not row["chosen"] and row["number"] > 1)
    for each in (both / "run" / "steps").iterdir():
        each.unlink()
    whole = prune(both / "run", pick=1, out=tmp_path / "whole")
    assert whole.frontier[0].texts_per_second is not None
    assert {row.texts_per_second for row in whole.frontier[1:]} == {None}, "their weights are gone, and nothing else"
    with pytest.raises(RunError, match=f"Candidate {number} is no longer among the steps of that run."):
        prune(both / "run", pick=number, out=tmp_path / "new")


SOUND = {"keep": 1, "bytes": 3, "drop": 0}


@pytest.mark.parametrize(
    "change",
    [
        "{",
        '{"bytes": "many"}',
        *(json.dumps({**SOUND, **odd}) for odd in ({"odd": 1}, {"left": []}, {"harm": -1}, {"bytes": 0}, {"held": 1})),
        *(json.dumps({**SOUND, "key": key}) for key in ("../../elsewhere", "/tmp/0123456789abcdef", 7)),
        '{"keep": 1, "bytes": 3, "drop": NaN}',
    ],
)
def test_a_damaged_history_is_refused(
    both: Path, tmp_path: Path, change: str, resealed: Callable[[Path], None]
) -> None:
    path = both / "run" / "history.jsonl"
    path.write_text(change + "\n", "utf-8")
    resealed(both / "run")
    with pytest.raises(RunError, match="is damaged, or of an earlier version"):
        prune(both / "run", pick=1, out=tmp_path / "new")


@pytest.fixture
def resealed() -> Callable[[Path], None]:
    """Record a finished run's files anew, as if the run had written them so."""
    from prunetext.fitting.parts import RESULT, belonging
    from prunetext.runtime.states import write_state

    def work(run: Path) -> None:
        write_state(run / RESULT, {**read_state(run / RESULT), "files": belonging(run)})

    return work
