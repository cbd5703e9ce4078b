"""A model as two files of OpenVINO, its graph and its weights, checked before they are in place."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from prunetext.errors import InputError, RunError, require
from prunetext.modelfiles.exporting import Exported
from prunetext.runtime.encoder import Encoder
from prunetext.runtime.states import parsed
from prunetext.runtime.writing import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Fed = dict[str, NDArray[np.int64]]

GRAPH_ENDING, WEIGHTS_ENDING = ".xml", ".bin"
MOST_OF_IR = 1e-5  # largest difference between a probability of the files and of the graph that they were made of
# OpenVINO rounds to bfloat16 where the processor has it, unless it is told not to.
EXACT = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0", "INFERENCE_NUM_THREADS": "1"}
EXTRA_OPENVINO = "openvino"
_BATCHES, _ROWS, _LONGEST_ROW = 6, 50, 60


class Checked(NamedTuple):
    """Texts as a graph takes them, and the probabilities that it must give."""

    fed: Sequence[Fed]
    expected: Sequence[NDArray[np.float32]]

    @classmethod
    def by(cls, answer: Callable[[Fed], NDArray[np.float32]], fed: Sequence[Fed]) -> Checked:
        """The same from what gives the probabilities."""
        return cls(fed, [answer(each) for each in fed])


def check_graph_target(target: Path) -> None:
    """Refuse a name that OpenVINO does not read."""
    if target.suffix != GRAPH_ENDING:
        raise InputError(
            f"{target}: OpenVINO reads a graph from a file that ends in {GRAPH_ENDING}. Give such a name, as "
            f"{target.with_suffix(GRAPH_ENDING).name}."
        )
    if (weights := target.with_suffix(WEIGHTS_ENDING)).is_dir():
        raise InputError(
            f"{weights}: this is a folder, where the graph's weights are to be written. Give another name."
        )
    if weights.exists() and not target.exists():
        raise InputError(
            f"{weights}: the graph's weights would replace this file, which belongs to no graph. Remove it, or give "
            "another name."
        )


def write_openvino(data: bytes, target: Path, source: str, checked: Checked) -> Exported:
    """Write an ONNX graph as `target`, which ends in .xml, and its weights beside it in a .bin.

        write_openvino(proto.SerializeToString(), Path("reviews.xml"), "runs/reviews", checked)

    The graph's metadata are in the .xml, too. RunError if a probability differs by more than 0.00001; then nothing has
    changed. An older graph goes before its weights are replaced: a killed export leaves no graph with other weights.
    """
    openvino = require("openvino", extra=EXTRA_OPENVINO)
    core = openvino.Core()
    with tempfile.TemporaryDirectory(prefix="prunetext-") as folder:
        made = Path(folder) / f"model{GRAPH_ENDING}"
        openvino.save_model(named_by_place(core.read_model(model=data)), made, compress_to_fp16=False)
        compiled = core.compile_model(core.read_model(made), "CPU", EXACT)
        pairs = zip(checked.fed, checked.expected, strict=True)
        apart = float(np.max([np.abs(compiled(fed)["probabilities"] - wanted).max() for fed, wanted in pairs]))
        if not apart <= MOST_OF_IR:
            raise RunError(
                f"{target}: its probabilities would differ from those of {source} by up to {apart:.1g}; the limit is "
                f"{MOST_OF_IR:g}. No file was written. Export another model of the run."
            )
        graph, weights = made.read_bytes(), made.with_suffix(WEIGHTS_ENDING).read_bytes()
    target.unlink(missing_ok=True)
    write_whole(target.with_suffix(WEIGHTS_ENDING), weights, shared=True)
    write_whole(target, graph, shared=True)
    return Exported(target, len(graph) + len(weights), sum(len(each) for each in checked.expected), apart)


def named_by_place(model: Any) -> Any:
    """The graph, in which names that OpenVINO has counted through all graphs of a process count through this one."""
    for at, node in enumerate(model.get_ordered_ops()):
        kind, _, number = node.get_friendly_name().rpartition("_")
        if kind == node.get_type_name() and number.isdecimal():
            node.set_friendly_name(f"{kind}.{at}")
    return model


def encoder_as_openvino(source: Path, target: Path) -> Exported:
    """Write a packed transformer, which has been loaded, with activations as floats."""
    from onnx import ModelProto

    from prunetext.models.transformer.float_activations import with_float_activations

    proto = with_float_activations(ModelProto.FromString(source.read_bytes()))
    checked = checked_encoder(proto, parsed(proto_entry(proto, "sizes"), source)["words"])
    return write_openvino(proto.SerializeToString(deterministic=True), target, str(source), checked)


def checked_encoder(proto: Any, words: int) -> Checked:
    """Random tokens, in batches of mixed lengths and alone, and what ONNX Runtime answers by the graph."""
    runtime = require("onnxruntime", extra=EXTRA_OPENVINO)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = {each.name for each in session.get_inputs()}
    random, fed = np.random.default_rng(0), []
    longest = min(_LONGEST_ROW, int(proto_entry(proto, "longest")))
    for rows in [_ROWS] * _BATCHES + [1] * _BATCHES:
        lengths = random.integers(2, longest + 1, rows)
        inside = (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)
        second = inside * (np.arange(lengths.max()) >= lengths[:, None] // 2)  # the second text of a pair
        every = {
            "input_ids": inside * random.integers(0, words, inside.shape),
            "attention_mask": inside,
            "token_type_ids": second,
        }
        fed.append({name: each for name, each in every.items() if name in names})
    return Checked.by(lambda some: session.run(["probabilities"], some)[0], fed)


def checked_words(proto: Any, answer: Callable[[Any], NDArray[np.float32]], texts: Sequence[Any]) -> Checked:
    """Texts, or pairs, as a TextCNN's graph takes them, in batches and alone, and what the model answers."""
    encoder = Encoder(*(json.loads(proto_entry(proto, name)) for name in ("vocabulary", "tokenizer")))
    batches = [texts[at : at + _ROWS] for at in range(0, len(texts), _ROWS)] + [[text] for text in texts[:_ROWS]]
    pairs = isinstance(texts[0], tuple)
    fed = [encoder.encode_pairs(some) if pairs else {"ids": encoder.encode(some)} for some in batches]
    return Checked(fed, [answer(some) for some in batches])


def proto_entry(proto: Any, name: str) -> str:
    """An entry of a graph's metadata."""
    return str(next(each.value for each in proto.metadata_props if each.key == name))
