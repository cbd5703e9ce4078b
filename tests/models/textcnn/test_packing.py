"""A packed file holds the model it was made from: words in their order, labels, provenance, the same bytes again."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import prunetext
from helpers.packing import pack
from prunetext.modelfiles.api import inspect
from prunetext.models.protocol import Packing
from prunetext.models.provenance import found_out
from prunetext.models.textcnn.layout import UNKNOWN, WORDS
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.packing import kept_words, packed_tensors, units
from prunetext.models.textcnn.reading import encode_inputs
from prunetext.models.textcnn.rounding import rounding_of
from prunetext.models.textcnn.turning import balance
from prunetext.pruning.shrinking import all_kept, shrink
from prunetext.runtime import format
from prunetext.runtime._native import Vocabulary, count_words
from prunetext.training.answering import logits

SEVEN = ["zebra", "apple", "ø", "mango", "影", "fig", "电"]


def array(stored: dict[str, format.Tensor], name: str) -> np.ndarray:
    kinds = {"F32": np.float32, "I8": np.int8}
    return np.frombuffer(stored[name].data, kinds[stored[name].dtype]).reshape(stored[name].shape)


def test_words_are_sorted_and_carry_their_own_rows(random_model: Callable[..., TextCNN], tmp_path: Path) -> None:
    model = random_model()
    pack(model, SEVEN, ["a", "b", "c"], tmp_path / "model")
    stored, metadata = format.read_packed(tmp_path / "model")
    words = format.decode_vocabulary(stored["vocabulary"].data, 7)
    assert words == sorted(SEVEN)
    rows = array(stored, "embedding") * array(stored, "embedding.scale")
    expected = model.embedding[[UNKNOWN, *(WORDS + SEVEN.index(word) for word in words)]].detach().numpy()
    np.testing.assert_allclose(rows, expected, atol=float(array(stored, "embedding.scale")[0]) / 2 + 1e-6)
    assert (metadata["pooling"], metadata["table"], metadata["temperature"]) == ("max+mean", "int8", "1.0")
    assert "reject" not in metadata


@settings(max_examples=40)
@given(stays=st.lists(st.booleans(), min_size=7, max_size=7), again=st.lists(st.booleans(), min_size=7, max_size=7))
def test_kept_words_follow_the_rows_through_two_prunings(
    random_model: Callable[..., TextCNN], stays: list[bool], again: list[bool]
) -> None:
    model = random_model()
    assert kept_words(model, SEVEN) == SEVEN
    small = shrink(model, all_kept(model.groups()) | {"vocabulary": np.array(stays)})
    left = [word for word, kept in zip(SEVEN, stays, strict=True) if kept]
    assert kept_words(small, SEVEN) == left
    smaller = shrink(small, all_kept(small.groups()) | {"vocabulary": np.array(again[: len(left)], dtype=bool)})
    assert kept_words(smaller, SEVEN) == [word for word, kept in zip(left, again, strict=False) if kept]


def test_the_same_model_gives_the_same_bytes_and_their_number(
    random_model: Callable[..., TextCNN], tmp_path: Path
) -> None:
    model = random_model()
    provenance = {"recipe": {"seed": 1, "text": 'say "ø"\n'}, "drop": -0.25}
    sizes = [
        pack(model, SEVEN, ["ä", "b", 'c"'], tmp_path / name, provenance=provenance) for name in ("first", "second")
    ]
    data = (tmp_path / "first").read_bytes()
    assert data == (tmp_path / "second").read_bytes()
    assert sizes == [len(data)] * 2
    loaded = prunetext.load(tmp_path / "first")
    assert loaded.labels == ["ä", "b", 'c"']
    assert json.loads(loaded.metadata["provenance"]) == provenance
    model.rounding = rounding_of(model, "int16")  # what training rounds to has no say in the file
    pack(model, SEVEN, ["ä", "b", 'c"'], tmp_path / "third", provenance=provenance)
    assert data == (tmp_path / "third").read_bytes()


def test_the_table_changes_its_scales_alone(random_model: Callable[..., TextCNN]) -> None:
    model = random_model()
    narrow, wide = (packed_tensors(model, SEVEN, table) for table in ("int8", "int16"))
    plain = [{name: getattr(tensor, "values", tensor) for name, tensor in each.items()} for each in (narrow, wide)]
    changed = {name for name, tensor in plain[0].items() if not np.array_equal(tensor, plain[1][name])}
    assert changed == {"conv1.table_scale", "conv3.table_scale"}
    assert [tensor.nbytes for tensor in plain[0].values()] == [tensor.nbytes for tensor in plain[1].values()]


@pytest.mark.parametrize("table", ["int8", "int16"])
def test_extreme_models_are_packed_and_read(random_model: Callable[..., TextCNN], tmp_path: Path, table: str) -> None:
    for factor in (0.0, 1e-12, 1e8):
        model = random_model()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter *= factor
        pack(model, SEVEN, ["a", "b", "c"], tmp_path / "model", table=table)  # it is read back when written
        assert np.isfinite(prunetext.load(tmp_path / "model").predict_proba(["apple fig", ""])).all()


def test_estimated_bytes_are_near_the_files(random_model: Callable[..., TextCNN], tmp_path: Path) -> None:
    words = sorted(count_words(prunetext.read("sample:bbc-news").train.texts))[::3]
    model = random_model(words=len(words), dimensions=16, filters={2: 8, 3: 8})
    size = pack(model, words, ["a", "b", "c"], tmp_path / "model")
    assert size < model.costs()["bytes"]({}) < 1.2 * size  # which knows nothing of how well bytes are compressed
    with torch.no_grad():  # fewer bits and zeros that search steps have left
        model.bits[len(words) // 2 :] = 4
        model.embedding[2 : len(words) // 4] = 0
    coarse = pack(model, words, ["a", "b", "c"], tmp_path / "model")
    assert coarse < 0.8 * size
    assert coarse < model.costs()["bytes"]({}) < 1.4 * coarse


@settings(max_examples=20)
@given(seed=st.integers(0, 2**31), table=st.sampled_from(["int8", "int16"]), coarse=st.booleans(), zeros=st.booleans())
def test_coarse_rows_and_zeros_answer_packed_as_torch_does_with_rounding(
    random_model: Callable[..., TextCNN],
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    table: str,
    coarse: bool,
    zeros: bool,
) -> None:
    rng, words = np.random.default_rng(seed), [f"word{number}" for number in range(300)]
    model = random_model(words=300, dimensions=12, filters={1: 5, 3: 6}, seed=seed)
    kept = {group.name: rng.random(group.size) < 0.3 for group in model.groups(("weights",) * zeros)}
    if coarse:
        kept |= {"embedding.8bit": rng.random(300) < 0.3, "embedding.4bit": rng.random(300) < 0.7}
        kept["embedding.4bit"] |= kept["embedding.8bit"]
    small = shrink(model, kept).eval()
    balance(small)
    small.rounding = rounding_of(small, table)
    texts = [" ".join(rng.choice([*words, "unseen"], rng.integers(0, 12))) for _ in range(100)]
    with torch.no_grad():  # so that all labels occur
        small.head.weight *= 3
        examples = encode_inputs(Vocabulary(words), texts)
        small.head.bias -= logits(small, examples).mean(0)
    path, plain = (tmp_path_factory.mktemp("pack") / "model" for _ in range(2))
    size = pack(small, words, ["a", "b", "c"], path, table=table)
    assert size < (0.9 if coarse or zeros else 1.05) * pack(model, words, ["a", "b", "c"], plain, table=table)
    coding = inspect(path).coding.get("embedding", {})
    assert (coding.get("precision") == "mixed") == coarse
    assert zeros or "zeros" not in coding  # which may also be compressed with all else
    with small.on_grid():
        expected = logits(small, examples).softmax(1)
    found = torch.from_numpy(np.array(prunetext.load(path).predict_proba(texts)))
    apart = (found - expected).abs().amax(1)  # a sum on the edge between two entries of the table may fall on either
    assert apart.median() < 1e-5
    assert apart.max() < 0.01
    assert len(set(found.argmax(1).tolist())) == 3
    first, second = expected.topk(2).values.T
    assert torch.equal(found.argmax(1)[first - second > 0.02], expected.argmax(1)[first - second > 0.02])


def test_units_are_rounded_half_to_even_and_fit() -> None:
    assert units(torch.tensor([0.5, 1.5, -2.5, 127.4, 300.0, -300.0])).tolist() == [0, 2, -2, 127, 127, -127]


def test_what_is_least_needed_goes_first_where_there_is_no_room() -> None:
    provenance = {"recipe": {"seed": 1}, "baseline": 0.9123}
    whole = found_out(Packing(provenance=provenance, room=100))
    assert json.loads(whole["provenance"]) == provenance
    assert json.loads(found_out(Packing(provenance=provenance, room=72))["provenance"]) == {"recipe": {"seed": 1}}
