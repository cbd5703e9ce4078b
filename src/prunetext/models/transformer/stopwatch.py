"""Measure what attention and neurons of a layer take, in the graphs and the runtime of a packed file."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from onnx import TensorProto, helper
from torch import Tensor

from prunetext.data.dataset import Input
from prunetext.models.graphs import CONTAINER, OPERATORS
from prunetext.models.protocol import Trained
from prunetext.models.transformer.graph import EncoderGraph
from prunetext.models.transformer.model import Layer, TextEncoder
from prunetext.models.transformer.numbered import RoundingPlan
from prunetext.models.transformer.numbers import NUMBER_FORMATS, UNCLIPPED, formats_of
from prunetext.models.transformer.reading import TokenReader
from prunetext.models.transformer.timing import COLUMNS_AT_ONCE, TimeTable, monotone
from prunetext.runtime.onnx_inputs import batches_of
from prunetext.runtime.onnx_model import BATCH_TOKENS, session_of

EIGHTHS = 8  # of all units, that are measured,
FEW_UNITS = (1, 2, 3, 4, 6)  # and so many, or so many times COLUMNS_AT_ONCE neurons
LEAST_ROUNDS, MOST_ROUNDS, USUAL_SECONDS = 3, 15, 4.0
_HEADS, _NEURONS = ("query", "key", "value"), ("inner", "gate")  # dense layers whose rows are units
_COLUMNS = {"heads": "out", "neurons": "outer"}  # and that whose columns are


class UsualBatch(NamedTuple):
    """The shape of a batch: tokens of each text, and texts."""

    tokens: int
    texts: int


def times_of_encoder(trained: Trained, inputs: Sequence[Input], numbers: str, seconds: float) -> TimeTable:
    """The table of a model, in batches as `predict` makes them of these texts.

        times_of_encoder(trained, ["great film", "dull"], "int8", 4.0).heads

    numbers: of the packed file. seconds: about how long to measure.
    """
    lengths = cast(TokenReader, trained.reader).encode(inputs).tokens().astype(int).tolist()
    batch = usual_batch(lengths)
    return measured_times(cast(TextEncoder, trained.model), *batch, numbers=numbers, seconds=seconds)


def usual_batch(lengths: Sequence[int]) -> UsualBatch:
    """The batch into which `predict` puts most texts of these lengths.

    >>> usual_batch([8, 10, 6]), usual_batch([30] * 500)
    (UsualBatch(tokens=10, texts=3), UsualBatch(tokens=30, texts=136))
    """
    batches = batches_of(list(lengths), BATCH_TOKENS)
    padded = sum(len(each) * lengths[each[-1]] for each in batches)
    tokens = max(1, round(padded / max(1, len(lengths))))
    return UsualBatch(tokens, max(1, min(len(lengths), BATCH_TOKENS // tokens)))


def measured_times(
    model: TextEncoder, tokens: int, texts: int, *, numbers: str = NUMBER_FORMATS[0], seconds: float = USUAL_SECONDS
) -> TimeTable:
    """A table of how long attention and neurons of one layer take, on one thread of ONNX Runtime.

        measured_times(model, tokens=24, texts=128).neurons[-1]     # (1536, 352000.0)

    All graphs run in turn, round after round, for about so many seconds. The time of the processor counts, and the
    fastest round: whatever else the machine does only adds to a time. Weights are random: no time depends on them.
    """
    weights, layer = model.weights(), next(iter(model.layers))
    counts = {
        "heads": measured_counts(max(map(weights.heads, weights.layers)), 1),
        "neurons": measured_counts(max(map(weights.neurons, weights.layers)), COLUMNS_AT_ONCE),
    }
    fed = batch_of_states(model.head.in_features, tokens, texts)
    parts = [(kind, count) for kind, each in counts.items() for count in each]
    sessions = [session_of(half_of_layer(model, layer, kind, count, numbers), 1) for kind, count in parts]
    best, began, rounds = np.full(len(parts), np.inf), time.perf_counter(), 0
    while rounds < LEAST_ROUNDS or (rounds < MOST_ROUNDS and time.perf_counter() - began < seconds):
        for at, session in enumerate(sessions):
            start = time.thread_time()
            session.run(None, fed)
            best[at] = min(best[at], time.thread_time() - start)
        rounds += 1
    each = 1e9 * best / texts
    found = {
        kind: monotone([(count, float(spent)) for (of, count), spent in zip(parts, each, strict=True) if of == kind])
        for kind in counts
    }
    return TimeTable(model.head.in_features, found["heads"], found["neurons"])


def measured_counts(most: int, step: int) -> list[int]:
    """How many units are measured: few in small steps, and all in eighths; multiples of `step`, and all.

    >>> measured_counts(12, 1), measured_counts(200, 16)
    ([1, 2, 3, 4, 6, 8, 9, 10, 12], [16, 32, 48, 64, 80, 96, 128, 144, 176, 200])
    """
    wanted = [step * each for each in FEW_UNITS]
    wanted += [step * round(most * part / EIGHTHS / step) for part in range(1, EIGHTHS)]
    return sorted({each for each in wanted if 0 < each < most} | {most})


def batch_of_states(hidden: int, tokens: int, texts: int) -> dict[str, Any]:
    """The input of a half of a layer."""
    states = np.random.default_rng(0).standard_normal((texts, tokens, hidden), np.float32)
    whole = np.ones((texts, tokens), np.int64)
    return {"states": states, "input_ids": whole, "attention_mask": whole}


def half_of_layer(model: TextEncoder, number: str, kind: str, count: int, numbers: str) -> bytes:
    """The graph of a layer's attention with so many heads, or of its so many neurons, as a packed file has it."""
    layer = Layer(resized(cast(Layer, model.layers[number]), kind, count), model.layout, int(number))
    graph = EncoderGraph(model, formats_of(model.number_parts(), numbers, {}), RoundingPlan(UNCLIPPED))
    add = graph.with_attention if kind == "heads" else graph.with_neurons
    behind = add(f"layers.{number}", "states", layer)
    # To give all states would take time that a whole model does not spend.
    graph.node("begun", "Gather", behind, graph.constant("zero", np.int64(0)), axis=1)
    hidden, batch = model.head.in_features, ["batch", "length"]
    given = [helper.make_tensor_value_info("states", TensorProto.FLOAT, [*batch, hidden])]
    given += [helper.make_tensor_value_info(name, TensorProto.INT64, batch) for name in ("input_ids", "attention_mask")]
    found = [helper.make_tensor_value_info("begun", TensorProto.FLOAT, ["batch", hidden])]
    made = helper.make_model(
        helper.make_graph(graph.nodes, "half", given, found, graph.constants),
        opset_imports=[helper.make_opsetid("", OPERATORS)],
        ir_version=CONTAINER,
    )
    return bytes(made.SerializeToString())


def resized(layer: Layer, kind: str, count: int) -> dict[str, Tensor]:
    """Random tensors of a layer with so many heads, or neurons."""
    rows, width = (_HEADS, layer.layout.head_size) if kind == "heads" else (_NEURONS, 1)
    drawn, found = torch.Generator().manual_seed(0), {}
    for name, tensor in layer.state_dict().items():
        shape, (part, _, what) = list(tensor.shape), name.partition(".")
        if part in rows:
            shape[0] = count * width
        elif part == _COLUMNS[kind] and what == "weight":
            shape[1] = count * width
        found[name] = torch.randn(shape, generator=drawn) / max(1, shape[-1]) ** 0.5
    return found
