"""The whole way in one function: train, prune, pack, judge; and again from the pruning on."""

from __future__ import annotations

import dataclasses
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from numpy.typing import ArrayLike

from prunetext.data.dataset import Data, Examples
from prunetext.data.splitting import split
from prunetext.errors import InputError
from prunetext.fitting.checks import (
    check_data,
    check_measures,
    check_method,
    check_shape,
    matching_class,
    read_data,
    take_options,
)
from prunetext.fitting.earlier import EarlierRun
from prunetext.fitting.finishing import Result, finish
from prunetext.fitting.folder import SENSITIVITY, STEPS, Run, write_rows
from prunetext.fitting.stages import Job, budget_of, dense_model, search, task_of
from prunetext.models.groups import KINDS
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.pair import kind_of
from prunetext.models.textcnn.starting import digest, new_model, shares_of, vocabulary_of
from prunetext.models.textcnn.vectors import check_vectors, start
from prunetext.options import (
    FitOptions,
    ModelOptions,
    PruneOptions,
    ReadOptions,
    TeachOptions,
    VectorOptions,
    check_options,
    check_teaching,
    chosen,
    describe,
    parse_widths,
    recorded,
)
from prunetext.pruning.budget import Budget
from prunetext.pruning.criteria.criterion import load_criterion
from prunetext.pruning.methods import Method, load_method, parse_kinds
from prunetext.pruning.schedules import load_schedule
from prunetext.pruning.sensitivity import Sensitivity
from prunetext.pruning.sensitivity import sensitivity as measure
from prunetext.teaching.lessons import PLACES, REST, find_teaching, names_of
from prunetext.teaching.teachers import teachers_of
from prunetext.training.loop import Progress, threads, threads_for
from prunetext.training.pace import dropout

TURN = threading.Lock()  # PyTorch has one generator a process: fits of several threads take turns


def fit(
    data: Data | Examples | str | Path,
    *,
    out: str | Path,
    dev: str | Path | None = None,
    test: str | Path | None = None,
    overwrite: bool = False,
    vectors: Mapping[str, ArrayLike] | str | Path | None = None,
    progress: Callable[[str, Progress], None] | None = None,
    **options: Any,
) -> Result:
    """Train a classifier, prune it within a budget, and pack it into one file.

        result = prunetext.fit("reviews.csv", max_drop=0.5, out="runs/reviews")
        result.path         # runs/reviews/model.safetensors

    data: a source as for `prunetext.read`, what that gives, or `Examples` of your own. out: the folder of the run.
    dev, test: files, where `data` is a path. vectors: of words, to start from, as a file (docs/vectors.md says of which
    kinds) or as a mapping of words to vectors of equal length; `channels` says whether they are trained.
    progress: called with the stage's name and how far it is.
    An unfinished run of the same recipe in `out` is resumed; a finished one is an error without `overwrite`, and stays
    until the new one has ended. Whatever is wrong with the input raises `InputError` before anything is written.

    options:
    """
    if not str(out):
        raise InputError("out is an empty name: give a new folder.")
    kinds = (ReadOptions, ModelOptions, FitOptions, VectorOptions, TeachOptions)
    reading, shape, fitting, learnt, teaching = take_options("fit", options, *kinds)
    check_options(fitting, shape)
    check_vectors(vectors, learnt.train_vectors, shape)
    check_teaching(teaching)
    budget, method = budget_of(fitting), check_method(fitting)
    widths = parse_widths(shape.widths)
    where = {"data": data, "dev": dev, "test": test} if isinstance(data, (str, Path)) else {}
    data = read_data(data, dev, test, Path(out), reading)
    given = sorted(name for name, _ in data.splits() if name != "train")
    source = dataclasses.replace(data, dev=None, test=None).fingerprint()
    notes = data.report.lines()
    data = split(data, seed=fitting.seed)
    labels = data.labels
    check_data(data, labels)
    check_measures(data, labels, fitting)
    taught = find_teaching(data, teaching, encoding=reading.encoding, source=source, given=given)
    words = vocabulary_of(taught.texts, shape)
    texts = taught.data.train.all_texts
    known, shape, covered = start(vectors, learnt.train_vectors, words, texts, shape, fitting.seed, taught.texts)
    shares = shares_of(data.train, labels)
    hidden = dropout(bool(taught.teachers), shares is not None)
    kind = kind_of(1 if data.train.pairs is None else 2, matching_class(labels, fitting.positive))

    def untrained() -> TextCNN:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(fitting.seed)
            return new_model(words, len(labels), shape, widths, known, hidden, kind, shares)

    with TURN, torch.random.fork_rng(devices=[]):  # what the caller draws after this is as if it had not been
        first = untrained()
        check_shape(first.shape)
        recipe = {name: value for each in (shape, fitting, learnt) for name, value in recorded(each).items()}
        recipe |= {"data": data.fingerprint(), "given": given, "source": source}
        recipe["vectors"] = None if known is None else digest(first.embedding)
        recipe |= {name: value for name, value in chosen(teaching).items() if name not in PLACES}
        recipe |= {} if (name := taught.digest()) is None else {"taught": name}
        # As many threads everywhere as in training: a sum that is shared out otherwise is rounded otherwise.
        with threads(threads_for(first)), Run(Path(out), recipe, overwrite=overwrite) as run:
            run.write_source({**source_of({**where, "vectors": vectors}, reading), **places_of(teaching)})
            job = Job(run, taught, words, labels, budget, untrained, progress)
            settings = job.settings(fitting)
            dense, epochs, ended = dense_model(job, first, settings)
            found = search(job, dense, epochs, method, settings, ended)
            return finish(job, dense, epochs, found, [*notes, *covered], fitting.precision)


def prune(
    run: str | Path,
    *,
    out: str | Path,
    data: Data | Examples | str | Path | None = None,
    overwrite: bool = False,
    progress: Callable[[str, Progress], None] | None = None,
    **options: Any,
) -> Result:
    """Prune the dense model of a finished run again, with another method or budget.

        result = prunetext.prune("runs/reviews", max_size="30kB", out="runs/reviews-30kB")

    The data are read again from where they were; `data` says where they are now. They must be the same texts, which
    are split in the same way. What the run's own search found out is not done again where the new search comes by it.
    Everything else is as for `prunetext.fit`.

    options, of which criterion, schedule, groups, metric and positive are those of the run if they are not given:
    """
    if not str(out):
        raise InputError("out is an empty name: give a new folder.")
    take_options("prune", options, PruneOptions)
    earlier = EarlierRun(Path(run), options)
    budget, method = budget_of(earlier.fitting), check_method(earlier.fitting)
    read, notes = earlier.read(data, Path(out))
    check_measures(read, read.labels, earlier.fitting)
    taught = earlier.taught(read)
    with TURN, torch.random.fork_rng(devices=[]):
        dense, words, labels, epochs, _ = earlier.dense()
        if earlier.untrained is None and (method.needs_untrained or earlier.must_teach_itself(taught)):
            earlier.start_again(words, labels, taught.texts)
        with threads(threads_for(dense)), Run(Path(out), earlier.recipe, overwrite=overwrite) as new:
            moved = {"data": data, "vectors": earlier.source.get("vectors")}
            source = earlier.source if data is None else source_of(moved, earlier.reading)
            new.write_source({**source, **places_of(earlier.teaching)})
            new.take_steps(Path(run))
            new.take_beliefs(Path(run))
            job = Job(new, taught, words, labels, budget, earlier.untrained, progress)
            settings = job.settings(earlier.fitting)
            found = search(job, dense, epochs, method, settings)
            return finish(job, dense, epochs, found, notes, earlier.fitting.precision)


def sensitivity(
    run: str | Path,
    *,
    data: Data | Examples | str | Path | None = None,
    criterion: str = PruneOptions.criterion,
    groups: str = ",".join(KINDS),
) -> list[Sensitivity]:
    """Measure what each group of a finished run's dense model could do without, alone and without recovery, on dev.

        rows = prunetext.sensitivity("runs/reviews")
        rows[0].group, rows[0].share, rows[0].drop        # also in runs/reviews/sensitivity.jsonl

    `criterion` says which units go first, `groups` which kinds are measured; `data` is as for `prunetext.prune`. The
    texts of test are not looked at.
    """
    earlier = EarlierRun(Path(run), {"criterion": criterion, "groups": groups})
    method = Method(criterion, load_criterion(criterion), load_schedule("oneshot"), parse_kinds(groups))
    kinds = tuple(kind for kind in method.kinds if kind not in method.criterion.refuses)
    method = method._replace(kinds=kinds) if kinds else load_method(criterion, "oneshot", groups)  # which says why
    read, _ = earlier.read(data, Path(run))
    with TURN, torch.random.fork_rng(devices=[]), tempfile.TemporaryDirectory() as scratch:
        dense, words, labels, epochs, _ = earlier.dense()
        taught = earlier.taught(read)
        if earlier.untrained is None and earlier.must_teach_itself(taught):
            earlier.start_again(words, labels, taught.texts)
        with threads(threads_for(dense)), Run(Path(scratch) / "run", earlier.recipe, overwrite=False) as new:
            new.take_beliefs(Path(run))
            job = Job(new, taught, words, labels, Budget(), earlier.untrained, None)
            settings = job.settings(earlier.fitting)
            task = task_of(job, dense, epochs, method.kinds, settings)
            rows = list(measure(task, method, new.folder(STEPS)))
    write_rows(Path(run) / SENSITIVITY, (row._asdict() for row in rows))
    return rows


for function, kinds in (
    (fit, (FitOptions, TeachOptions, ModelOptions, VectorOptions, ReadOptions)),
    (prune, (PruneOptions,)),
):
    function.__doc__ = (function.__doc__ or "").rstrip() + "\n" + describe(*kinds)


def source_of(where: Mapping[str, Any], reading: ReadOptions) -> dict[str, Any]:
    """Where the data lie and how they are read, so that they can be read again; nothing of data from memory."""
    places = {name: place_of(value) for name, value in where.items() if isinstance(value, (str, Path))}
    return {**places, "reading": dataclasses.asdict(reading)}


def places_of(teaching: TeachOptions) -> dict[str, Any]:
    """Where the teachers and the unlabelled texts are."""
    teachers, files = teachers_of(teaching.teacher), names_of(teaching.unlabelled)
    found = {"teacher": list(map(place_of, teachers)), "unlabelled": list(map(place_of, files))}
    return {name: ",".join(places) or None for name, places in found.items()}


def place_of(name: str | Path) -> str:
    """A name that means the same from any folder."""
    return str(Path(name).resolve()) if Path(name).exists() and name != REST else str(name)
