"""Packed transformers from anyone: whole ones pass, all others are refused before ONNX Runtime sees them."""

import re
import time
import tracemalloc
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, numpy_helper

from helpers.encoders import ARCHITECTURES, encoder_folder
from helpers.hostile_graphs import HOSTILE, constant
from helpers.hostile_numbers import HOSTILE_NUMBERS
from prunetext.data.task import Task
from prunetext.models import graphs
from prunetext.models.encoded import Encoded
from prunetext.models.protocol import Model, Packing, Trained
from prunetext.models.transformer.floats import FAMILY_NAME
from prunetext.models.transformer.folder import Pretrained, read_pretrained
from prunetext.models.transformer.graph import takes_kinds
from prunetext.models.transformer.grouping import TRANSFORMER_KINDS
from prunetext.models.transformer.layout import ACTIVATIONS
from prunetext.models.transformer.model import TextEncoder
from prunetext.models.transformer.numbers import NUMBER_FORMATS
from prunetext.models.transformer.packing import packed_encoder
from prunetext.models.transformer.reading import TokenReader
from prunetext.pruning.shrinking import shrink
from prunetext.runtime.onnx_check import check_onnx
from prunetext.runtime.onnx_files import is_sealed, sealed
from prunetext.runtime.onnx_model import OnnxModel

ONE_LABEL, LABELS = Task(), ["bad", "good", "other"]
TINY = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 6}
CHECKSUM_ENTRY = len(sealed(b""))
SLOWEST = 2.0  # seconds to check a file, on a busy machine; a hundredth of it is the rule

Folders = Callable[..., Pretrained]


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    @cache
    def made(architecture: str, **sizes: Any) -> Pretrained:
        folder = Path(tmp_path_factory.mktemp(architecture))
        encoder_folder(folder, architecture, **sizes)
        return read_pretrained(folder)

    return made


def model_of(found: Pretrained, **layout: Any) -> TextEncoder:
    hidden = len(found.tensors["layers.0.norm.weight"])
    head = {"head.weight": torch.randn(len(LABELS), hidden), "head.bias": torch.randn(len(LABELS))}
    return TextEncoder({**found.tensors, **head}, found.layout.of({**found.layout.__dict__, **layout})).eval()


def packed(found: Pretrained, model: TextEncoder, task: Task = ONE_LABEL, kind: str = "int8") -> ModelProto:
    reader = TokenReader(found.tokenizer, model.layout.longest, model.words.num_embeddings, 2 * takes_kinds(model))
    trained = Trained(FAMILY_NAME, model, LABELS, task, reader, task.even_thresholds(len(LABELS)))
    return packed_encoder(trained, Packing(kind, temperature=1.5, reject=0.4))


def finished(proto: ModelProto) -> bytes:
    return sealed(proto.SerializeToString(deterministic=True))


@pytest.fixture(scope="module")
def whole(pretrained: Folders) -> ModelProto:
    """A tiny BERT that is whole."""
    found = pretrained("bert", **TINY)
    return packed(found, model_of(found))


@pytest.fixture(scope="module")
def whole_bytes(whole: ModelProto) -> bytes:
    return finished(whole)


def entries(proto: ModelProto) -> dict[str, str]:
    return {each.key: each.value for each in proto.metadata_props}


def factorised_and_kept(found: Pretrained, random: np.random.Generator) -> tuple[Model, dict[str, np.ndarray]]:
    """A model whose table of words is a product, and random units of all groups."""
    model, usage = model_of(found), Encoded(np.arange(1, 60, dtype=np.int32), np.array([0, 59]), torch.zeros(1))
    product = model.canonical(usage, ("ranks",))(model)
    kept = {group.name: random.random(group.size) < 0.6 for group in product.groups(tuple(TRANSFORMER_KINDS))}
    for units in kept.values():
        units[-1] = True
    return product, kept


@pytest.mark.parametrize("kind", NUMBER_FORMATS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_all_architectures_pass_whole_and_pruned(pretrained: Folders, architecture: str, kind: str) -> None:
    found, random = pretrained(architecture), np.random.default_rng(0)
    model, small = model_of(found), shrink(*factorised_and_kept(found, random))
    assert isinstance(small, TextEncoder)
    assert small.spread is not None
    for each in (model, small):
        proto = packed(found, each, kind=kind)
        metadata = check_onnx(finished(proto))
        assert len(metadata.pop("checksum")) == 16
        assert metadata == entries(proto)
    OnnxModel(finished(proto))


@pytest.mark.parametrize("task", [Task(), Task(texts=2), Task(answer="labels")], ids=lambda each: each.name)
@pytest.mark.parametrize("pooling", ["first", "mean"])
def test_all_tasks_and_poolings_pass(pretrained: Folders, task: Task, pooling: str) -> None:
    for architecture in ("roberta", "electra", "modernbert"):
        found = pretrained(architecture)
        data = finished(packed(found, model_of(found, pooling=pooling), task))
        assert check_onnx(data)["task"] == OnnxModel(data).metadata["task"] == task.name


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_all_activations_pass_without_biases(pretrained: Folders, activation: str) -> None:
    found = pretrained("bert")
    tensors = {name: each for name, each in found.tensors.items() if not name.endswith(".bias")}
    data = finished(packed(found, model_of(found._replace(tensors=tensors), activation=activation)))
    assert check_onnx(data) == {**OnnxModel(data).metadata, "checksum": data[-16:].decode()}


def test_sizes_of_the_largest_encoders_pass() -> None:
    """Two layers of 1,024 dimensions, 64 heads and 8,192 neurons, whose weights no file need hold."""
    from prunetext.runtime.onnx_shapes import results_of
    from prunetext.runtime.onnx_sizes import BATCH_SIZE, FLOAT_KIND, INTEGER_KIND, TEXT_LENGTH, Shaped, Size

    words = Shaped(FLOAT_KIND, (Size(250_000), Size(1024)))
    (x,) = results_of("Gather", [words, Shaped(INTEGER_KIND, (BATCH_SIZE, TEXT_LENGTH))], {})
    assert x.shape == (BATCH_SIZE, TEXT_LENGTH, Size(1024))
    (inner,) = results_of("MatMul", [x, Shaped(FLOAT_KIND, (Size(1024), Size(8192)))], {})
    assert inner.size == Size(8192, 1, 1)
    heads = Shaped(FLOAT_KIND, (BATCH_SIZE, Size(64), TEXT_LENGTH, Size(64)))
    (keys,) = results_of("Transpose", [heads], {"perm": (0, 1, 3, 2)})
    assert results_of("MatMul", [heads, keys], {})[0].size == Size(64, 1, 2)


def test_versions_are_those_that_are_written(whole: ModelProto) -> None:
    assert (whole.ir_version, whole.opset_import[0].version) == (graphs.CONTAINER, graphs.OPERATORS)


@pytest.mark.parametrize("name", [*HOSTILE, *HOSTILE_NUMBERS])
def test_hostile_files_are_refused(whole: ModelProto, name: str) -> None:
    reason, change = {**HOSTILE, **HOSTILE_NUMBERS}[name]
    proto = ModelProto()
    proto.CopyFrom(whole)
    change(proto)
    data = finished(proto)
    start = time.perf_counter()
    with pytest.raises(ValueError, match=reason) as caught:
        OnnxModel(data)
    assert time.perf_counter() - start < SLOWEST
    assert type(caught.value) is ValueError
    assert re.match("its |an? ", str(caught.value)), "the caller says which file it is"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda spread: spread[1:], "do not fit MatMul"),
        (lambda spread: spread[:, 1:], "do not fit Add"),
        (lambda spread: spread[0], "do not fit MatMul"),
        (lambda spread: spread.astype(np.float64), "none of float32, float16"),
    ],
)
def test_a_product_of_words_that_does_not_fit_is_refused(
    pretrained: Folders, change: Callable[[np.ndarray], np.ndarray], reason: str
) -> None:
    found = pretrained("bert", **TINY)
    model, _ = factorised_and_kept(found, np.random.default_rng(0))
    proto = packed(found, cast(TextEncoder, model))
    OnnxModel(finished(proto))
    (spread,) = (each for each in proto.graph.initializer if each.name == "spread.weight")
    spread.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(change(numpy_helper.to_array(spread))), spread.name))
    with pytest.raises(ValueError, match=reason):
        OnnxModel(finished(proto))


def refused_or_read(data: bytes) -> dict[str, str] | None:
    """The metadata, or None if the file is refused, in little time."""
    start = time.perf_counter()
    try:
        return check_onnx(data)
    except ValueError:
        return None
    finally:
        assert time.perf_counter() - start < SLOWEST


def refused_or_answers(data: bytes) -> None:
    """Only ValueError refuses a file, whoever finds what is wrong; all others answer."""
    if refused_or_read(data) is None:
        return
    try:
        found = OnnxModel(data)
        (label,) = found.predict(["a great film"], 1)
    except ValueError:
        return
    assert label in found.labels


@pytest.mark.parametrize(("old", "new"), [('"[CLS]":{', '"[CLT]":{'), ('"unk_token":"[UNK]"', '"unk_token":"[UNT]"')])
def test_a_tokenizer_that_panics_is_refused(whole: ModelProto, old: str, new: str) -> None:
    proto = ModelProto()
    proto.CopyFrom(whole)
    (tokenizer,) = (each for each in proto.metadata_props if each.key == "tokenizer.json")
    assert old in tokenizer.value
    tokenizer.value = tokenizer.value.replace(old, new)
    with pytest.raises(ValueError, match="its tokenizer is damaged"):
        OnnxModel(finished(proto)).predict(["ø"], 1)


@settings(max_examples=300)
@given(place=st.floats(0, 1, exclude_max=True))
def test_files_that_are_cut_off_are_refused(whole_bytes: bytes, place: float) -> None:
    left = whole_bytes[: int(place * len(whole_bytes))]
    with pytest.raises(ValueError, match="checksum"):
        OnnxModel(left)
    refused_or_answers(sealed(left))


@settings(max_examples=250)
@given(data=st.data())
def test_changed_and_added_bytes_are_refused_or_harmless(whole_bytes: bytes, data: st.DataObject) -> None:
    damaged = bytearray(whole_bytes[:-CHECKSUM_ENTRY])
    for _ in range(data.draw(st.integers(1, 3))):
        at = int(data.draw(st.floats(0, 1, exclude_max=True)) * len(damaged))
        if data.draw(st.booleans()):
            damaged[at] ^= data.draw(st.integers(1, 255))
        else:
            damaged[at:at] = data.draw(st.binary(min_size=1, max_size=12))
    refused_or_answers(sealed(bytes(damaged)))


@settings(max_examples=200)
@given(data=st.binary(max_size=60))
def test_any_bytes_are_refused(data: bytes) -> None:
    assert refused_or_read(data) is None


def test_long_numbers_and_many_parts_are_refused() -> None:
    for data in (
        b"\x08" + b"\xff" * 10 + b"\x01",
        b"\x08" + b"\xff" * 9 + b"\x7f",
        b"\xff" * 20,
        b"\x0b\x0c",
        b"\x12\x7f",
    ):
        assert refused_or_read(data) is None
    start = time.perf_counter()
    with pytest.raises(ValueError, match="parts"):
        check_onnx(b"\x08\x08" + b"\x72\x00" * (1 << 22))
    assert time.perf_counter() - start < SLOWEST


def test_large_files_are_checked_in_place(whole: ModelProto) -> None:
    proto = ModelProto()
    proto.CopyFrom(whole)
    constant(proto, "large", np.zeros((1 << 14, 1 << 10), np.float32))
    data = finished(proto)
    tracemalloc.start()
    try:
        start = time.perf_counter()
        assert check_onnx(data)["format"]
        assert time.perf_counter() - start < SLOWEST
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()
    assert is_sealed(data)
