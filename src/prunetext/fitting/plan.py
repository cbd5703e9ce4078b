"""The plan of a run: everything that is decided before training."""

from __future__ import annotations

import dataclasses
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

from prunetext.data.checking import check_data
from prunetext.data.dataset import Data, Examples
from prunetext.data.sources import is_pattern
from prunetext.data.splitting import split
from prunetext.data.task import Task
from prunetext.errors import InputError, require
from prunetext.fitting.checks import check_measures, check_method, read_data, take_options
from prunetext.fitting.effort import Effort
from prunetext.fitting.rules import check_options, check_teaching
from prunetext.models.protocol import Beginning, Family, Request, Trained, family_named, load_family
from prunetext.options import (
    NONE,
    DenseOptions,
    FitOptions,
    PruneOptions,
    ReadOptions,
    TeachOptions,
    VectorOptions,
    chosen,
)
from prunetext.pruning.budget import DEFAULT_DROP, Budget, parse_size, parse_speed, parse_time
from prunetext.pruning.methods import Method
from prunetext.pruning.steps import Outcome
from prunetext.statistics.metrics import Measure, measure_of
from prunetext.statistics.watch import rare_classes
from prunetext.teaching.automatic import AUTOMATIC, automatic_teachers, teaching_seconds
from prunetext.teaching.cache import cache_folder, made_folder
from prunetext.teaching.lessons import PLACES, REST, Teaching, find_teaching, labels_per_class, names_of
from prunetext.teaching.teachers import teachers_of
from prunetext.training.losses import balanced, class_counts
from prunetext.training.pace import dropout, pace
from prunetext.training.settings import Settings

BEGINNING_TIME = 0.35  # share of max_time at which word vectors must be trained
TEACHING_TIME = 0.2  # share of max_time that the automatic teacher may take, as far as can be guessed
UNWEIGHTED = "Weights of texts count in the model's own training, not in its teacher's."
WITHOUT_TEACHER = ("f1", "map", "mrr")  # metrics for which there is no automatic teacher

Recipe = Mapping[str, Any]  # all that the result depends on, as written in the run's folder and in its files


class Pick(NamedTuple):
    """A candidate of an earlier search that is to be taken: its number on the frontier, and that search's rows."""

    number: int
    history: tuple[Outcome, ...]


@dataclass(frozen=True)
class Plan:
    """The plan of a run, made by `fit`, or from an earlier run that is pruned again.

    teaching has the split data, with the labels to learn from. beginning: the reader of texts, and the untrained model.
    dense: the model of an earlier run, which is not trained again. source: where everything is, not part of the recipe.
    notes: for the user, so far.
    """

    family: Family
    teaching: Teaching
    labels: list[str]
    beginning: Beginning
    fitting: FitOptions
    budget: Budget
    method: Method
    effort: Effort
    recipe: Recipe
    source: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    dense: Trained | None = None
    beliefs: Path | None = None  # of an earlier run's model that taught itself
    steps: Path | None = None  # of an earlier run's search
    pick: Pick | None = None

    @property
    def data(self) -> Data:
        """The texts, in three splits."""
        return self.teaching.data

    @property
    def task(self) -> Task:
        """The model's task."""
        return self.data.train.task

    @property
    def work(self) -> int:
        """The dense model's multiplications per token."""
        return self.beginning.work if self.dense is None else self.dense.model.work

    def splits(self) -> dict[str, Examples]:
        """Train, dev and test."""
        return dict(self.data.splits())

    def measure(self, name: str) -> Measure:
        """The metric that judges a split."""
        return measure_of(self.fitting.metric, self.splits()[name], self.labels, self.fitting.positive)

    def trained(self, model: Any, thresholds: list[float] | None = None, epochs: float = 0.0) -> Trained:
        """A model with everything that it needs to label texts."""
        return Trained(self.family.name, model, self.labels, self.task, self.beginning.reader, thresholds, epochs)

    @property
    def refits(self) -> bool:
        """Whether the final models learn texts of dev, too: by default, if fit took it from train."""
        asked, given = self.fitting.refit, self.recipe.get("given")
        if asked is not None or not self.method.schedule.recovers:
            return bool(asked)
        own = given is not None and "dev" not in given and self.teaching.options.labels_per_class is None
        return own and self.fitting.class_weights == "none" and not self.has_rare_classes

    @property
    def has_rare_classes(self) -> bool:
        """Whether train has few texts of a label: search and confirmation hold it by dev, which must stay unseen."""
        counts = Counter(label for labels in self.data.train.label_lists for label in labels)
        return bool(rare_classes([counts[label] for label in self.labels]))

    @property
    def allowed_drop(self) -> float:
        """The points that the packed model may lose: the verdict is about them, whatever the search goes by."""
        return DEFAULT_DROP if self.budget.max_drop is None else self.budget.max_drop

    @property
    def speed_seconds(self) -> float:
        """How long a speed is measured: under a tight max_time, a sixtieth of it at most."""
        usual, most = self.effort.speed_seconds, self.budget.max_time
        return usual if most is None else min(usual, most / 60)

    def settings(self, texts: int, targets: torch.Tensor) -> Settings:
        """How to train the dense model on so many texts, with these targets."""
        taught, options, fitting = bool(self.teaching.teachers), self.teaching.options, self.fitting
        epochs = fitting.epochs or (self.teaching.diet.epochs if self.teaching.diet else None)
        usual = pace(texts, epochs, fitting.seed, taught=taught, task=self.task, classes=len(self.labels))
        differs = {name: each for name, each in self.family.pace(texts).items() if not (name == "epochs" and epochs)}
        settings = self.effort.settings(dataclasses.replace(usual, **differs))
        if self.evened(targets):  # all epochs, and the one that is best for rare classes
            settings = dataclasses.replace(settings, best_by="loss", patience=sys.maxsize)
        return dataclasses.replace(
            settings,
            soft_share=options.teacher_share,
            temperature=options.teacher_temperature if taught else 1.0,
            class_weights=self.class_weights(targets),
            ranking=fitting.ranking,
        )

    def evened(self, targets: torch.Tensor) -> list[int]:
        """The rare classes that class weights shall make as frequent as others, if there are any."""
        return rare_classes(class_counts(targets, len(self.labels))) if self.class_weights(targets) else []

    def class_weights(self, targets: torch.Tensor) -> tuple[float, ...]:
        """Weights of the labels in the loss, or none."""
        return balanced(targets, len(self.labels)) if self.fitting.class_weights == "balanced" else ()


def budget_of(options: PruneOptions) -> Budget:
    """The requested budget, or half a point if there is none.

    >>> budget_of(PruneOptions()).max_drop, budget_of(PruneOptions(schedule="oneshot:units=0.9")).max_drop
    (0.5, None)

    A schedule that says how much goes, as the second one does, needs no budget.
    """
    budget = Budget(
        options.max_drop, parse_size(options.max_size), parse_time(options.max_time), parse_speed(options.min_speed)
    )
    free = budget.max_drop is None and budget.max_size is None and budget.min_speed is None
    free = free and not options.schedule.startswith("oneshot:")
    return budget._replace(max_drop=DEFAULT_DROP) if free else budget


def plan_fit(
    data: Data | Examples | str | Path,
    dev: str | Path | None,
    test: str | Path | None,
    out: Path,
    vectors: Any,
    options: dict[str, Any],
    effort: Effort,
    began: float | None = None,
) -> Plan:
    """Check everything that `fit` was given, and plan the run; wrong input raises `InputError`.

    began: the moment from which the budget's time is counted, if word vectors that are trained are to keep it.
    """
    kinds = (ReadOptions, DenseOptions, FitOptions, VectorOptions, TeachOptions)
    reading, shape, fitting, learnt, teaching = take_options("fit", options, *kinds)
    family = load_family(family_named(shape.model))
    check_options(fitting, shape)
    family.check(shape, learnt, vectors)
    check_teaching(teaching)
    fitting = with_method(fitting, family)
    budget, method = budget_of(fitting), check_method(fitting, family, effort)
    where = {"data": data, "dev": dev, "test": test} if isinstance(data, (str, Path)) else {}
    whole = read_data(data, dev, test, out, reading)
    given = sorted(name for name, _ in whole.splits() if name != "train")
    source = dataclasses.replace(whole, dev=None, test=None).fingerprint()
    parts = split(whole, seed=fitting.seed)
    labels = parts.labels
    check_data(parts, labels)
    check_measures(parts, labels, fitting)
    shape = family.settle(shape, parts.train)
    if teaching.teacher == AUTOMATIC and not family.taught:
        teaching = dataclasses.replace(teaching, teacher=NONE)
        check_teaching(teaching)
    teaching, remarks = settled(teaching, parts, fitting, budget, shape.tokenizer)
    taught = find_teaching(
        parts, teaching, encoding=reading.encoding, source=source, given=given, tokenizer=shape.tokenizer
    )
    hidden = dropout(bool(taught.teachers), parts.train.task)
    request = Request(taught.data, labels, taught.texts, shape, learnt, fitting.seed, hidden, vectors, fitting.positive)
    if began is not None and budget.max_time is not None:
        request = request._replace(deadline=began + BEGINNING_TIME * budget.max_time)
    beginning = family.begin(request)
    recipe = {**beginning.recipe, **dataclasses.asdict(fitting)}
    recipe |= {"data": parts.fingerprint(), "given": given, "source": source}
    recipe |= {name: value for name, value in chosen(teaching).items() if name not in PLACES}
    recipe |= {} if parts.train.label_type == "str" else {"label_type": parts.train.label_type}
    recipe |= {} if (name := taught.digest()) is None else {"taught": name}
    start = vectors if family.taught else shape.model  # what the model begins with
    places = {**source_of({**where, "vectors": start}, reading), **places_of(teaching)}
    notes = (*whole.report.lines(), *remarks, *beginning.notes)
    return Plan(family, taught, labels, beginning, fitting, budget, method, effort, recipe, places, notes)


def settled(
    teaching: TeachOptions, data: Data, fitting: FitOptions, budget: Budget, tokenizer: str
) -> tuple[TeachOptions, list[str]]:
    """The options without the automatic teacher where it would do harm or has no time, and notes on that.

    It would where rare classes count more than their number, as its answers are about frequent ones; where texts have
    weights, which it has not; where rows are ranked; and beside unlabelled texts, by which the model teaches itself.
    """
    weighted = data.train.weights is not None
    if teaching.teacher != AUTOMATIC:
        return teaching, [UNWEIGHTED] if weighted and teaching.teacher not in (None, NONE) else []
    alone, train = (
        dataclasses.replace(teaching, teacher=NONE),
        labels_per_class(data, teaching.labels_per_class)[0].train,
    )
    harmed = weighted or teaching.unlabelled or fitting.class_weights != "none" or fitting.metric in WITHOUT_TEACHER
    if harmed or not automatic_teachers(train, len(data.labels), tokenizer):
        check_teaching(alone)  # texts that only a teacher could label are in vain
        return alone, []
    late = budget.max_time
    if late is not None and teaching_seconds(train, len(data.labels), tokenizer) > TEACHING_TIME * late:
        return alone, ["max_time leaves no time for the automatic teacher."]
    try:
        require("sklearn", extra="train")
        made_folder(cache_folder())
    except InputError as error:
        return alone, [f"The model learnt without the automatic teacher. {error}"]
    return teaching, []


def with_method(fitting: FitOptions, family: Family) -> FitOptions:
    """The options, with the family's criterion, and the kinds of groups that it prunes, if none are named."""
    groups, criterion = fitting.groups, fitting.criterion or family.criterion
    if groups is None:
        groups = ",".join(family.default_kinds)
    return dataclasses.replace(fitting, groups=groups, criterion=criterion)


def source_of(where: Mapping[str, Any], reading: ReadOptions) -> dict[str, Any]:
    """Where the data are and how they are read, for reading them again; empty for data from memory."""
    places = {name: place_of(value) for name, value in where.items() if isinstance(value, (str, Path))}
    return {**places, "reading": dataclasses.asdict(reading)}


def places_of(teaching: TeachOptions) -> dict[str, Any]:
    """The places of the teachers and the unlabelled texts."""
    teachers, files = teachers_of(teaching.teacher), names_of(teaching.unlabelled)
    found = {"teacher": list(map(place_of, teachers)), "unlabelled": list(map(place_of, files))}
    return {name: ",".join(places) or None for name, places in found.items()}


def place_of(name: str | Path) -> str:
    """A name that means the same from any folder."""
    own = name not in (REST, AUTOMATIC, NONE) and (Path(name).expanduser().exists() or is_pattern(str(name)))
    return str(Path(name).expanduser().resolve()) if own else str(name)


def check_out(out: str | Path) -> Path:
    """The folder of a run; `InputError` if its name is empty."""
    if not str(out):
        raise InputError("out is an empty name. Give a new folder.")
    return Path(out).expanduser()
