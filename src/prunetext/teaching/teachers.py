"""Finding the teacher that a name stands for; whatever is wrong with it is said before anything is trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from prunetext.errors import InputError, require
from prunetext.modelfiles.api import open_model
from prunetext.modelfiles.opening import of_table
from prunetext.models.encoded import SINGLE
from prunetext.options import TeachOptions
from prunetext.statistics.answers import Answering, recipe_of
from prunetext.teaching import transformer, tuning
from prunetext.teaching.cache import Floats, cache_folder, cached, digest_of, digest_of_file
from prunetext.teaching.ensemble import ensemble
from prunetext.teaching.ngrams import Answer, ngram_model
from prunetext.training.losses import loss_of

Tell = Callable[[int, int], None] | None

TEACHERS_VERSION = 1  # of the teachers made here: what another version has answered is not used again
MOST_MEMBERS = 20
LEAST_LIKELY = 1e-12  # as small as a model's probability is taken for
DENSE = "dense.safetensors"  # of a run
READ = (".json", ".safetensors", ".txt", ".model")  # endings of what transformers reads of a folder
TEACHER_KINDS = (
    f"sample:{', sample:'.join(transformer.ENCODER_SAMPLES)}, a folder that transformers' save_pretrained has written, "
    "the folder of an earlier run, any model file that evaluate takes, a .jsonl, .parquet or .csv file of "
    "probabilities, ensemble, or ngrams"
)


class Teacher(NamedTuple):
    """Who labels texts for a student; `key` is a name for everything that its answers depend on but the texts."""

    name: str
    key: str
    answer: Callable[[Sequence[Input], Tell], Floats]  # logits (n, classes); not finite where it has nothing to say
    answers_all: bool = True  # whether it can be asked about any text
    notes: tuple[str, ...] = ()


class Origin(NamedTuple):
    """Fingerprints of the data as they are split, and of what they were split from."""

    data: str
    source: str | None = None


def find_teachers(options: TeachOptions, data: Data, origin: Origin | None = None) -> list[Teacher]:
    """The teachers of a list with commas, each checked as far as that is quick.

        for teacher in find_teachers(TeachOptions(teacher="sample:minilm"), data): ...

    `origin` says which earlier runs have learnt from texts of dev or test, and so cannot teach.
    """
    return [find_teacher(name, options, data, origin) for name in teachers_of(options.teacher)]


def teachers_of(names: str | None) -> list[str]:
    """The names in a list with commas.

    >>> teachers_of("sample:minilm, runs/first")
    ['sample:minilm', 'runs/first']
    """
    return listed("teacher", names, f"Give {TEACHER_KINDS}.")


def listed(option: str, names: str | None, remedy: str) -> list[str]:
    """The names that an option has with commas between them; a file whose name holds one is taken for what it is.

    >>> listed("unlabelled", "a.txt, b.txt", "Give files.")
    ['a.txt', 'b.txt']
    """
    if names is None:
        return []
    found = [names] if Path(names).exists() else [name.strip() for name in names.split(",")]
    if not all(found) or "-" in found:
        raise InputError(f"{option} is {names!r}, which names nothing. {remedy}")
    return found


def find_teacher(name: str, options: TeachOptions, data: Data, origin: Origin | None = None) -> Teacher:
    """The teacher of one name; `InputError` where there is none, or where its labels are not those of train."""
    path = Path(name)
    if not path.exists() and name == "ngrams":
        return of_ngrams(name, data)
    if not path.exists() and name.partition(":")[0] == "ensemble":
        return of_ensemble(name, data)
    sample = name.removeprefix("sample:") if name.startswith("sample:") else None
    if sample is not None and sample not in transformer.ENCODER_SAMPLES:
        raise InputError(f"teacher {name}: there is no such sample. Give {TEACHER_KINDS}.")
    if sample is None and not path.exists():
        raise InputError(f"teacher {name}: there is no such file or folder. Give {TEACHER_KINDS}.")
    if path.suffix.lower() in PROBABILITY_ENDINGS and path.is_file():
        return of_probabilities(path, data)
    if (path / DENSE).is_file():
        return of_model(name, path / DENSE, data, origin or Origin(data.fingerprint()))
    if path.is_file():
        return of_model(name, path, data, origin or Origin(data.fingerprint()))
    if sample is not None or (path / transformer.CONFIG).is_file():
        return of_transformer(name, options, data)
    raise InputError(f"teacher {name}: this is none. Give {TEACHER_KINDS}.")


def of_probabilities(path: Path, data: Data) -> Teacher:
    """Who has answered in a file; about other texts it says nothing."""
    model = of_table(path, data.labels, data.train.task)

    def answer(texts: Sequence[Input], tell: Tell) -> Floats:
        return logits_of(model, texts, data.labels, LEAST_GIVEN)

    return Teacher(str(path), digest_of(digest_of_file(path)), answer, answers_all=False)


def of_model(name: str, path: Path, data: Data, origin: Origin) -> Teacher:
    """A model in a file, such as the dense one of an earlier run; it must not have learnt from dev or test."""
    model, labels = open_model(path), data.labels
    refuse_labels(name, model.labels, labels)
    if model.task != (wanted := data.train.task):
        raise InputError(
            f"teacher {name}: its task is {model.task.name}, but that of train is {wanted.name}. "
            "Give a teacher of that task."
        )
    recipe = recipe_of(model)
    theirs = Origin(recipe.get("data", ""), recipe.get("source"))
    if theirs.source is not None and theirs.source == origin.source and theirs.data != origin.data:
        raise InputError(
            f"teacher {name}: it was made of the same texts, split otherwise, so that it has learnt from texts of "
            "dev and test. Give dev and test as files of their own, or a run of the same --seed."
        )
    made = "was made of other data" if recipe else "does not say what it was made of"
    doubt = f"Teacher {name} {made}: whether texts of dev or test were among them is not known."
    key = digest_of("model", str(TEACHERS_VERSION), digest_of_file(path), *labels)
    notes = () if theirs.data == origin.data else (doubt,)

    def ask(texts: Sequence[Input]) -> Floats:
        return logits_of(model, texts, labels)

    return Teacher(name, key, lambda texts, tell: cached(key, texts, len(labels), ask, tell), notes=notes)


def logits_of(model: Answering, texts: Sequence[Input], labels: Sequence[str], least: float = LEAST_LIKELY) -> Floats:
    """What a model says as logits (n, classes): logarithms of probabilities or, of several labels, their log-odds."""
    said = model.answers(texts).reordered(model.labels, labels).probabilities.astype(np.float64)
    logits: Floats = loss_of(model.task).inverse(torch.from_numpy(said), least).float().numpy()
    return logits


def of_ngrams(name: str, data: Data) -> Teacher:
    """A regression on n-grams of the labelled texts."""
    require("sklearn", extra="teacher")
    labels = data.labels
    key = digest_of("ngrams", str(TEACHERS_VERSION), *data.train.inputs, "", *data.train.labels)
    made: list[Answer] = []

    def ask(texts: Sequence[Input]) -> Floats:
        if not made:
            made.append(ngram_model(data.train, labels))
        return made[0](texts)

    return Teacher(name, key, lambda texts, tell: cached(key, texts, len(labels), ask, tell))


def of_ensemble(name: str, data: Data) -> Teacher:
    """Several TextCNNs of our own, larger than students are."""
    count = name.partition(":")[2] or "5"
    if not count.isdecimal() or not 1 <= int(count) <= MOST_MEMBERS:
        raise InputError(f"teacher {name}: {count} is no number of members from 1 to {MOST_MEMBERS}. Give ensemble:5.")
    labels, dev = data.labels, data.dev
    assert dev is not None
    parts = [*data.train.inputs, "", *data.train.labels, "", *dev.inputs, "", *dev.labels]
    folder = cache_folder() / "teachers" / digest_of("ensemble", str(TEACHERS_VERSION), *parts)
    key = digest_of(folder.name, count)
    made: list[Answer] = []

    def answer(texts: Sequence[Input], tell: Tell) -> Floats:
        def ask(chunk: Sequence[Input]) -> Floats:
            if not made:
                made.append(ensemble(int(count), data.train, dev, labels, folder, tell))
            return made[0](chunk)

        return cached(key, texts, len(labels), ask, tell)

    return Teacher(name, key, answer)


def of_transformer(name: str, options: TeachOptions, data: Data) -> Teacher:
    """A transformer, which is loaded, and fine-tuned if need be, at the first text that it has not answered yet."""
    folder, labels, tokens = transformer.find_folder(name), data.labels, options.teacher_tokens
    transformer.tokenizer_of(folder.path)  # which says what is missing before anything is written
    fits = folder.labels is not None and sorted(folder.labels) == sorted(labels)
    fits = fits and folder.answer == data.train.task.answer
    files = sorted(each for each in folder.path.iterdir() if each.suffix in READ)
    parts = [digest_of_file(each) for each in files]
    key = digest_of("transformer", str(tuning.TUNING_VERSION), str(tokens), *parts, *labels)
    if not fits:
        key = digest_of(key, str(options.teacher_epochs), *data.train.inputs, *data.train.labels)
    made: list[transformer.Transformer] = []

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

        return cached(key, texts, len(labels), ask, tell)

    return Teacher(name, key, answer)


def refuse_labels(name: str, own: Sequence[str], wanted: Sequence[str]) -> None:
    """Refuse a teacher of other labels."""
    if unlike := sorted(set(own) ^ set(wanted)):
        raise InputError(
            f"teacher {name}: its labels are not those of train, where {quoted(unlike[0])} stands on one side alone. "
            "Give a teacher that was made of the same labels."
        )


def agreed(answers: Sequence[Floats], temperature: float, task: Task = SINGLE) -> npt.NDArray[np.float32]:
    """Mean of the teachers' probabilities (n, classes) at a temperature; zeros where none of them says anything.

    >>> agreed([np.array([[0.0, 0.0]]), np.array([[np.nan, np.nan]])], 1.0).tolist()
    [[0.5, 0.5]]

    The answers are logits, (n, classes); where texts may have several labels, each stands by itself.
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
