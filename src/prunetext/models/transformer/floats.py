"""The float32 transformers of a run: written whole, and read only after every check: a file can come from anyone."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from prunetext.data.task import Task
from prunetext.errors import DamagedError, InputError, ModelFileError
from prunetext.models.protocol import Trained
from prunetext.models.tensors import load_tensors, save_tensors
from prunetext.models.transformer.folder import check_tensors_of
from prunetext.models.transformer.grouping import DIMS, PRESENT
from prunetext.models.transformer.layout import Layout
from prunetext.models.transformer.model import TextEncoder, with_kinds
from prunetext.models.transformer.reading import TokenReader, tokenizer_from
from prunetext.runtime.format import FLOAT_FORMAT
from prunetext.runtime.states import parsed, reason_of

FAMILY_NAME = "transformer"


def write_encoder(trained: Trained, path: Path, recipe: Mapping[str, Any]) -> None:
    """Write a model with everything needed to prune it again; recipe: how it was made."""
    model, reader = cast(TextEncoder, trained.model), cast(TokenReader, trained.reader)
    metadata = {
        "epochs": repr(float(trained.epochs)),
        "family": FAMILY_NAME,
        "format": FLOAT_FORMAT,
        "labels": json.dumps(trained.labels, ensure_ascii=False),
        "layout": model.layout.text(),
        "longest": str(reader.longest),
        "recipe": json.dumps(dict(recipe), ensure_ascii=False, sort_keys=True),
        "task": trained.task.name,
        "tokenizer.json": reader.tokenizer,
    }
    if trained.thresholds is not None:
        metadata["thresholds"] = json.dumps(list(trained.thresholds))
    tensors = {name: each for name, each in model.state_dict().items() if name != DIMS}  # which is all ones
    save_tensors(path, with_kinds(tensors), metadata)


def read_encoder(path: Path) -> Trained:
    """Read a float32 transformer of a run; ModelFileError if it is not whole."""
    try:
        tensors, metadata = load_tensors(path)
        layout = Layout.of(parsed(metadata["layout"], path))
        model = encoder_of(tensors, layout)
        labels = parsed(metadata["labels"], path)
        if not isinstance(labels, list) or len({*map(str, labels)}) != model.classes or len(labels) != model.classes:
            raise ValueError(f"its labels are not {model.classes:,} different strings")
        thresholds = parsed(metadata.get("thresholds", "null"), path)
        if thresholds is not None and not are_thresholds(thresholds, model.classes):
            raise ValueError(f"its thresholds are not {model.classes:,} numbers between 0 and 1")
        task, epochs = Task.named(metadata["task"]), float(metadata["epochs"])
        if (task.even_thresholds(1) is None) != (thresholds is None) or not math.isfinite(epochs):
            raise ValueError("its task, thresholds or epochs do not fit together")
        reader = reader_for(model, metadata["tokenizer.json"], int(metadata["longest"]))
        return Trained(FAMILY_NAME, model, list(map(str, labels)), task, reader, thresholds, epochs)
    except DamagedError as error:
        raise ModelFileError(
            f"{path}: this float model is damaged ({error.reason}). Repeat its run with --overwrite."
        ) from None
    except (KeyError, ValueError, RuntimeError, TypeError, IndexError, OverflowError) as error:
        raise ModelFileError(
            f"{path}: this is not a whole float model of a run ({reason_of(error)}). Repeat the run."
        ) from None


def encoder_of(tensors: dict[str, Tensor], layout: Layout) -> TextEncoder:
    """The model of the tensors of a file; ValueError if they do not fit together."""
    head, present = (tensors[name] for name in ("head.weight", PRESENT))
    rest = {name: each for name, each in tensors.items() if not name.startswith("head.") and name != PRESENT}
    check_tensors_of(rest, layout, whole=False)
    hidden = len(next(each for name, each in rest.items() if name.endswith(".outer.weight")))
    count = len({name.split(".")[1] for name in rest if name.startswith("layers.")})
    sound = head.dim() == 2 and head.shape[1] == hidden and tensors["head.bias"].shape == head.shape[:1]
    if not sound or present.shape != (count,) or not bool((present == 1).all()):
        raise ValueError("its head or its layers do not fit together")
    if not bool(head.isfinite().all()) or not bool(tensors["head.bias"].isfinite().all()):
        raise ValueError("its head has a number that is not finite")
    return TextEncoder(tensors, layout)


def are_thresholds(values: object, size: int) -> bool:
    """Whether these are so many numbers between 0 and 1.

    >>> are_thresholds([0.5, 0.2], 2)
    True
    """
    listed = isinstance(values, list) and all(isinstance(each, float) and 0 < each < 1 for each in values)
    return listed and len(cast(list[float], values)) == size


def reader_for(model: TextEncoder, tokenizer: str, longest: int) -> TokenReader:
    """The reader of a model; ValueError if the tokenizer has other tokens than the model."""
    words = model.words.num_embeddings
    try:
        size = tokenizer_from(tokenizer, longest).get_vocab_size()
    except InputError as error:
        raise ValueError(str(error)) from None
    if size != words or not 2 <= longest <= model.layout.longest:
        raise ValueError("its tokenizer has other tokens than its table of words, or reads more than it has places for")
    return TokenReader(tokenizer, longest, words, 0 if model.token_kinds is None else model.token_kinds.num_embeddings)
