"""A finished run as the start of another: its recipe, its data read again, its dense model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from prunetext.data.dataset import Data, Examples
from prunetext.data.splitting import split
from prunetext.errors import InputError, RunError
from prunetext.fitting.checks import check_data, read_data
from prunetext.fitting.folder import BELIEFS, FORMAT, RECIPE, SOURCE, no_run, read_json
from prunetext.modelfiles.trained import FloatModel, load_float
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.pair import kind_like
from prunetext.models.textcnn.starting import digest as start_digest
from prunetext.models.textcnn.starting import new_model, shares_of
from prunetext.models.textcnn.vectors import Vectors, start
from prunetext.options import (
    SELDOM,
    FitOptions,
    ModelOptions,
    PruneOptions,
    ReadOptions,
    TeachOptions,
    check_pruning,
    chosen,
    parse_widths,
    recorded,
    take,
)
from prunetext.pruning.store import digest
from prunetext.teaching.lessons import PLACES, Teaching, find_teaching
from prunetext.training.pace import dropout


class EarlierRun:
    """What another search needs of a finished run.

        earlier = EarlierRun(Path("runs/reviews"), {"max_size": "30kB"})
        data, notes = earlier.read(None, Path("runs/smaller"))
        dense, words, labels, epochs, thresholds = earlier.dense()

    `fitting` are the options of that run with those given for the new pruning, and no other budget. RunError where the
    folder holds no finished run, or one whose data have changed since.
    """

    def __init__(self, folder: Path, options: Mapping[str, Any]) -> None:
        self.folder = folder
        self.old, self.source = read_json(folder, RECIPE), read_json(folder, SOURCE)
        if self.old.get("format") != FORMAT:
            raise RunError(f"{folder / RECIPE}: this is no recipe of a run. Give the --out of a fit.")
        try:
            self.shape, fitting, teaching = map(self._options, (ModelOptions, FitOptions, TeachOptions))
            places = {name: self.source[name] for name in PLACES if self.source.get(name) is not None}
            self.teaching = take(TeachOptions, {**chosen(teaching), **places})
            reading = {name: value for name, value in self.source.get("reading", {}).items() if value is not None}
            self.reading = take(ReadOptions, reading)
        except (AttributeError, TypeError, InputError):
            raise RunError(f"{folder}: its {RECIPE} or {SOURCE} is damaged. Repeat the run.") from None
        own = {name: getattr(fitting, name) for name in ("criterion", "schedule", "groups", "metric", "positive")}
        pruning = take(PruneOptions, {**own, **{name: value for name, value in options.items() if value is not None}})
        check_pruning(pruning)
        self.fitting = dataclasses.replace(fitting, **dataclasses.asdict(pruning))
        self.untrained: Callable[[], TextCNN] | None = None
        self.recipe: dict[str, Any] = {}
        self.shares: list[float] | None = None  # of train's texts that have each label, where there may be several

    def _options(self, kind: type) -> Any:
        names = [each.name for each in dataclasses.fields(kind)]
        return take(kind, {name: self.old[name] for name in names if self.old.get(name) is not None})

    def read(self, data: Data | Examples | str | Path | None, out: Path) -> tuple[Data, list[str]]:
        """The data of the run, split as they were, and what was noticed in them."""
        if data is None and "data" not in self.source:
            raise RunError(f"{self.folder} was made of data in memory: give them again as data.")
        where: dict[str, Any] = self.source if data is None else {"data": data}
        found = read_data(where["data"], where.get("dev"), where.get("test"), out, self.reading)
        notes = found.report.lines()
        found = split(found, seed=self.fitting.seed)
        if found.fingerprint() != self.old["data"]:
            place = f"{self.source['data']}: the data have" if data is None else "The data given have"
            raise RunError(f"{place} other texts or labels than those of {self.folder}. Give --data of that run.")
        check_data(found, found.labels)
        self.shares = shares_of(found.train, found.labels)
        return found, notes

    def taught(self, data: Data) -> Teaching:
        """Who taught what beyond the labels, found again; RunError where it is not what it was."""
        taught = find_teaching(
            data,
            self.teaching,
            encoding=self.reading.encoding,
            source=self.old.get("source"),
            given=self.old.get("given", ()),
        )
        if taught.digest() != self.old.get("taught"):
            raise RunError(f"The teacher or the unlabelled texts of {self.folder} have changed since. Repeat the fit.")
        return taught

    def must_teach_itself(self, taught: Teaching) -> bool:
        """Whether the model has to teach itself again: it did, and what it believed has not been kept."""
        return taught.teaches_itself and not (self.folder / BELIEFS).exists()

    def dense(self) -> FloatModel:
        """The dense model and what is known of it; from now on also the recipe, and how to begin untrained."""
        path = self.folder / "dense.safetensors"
        if not path.exists():
            raise no_run(self.folder, path.name)
        found = load_float(path)
        dense, words, labels = found[:3]
        old = {name: value for name, value in self.old.items() if name not in ("format", *SELDOM)}
        self.recipe = {**old, **recorded(self.fitting), "dense": digest(dense)}
        if self.old["vectors"] is None:
            self.untrained = self._untrained(words, labels, None)
        return found

    def _untrained(self, words: list[str], labels: list[str], vectors: Vectors | None) -> Callable[[], TextCNN]:
        kind = kind_like(load_float(self.folder / "dense.safetensors").model)

        def untrained() -> TextCNN:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(self.fitting.seed)
                widths, shares = parse_widths(self.shape.widths), self.shares
                hidden = dropout(bool(self.teaching.teacher), shares is not None)
                return new_model(words, len(labels), self.shape, widths, vectors, hidden, kind, shares)

        return untrained

    def start_again(self, words: list[str], labels: list[str], texts: list[str]) -> None:
        """Read or train the run's word vectors again, for a schedule that begins untrained.

        RunError where that cannot be, or where they are not what they were; `texts` are those of train.
        """
        kind, place = self.old.get("train_vectors"), self.source.get("vectors")
        if kind is None and place is None:
            raise RunError(
                f"{self.folder} began with vectors that its caller gave, where schedule {self.fitting.schedule} begins "
                "again. Repeat the fit with that schedule, or choose another one."
            )
        vectors = start(place, kind, words, texts, self.shape, self.fitting.seed).vectors
        self.untrained = self._untrained(words, labels, vectors)
        if start_digest(self.untrained().embedding) != self.old["vectors"]:
            what = f"{place}: the vectors have" if kind is None else f"Word vectors that {kind} trains have"
            raise RunError(
                f"{what} changed since {self.folder}, where schedule {self.fitting.schedule} begins again. "
                "Repeat the fit with that schedule, or choose another one."
            )
