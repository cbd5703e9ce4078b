"""The whole way in one function: train, prune, pack, judge."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from numpy.typing import ArrayLike

from prunetext.config import FitOptions, ModelOptions, ReadOptions, check_options, parse_widths
from prunetext.data.dataset import Data
from prunetext.data.reading import read
from prunetext.data.splitting import split
from prunetext.errors import InputError
from prunetext.judging import Judged, choose_table, judge
from prunetext.models.initial import digest, new_model, vocabulary_of
from prunetext.models.textcnn import TextCNN
from prunetext.packing.textcnn import pack
from prunetext.pruning.budget import Budget, parse_size, parse_time
from prunetext.pruning.criteria import load_criterion
from prunetext.pruning.driver import prune
from prunetext.pruning.schedules import load_schedule
from prunetext.pruning.search import Solution, Task
from prunetext.runs import Run
from prunetext.runtime._native import Vocabulary
from prunetext.training.evaluation import Score, Verdict
from prunetext.training.examples import Encoded, encode
from prunetext.training.loop import Progress, Settings, Trained, train_model

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
RECOVERY_JUDGEMENTS = 2  # in an epoch, since a recovery may do harm after a while


@dataclass(frozen=True)
class Result:
    """What a run ended with; everything but the paths also stands in `result.json`."""

    path: Path  # the packed file
    size: int  # its bytes
    score: Score  # of the packed model on test
    verdict: Verdict  # packed against dense on test
    reason: str  # why the search ended
    judged: Judged  # dense, pruned and packed side by side
    notes: list[str]  # what was noticed in the data


def fit(
    data: Data | str | Path,
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

    `options` are the fields of `ReadOptions`, `ModelOptions` and `FitOptions`. `max_drop` is in accuracy points.
    `vectors` maps words to vectors of equal length, to start from; `channels` says whether they are trained.
    An unfinished run of the same recipe in `out` is resumed; a finished one is an error without `overwrite`.
    Whatever is wrong with the input raises `InputError` before anything is written.
    """
    began = time.monotonic()
    if not str(out):
        raise InputError("out is an empty name: give a new folder.")
    reading, shape, fitting = take_options(options)
    check_options(fitting, shape)
    budget = budget_of(fitting)
    criterion, schedule, widths = (
        load_criterion(fitting.criterion),
        load_schedule(fitting.schedule),
        parse_widths(shape.widths),
    )
    if not isinstance(data, Data):
        data = read(data, dev=dev, test=test, **dataclasses.asdict(reading))
    elif dev is not None or test is not None:
        raise InputError(
            "dev and test are read together with data: give them to prunetext.read, or give data as a path."
        )
    notes = data.report.lines()
    data = split(data, seed=fitting.seed)
    assert data.dev is not None
    assert data.test is not None

    labels = data.labels
    check_data(data, labels)
    words = vocabulary_of(data.train.texts, shape)
    torch.manual_seed(fitting.seed)
    start = new_model(words, len(labels), shape, widths, vectors)

    recipe = {**dataclasses.asdict(shape), **dataclasses.asdict(fitting), "data": data.fingerprint()}
    recipe["vectors"] = None if vectors is None else digest(start.embedding)
    with Run(Path(out), recipe, overwrite=overwrite) as run:
        vocabulary = Vocabulary(words)
        train = encode(data.train.texts, data.train.labels, vocabulary, labels)
        dev_examples = encode(data.dev.texts, data.dev.labels, vocabulary, labels)

        settings = settings_of(fitting, len(train))
        deadline = None if budget.max_time is None else began + budget.max_time
        half = None if budget.max_time is None else began + budget.max_time / 2
        dense, trained = dense_model(run, start, words, labels, train, dev_examples, settings, half, progress)

        def packed_size(model: TextCNN) -> int:
            provenance = {"recipe": recipe, "findings": "-" * FINDINGS}
            return pack(model, words, labels, run.path("measured.safetensors"), provenance=provenance)

        recovery = dataclasses.replace(
            settings,
            epochs=max(1.0, settings.epochs * RECOVERY),
            learning_rate=settings.learning_rate * RECOVERY_RATE,
            embedding_rate=settings.embedding_rate * RECOVERY_RATE,
            word_dropout=RECOVERY_WORD_DROPOUT,
            judgements=RECOVERY_JUDGEMENTS,
            judge_start=True,
            patience=sys.maxsize,
        )
        task = Task(dense, train, dev_examples, packed_size, recovery)
        stop_at_once = trained is not None and trained.ended == "interrupted"
        solution = prune(
            task,
            criterion,
            schedule,
            budget,
            run.folder("steps"),
            deadline=0.0 if stop_at_once else deadline,
            progress=progress,
        )
        if stop_at_once:
            solution = solution._replace(reason="interrupted; this is the dense model as it was then")
        run.save_model("pruned.safetensors", solution.model, words, labels)
        return finish(run, data, dense, solution, words, labels, budget, notes)


def take_options(options: dict[str, Any]) -> tuple[ReadOptions, ModelOptions, FitOptions]:
    """Sort keywords into the three dataclasses; an unknown one raises `InputError`."""
    taken = []
    rest = dict(options)
    for kind in (ReadOptions, ModelOptions, FitOptions):
        names = [each.name for each in dataclasses.fields(kind)]
        taken.append(kind(**{name: rest.pop(name) for name in names if name in rest}))
    if rest:
        raise InputError(f"fit has no option {sorted(rest)[0]!r}. See prunetext fit --help for those that there are.")
    return taken[0], taken[1], taken[2]  # type: ignore[return-value]


def check_data(data: Data, labels: list[str]) -> None:
    """Refuse what no classifier of single texts can be trained or judged on; `read` refuses most of it earlier."""
    if len(labels) < 2:
        raise InputError(f"{data.name}: every text of train has the same label, and a classifier needs two.")
    for name, examples in data.splits():
        if examples.pairs is not None:
            raise InputError(
                f"{data.name}: {name} holds pairs of texts, which fit does not learn yet. Give single texts."
            )
        if unknown := sorted(set(examples.labels).difference(labels)):
            raise InputError(
                f"{data.name}: the label {unknown[0]!r} of {name} never occurs in train. "
                "Correct it, or add texts with it there."
            )


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


def dense_model(
    run: Run,
    model: TextCNN,
    words: list[str],
    labels: list[str],
    train: Encoded,
    dev: Encoded,
    settings: Settings,
    deadline: float | None,
    progress: Callable[[str, Progress], None] | None,
) -> tuple[TextCNN, Trained | None]:
    """Train the dense model, or take the one that an earlier, killed run left."""
    saved = run.load_model("dense.safetensors")
    if saved is not None:
        return saved, None
    checkpoint = run.path("dense.checkpoint")
    trained = train_model(
        model,
        train,
        dev,
        settings,
        checkpoint=checkpoint,
        deadline=deadline,
        progress=None if progress is None else lambda now: progress("train", now),
    )
    run.save_model("dense.safetensors", model, words, labels)
    checkpoint.unlink(missing_ok=True)
    return model, trained


def finish(
    run: Run,
    data: Data,
    dense: TextCNN,
    solution: Solution,
    words: list[str],
    labels: list[str],
    budget: Budget,
    notes: list[str],
) -> Result:
    """Pack the chosen model, look at test once, and write the result."""
    assert data.dev is not None
    assert data.test is not None
    vocabulary = Vocabulary(words)
    dev = encode(data.dev.texts, data.dev.labels, vocabulary, labels)
    test = encode(data.test.texts, data.test.labels, vocabulary, labels)
    table, agreement = choose_table(
        solution.model, words, labels, dev, data.dev.texts, run.path("measured.safetensors")
    )
    path = run.path("model.safetensors")
    scratch = run.path("measured.safetensors")
    pack(solution.model, words, labels, scratch, table=table)
    judged = judge(
        dense,
        solution.model,
        scratch,
        test,
        data.test,
        labels,
        DEFAULT_DROP if budget.max_drop is None else budget.max_drop,
        agreement,
    )
    provenance = {
        "recipe": run.recipe,
        "test": judged.packed.score._asdict(),
        "dense_test": judged.dense.score._asdict(),
        "verdict": judged.verdict._asdict(),
        "reason": solution.reason,
        "versions": {"prunetext": run.version, "torch": torch.__version__.partition("+")[0]},
    }
    majority = max(data.test.labels.count(label) for label in labels) / len(data.test)
    if judged.dense.score.low <= majority:
        notes = [*notes, "The dense model itself is hardly better than always giving the most frequent label."]
    size = pack(solution.model, words, labels, path, table=table, provenance=provenance)
    for leftover in (scratch, run.path("dense.checkpoint")):
        leftover.unlink(missing_ok=True)
    judged = judged.with_size(size)
    result = Result(path, size, judged.packed.score, judged.verdict, solution.reason, judged, notes)
    run.finish(
        {**judged.rows(), "reason": solution.reason, "notes": notes, "history": [o._asdict() for o in solution.history]}
    )
    return result
