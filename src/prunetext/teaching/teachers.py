"""Find the teacher that a name stands for, and refuse an unfit one before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import expit

from prunetext.data.columns import quoted
from prunetext.data.dataset import Data, Input
from prunetext.data.probabilities import LEAST_GIVEN, PROBABILITY_ENDINGS
from prunetext.data.task import Task
from prunetext.errors import InputError, brief
from prunetext.modelfiles.api import open_model
from prunetext.modelfiles.opening import of_table
from prunetext.models.encoded import SINGLE
from prunetext.models.transformer.folder import CONFIG, ENCODER_FOLDERS
from prunetext.options import NONE, TeachOptions
from prunetext.peers.baseline import Baselines
from prunetext.statistics.answers import Answering, has_learnt, recipe_of
from prunetext.teaching import transformer, tuning
from prunetext.teaching.automatic import AUTOMATIC, automatic_teachers
from prunetext.teaching.cache import Floats, cache_folder, cached, digest_of, digest_of_file, made_folder
from prunetext.teaching.own import ENSEMBLE, NGRAMS, TFIDF, held_out, of_ensemble, of_ngrams, of_tfidf, tolerant
from prunetext.teaching.teacher import Teacher, Tell
from prunetext.training.losses import loss_of

TEACHERS_VERSION = 1  # of the teachers made here: answers of another version are not used
LEAST_LIKELY = 1e-12  # smaller probabilities are raised to this
DENSE = ("searched.safetensors", "dense.safetensors")  # of a run; the second one may have learnt texts of dev
READ = (".json", ".safetensors", ".txt", ".model")  # endings of the files that transformers reads from a folder
TEACHER_KINDS = (
    f"sample:{', sample:'.join(ENCODER_FOLDERS)}, a folder written by transformers' save_pretrained, the "
    "folder of an earlier run, any model file that evaluate takes, a .jsonl, .parquet or .csv file of probabilities, "
    "ensemble, tf-idf, ngrams, auto, or none"
)


class Origin(NamedTuple):
    """Fingerprints of the split data, and of the data before the split."""

    data: str
    source: str | None = None


def find_teachers(
    options: TeachOptions,
    data: Data,
    origin: Origin | None = None,
    tokenizer: str = "bert/1",
    baselines: Baselines | None = None,
) -> list[Teacher]:
    """The teachers in a comma-separated list, each with quick checks.

        for teacher in find_teachers(TeachOptions(teacher="sample:minilm"), data): ...

    `origin` tells which earlier runs have learnt from texts of dev or test and thus cannot teach; those that
    are made here read texts by the `tokenizer`. baselines: the regressions on tf-idf, if they are there.
    """
    asked = teachers_of(options.teacher)
    names = automatic_teachers(data.train, len(data.labels), tokenizer) if asked == [AUTOMATIC] else asked
    found = [find_teacher(name, options, data, origin, tokenizer, baselines) for name in names]
    if asked == [AUTOMATIC] and names == [TFIDF] and baselines is not None:
        found = [held_out(each, data, baselines) for each in found]
    if asked == [AUTOMATIC]:
        found = [tolerant(each, len(data.labels)) for each in found]
    if any(each.answers_all for each in found):
        made_folder(cache_folder())  # before anything is trained
    return found


def teachers_of(names: str | None) -> list[str]:
    """The names in a comma-separated list.

    >>> teachers_of("sample:minilm, runs/first"), teachers_of("none")
    (['sample:minilm', 'runs/first'], [])
    """
    if names == NONE:
        return []
    found = listed("teacher", names, f"Give {TEACHER_KINDS}.")
    if len(found) > 1 and not {NONE, AUTOMATIC}.isdisjoint(found):
        raise InputError(f"teacher is {brief(names)}: {AUTOMATIC} and {NONE} stand alone. Leave them out of the list.")
    return [] if found == [NONE] else found


def listed(option: str, names: str | None, remedy: str) -> list[str]:
    """The comma-separated names of an option; the name of an existing file may itself hold a comma.

    >>> listed("unlabelled", "a.txt, b.txt", "Give files.")
    ['a.txt', 'b.txt']
    """
    if names is None:
        return []
    found = [names] if Path(names).exists() else [name.strip() for name in names.split(",")]
    if not all(found) or "-" in found:
        raise InputError(f"{option} is {brief(names)}: it names nothing. {remedy}")
    return found


def find_teacher(
    name: str,
    options: TeachOptions,
    data: Data,
    origin: Origin | None = None,
    tokenizer: str = "bert/1",
    baselines: Baselines | None = None,
) -> Teacher:
    """The teacher with this name; `InputError` if there is none, or if its labels are not those of train."""
    path = Path(name)
    if not path.exists() and name == NGRAMS:
        return of_ngrams(name, data, tokenizer)
    if not path.exists() and name == TFIDF:
        return of_tfidf(name, data, tokenizer, baselines or baselines_of(data, tokenizer))
    if not path.exists() and name.partition(":")[0] == ENSEMBLE:
        return of_ensemble(name, data, tokenizer)
    sample = name.removeprefix("sample:") if name.startswith("sample:") else None
    if sample is not None and sample not in ENCODER_FOLDERS:
        raise InputError(f"teacher {name}: there is no such sample. Give {TEACHER_KINDS}.")
    if sample is None and not path.exists():
        raise InputError(f"teacher {name}: there is no such file or folder. Give {TEACHER_KINDS}.")
    if path.suffix.lower() in PROBABILITY_ENDINGS and path.is_file():
        refuse_scores(name, data.train.task)
        return of_probabilities(path, data)
    for dense in DENSE:
        if (path / dense).is_file():
            return of_model(name, path / dense, data, origin or Origin(data.fingerprint()))
    if path.is_file():
        return of_model(name, path, data, origin or Origin(data.fingerprint()))
    if sample is not None or (path / CONFIG).is_file():
        refuse_scores(name, data.train.task)
        return of_transformer(name, options, data)
    raise InputError(f"teacher {name}: this cannot teach. Give {TEACHER_KINDS}.")


def refuse_scores(name: str, task: Task) -> None:
    """Refuse a teacher that knows labels alone."""
    if task.has_steps:
        raise InputError(
            f"teacher {name}: it teaches labels, but these texts have scores. Give tf-idf, ngrams, ensemble, the "
            "folder of an earlier run of scores, or its model file."
        )


def baselines_of(data: Data, tokenizer: str) -> Baselines:
    """The regressions on tf-idf of the labelled texts, which are fitted when one is first asked for."""
    assert data.dev is not None
    return Baselines(data.train, data.dev, data.labels, tokenizer)


def of_probabilities(path: Path, data: Data) -> Teacher:
    """A file of answers as a teacher; it has no answer to other texts."""
    model = of_table(path, data.labels, data.train.task)

    def answer(texts: Sequence[Input], tell: Tell) -> Floats:
        return logits_of(model, texts, data.labels, LEAST_GIVEN)

    return Teacher(str(path), digest_of(digest_of_file(path)), answer, answers_all=False)


def of_model(name: str, path: Path, data: Data, origin: Origin) -> Teacher:
    """A model file as a teacher, such as an earlier run's dense model; it must not have learnt from dev or test."""
    model, labels = open_model(path), data.labels
    refuse_labels(name, model.labels, labels)
    if model.task != (wanted := data.train.task):
        raise InputError(
            f"teacher {name}: its task is {model.task.name}, but that of train is {wanted.name}. "
            "Give a teacher with that task."
        )
    recipe = recipe_of(model)
    theirs = Origin(recipe.get("data", ""), recipe.get("source"))
    if theirs.source is not None and theirs.source == origin.source and theirs.data != origin.data:
        raise InputError(
            f"teacher {name}: it was trained on the same texts with another split, and so on texts of dev and test. "
            "Give dev and test as separate files, or a run with the same --seed."
        )
    if has_learnt(recipe, data.dev):
        raise InputError(
            f"teacher {name}: its model has learnt texts of dev, too. Give the folder of its run, which holds the "
            "model before that, or a run of fit --no-refit."
        )
    made = "was trained on other data" if recipe else "does not say what it was trained on"
    doubt = f"Teacher {name} {made}; it may have seen texts of dev or test."
    key = digest_of("model", str(TEACHERS_VERSION), digest_of_file(path), *labels)
    notes = [] if theirs.data == origin.data else [doubt]

    def ask(texts: Sequence[Input]) -> Floats:
        return logits_of(model, texts, labels)

    def answer(texts: Sequence[Input], tell: Tell) -> Floats:
        return cached(key, texts, len(labels), ask, tell, noted=notes.append)

    return Teacher(name, key, answer, notes=notes)


def logits_of(model: Answering, texts: Sequence[Input], labels: Sequence[str], least: float = LEAST_LIKELY) -> Floats:
    """A model's answers as logits (n, classes): logarithms of probabilities or, for several labels, log-odds."""
    said = model.answers(texts).reordered(model.labels, labels).probabilities.astype(np.float64)
    logits: Floats = loss_of(model.task).inverse(torch.from_numpy(said), least).float().numpy()
    return logits


def of_transformer(name: str, options: TeachOptions, data: Data) -> Teacher:
    """A transformer, loaded (and fine-tuned if necessary) at the first text without a cached answer."""
    folder, labels, tokens = transformer.find_folder(name), data.labels, options.teacher_tokens
    transformer.tokenizer_of(folder.path)  # raises if something is missing, before anything is written
    fits = folder.labels is not None and sorted(folder.labels) == sorted(labels)
    fits = fits and folder.answer == data.train.task.answer
    files = sorted(each for each in folder.path.iterdir() if each.suffix in READ)
    parts = [digest_of_file(each) for each in files]
    key = digest_of("transformer", str(tuning.TUNING_VERSION), str(tokens), *parts, *labels)
    if not fits:
        key = digest_of(key, str(options.teacher_epochs), *data.train.inputs, *data.train.labels)
    made: list[transformer.Transformer] = []
    notes: list[str] = []

    def answer(texts: Sequence[Input], tell: Tell) -> Floats:
        def ask(chunk: Sequence[Input]) -> Floats:
            if not made:
                target = cache_folder() / "teachers" / key
                made.append(
                    transformer.Transformer(folder, tokens)
                    if fits
                    else tuning.fine_tune(
                        folder, data.train, labels, target, tokens=tokens, epochs=options.teacher_epochs, progress=tell
                    )
                )
            answered = made[0].logits(chunk)
            if fits:
                assert folder.labels is not None
                answered = answered[:, [folder.labels.index(label) for label in labels]]
            return answered

        return cached(key, texts, len(labels), ask, tell, noted=notes.append)

    return Teacher(name, key, answer, notes=notes)


def refuse_labels(name: str, own: Sequence[str], wanted: Sequence[str]) -> None:
    """Refuse a teacher with other labels."""
    if unlike := sorted(set(own) ^ set(wanted)):
        raise InputError(
            f"teacher {name}: its labels are not those of train; only one of the two has {quoted(unlike[0])}. "
            "Give a teacher with the same labels."
        )


def agreed(answers: Sequence[Floats], temperature: float, task: Task = SINGLE) -> npt.NDArray[np.float32]:
    """Mean of the teachers' probabilities (n, classes) at a temperature; zeros where no teacher has an answer.

    >>> agreed([np.array([[0.0, 0.0]]), np.array([[np.nan, np.nan]])], 1.0).tolist()
    [[0.5, 0.5]]

    The answers are logits, (n, classes); if texts can have several labels, each label counts by itself.
    """
    total, voices = np.zeros(answers[0].shape), np.zeros((len(answers[0]), 1))
    for each in answers:
        speaks = np.isfinite(each).all(1, keepdims=True)
        scaled = np.where(speaks, each, 0.0) / temperature
        raised = np.exp(scaled - scaled.max(1, keepdims=True))
        likely = raised / raised.sum(1, keepdims=True) if task.answer == "label" else expit(scaled)
        total += np.where(speaks, likely, 0.0)
        voices += speaks
    return (total / np.maximum(voices, 1)).astype(np.float32)
