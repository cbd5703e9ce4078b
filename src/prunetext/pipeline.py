"""The whole way in one function: train, prune, pack, judge."""

from __future__ import annotations

import dataclasses
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from numpy.typing import ArrayLike

from prunetext.checks import check_data, check_shape, read_data, take_options
from prunetext.config import FitOptions, ModelOptions, ReadOptions, check_options, describe, parse_widths
from prunetext.data.dataset import Data, Examples
from prunetext.data.splitting import split
from prunetext.errors import InputError
from prunetext.judging import Judged, choose_table, judge
from prunetext.models.initial import digest, new_model, vocabulary_of
from prunetext.models.textcnn import TextCNN
from prunetext.packing.textcnn import pack
from prunetext.pruning.budget import Budget, parse_size, parse_time
from prunetext.pruning.criteria import Criterion, load_criterion
from prunetext.pruning.driver import prune
from prunetext.pruning.schedules import Schedule, load_schedule
from prunetext.pruning.search import Solution, Task
from prunetext.runs import Run
from prunetext.runtime._native import Vocabulary
from prunetext.training.evaluation import Score, Verdict
from prunetext.training.examples import encode
from prunetext.training.loop import Progress, Settings, threads, threads_for, train_model

TURN = threading.Lock()  # PyTorch has one generator a process: fits of several threads take turns
DEFAULT_DROP = 0.5  # accuracy points, where no budget is given
SEEN = 150_000  # texts that training of the dense model sees, over all epochs, where the data are small
EPOCHS = (3, 20)
FEW_STEPS = 64  # an epoch of small data has about as many steps, of smaller batches,
SMALLEST_BATCH = 8
SMALL_PATIENCE = 8  # and may stay on the first plateau for longer
FINDINGS = 1_200  # bytes that scores, verdict and reason take in the packed file, at most
RECOVERY = 0.34  # of the dense model's epochs, at each step
RECOVERY_RATE = 0.3  # of the dense model's learning rates: gently, since the dense model has learnt all there is
RECOVERY_WORD_DROPOUT = 0.05  # removed words already teach the unknown one
DENSE_TIME, SEARCH_TIME = 0.45, 0.85  # shares of max_time by which these are over; the rest is for judging and packing
RECOVERY_JUDGEMENTS = 2  # in an epoch, since a recovery may do harm after a while


@dataclass(frozen=True)
class Result:
    """What a run ended with; everything but the paths also stands in `result.json`."""

    path: Path  # the packed file
    size: int  # its bytes
    score: Score  # of the packed model on test
    verdict: Verdict  # packed against dense on test
    reason: str  # why the search ended
    within_budget: bool  # whether size and time were kept; the drop is what the verdict is about
    judged: Judged  # dense, pruned and packed side by side
    notes: list[str]  # what was noticed in the data


def fit(
    data: Data | Examples | str | Path,
    *,
    out: str | Path,
    dev: str | Path | None = None,
    test: str | Path | None = None,
    overwrite: bool = False,
    vectors: Mapping[str, ArrayLike] | None = None,
    progress: Callable[[str, Progress], None] | None = None,
    **options: Any,
) -> Result:
    """Train a classifier, prune it within a budget, and pack it into one file.

        result = prunetext.fit("reviews.csv", max_drop=0.5, out="runs/reviews")
        result.path         # runs/reviews/model.safetensors

    data: a source as for `prunetext.read`, what that gives, or `Examples` of your own. out: the folder of the run.
    dev, test: files, where `data` is a path. `vectors` maps words to vectors of equal length, to start from;
    `channels` says whether they are trained. progress: called with the stage's name and how far it is.
    An unfinished run of the same recipe in `out` is resumed; a finished one is an error without `overwrite`, and stays
    until the new one has ended. Whatever is wrong with the input raises `InputError` before anything is written.

    options:
    """
    began = time.monotonic()
    if not str(out):
        raise InputError("out is an empty name: give a new folder.")
    reading, shape, fitting = take_options(options)
    check_options(fitting, shape)
    budget = budget_of(fitting)
    criterion, schedule = load_criterion(fitting.criterion), load_schedule(fitting.schedule)
    widths = parse_widths(shape.widths)
    data = read_data(data, dev, test, Path(out), reading)
    given = sorted(name for name, _ in data.splits() if name != "train")
    source = dataclasses.replace(data, dev=None, test=None).fingerprint()
    notes = data.report.lines()
    data = split(data, seed=fitting.seed)
    labels = data.labels
    check_data(data, labels)
    words = vocabulary_of(data.train.texts, shape)
    with TURN, torch.random.fork_rng(devices=[]):  # what the caller draws after this is as if it had not been
        torch.manual_seed(fitting.seed)
        start = new_model(words, len(labels), shape, widths, vectors)
        check_shape(start.shape)
        recipe = {**dataclasses.asdict(shape), **dataclasses.asdict(fitting), "data": data.fingerprint()}
        recipe |= {"given": given, "source": source, "vectors": None if vectors is None else digest(start.embedding)}
        # As many threads everywhere as in training: a sum that is shared out otherwise is rounded otherwise.
        with threads(threads_for(start)), Run(Path(out), recipe, overwrite=overwrite) as run:
            job = Job(run, data, words, labels, budget, began, progress)
            settings = settings_of(fitting, len(data.train))
            dense, ended = dense_model(job, start, settings)
            solution = search(job, dense, criterion, schedule, settings, ended)
            run.save_model("pruned.safetensors", solution.model, words, labels)
            return finish(job, dense, solution, notes)


fit.__doc__ = (fit.__doc__ or "").rstrip() + "\n" + describe(FitOptions, ModelOptions, ReadOptions)


class Job:
    """What every stage of one run works with."""

    def __init__(
        self,
        run: Run,
        data: Data,
        words: list[str],
        labels: list[str],
        budget: Budget,
        began: float,
        progress: Callable[[str, Progress], None] | None,
    ) -> None:
        assert data.dev is not None
        assert data.test is not None
        self.run, self.words, self.labels, self.budget, self.progress = run, words, labels, budget, progress
        self.began, self.texts = began, {"train": data.train, "dev": data.dev, "test": data.test}
        vocabulary = Vocabulary(words)
        self.encoded = {name: encode(each.texts, each.labels, vocabulary, labels) for name, each in self.texts.items()}

    def deadline(self, share: float) -> float | None:
        """When so much of the time is spent, on the clock of `time.monotonic`; None without a limit."""
        return None if self.budget.max_time is None else self.began + share * self.budget.max_time

    def packed_size(self, model: TextCNN) -> int:
        """Bytes of the model's packed file, with room for what will be found out."""
        provenance = {"recipe": self.run.recipe, "findings": "-" * FINDINGS}
        scratch = self.run.path("measured.safetensors")
        return pack(model, self.words, self.labels, scratch, provenance=provenance)


def budget_of(options: FitOptions) -> Budget:
    """The budget asked for, or half a point if nothing is."""
    budget = Budget(options.max_drop, parse_size(options.max_size), parse_time(options.max_time))
    return budget._replace(max_drop=DEFAULT_DROP) if budget.max_drop is None and budget.max_size is None else budget


def settings_of(options: FitOptions, texts: int) -> Settings:
    """How long to train: small data are seen more often."""
    epochs = options.epochs or float(min(max(SEEN / texts, EPOCHS[0]), EPOCHS[1]))
    batch = min(max(texts // FEW_STEPS, SMALLEST_BATCH), Settings.batch_size)
    patience = Settings.patience if batch == Settings.batch_size else SMALL_PATIENCE
    return Settings(epochs=epochs, batch_size=batch, patience=patience, seed=options.seed)


def dense_model(job: Job, model: TextCNN, settings: Settings) -> tuple[TextCNN, str | None]:
    """Train the dense model, or take that of an earlier, killed run; and why training ended early, if it did."""
    saved = job.run.load_model("dense.safetensors")
    if saved is not None:
        return saved, None
    checkpoint = job.run.path("dense.checkpoint")
    progress = job.progress
    trained = train_model(
        model,
        job.encoded["train"],
        job.encoded["dev"],
        settings,
        checkpoint=checkpoint,
        deadline=job.deadline(DENSE_TIME),
        progress=None if progress is None else lambda now: progress("train", now),
    )
    if trained.ended != "interrupted":  # else a run that is resumed trains on
        job.run.save_model("dense.safetensors", model, job.words, job.labels)
        checkpoint.unlink(missing_ok=True)
    return model, trained.ended


def search(
    job: Job, dense: TextCNN, criterion: Criterion, schedule: Schedule, settings: Settings, ended: str | None
) -> Solution:
    """Prune the dense model; an interrupt before there is anything smaller leaves the dense model."""
    recovery = dataclasses.replace(
        settings,
        epochs=max(1.0, settings.epochs * RECOVERY),
        learning_rate=settings.learning_rate * RECOVERY_RATE,
        embedding_rate=settings.embedding_rate * RECOVERY_RATE,
        word_dropout=RECOVERY_WORD_DROPOUT,
        judgements=RECOVERY_JUDGEMENTS,
        judge_start=True,
        best_by="loss",  # the most accurate of so many judgements on a small dev is mostly the luckiest
        patience=sys.maxsize,
    )
    task = Task(dense, job.encoded["train"], job.encoded["dev"], job.packed_size, recovery)
    steps = job.run.folder("steps")
    if ended != "interrupted":
        try:
            deadline = job.deadline(SEARCH_TIME)
            return prune(task, criterion, schedule, job.budget, steps, deadline=deadline, progress=job.progress)
        except KeyboardInterrupt:
            pass
    solution = prune(task, criterion, schedule, job.budget, steps, deadline=0.0)
    return solution._replace(reason="interrupted; this is the dense model as it was then")


def finish(job: Job, dense: TextCNN, solution: Solution, notes: list[str]) -> Result:
    """Pack the chosen model, look at test, and write the result."""
    run, model, words, labels = job.run, solution.model, job.words, job.labels
    scratch, path = run.path("measured.safetensors"), run.path("model.safetensors")
    dev, test = job.texts["dev"], job.texts["test"]
    table, agreement = choose_table(model, words, labels, job.encoded["dev"], dev.texts, scratch)
    pack(model, words, labels, scratch, table=table)
    max_drop = DEFAULT_DROP if job.budget.max_drop is None else job.budget.max_drop
    judged = judge(dense, model, scratch, job.encoded["test"], test, labels, max_drop, agreement)
    provenance = {
        "recipe": run.recipe,
        "test": judged.packed.score._asdict(),
        "dense_test": judged.dense.score._asdict(),
        "verdict": judged.verdict._asdict(),
        "reason": solution.reason,
        "versions": {"prunetext": run.version, "torch": torch.__version__.partition("+")[0]},
    }
    majority = max(test.labels.count(label) for label in labels) / len(test)
    if judged.dense.score.low <= majority:
        notes = [*notes, "The dense model itself is hardly better than always giving the most frequent label."]
    size = pack(model, words, labels, path, table=table, provenance=provenance)
    judged = judged.with_size(size)
    run.save_model("dense.safetensors", dense, words, labels)
    late = job.deadline(1)
    within = not ((job.budget.max_size and size > job.budget.max_size) or (late and time.monotonic() > late))
    run.finish(
        {
            **judged.rows(),
            "reason": solution.reason,
            "within_budget": within,
            "notes": notes,
            "history": [outcome._asdict() for outcome in solution.history],
        }
    )
    kept = run.own / "model.safetensors"
    return Result(kept, size, judged.packed.score, judged.verdict, solution.reason, within, judged, notes)
