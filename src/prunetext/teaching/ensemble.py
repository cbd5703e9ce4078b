"""TextCNNs as teachers: larger ones that answer together, and one that teaches itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from prunetext.data.dataset import Examples, Input
from prunetext.models.encoded import Encoded
from prunetext.models.protocol import Model
from prunetext.models.tensors import fit_into, load_tensors, save_tensors
from prunetext.models.textcnn.kinds import kind_of
from prunetext.models.textcnn.layout import Shape, parse_widths
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.reading import encode_examples, encode_inputs
from prunetext.models.textcnn.starting import begin_at, vocabulary_of
from prunetext.options import ModelOptions
from prunetext.runtime._native import Vocabulary
from prunetext.runtime.states import discard_damaged
from prunetext.runtime.tokenizers import BERT
from prunetext.statistics.metrics import Measure
from prunetext.teaching.cache import Floats, alone
from prunetext.training.answering import logits
from prunetext.training.loop import Training, train_model
from prunetext.training.losses import loss_of
from prunetext.training.pace import pace
from prunetext.training.settings import Settings

LARGE_MODEL = ModelOptions(dimensions=64, filters=128, pooling="max")
SMALL_MODEL = ModelOptions(dimensions=32)  # as large as a student
LEAST_PROBABILITY = 1e-6  # smaller probabilities are raised to this
SELF_TAUGHT_ROUNDS = 3  # of self-training
CONFIDENT = 0.9  # probability from which an answer of the best-learnt class is taken as right


def ensemble(
    size: int,
    examples: Examples,
    dev: Examples,
    labels: Sequence[str],
    folder: Path,
    tell: Callable[[int, int], None] | None = None,
    large: ModelOptions = LARGE_MODEL,
    tokenizer: str = BERT,
) -> Callable[[Sequence[Input]], Floats]:
    """Train so many large TextCNNs, each from its own random start; they answer with logits of their mean.

        answer = ensemble(5, data.train, data.dev, data.labels, Path("cache/members"))
        answer(["great film"])       # logarithms of probabilities (1, classes)

    Members that an earlier call left in the folder are not trained again.
    """
    words = vocabulary_of(examples.all_texts, large, tokenizer)
    vocabulary = Vocabulary(words, tokenizer)
    train, chosen = (encode_examples(vocabulary, each, labels) for each in (examples, dev))
    loss = loss_of(train.task)
    members = []
    with alone(folder):
        for number in range(size):
            if tell is not None:
                tell(number, size)
            members.append(member(number, train, chosen, len(words), len(labels), folder, large))

    def answer(texts: Sequence[Input]) -> Floats:
        encoded = encode_inputs(vocabulary, texts)
        mean = torch.stack([loss.softened(logits(model, encoded), 1.0) for model in members]).mean(0)
        answered: Floats = loss.inverse(mean, LEAST_PROBABILITY).numpy()
        return answered

    return answer


def member(
    number: int, train: Encoded, dev: Encoded, words: int, classes: int, folder: Path, large: ModelOptions = LARGE_MODEL
) -> TextCNN:
    """One trained TextCNN of an ensemble."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(number)
        filters = dict.fromkeys(parse_widths(large.widths), large.filters)
        model = kind_of(train.texts)(Shape(words, large.dimensions or 0, filters, classes, large.pooling))
        path = folder / f"member-{number}.safetensors"
        discard_damaged(path)
        if path.exists() and fit_into(found := load_tensors(path)[0], dict(model.state_dict())):
            model.load_state_dict(found)
            return model
        if loss_of(train.task).tuned is not None:
            begin_at(model, train.targets.mean(0).tolist())
        checkpoint = path.with_suffix(".checkpoint")
        epochs = pace(len(train), task=train.task).epochs  # with many classes, too: there are other teachers
        own = pace(len(train), epochs, number, task=train.task, classes=classes)
        own = dataclasses.replace(own, ranking=0.0)  # it only labels
        if train.task.has_steps:  # of which whole answers are hardly ever right
            own = dataclasses.replace(own, best_by="loss")
        refuse_interrupted(train_model(model, train, dev, own, checkpoint=checkpoint))
        save_tensors(path, dict(model.state_dict()), {})
        checkpoint.unlink(missing_ok=True)
    return model


def refuse_interrupted(trained: Training) -> None:
    """Raise if the model's training was interrupted: such a model cannot teach."""
    if trained.ended == "interrupted":
        raise KeyboardInterrupt


def self_taught(
    untrained: Callable[[], Model],
    labelled: Encoded,
    unlabelled: Encoded,
    dev: Encoded,
    settings: Settings,
    measure: Measure | None = None,
    tell: Callable[[int, int], None] | None = None,
    rounds: int = SELF_TAUGHT_ROUNDS,
) -> torch.Tensor:
    """A model's beliefs about unlabelled texts, learnt from its own surest answers.

    Probabilities (labelled + unlabelled, classes), zeros where it is not sure. Each round trains a new model on the
    labels and on the sure answers of the one before, whose weights are an exponential moving average over its training.
    A class that is more rarely predicted with confidence has a lower threshold; otherwise it would be lost.
    Source: Zhang et al. 2021, "FlexMatch", for the thresholds; Tarvainen and Valpola 2017, "Mean teachers", for the
    average.
    """
    lessons = joined_texts(labelled, unlabelled)
    beliefs = torch.zeros(len(lessons), untrained().classes)
    for number in range(rounds):
        if tell is not None:
            tell(number, rounds)
        examples = dataclasses.replace(lessons, soft=beliefs).subset(sure_rows(beliefs, labelled))
        model = untrained()
        own = pace(len(examples))
        own = dataclasses.replace(
            settings,
            epochs=own.epochs,
            batch_size=own.batch_size,
            patience=own.patience,
            seed=settings.seed + number,
        )
        refuse_interrupted(train_model(model, examples, dev, own, measure=measure))
        beliefs = logits(model, lessons).softmax(1)
        beliefs = torch.where(confident(beliefs)[:, None], beliefs, 0.0)
        beliefs[: len(labelled)] = 0  # labels are not doubted
    if tell is not None:
        tell(rounds, rounds)
    return beliefs


def sure_rows(beliefs: torch.Tensor, labelled: Encoded) -> np.ndarray:
    """Rows with a label, and rows that the model is sure about."""
    return np.flatnonzero((np.arange(len(beliefs)) < len(labelled)) | (beliefs.sum(1) > 0).numpy())


def confident(probabilities: torch.Tensor) -> torch.Tensor:
    """Which answers (n, classes) are above the threshold of their class, shape (n,).

    >>> confident(torch.tensor([[0.95, 0.05], [0.92, 0.08], [0.4, 0.6], [0.55, 0.45]])).tolist()
    [True, True, True, False]

    The class with the most answers of at least `CONFIDENT` has that threshold. A class with a share b of so many has
    `CONFIDENT` · b / (2 − b), but at least an even chance between two classes.
    """
    best, guess = probabilities.max(1)
    counts = torch.bincount(guess[best >= CONFIDENT], minlength=probabilities.shape[1]).double()
    share = counts / counts.max().clamp(min=1)
    threshold = (CONFIDENT * share / (2 - share)).clamp(min=0.5)
    return best >= threshold[guess]


def joined_texts(labelled: Encoded, unlabelled: Encoded, soft: torch.Tensor | None = None) -> Encoded:
    """Texts with labels and without as one, in this order."""
    return dataclasses.replace(labelled.joined(unlabelled), soft=soft)
