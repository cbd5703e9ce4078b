"""The stages of one run, for fit and prune alike: train or take the dense model, and search."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable

import torch

from prunetext.errors import InputError
from prunetext.fitting.folder import BELIEFS, STEPS, Run
from prunetext.judging.speed import texts_per_second
from prunetext.models.encoded import Encoded, encode, encode_inputs
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.packing import pack
from prunetext.options import FitOptions, PruneOptions
from prunetext.pruning.budget import Budget, parse_size, parse_speed, parse_time
from prunetext.pruning.driver import Solution, prune
from prunetext.pruning.methods import Method
from prunetext.pruning.problem import Report, Task
from prunetext.runtime._native import Vocabulary
from prunetext.runtime.api import load
from prunetext.statistics.metrics import measure_of
from prunetext.teaching.ensemble import joined, self_taught, sure_rows
from prunetext.teaching.lessons import Teaching, teach
from prunetext.training.checkpoint import load_tensors, save_tensors
from prunetext.training.loop import Progress, Settings, thresholds_of, train_model
from prunetext.training.losses import balanced
from prunetext.training.pace import EMBEDDING_RATE_TAUGHT, RATE_TAUGHT, pace

SOME_THRESHOLD = 0.1234
DEFAULT_DROP = 0.5  # accuracy points, where no budget is given
FINDINGS = 1_200  # bytes that scores, verdict, calibration and reason take in the packed file, at most
# Where recipes that share steps differ, and what it takes in the packed file, at most.
WANTED = ("max_drop", "max_size", "min_speed", "max_time", "schedule", "dense", "precision")
WANTED_BYTES = 200
RECOVERY = 0.12  # of the dense model's epochs, at each step
LEAST_RECOVERY = 0.4  # epochs
RECOVERY_BATCH = 2  # times the dense model's batch: a quarter less time, and on dev as good
RECOVERY_RATE = 0.45  # of the dense model's learning rates: gently, since the dense model has learnt all there is
RECOVERY_TAUGHT = 0.2  # the same of a student's epochs, which are few; at nearly its rates a recovery would do harm
TEACHER = 0.8  # the dense model's share of what a recovery learns: who learns its opinions changes fewer labels
RECOVERY_WORD_DROPOUT = 0.05  # removed words already teach the unknown one
DENSE_TIME, SEARCH_TIME = 0.45, 0.85  # shares of max_time by which these are over; the rest is for judging and packing
RECOVERY_JUDGEMENTS = 2  # in an epoch, since a recovery may do harm after a while


class Job:
    """What every stage of one run works with."""

    def __init__(
        self,
        run: Run,
        taught: Teaching,
        words: list[str],
        labels: list[str],
        budget: Budget,
        untrained: Callable[[], TextCNN] | None,
        progress: Report,
        findings: int = FINDINGS + WANTED_BYTES,
    ) -> None:
        data = taught.data
        assert data.dev is not None
        assert data.test is not None
        self.run, self.words, self.labels, self.progress = run, words, labels, progress
        self.seed = int(run.recipe.get("seed", 0))
        self.untrained, self.findings = untrained, findings
        self.texts = {"train": data.train, "dev": data.dev, "test": data.test}
        vocabulary = Vocabulary(words)
        wanted, positive = run.recipe.get("metric"), run.recipe.get("positive")
        self.measures = {name: measure_of(wanted, self.texts[name], labels, positive) for name in ("dev", "test")}
        self.budget = budget._replace(metric=self.measures["dev"].title)
        self.encoded = {name: encode(each, vocabulary, labels) for name, each in self.texts.items()}
        self.several = data.train.label_sets is not None
        self.options, self.notes = taught.options, taught.unlabelled.lines()
        self.taught = bool(taught.teachers)
        if taught.teachers or taught.teaches_itself:
            self.encoded["train"] = self.lessons(taught, vocabulary)
        self.began = time.monotonic()  # what a teacher takes, once for many runs, is no part of max_time

    def lessons(self, taught: Teaching, vocabulary: Vocabulary) -> Encoded:
        """Train with the texts beyond it, and what teachers say of all of them: others, or the model itself."""
        train = self.encoded["train"]
        if taught.teachers:
            lessons = teach(taught, self.tell)
            self.notes += lessons.notes
            return joined(train, encode_inputs(lessons.inputs, vocabulary), torch.from_numpy(lessons.soft))
        more, path = encode_inputs(taught.unlabelled.texts, vocabulary), self.run.path(BELIEFS)
        if not path.exists():
            assert self.untrained is not None
            ranking = float(self.run.recipe.get("ranking", Settings.ranking))
            settings = Settings(seed=self.seed, soft_share=self.options.teacher_share, ranking=ranking)
            tell = self.tell("teach itself")
            found = self_taught(self.untrained, train, more, self.encoded["dev"], settings, tell)
            save_tensors(path, {"beliefs": found}, {})
        beliefs = load_tensors(path)[0]["beliefs"]
        rows = sure_rows(beliefs, train)
        self.notes.append(f"The model learns from its own answers to {len(rows) - len(train):,} unlabelled texts.")
        return joined(train, more, beliefs).subset(rows)

    def tell(self, stage: str) -> Callable[[int, int], None] | None:
        """How a stage other than training says how far it is."""
        progress = self.progress
        return None if progress is None else lambda done, total: progress(stage, Progress(done, total, None))

    def settings(self, fitting: FitOptions) -> Settings:
        """How to train the dense model."""
        kind = {"several": True} if self.several else {}
        settings = settings_of(fitting, len(self.encoded["train"]), taught=self.taught, **kind)
        share, temperature = self.options.teacher_share, self.options.teacher_temperature if self.taught else 1.0
        weights: tuple[float, ...] = ()
        if fitting.class_weights == "balanced":
            weights = balanced(self.encoded["train"].targets, len(self.labels))
        return dataclasses.replace(
            settings, soft_share=share, temperature=temperature, class_weights=weights, ranking=fitting.ranking
        )

    def deadline(self, share: float) -> float | None:
        """When so much of the time is spent, on the clock of `time.monotonic`; None without a limit."""
        return None if self.budget.max_time is None else self.began + share * self.budget.max_time

    def packed_size(self, model: TextCNN) -> int:
        """Bytes of the model's packed file, with room for what will be found out.

        They are the same for runs that share steps, however long the words are in which each says what it wants.
        """
        recipe = {name: value for name, value in self.run.recipe.items() if name not in WANTED}
        provenance = {"recipe": recipe, "findings": "-" * self.findings} if self.findings else None
        scratch = self.run.path("measured.safetensors")
        return pack(model, self.words, self.labels, scratch, provenance=provenance, thresholds=self.some_thresholds())

    def some_thresholds(self) -> list[float] | None:
        """As many bytes as thresholds take, if there are to be any, before they are known."""
        return [SOME_THRESHOLD] * len(self.labels) if self.several else None

    def save(self, name: str, model: TextCNN, epochs: float) -> None:
        """Keep a float model, of several labels with its thresholds."""
        thresholds = thresholds_of(model, self.encoded["dev"])
        listed = None if thresholds is None else thresholds.tolist()
        self.run.save_model(name, model, self.words, self.labels, epochs, listed)

    def speed(self, model: TextCNN) -> float:
        """Texts a second of the packed model, on one thread, on the texts of dev."""
        scratch, inputs = self.run.path("measured.safetensors"), self.texts["dev"].inputs
        pack(model, self.words, self.labels, scratch, thresholds=self.some_thresholds())
        classifier = load(scratch)
        return texts_per_second(lambda: classifier.predict(inputs, threads=1), len(inputs))


def budget_of(options: PruneOptions) -> Budget:
    """The budget asked for, or half a point if nothing is.

    >>> budget_of(PruneOptions()).max_drop, budget_of(PruneOptions(schedule="oneshot:units=0.9")).max_drop
    (0.5, None)

    A schedule that says how much goes, as the second one, has said what is asked for.
    """
    budget = Budget(
        options.max_drop, parse_size(options.max_size), parse_time(options.max_time), parse_speed(options.min_speed)
    )
    free = budget.max_drop is None and budget.max_size is None and budget.min_speed is None
    free = free and not options.schedule.startswith("oneshot:")
    return budget._replace(max_drop=DEFAULT_DROP) if free else budget


def settings_of(options: FitOptions, texts: int, *, taught: bool = False, several: bool = False) -> Settings:
    """How to train on so many texts, with or without a teacher, which may have several labels or not."""
    return pace(texts, options.epochs, options.seed, taught=taught, several=several)


def dense_model(job: Job, model: TextCNN, settings: Settings) -> tuple[TextCNN, float, str | None]:
    """Train the dense model, or take that of an earlier, killed run.

    The model, the epochs that it took, and why its training ended early, if it did.
    """
    saved = job.run.load_model("dense.safetensors")
    if saved is not None:
        return saved.model, saved.epochs, None
    checkpoint = job.run.path("dense.checkpoint")
    progress = job.progress
    trained = train_model(
        model,
        job.encoded["train"],
        job.encoded["dev"],
        settings,
        checkpoint=checkpoint,
        measure=job.measures["dev"],
        deadline=job.deadline(DENSE_TIME),
        progress=None if progress is None else lambda now: progress("train", now),
    )
    if trained.ended != "interrupted":  # else a run that is resumed trains on
        job.save("dense.safetensors", model, trained.epochs)
        checkpoint.unlink(missing_ok=True)
    return model, trained.epochs, trained.ended


def task_of(job: Job, dense: TextCNN, epochs: float, kinds: tuple[str, ...], settings: Settings) -> Task:
    """What a search works on, and how its candidates are trained: as the dense model was, which took so many epochs."""
    settings = dataclasses.replace(settings, epochs=max(epochs, 1.0))
    share, slower, slower_embedding = RECOVERY, 1.0, 1.0
    if job.taught:
        share = RECOVERY_TAUGHT
        slower = Settings.learning_rate / RATE_TAUGHT
        slower_embedding = Settings.embedding_rate / EMBEDDING_RATE_TAUGHT
    recovery = dataclasses.replace(
        settings,
        epochs=max(LEAST_RECOVERY, settings.epochs * share),
        learning_rate=settings.learning_rate * slower * RECOVERY_RATE,
        embedding_rate=settings.embedding_rate * slower_embedding * RECOVERY_RATE,
        batch_size=settings.batch_size * RECOVERY_BATCH,
        word_dropout=RECOVERY_WORD_DROPOUT,
        judgements=RECOVERY_JUDGEMENTS,
        judge_start=True,
        soft_share=TEACHER,
        best_by="loss",  # the most accurate of so many judgements on a small dev is mostly the luckiest
        patience=sys.maxsize,
    )
    if not dense.groups(kinds):
        raise InputError(f"groups is {','.join(kinds)}: this model has none. Choose others, such as filters.")
    return Task(
        dense,
        job.encoded["train"],
        job.encoded["dev"],
        job.packed_size,
        recovery,
        first=settings,
        untrained=job.untrained,
        speed=job.speed,
        kinds=kinds,
        metric=job.measures["dev"],
    )


def search(
    job: Job, dense: TextCNN, epochs: float, method: Method, settings: Settings, ended: str | None = None
) -> Solution:
    """Prune the dense model; an interrupt before there is anything smaller leaves the dense model."""
    task, steps = task_of(job, dense, epochs, method.kinds, settings), job.run.folder(STEPS)
    if ended != "interrupted":
        try:
            return prune(
                task,
                method,
                job.budget,
                steps,
                deadline=job.deadline(SEARCH_TIME),
                progress=job.progress,
                record=lambda rows: job.run.write_history(row._asdict() for row in rows),
            )
        except KeyboardInterrupt:
            pass
    solution = prune(task, method, job.budget, steps, deadline=0.0)
    return solution._replace(reason="interrupted; this is the dense model as it was then")
