"""From a float transformer to the packed file: one ONNX file with the tokenizer, the labels and the provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from onnx import ModelProto, helper

from prunetext.models.protocol import Packing, Trained
from prunetext.models.provenance import found_out, threshold_text
from prunetext.models.tensors import digest_of_tensors
from prunetext.models.transformer.evening import evening_of, random_texts
from prunetext.models.transformer.graph import encoder_graph
from prunetext.models.transformer.model import TextEncoder
from prunetext.models.transformer.numbered import RoundingPlan
from prunetext.models.transformer.numbers import UNCLIPPED, Reals, formats_of
from prunetext.models.transformer.reading import TokenReader
from prunetext.runtime.onnx_files import ENCODER_FORMAT, sealed
from prunetext.runtime.writing import write_whole

PLAIN = Packing()
QUICK = RoundingPlan(UNCLIPPED)  # takes as many bytes as any other
_evening: dict[str, Mapping[str, Reals]] = {}  # of the last model that was packed: often it is packed again at once
ENTRY_BYTES = 6  # of a short entry, besides its name and value


def pack_encoder(trained: Trained, path: Path, packing: Packing = PLAIN) -> int:
    """Write the packed file and return its bytes.

    size = pack_encoder(trained, Path("model.onnx"), Packing(temperature=1.2))
    """
    data = sealed(packed_encoder(trained, packing).SerializeToString(deterministic=True))
    write_whole(path, data)
    return len(data)


def size_of_encoder(trained: Trained, packing: Packing = PLAIN) -> int:
    """The bytes that `pack_encoder` would write; nothing is written, nor are scales looked for."""
    return len(sealed(b"")) + int(packed_encoder(trained, packing, QUICK).ByteSize())


def known_evening(model: TextEncoder, reader: TokenReader) -> Mapping[str, Reals]:
    """What the inputs of the model's dense layers are multiplied by before they are rounded."""
    name = f"{digest_of_tensors(model.tensors())} {model.layout.text()}"
    if name not in _evening:
        _evening.clear()
        ends = reader.encode([""]).take(np.zeros(1, np.int64))[0]
        batch = random_texts(model.words.num_embeddings, model.layout.longest, (ends - 1).tolist())
        _evening[name] = evening_of(model, batch)
    return _evening[name]


def sizes_of(model: TextEncoder) -> dict[str, Any]:
    """What a file says of its sizes: words, hidden dimensions, heads and neurons of each layer, and ranks of words."""
    weights = model.weights()
    ranks = {} if model.spread is None else {"ranks": weights.ranks}
    return {
        **ranks,
        "words": model.words.num_embeddings,
        "hidden": model.head.in_features,
        "heads": [weights.heads(layer) for layer in weights.layers],
        "neurons": [weights.neurons(layer) for layer in weights.layers],
    }


def in_its_room(entries: dict[str, str], room: int) -> dict[str, str]:
    """The entries that are known last, in so many bytes as ONNX stores them: without the marks of JSON."""
    raw = sum(len(name) + len(value.encode()) + ENTRY_BYTES for name, value in entries.items())
    return {**entries, "provenance": entries["provenance"] + " " * max(0, room - raw)}


def packed_encoder(trained: Trained, packing: Packing, rounding: RoundingPlan | None = None) -> ModelProto:
    """The graph with the metadata of a packed file, but for its checksum; rounding: the best if not given."""
    model, reader = cast(TextEncoder, trained.model), cast(TokenReader, trained.reader)
    several = trained.thresholds is not None
    formats = formats_of(model.number_parts(), packing.table, packing.numbers)
    if rounding is None:
        rounding = RoundingPlan(evening=known_evening(model, reader)) if "int8" in formats.values() else RoundingPlan()
    proto = encoder_graph(model, trained.labels, packing.temperature, formats, rounding, several=several)
    metadata = {
        "format": ENCODER_FORMAT,
        "labels": json.dumps(trained.labels, ensure_ascii=False, separators=(",", ":")),
        "longest": str(reader.longest),
        "numbers": json.dumps(formats, separators=(",", ":")),
        "sizes": json.dumps(sizes_of(model), sort_keys=True),
        "task": trained.task.name,
        "tokenizer.json": reader.tokenizer,
        **in_its_room(found_out(packing), packing.room),
    }
    if trained.thresholds is not None:
        metadata["thresholds"] = f"[{','.join(map(threshold_text, trained.thresholds))}]"
    helper.set_model_props(proto, metadata)
    return proto
