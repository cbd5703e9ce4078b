"""The content of a transformer's file."""

from __future__ import annotations

import os
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from prunetext.errors import DamagedError, ModelFileError
from prunetext.modelfiles.inspection import provenance_of
from prunetext.runtime.states import check_tensors, parsed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prunetext.runtime.classifier import Classifier

_PART = re.compile(r"layers\.(\d+)\.(attention|dense)")
_LAYER = re.compile(r"layers\.(\d+)\.(query|inner)\.weight")


@dataclass(frozen=True)
class EncoderInspection:
    """What a transformer's file holds; sizes are bytes.

    `heads` and `neurons` are those of each layer. `words` counts the tokens, `longest` those of a text that are read.
    `numbers` are the formats of its parts, and `temperature` divides its logits; both are None for a float file.
    `reject` is None if the file has no such threshold, and `thresholds` if each text has one label. `ranks` are those
    of the table of words, and None if it is no product.
    """

    path: str
    format: str
    size: int
    labels: list[str]
    words: int
    hidden: int
    heads: list[int]
    neurons: list[int]
    longest: int
    temperature: float | None
    provenance: dict[str, Any]
    reject: float | None = None
    thresholds: list[float] | None = None
    numbers: dict[str, str] | None = None
    ranks: int | None = None

    def fields(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def inspect_encoder(model: Classifier, path: str) -> EncoderInspection:
    """The content of a packed file that has been loaded."""
    metadata = model.metadata
    try:
        sizes = parsed(metadata["sizes"], path)
        numbers = [*sizes["heads"], *sizes["neurons"], sizes["words"], sizes["hidden"], sizes.get("ranks", 0)]
        if not all(type(each) is int for each in numbers):
            raise TypeError("a size is no whole number")
        return EncoderInspection(
            path,
            metadata["format"],
            model.size,
            model.labels,
            longest=int(metadata["longest"]),
            temperature=float(metadata["temperature"]),
            provenance=provenance_of(metadata),
            reject=model.reject,
            thresholds=model.thresholds,
            numbers=formats_in(metadata, path),
            **sizes,
        )
    except (KeyError, TypeError, ValueError) as error:
        reason = error.reason if isinstance(error, DamagedError) else error
        raise ModelFileError(f"{path}: its metadata are not whole ({reason}). Repeat the run.") from None


def formats_in(metadata: Mapping[str, str], path: str) -> dict[str, str]:
    """The format of each part's numbers; those of a file that does not say so are float32."""
    found = parsed(metadata.get("numbers", "{}"), path)
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise TypeError("its numbers are no formats of parts")
    return found


def described_numbers(numbers: Mapping[str, str]) -> str:
    """The formats of all parts in words.

    >>> described_numbers({"words": "int8", "layers.0.attention": "int8", "layers.0.dense": "float16"})
    'int8, but float16 in the dense layers of layer 0'
    """
    formats = [*numbers.values()] or ["float32"]
    usual = max(sorted(set(formats)), key=formats.count)
    others: dict[str, list[str]] = {}
    for part, kind in numbers.items():
        if kind != usual:
            others.setdefault(kind, []).append(_part_in_words(part))
    return f"{usual}{''.join(f', but {kind} in {joined_words(parts)}' for kind, parts in sorted(others.items()))}"


def joined_words(words: Sequence[str]) -> str:
    """Words with commas, and "and" before the last.

    >>> joined_words(["the words", "layer 1", "layer 2"])
    'the words, layer 1 and layer 2'
    """
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _part_in_words(part: str) -> str:
    """A part of a transformer as people call it."""
    at = _PART.fullmatch(part)
    if at is None:
        return f"the {part}"
    return f"the {'attention' if at[2] == 'attention' else 'dense layers'} of layer {at[1]}"


def inspect_float_encoder(path: str | os.PathLike[str]) -> EncoderInspection:
    """The content of a float file."""
    try:
        header, _ = check_tensors(path)
        metadata, found = header.metadata, {"query": dict[int, int](), "inner": dict[int, int]()}
        for name, entry in header.tensors.items():
            if at := _LAYER.fullmatch(name):
                found[at[2]][int(at[1])] = int(entry["shape"][0])
        size = parsed(metadata["layout"], path)["head_size"]
        words, hidden = header.tensors["words.weight"]["shape"][0], header.tensors["head.weight"]["shape"][1]
        return EncoderInspection(
            os.fspath(path),
            metadata["format"],
            header.size,
            parsed(metadata["labels"], path),
            words,
            hidden,
            [rows // size for _, rows in sorted(found["query"].items())],
            [rows for _, rows in sorted(found["inner"].items())],
            int(metadata["longest"]),
            None,
            {},
            thresholds=parsed(metadata.get("thresholds", "null"), path),
            ranks=header.tensors["spread.weight"]["shape"][1] if "spread.weight" in header.tensors else None,
        )
    except (KeyError, IndexError, ValueError, TypeError, ZeroDivisionError) as error:
        reason = error.reason if isinstance(error, DamagedError) else error
        raise ModelFileError(
            f"{os.fspath(path)}: this is not a whole float model ({reason}). Repeat the run."
        ) from None
