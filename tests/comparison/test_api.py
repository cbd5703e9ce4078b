"""Methods at equal bytes: every row there, within its budget, made once, the same after a kill, and blind to test."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import prunetext
from helpers.kills import KilledError
from helpers.runs import CAREFUL
from prunetext.comparison.rows import ComparedRow
from prunetext.comparison.summary import summarise
from prunetext.data.dataset import Data, Examples
from prunetext.errors import RunError
from prunetext.modelfiles.trained import read_trained
from prunetext.models.tensors import load_tensors
from prunetext.models.textcnn.reading import encode_examples
from prunetext.statistics.evaluation import verdict
from prunetext.training.answering import logits
from prunetext.training.loop import Progress

pytestmark = pytest.mark.usefixtures("without_fasttext")

SIZES = ("17/20", "7/10")
METHODS = ("taylor/local", "magnitude/oneshot")
LINEAR = "tf-idf + logistic regression"
SIZED = (*METHODS, "small from scratch", "small student", LINEAR)
KEYS = {(method, size, seed) for method in SIZED for size in SIZES for seed in (0, 1)}
KEYS |= {(method, "any", seed) for method in ("int8 alone", LINEAR) for seed in (0, 1)}


def keys(rows: list[ComparedRow]) -> list[tuple[str, str, int]]:
    return [(row.method, row.size, row.seed) for row in rows]


def same(rows: list[ComparedRow]) -> list[ComparedRow]:
    """Rows without what differs each time."""
    return [row._replace(seconds=0.0, texts_per_second=0.0) for row in rows]


def stored(out: Path) -> list[ComparedRow]:
    return [ComparedRow(**json.loads(line)) for line in (out / "rows.jsonl").read_text("utf-8").splitlines()]


def test_there_is_a_row_for_each_method_size_and_seed(whole: Any, data: Data) -> None:
    rows = whole.found.rows
    assert len(keys(rows)) == len(set(keys(rows)))
    assert set(keys(rows)) == KEYS
    assert stored(whole.out) == rows
    assert whole.found.lines == summarise(rows)
    for row in rows:
        assert (row.data, row.fingerprint) == ("toy", data.fingerprint())
        assert row.drop == pytest.approx(row.dense - row.test, abs=2e-3)
        assert row.low <= row.drop <= row.high
        assert row.verdict in ("kept", "undecided", "lost")
        assert row.texts_per_second > 0
        assert {"cpu", "cores", "threads", "python", "prunetext", "torch"} == row.machine.keys()
    assert {row.verdict for row in rows} > {"lost"}


def test_each_model_is_at_most_its_budget_and_not_much_smaller(whole: Any) -> None:
    sizes = {(row.method, row.size, row.seed): row for row in whole.found.rows}
    for seed in (0, 1):
        full = sizes["int8 alone", "any", seed]
        assert full.budget == full.bytes, "shares are of the file as it is"
        for method in SIZED:
            large, small = (sizes[method, size, seed] for size in SIZES)
            assert (large.budget, small.budget) == (int(0.85 * full.budget), int(0.7 * full.budget))
            assert small.bytes < large.bytes
            for row in (large, small):
                assert row.bytes <= row.budget
                if method != LINEAR:
                    assert row.bytes > 0.85 * row.budget


def test_the_dense_model_is_trained_once_a_seed_and_shared(whole: Any) -> None:
    assert whole.dense == 2
    assert len({row.dense for row in whole.found.rows if row.seed == 0}) == 1
    assert whole.stages.index("train") == 0
    assert {"train", "step 1", "baseline"} <= set(whole.stages)


def test_the_last_packed_file_answers_as_its_row_says(
    comparing: Callable[..., Any], tmp_path: Path, data: Data
) -> None:
    few = {"methods": "random/oneshot", "sizes": "4/10", "seeds": 1, "baselines": False}
    (row,) = comparing(tmp_path / "out", **few).found.rows
    folder = tmp_path / "out" / "seed-0" / "unfinished"
    packed = prunetext.load(folder / "compared.safetensors")
    trained = read_trained(folder / "dense.safetensors")
    dense, labels = trained.model, trained.labels
    assert packed.size == row.bytes
    right = {}
    for name, examples in data.splits():
        encoded = encode_examples(trained.reader.vocabulary(), examples, labels)
        right[name, "dense"] = (logits(dense, encoded).argmax(1) == encoded.targets).numpy()
        right[name, "packed"] = np.array(packed.predict(examples.texts)) == np.array(examples.labels)
    found = verdict(right["test", "dense"], right["test", "packed"], 0.5)
    accuracies = [100 * right[each].mean() for each in (("dev", "packed"), ("test", "packed"), ("test", "dense"))]
    assert [row.dev, row.test, row.dense] == pytest.approx(accuracies, abs=1e-3)
    assert row.dense not in (row.dev, row.test), "one taken for the other would be seen"
    assert [row.drop, row.low, row.high] == pytest.approx([found.drop, found.low, found.high], abs=1e-3)
    assert row.verdict == found.name


def test_repeated_it_makes_nothing_again(whole: Any, comparing: Callable[..., Any], tmp_path: Path) -> None:
    shutil.copytree(whole.out, tmp_path / "out")
    told: list[ComparedRow] = []
    again = comparing(tmp_path / "out", row=told.append)
    assert again.found.rows == whole.found.rows == told
    assert (again.dense, again.stages) == (0, [])
    assert again.found.lines == whole.found.lines


def test_what_other_rows_have_made_already_counts_with_its_seconds(
    comparing: Callable[..., Any], tmp_path: Path
) -> None:
    few = {"methods": "magnitude/local", "seeds": 1, "baselines": False, "epochs": 1.0}
    first = comparing(tmp_path / "out", **few).found.rows
    (tmp_path / "out" / "rows.jsonl").unlink()
    again = comparing(tmp_path / "out", **few)
    assert same(again.found.rows) == same(first)
    assert not again.stages, "nothing was trained"
    for now, then in zip(again.found.rows, first, strict=True):
        assert 0.5 * then.seconds < now.seconds < then.seconds + 1


# A kill while the dense model trains, between rows, in a recovery of the second seed, and in a baseline.
KILLS: list[tuple[str, int]] = [("train", 5), ("row", 2), ("step 1", 7), ("baseline", 20)]


def test_killed_and_repeated_it_gives_the_same_rows(whole: Any, comparing: Callable[..., Any], tmp_path: Path) -> None:
    for stage, at in KILLS:
        calls = {"row": 0}

        def count(name: str, at: int = at, stage: str = stage, calls: dict[str, int] = calls) -> None:
            calls[name] = calls.get(name, 0) + 1
            if name == stage and calls[name] == at:
                raise KilledError

        def progress(name: str, now: Progress, count: Callable[[str], None] = count) -> None:
            count(name)

        def row(each: ComparedRow, count: Callable[[str], None] = count) -> None:
            count("row")

        with pytest.raises(KilledError):
            comparing(tmp_path / "out", progress=progress, row=row, effort=CAREFUL)
    assert 0 < len(stored(tmp_path / "out")) < len(KEYS)
    assert same(comparing(tmp_path / "out", effort=CAREFUL).found.rows) == same(whole.found.rows)


def test_more_methods_sizes_and_seeds_add_rows(whole: Any, comparing: Callable[..., Any], tmp_path: Path) -> None:
    out = tmp_path / "out"
    few = comparing(out, methods="taylor/local", sizes=["17/20"], seeds=1, baselines=False)
    assert keys(few.found.rows) == [("taylor/local", "17/20", 0)]
    larger = comparing(out, methods=METHODS, sizes="17/20", seeds=1, baselines=False)
    assert larger.dense == 0
    assert keys(larger.found.rows) == [("taylor/local", "17/20", 0), ("magnitude/oneshot", "17/20", 0)]
    all_ = comparing(out)
    assert all_.dense == 1, "that of the second seed"
    assert all_.found.rows[:2] == larger.found.rows, "with their seconds: they were not made again"
    assert sorted(map(repr, same(all_.found.rows))) == sorted(map(repr, same(whole.found.rows)))


@pytest.mark.parametrize(("method", "goes_on"), [("magnitude/local", True), ("magnitude/oneshot", False)])
def test_the_way_to_a_smaller_size_goes_on_where_the_schedule_does(
    comparing: Callable[..., Any], tmp_path: Path, method: str, goes_on: bool
) -> None:
    few = {"methods": method, "seeds": 1, "baselines": False, "epochs": 1.0}
    comparing(tmp_path / "out", **few)
    steps = (tmp_path / "out" / "seed-0" / "unfinished" / "steps").glob("*.safetensors")
    parents = {each.stem: json.loads(load_tensors(each)[1]["parent"]) for each in steps}
    assert len(parents) > 1
    from_the_whole = [key for key, parent in parents.items() if parent not in parents]
    assert len(from_the_whole) == (1 if goes_on else len(parents))


def test_sizes_may_be_bytes(comparing: Callable[..., Any], tmp_path: Path) -> None:
    found = comparing(tmp_path / "out", sizes="3kB,3200", methods="random/oneshot", seeds=1, baselines=False).found
    assert [(row.size, row.budget) for row in found.rows] == [("3200", 3_200), ("3kB", 3_000)]
    assert all(row.bytes <= row.budget for row in found.rows)


def test_test_texts_influence_neither_dev_nor_bytes(
    whole: Any, comparing: Callable[..., Any], toy_data: Callable[..., Data], data: Data, tmp_path: Path
) -> None:
    strange = toy_data(test=45, seed=50).test
    assert strange is not None
    swapped = Examples(strange.texts, [f"class {label == 'class 0':d}" for label in strange.labels])
    other = comparing(tmp_path / "out", Data(data.train, data.dev, swapped, name="toy"), seeds=1).found.rows
    here = [row for row in whole.found.rows if row.seed == 0]
    unseen = ("method", "size", "seed", "budget", "bytes", "dev")
    assert [[getattr(row, name) for name in unseen] for row in other] == [
        [getattr(row, name) for name in unseen] for row in here
    ]
    pruned = [(row.test, mine.test) for row, mine in zip(other, here, strict=True) if row.method in METHODS]
    assert all(theirs < 50 < ours for theirs, ours in pruned), "test was another one"


def test_an_interrupted_dense_model_is_not_compared(whole: Any, comparing: Callable[..., Any], tmp_path: Path) -> None:
    def interrupt(stage: str, now: Progress) -> None:
        if (stage, now.done) == ("train", 12):  # when there is an epoch to keep
            raise KeyboardInterrupt

    few = {"methods": "taylor/local", "sizes": "17/20", "seeds": 1, "baselines": False, "effort": CAREFUL}
    with pytest.raises(KeyboardInterrupt):
        comparing(tmp_path / "out", progress=interrupt, **few)
    assert not (tmp_path / "out" / "rows.jsonl").exists()
    rows = comparing(tmp_path / "out", **few).found.rows
    assert same(rows) == same([row for row in whole.found.rows if keys([row]) == keys(rows)])


@pytest.mark.parametrize(("name", "value"), [("epochs", 4.0), ("filters", 9), ("max_drop", 1.0)])
def test_another_recipe_is_refused_in_one_sentence(
    whole: Any, comparing: Callable[..., Any], tmp_path: Path, name: str, value: float
) -> None:
    shutil.copytree(whole.out, tmp_path / "out")
    told: list[ComparedRow] = []
    with pytest.raises(RunError) as error:
        comparing(tmp_path / "out", row=told.append, **{name: value})
    out = tmp_path / "out"
    assert str(error.value) == f"{out} holds a comparison that differs in {name}. Repeat it, or give another --out."
    assert told == []
    assert stored(out) == whole.found.rows


def test_other_data_are_refused(
    whole: Any, comparing: Callable[..., Any], toy_data: Callable[..., Data], tmp_path: Path
) -> None:
    shutil.copytree(whole.out, tmp_path / "out")
    with pytest.raises(RunError, match="holds a comparison that differs in data"):
        comparing(tmp_path / "out", toy_data(seed=3))


def test_verdicts_allow_what_was_asked_for_even_if_it_is_nothing(comparing: Callable[..., Any], tmp_path: Path) -> None:
    few = {"methods": "random/oneshot", "sizes": "17/20", "seeds": 1, "baselines": False, "epochs": 0.2}
    for most, options in ((0.5, {}), (0.0, {"max_drop": 0.0}), (100.0, {"max_drop": 100.0})):
        (row,) = comparing(tmp_path / str(most), **few, **options).found.rows
        assert row.verdict == ("kept" if row.high <= most else "lost" if row.low > most else "undecided")
