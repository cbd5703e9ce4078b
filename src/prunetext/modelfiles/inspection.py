"""The content of a model file."""

from __future__ import annotations

import json
import math
import os
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from prunetext.data.scores import levels_of
from prunetext.errors import DamagedError, ModelFileError
from prunetext.runtime import format as file_format
from prunetext.runtime.format import OLD_FLOAT
from prunetext.runtime.states import Header, check_tensors, parsed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TABLE_BYTES = {"int8": 1, "int16": 2}
OTHER_PARTS = {"remap": "vocabulary", "listed": "bigrams", "distance": "bigrams"}  # of a float file
FLOAT_ROWS = 2  # the padding and the unknown word of a float model; a packed one has only the unknown word


@dataclass(frozen=True)
class Inspection:
    """What a model file holds; sizes are bytes.

    `filters` maps each width of a convolution, in words, to its number of filters. `table` and `table_bytes` are the
    type and the memory of the table that the runtime unfolds; None for a float file. `parts` adds up to `size`.
    `reject` is the probability below which texts can be rejected; None if the file has none. `thresholds` are the
    probabilities from which a text has each label; None if each text has one label. `coding` says how each coded tensor
    is stored, in the terms of docs/format.md. `longest` lists the words with the longest vectors, which move the answer
    most. `bigrams` is the number of those with weights of their own. `levels` are those of scores, between which the
    labels are steps.
    """

    path: str
    format: str
    size: int
    parts: dict[str, int]
    coding: dict[str, dict[str, Any]]
    labels: list[str]
    words: int
    dimensions: int
    filters: dict[int, int]
    pooling: str
    table: str | None
    table_bytes: int | None
    tokenizer: str
    temperature: float | None
    longest: list[str]
    provenance: dict[str, Any]
    reject: float | None = None
    thresholds: list[float] | None = None
    bigrams: int = 0
    levels: list[float] | None = None

    def fields(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def provenance_of(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Where a packed model comes from; empty if the file says nothing readable about it."""
    try:
        provenance = parsed(metadata.get("provenance", "{}"), "provenance")
    except DamagedError:
        return {}
    return provenance if isinstance(provenance, dict) else {}


def inspect_packed(model: str | os.PathLike[str], header: Header, words: int) -> Inspection:
    """The content of a packed file that has been checked."""
    tensors, metadata = file_format.read_packed(model)
    embedding = tensors["embedding"]
    rows, dimensions = embedding.shape
    filters = _filters(header)
    names = file_format.decode_vocabulary(tensors["vocabulary"].data, rows - 1)
    vectors = memoryview(embedding.data).cast("b")[dimensions:]
    taps = sum(width * count for width, count in filters.items())
    return Inspection(
        path=os.fspath(model),
        format=metadata["format"],
        size=header.size,
        parts=_parts(header),
        coding=file_format.codings_of(metadata),
        labels=json.loads(metadata["labels"]),
        words=rows - 1,
        dimensions=dimensions,
        filters=filters,
        pooling=metadata["pooling"],
        table=metadata["table"],
        table_bytes=rows * taps * TABLE_BYTES[metadata["table"]],
        tokenizer=metadata["tokenizer"],
        temperature=float(metadata["temperature"]),
        longest=_longest(names, vectors, dimensions, words),
        provenance=provenance_of(metadata),
        reject=float(metadata["reject"]) if "reject" in metadata else None,
        thresholds=json.loads(metadata["thresholds"]) if metadata["task"] == "labels" else None,
        bigrams=header.tensors["bigrams.weight"]["shape"][0] if "bigrams" in header.tensors else 0,
        levels=json.loads(metadata["levels"]) if "levels" in metadata else None,
    )


def words_of_packed(model: str | os.PathLike[str]) -> list[str]:
    """The words of a packed file."""
    tensors, metadata = file_format.stored(model)
    coded = file_format.codings_of(metadata).get("embedding")
    rows = tensors["embedding"].shape[0] if coded is None else coded["shape"][0]
    return file_format.decode_vocabulary(tensors["vocabulary"].data, rows - 1)


def inspect_float(model: str | os.PathLike[str], words: int) -> Inspection:
    """The content of a float file."""
    try:
        header, data = check_tensors(model, old=OLD_FLOAT)
        metadata, tensors = header.metadata, memoryview(data)[header.length :]
        rows, dimensions = header.tensors["embedding"]["shape"]
        names, labels = _strings(metadata, "words"), _strings(metadata, "labels")
        first, last = header.tensors["embedding"]["data_offsets"]
        if rows < FLOAT_ROWS or not dimensions or 4 * rows * dimensions != last - first:
            raise ValueError("the size of its embedding does not match its shape")
        vectors = tensors[first:last].cast("f")[FLOAT_ROWS * dimensions :]
        first, last = header.tensors["remap"]["data_offsets"]
        row_of = tensors[first:last].cast("q")[FLOAT_ROWS:].tolist()
        # A pruned model keeps the ids of the vocabulary that it was trained with; ids of removed words map to row 1.
        kept = sorted((row, name) for row, name in zip(row_of, names, strict=True) if row >= FLOAT_ROWS)
        return Inspection(
            path=os.fspath(model),
            format=metadata["format"],
            size=header.size,
            parts=_parts(header),
            coding={},
            labels=labels,
            words=rows - FLOAT_ROWS,
            dimensions=dimensions,
            filters=_filters(header),
            pooling=metadata["pooling"],
            table=None,
            table_bytes=None,
            tokenizer=metadata.get("tokenizer", "bert/1"),
            temperature=None,
            longest=_longest([name for _, name in kept], vectors, dimensions, words),
            provenance={},
            bigrams=header.tensors["bigrams"]["shape"][0] if "bigrams" in header.tensors else 0,
            levels=levels_of(labels) if metadata.get("task", "").startswith("score") else None,
        )
    except (KeyError, IndexError, ValueError, TypeError) as error:
        reason = error.reason if isinstance(error, DamagedError) else error
        raise ModelFileError(
            f"{os.fspath(model)}: this is not a whole float model ({reason}). Repeat the run."
        ) from None


def _strings(metadata: Mapping[str, str], name: str) -> list[str]:
    values = parsed(metadata[name], name)
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise ValueError(f"its {name} are not a list of strings")
    return values


def _parts(header: Header) -> dict[str, int]:
    parts = {"vocabulary": 0, "embedding": 0, "convolutions": 0, "head": 0, "header": header.length}
    for name in header.tensors:
        part = name.partition(".")[0]
        part = "convolutions" if part.startswith("conv") else OTHER_PARTS.get(part, part)
        parts[part] = parts.get(part, 0) + header.bytes_of(name)
    return parts


def _filters(header: Header) -> dict[int, int]:
    found = ((re.fullmatch(r"conv(\d+)\.bias", name), entry) for name, entry in header.tensors.items())
    return dict(sorted((int(match[1]), int(entry["shape"][0])) for match, entry in found if match))


def _longest(names: Sequence[str], vectors: memoryview[Any], dimensions: int, count: int) -> list[str]:
    if not count:
        return []
    lengths = {
        name: math.hypot(*vectors[at * dimensions : (at + 1) * dimensions].tolist()) for at, name in enumerate(names)
    }
    return sorted(lengths, key=lambda name: (-lengths[name], name))[:count]
