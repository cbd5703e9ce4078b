"""The float32 TextCNNs of a run: written whole, and read only after every check: a file can come from anyone."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch

from prunetext.data.scores import levels_of
from prunetext.data.task import Task
from prunetext.errors import DamagedError, ModelFileError
from prunetext.models.protocol import Trained
from prunetext.models.tensors import load_tensors, save_tensors
from prunetext.models.textcnn.bigrams import BigramCNN, weights_each
from prunetext.models.textcnn.kinds import model_of
from prunetext.models.textcnn.layout import POOLINGS, WORDS
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.pair import PairCNN
from prunetext.models.textcnn.reading import Reader
from prunetext.runtime._native import TOKENIZERS, Vocabulary
from prunetext.runtime.format import FLOAT_FORMAT, OLD_FLOAT
from prunetext.runtime.states import parsed, reason_of
from prunetext.runtime.tokenizers import BERT, PIECES_3, distance_of

OF_INT64 = {"remap", "positive", "listed", "distance"}
UNTOLD_EPOCHS = 6.0  # of training a dense model, if its file does not say


def write_float(trained: Trained, path: Path, recipe: Mapping[str, Any]) -> None:
    """Write a model with everything needed to prune it again; recipe: how it was made."""
    model = cast(TextCNN, trained.model)
    reader = cast(Reader, trained.reader)
    several = {} if trained.thresholds is None else {"thresholds": json.dumps(list(trained.thresholds))}
    other = {} if reader.tokenizer == BERT else {"tokenizer": reader.tokenizer}  # earlier versions wrote none
    metadata = {
        **several,
        **other,
        "format": FLOAT_FORMAT,
        "pooling": model.pooling,
        "static": str(model.static),
        "dropout": repr(model.dropout),
        "epochs": repr(float(trained.epochs)),
        "labels": json.dumps(trained.labels, ensure_ascii=False),
        "recipe": json.dumps(dict(recipe), ensure_ascii=False, sort_keys=True),
        "task": trained.task.name,
        "words": json.dumps(reader.words, ensure_ascii=False),
    }
    save_tensors(path, dict(model.state_dict()), metadata)


def read_float(path: Path) -> Trained:
    """Read a float32 model of a run; ModelFileError if it is not whole."""
    try:
        tensors, metadata = load_tensors(path, old=OLD_FLOAT)
        if not any(name.startswith("conv") for name in tensors):
            raise ValueError("it has no convolution")
        model = model_of(
            tensors,
            pooling=metadata["pooling"],
            static=int(metadata["static"]),
            dropout=float(metadata["dropout"]),
        )
        words, labels = parsed(metadata["words"], path), parsed(metadata["labels"], path)
        _check_strings("words", words, len(model.remap) - WORDS)
        _check_strings("labels", labels, len(model.head.bias))
        Vocabulary(words)  # ValueError for an empty word, and for half a surrogate pair
        _check_float(model, tensors)
        tokenizer = metadata.get("tokenizer", BERT)
        if tokenizer not in TOKENIZERS:
            raise ValueError(f"its tokenizer is none of {', '.join(TOKENIZERS)}")
        epochs = float(metadata.get("epochs", "nan"))
        thresholds = parsed(metadata.get("thresholds", "null"), path)
        _check_thresholds(thresholds, len(labels))
        task = _task_of(metadata, model.texts, labels, several=thresholds is not None)
        if isinstance(model, BigramCNN):
            _check_bigrams(model, words, tokenizer, weights_each(len(labels), several=task.of_many))
        spent = epochs if math.isfinite(epochs) else UNTOLD_EPOCHS
        return Trained("textcnn", model, labels, task, Reader(words, tokenizer), thresholds, spent)
    except DamagedError as error:
        raise ModelFileError(
            f"{path}: this float model is damaged ({error.reason}). Repeat its run with --overwrite."
        ) from None
    except (KeyError, ValueError, RuntimeError, TypeError, IndexError, OverflowError) as error:
        raise ModelFileError(
            f"{path}: this is not a whole float model of a run ({reason_of(error)}). Repeat the run."
        ) from None


def _task_of(metadata: Mapping[str, str], texts: int, labels: list[str], *, several: bool) -> Task:
    """The task of a model; ValueError for scores whose steps are none."""
    scored = Task(texts, "score")
    if metadata.get("task") != scored.name:
        return Task(texts, "labels" if several else "label")
    if several:
        raise ValueError("it has thresholds, which a model of scores has not")
    levels_of(labels)
    return scored


def _check_bigrams(model: BigramCNN, words: list[str], tokenizer: str, weights: int) -> None:
    if model.bigram_sizes[1] != weights:
        raise ValueError("its bigrams have weights for other labels")
    if int(model.distance) != distance_of(tokenizer) or tokenizer == PIECES_3:
        raise ValueError("its bigrams are none of its tokenizer's")
    if any(" " in words[at - WORDS] for at in model.listed.unique().tolist()):
        raise ValueError("its bigrams have a word with a space")


def _check_thresholds(values: object, size: int) -> None:
    listed = isinstance(values, list) and all(isinstance(each, float) and 0 < each < 1 for each in values)
    if values is not None and not (isinstance(values, list) and listed and len(values) == size):
        raise ValueError(f"its thresholds are not {size:,} numbers between 0 and 1")


def _check_strings(name: str, values: object, size: int) -> None:
    strings = isinstance(values, list) and all(isinstance(each, str) for each in values)
    if not isinstance(values, list) or not strings or len(set(values)) != size or len(values) != size:
        raise ValueError(f"its {name} are not {size:,} different strings")


def _check_float(model: TextCNN, tensors: dict[str, torch.Tensor]) -> None:
    """Refuse what no run writes: `copy_` would stretch a tensor of another shape without a word."""
    for name, tensor in model.state_dict().items():
        if name == "bits" and name not in tensors:  # as in the files of earlier versions
            continue
        wanted = torch.uint8 if name == "bits" else torch.int64 if name in OF_INT64 else torch.float32
        if tensors[name].shape != tensor.shape or tensors[name].dtype != wanted:
            raise ValueError(f"the shape or type of its {name} does not fit the rest")
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise ValueError(f"its {name} holds a number that is not finite")
    if model.pooling not in POOLINGS or not 0 <= model.static <= model.shape.dimensions or not 0 <= model.dropout < 1:
        raise ValueError("its pooling, dropout or number of static dimensions is impossible")
    if int(model.remap[0]) != 0:
        raise ValueError("its remap points to missing rows")
    if not bool(torch.isin(model.bits, torch.tensor([8, 4, 2])).all()):
        raise ValueError("its vectors have a number of bits other than 8, 4 or 2")
    if isinstance(model, PairCNN) and not 0 <= int(model.positive) < model.shape.classes:
        raise ValueError("its positive class is not one of its classes")
    if bool(model.embedding[0].any()):
        raise ValueError("its row of padding is not zero")
