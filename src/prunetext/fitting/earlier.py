"""A finished run as the start of another: its recipe, its data read again, its dense model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prunetext.data.checking import check_data
from prunetext.data.dataset import Data, Examples
from prunetext.data.splitting import split
from prunetext.errors import DamagedError, InputError, RunError
from prunetext.fitting.checks import check_measures, check_method, read_data
from prunetext.fitting.effort import Effort
from prunetext.fitting.parts import (
    BELIEFS,
    DENSE_MODEL,
    HISTORY,
    OLD_RUN,
    RECIPE,
    RESULT,
    RUN_FORMAT,
    SEARCHED_MODEL,
    SOURCE,
    STEPS_FOLDER,
    TOGETHER,
    no_run,
    read_json,
    refuse_mixed,
    remade,
)
from prunetext.fitting.plan import Pick, Plan, budget_of, places_of, source_of, with_method
from prunetext.fitting.rules import check_pruning, check_refit
from prunetext.modelfiles.trained import read_trained
from prunetext.models.protocol import Beginning, Family, Request, Trained, load_family
from prunetext.options import (
    NONE,
    DenseOptions,
    FitOptions,
    PruneOptions,
    ReadOptions,
    TeachOptions,
    VectorOptions,
    chosen,
    take,
)
from prunetext.pruning.methods import RENAMED, Method
from prunetext.pruning.steps import Outcome
from prunetext.pruning.store import weights_digest
from prunetext.runtime.states import damage_of, parsed
from prunetext.teaching.lessons import PLACES, Teaching, find_teaching
from prunetext.training.pace import dropout

OPTIONS_KEPT = (
    "criterion",
    "schedule",
    "groups",
    "metric",
    "positive",
    "refit",
    "hidden_states",
)  # unless others are given


@dataclass(frozen=True)
class Earlier:
    """A finished run: its recipe, its options, and the source of its data.

        earlier = read_earlier(Path("runs/reviews"), {"max_size": "30kB"})
        earlier.fitting.seed

    `recipe` and `source` are its own; `fitting` has its options with those of the new pruning, and only the new budget.
    """

    folder: Path
    recipe: Mapping[str, Any]
    source: Mapping[str, Any]
    reading: ReadOptions
    shape: DenseOptions
    learnt: VectorOptions
    fitting: FitOptions
    teaching: TeachOptions


def read_earlier(folder: Path, options: Mapping[str, Any]) -> Earlier:
    """Read a finished run; RunError if the folder holds none.

    options: for the new pruning; those that are no limits are those of the run if not given.
    """
    if folder.is_file():
        its_run = (folder.parent / RECIPE).is_file()
        remedy = f"Give the folder of its run, {folder.parent}." if its_run else "Give the --out of a fit, a folder."
        raise RunError(f"{folder}: this is a file. {remedy}")
    old = read_json(folder, RECIPE)
    if old.get("format") not in (RUN_FORMAT, OLD_RUN):
        raise RunError(f"{folder / RECIPE}: this is not the recipe of a run. Give the --out of a fit.")
    source = read_json(folder, SOURCE, old=old["format"] == OLD_RUN)
    if old["format"] == RUN_FORMAT:
        refuse_mixed(folder, RECIPE, SOURCE, searched_file(folder))

    def own(kind: type) -> Any:
        names = [each.name for each in dataclasses.fields(kind)]
        return take(kind, {name: old[name] for name in names if old.get(name) is not None})

    try:
        shape, learnt, fitting, teaching = map(own, (DenseOptions, VectorOptions, FitOptions, TeachOptions))
        named = {name: source[name] for name in PLACES if source.get(name) is not None}
        places = {"teacher": NONE, **named}
        teaching = take(TeachOptions, {**chosen(teaching), **places})
        reading = {name: value for name, value in source.get("reading", {}).items() if value is not None}
        reading = take(ReadOptions, reading)
    except (AttributeError, TypeError, OverflowError, InputError):
        raise RunError(f"{folder}: its {RECIPE} or {SOURCE} is damaged. Repeat the run.") from None
    kept = {name: getattr(fitting, name) for name in OPTIONS_KEPT}
    if kept["groups"] is not None:  # perhaps in the form of an earlier version
        kept["groups"] = ",".join(RENAMED.get(kind, kind) for kind in kept["groups"].split(","))
    pruning = take(PruneOptions, {**kept, **{name: value for name, value in options.items() if value is not None}})
    check_pruning(pruning)
    fitting = dataclasses.replace(fitting, **dataclasses.asdict(pruning))
    check_refit(fitting)
    return Earlier(folder, old, source, reading, shape, learnt, fitting, teaching)


def plan_again(
    earlier: Earlier,
    data: Data | Examples | str | Path | None,
    out: Path,
    effort: Effort,
    method: Callable[[FitOptions, Family, Effort], Method] = check_method,
    *,
    judged: bool = True,
    pick: int | None = None,
) -> Plan:
    """The plan of a new search on the run's dense model.

    data: the data's new place, if they have moved. method: makes the method from the options. judged: whether the
    metric judges dev and test. pick: the number of a candidate to take instead of searching. RunError if the data, the
    teacher or the vectors have changed since.
    """
    dense = dense_of(earlier)
    family = load_family(dense.family)
    fitting = with_method(earlier.fitting, family)
    budget, chosen_method = budget_of(fitting), method(fitting, family, effort)
    read, notes = data_of(earlier, data, out)
    if judged:
        check_measures(read, read.labels, fitting)
    taught = teaching_of(earlier, read)
    old = {name: value for name, value in earlier.recipe.items() if name not in ("format", "pick")}
    recipe = {**old, **dataclasses.asdict(fitting), "dense": weights_digest(dense.model)}
    if pick is not None:
        recipe["pick"] = pick
    beliefs, remark = earlier_beliefs(earlier.folder)
    teaches_itself = family.taught and taught.teaches_itself and beliefs is None
    untrained_needed = chosen_method.needs_untrained or teaches_itself
    beginning = beginning_of(earlier, family, taught, dense, needed=untrained_needed)
    moved = {"data": data, "vectors": earlier.source.get("vectors")}
    source = dict(earlier.source) if data is None else source_of(moved, earlier.reading)
    return Plan(
        family,
        taught,
        dense.labels,
        beginning,
        fitting,
        budget,
        chosen_method,
        effort,
        recipe,
        {**source, **places_of(earlier.teaching)},
        (*notes, *remark),
        dense,
        beliefs,
        earlier.folder / STEPS_FOLDER,
        None if pick is None else Pick(pick, history_of(earlier)),
    )


def earlier_beliefs(folder: Path) -> tuple[Path | None, list[str]]:
    """The beliefs of the run's model, if it taught itself; if they are damaged, a note instead."""
    path = folder / BELIEFS
    if not path.exists():
        return None, []
    reason = damage_of(path)
    return (path, []) if reason is None else (None, [remade(folder, path, reason)])


def data_of(
    earlier: Earlier, data: Data | Examples | str | Path | None, out: Path, columns: Sequence[str] = ()
) -> tuple[Data, list[str]]:
    """The data of the run, split as before, and notes on them; columns: further ones to read."""
    if data is None and "data" not in earlier.source:
        raise RunError(f"{earlier.folder} was trained on data in memory. Give them again as data.")
    where: Mapping[str, Any] = earlier.source if data is None else {"data": data}
    whole = read_data(where["data"], where.get("dev"), where.get("test"), out, earlier.reading, columns)
    parts = split(whole, seed=earlier.fitting.seed)
    if parts.fingerprint() != earlier.recipe["data"]:
        place = f"{earlier.source['data']}: the data have" if data is None else "The data given have"
        raise RunError(f"{place} other texts or labels than {earlier.folder}. Give that run's data with --data.")
    check_data(parts, parts.labels)
    return parts, whole.report.lines()


def teaching_of(earlier: Earlier, data: Data) -> Teaching:
    """The run's teachers and unlabelled texts, found again; RunError if they have changed."""
    recipe = earlier.recipe
    taught = find_teaching(
        data,
        earlier.teaching,
        encoding=earlier.reading.encoding,
        source=recipe.get("source"),
        given=recipe.get("given", ()),
        tokenizer=recipe.get("tokenizer", "bert/1"),
    )
    if taught.digest() != recipe.get("taught"):
        raise RunError(f"The teacher or the unlabelled texts of {earlier.folder} have changed since. Repeat the fit.")
    return taught


def history_of(earlier: Earlier) -> tuple[Outcome, ...]:
    """The rows of the run's search; RunError if they are damaged."""
    path = earlier.folder / HISTORY
    refuse_mixed(earlier.folder, HISTORY)
    try:
        return tuple(Outcome.of(parsed(line, path)) for line in path.read_text("utf-8").splitlines())
    except FileNotFoundError:
        raise no_run(earlier.folder, HISTORY) from None
    except (DamagedError, ValueError, TypeError, OverflowError):
        raise RunError(f"{path} is damaged, or of an earlier version. Repeat the run.") from None


def dense_of(earlier: Earlier) -> Trained:
    """The dense model that the run has pruned."""
    path = earlier.folder / searched_file(earlier.folder)
    if not path.exists():
        raise no_run(earlier.folder, path.name)
    return read_trained(path)


def searched_file(folder: Path) -> str:
    """The file of the dense model that a run has pruned: the final one may have learnt texts of dev."""
    files = read_json(folder, RESULT, old=True).get(TOGETHER)
    return SEARCHED_MODEL if isinstance(files, dict) and SEARCHED_MODEL in files else DENSE_MODEL


def beginning_of(earlier: Earlier, family: Family, taught: Teaching, dense: Trained, *, needed: bool) -> Beginning:
    """The start of the run's model; its word vectors, if any, are read or trained again if they are `needed`.

    RunError if that is impossible, or if they have changed.
    """
    folder, kind, place = earlier.folder, earlier.recipe.get("train_vectors"), earlier.source.get("vectors")
    vectors, learnt, again = (
        earlier.recipe["vectors"],
        earlier.learnt,
        f"schedule {earlier.fitting.schedule} starts again",
    )
    if vectors is not None and not needed:  # a caller may have given them, or they may be gone
        return Beginning(dense.reader, unknown_beginning, dense.model.work, [], {})
    if vectors is not None and kind is None and place is None:
        raise RunError(
            f"{folder} started from vectors that its caller gave, and {again}. Repeat the fit with that schedule, or "
            "choose another one."
        )
    hidden = dropout(bool(taught.teachers), taught.data.train.task)
    seed = earlier.fitting.seed
    request = Request(taught.data, dense.labels, taught.texts, earlier.shape, learnt, seed, hidden, place, like=dense)
    beginning = family.begin(request)
    if beginning.recipe["vectors"] != vectors:
        what = f"{place}: the vectors have" if kind is None else f"Word vectors that {kind} trains have"
        raise RunError(
            f"{what} changed since {folder}, and {again}. Repeat the fit with that schedule, or choose another one."
        )
    return beginning


def unknown_beginning() -> Any:
    """Stand in for an untrained model that nothing asks for."""
    raise AssertionError("this plan has no untrained model")
