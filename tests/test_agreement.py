"""One model, five computations: torch on the file's tensors = reference.py = kernel = ONNX = TextCNN, rounded."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

import prunetext
from helpers.packing import pack
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.reading import encode_inputs
from prunetext.models.textcnn.rounding import rounding_of
from prunetext.models.textcnn.turning import balance
from prunetext.pruning.shrinking import shrink
from prunetext.runtime import _native, format
from prunetext.runtime.reference import ReferenceModel
from prunetext.training.answering import logits

WORDS = ["the", "film", "good", "bad", "电", "ø", "films", "a", "great", "dull", "影", "was"]
LABELS = ["negative", "neutral", "positive"]


def some_texts(seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.choice([*WORDS, "unseen"], rng.integers(0, 15))) for _ in range(200)]
    return ["", " ", "film", "unseen", "GREAT, great film!", "电影 good \ud800", "good " * 60, "the\x00a", *texts]


def torch_probabilities(path: Path, texts: list[str]) -> torch.Tensor:
    """The file's own rounded arithmetic in float64, as the format's description states it."""
    stored, metadata = format.read_packed(path)
    kinds = {"F32": np.float32, "I8": np.int8, "U8": np.uint8}
    tensors = {
        name: torch.from_numpy(np.frombuffer(tensor.data, kinds[tensor.dtype]).reshape(tensor.shape).copy())
        for name, tensor in stored.items()
    }
    words = format.decode_vocabulary(stored["vocabulary"].data, len(tensors["embedding"]) - 1)
    rows = {word: at for at, word in enumerate(words, start=1)}
    widths = [width for width in range(1, 17) if f"conv{width}.weight" in tensors]
    out = []
    for text in texts:
        ids = torch.tensor([rows.get(token, 0) for token in _native.tokenize(text)], dtype=torch.int64)
        maxima, means = [], []
        for width in widths:
            scale, step, bias = (tensors[f"conv{width}.{name}"].double() for name in ("scale", "table_scale", "bias"))
            exact = torch.einsum("rd,fjd->rjf", tensors["embedding"].double(), tensors[f"conv{width}.weight"].double())
            table = torch.round(exact * (tensors["embedding.scale"].double() * scale / step))  # half to even
            limit = 127 if metadata["table"] == "int8" else 32767 // width
            assert table.abs().max() <= limit
            taps = torch.nn.functional.pad(table[ids], (0, 0, 0, 0, width, width))  # (n + 2·width, width, filters)
            windows = len(taps) - width + 1
            sums = torch.stack([taps[at : at + windows, at] for at in range(width)]).sum(0)  # (windows, filters)
            maxima.append(torch.relu(sums.amax(0) * step + bias))
            means.append(sums.sum(0) / max(1, len(ids) + width - 1) * step if len(ids) else torch.zeros_like(step))
        features = torch.cat(maxima + (means if metadata["pooling"] == "max+mean" else []))
        scores = tensors["head.weight"].double() @ features + tensors["head.bias"].double()
        if "bigrams" in stored:
            scores += of_bigrams(stored["bigrams"], tensors, _native.tokenize(text))
        out.append((scores / float(metadata["temperature"])).softmax(0))
    return torch.stack(out)


def of_bigrams(listed: format.Tensor, tensors: dict[str, torch.Tensor], tokens: list[str]) -> torch.Tensor:
    """What the bigrams of a text add to the logits of three classes."""
    weights = tensors["bigrams.weight"].double() * tensors["bigrams.scale"].double()
    places = {each: at for at, each in enumerate(format.decode_vocabulary(listed.data, len(weights)))}
    found = sorted({places[both] for both in map(" ".join, pairwise(tokens)) if both in places})
    return weights[found].sum(0) / max(1, len(tokens)) ** 0.5


def exported_probabilities(path: Path, texts: list[str]) -> np.ndarray:
    """What ONNX Runtime answers with the exported file."""
    target = path.with_suffix(".onnx")
    prunetext.export(path, target)
    session = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"])
    words = json.loads(session.get_modelmeta().custom_metadata_map["vocabulary"])
    return np.asarray(session.run(None, {"ids": prunetext.Encoder(words).encode(texts)})[0])


def pruned_model(model: TextCNN, kinds: tuple[str, ...], seed: int) -> TextCNN:
    """With a third of the units of each kind gone; words in 8, 4 and 2 bits."""
    rng = np.random.default_rng(seed)
    groups = sorted(model.groups(kinds), key=lambda group: group.kind == "bigrams")
    kept = {group.name: rng.random(group.size) < 0.7 for group in groups}
    for name, stays in kept.items():
        stays[0] = True
        if name.endswith("taps"):  # at one edge only
            taps = stays.reshape(-1, int(name[4 : name.index(".")]))
            taps[:, 1:] = True
    if "embedding.8bit" in kept:
        kept["embedding.8bit"] &= rng.random(len(WORDS)) < 0.6
        kept["embedding.4bit"] |= kept["embedding.8bit"]
    return shrink(model, kept).eval()


STRUCTURE = ("vocabulary", "dimensions", "filters")


@pytest.mark.parametrize("bigrams", [0, 30])
@pytest.mark.parametrize("kinds", [(), STRUCTURE, ("weights",), ("bits",), (*STRUCTURE, "taps", "weights", "bits")])
@pytest.mark.parametrize("table", ["int8", "int16"])
@pytest.mark.parametrize("pooling", ["max", "max+mean"])
@pytest.mark.parametrize("filters", [{2: 7, 3: 9, 4: 5}, {1: 3, 16: 2}])
def test_every_computation_gives_the_same_answer(
    random_model: Callable[..., TextCNN],
    tmp_path: Path,
    filters: dict[int, int],
    pooling: str,
    table: str,
    kinds: tuple[str, ...],
    bigrams: int,
) -> None:
    model = random_model(words=len(WORDS), dimensions=9, filters=filters, pooling=pooling, seed=5, bigrams=bigrams)
    if kinds:
        model = pruned_model(model, (*kinds, "bigrams") if bigrams else kinds, seed=3)
        assert (model.bigram_sizes[0] < bigrams) == bool(bigrams)
    if "vocabulary" in kinds:
        assert 0 < model.shape.words < len(WORDS)
    if "bits" in kinds:
        assert set(model.bits.tolist()) == {8, 4, 2}
    if "weights" in kinds:
        counts = model.counts()
        assert 0 < counts["weights"] < (counts["vocabulary"] + model.costs()["time"]({})) * counts["dimensions"]
    texts = some_texts(seed=1)
    examples = encode_inputs(_native.Vocabulary(WORDS), texts)
    with torch.no_grad():
        model.head.weight *= 3
        model.head.bias -= logits(model, examples).mean(0)  # so that all labels occur
    balance(model)
    model.rounding = rounding_of(model, table)
    path = tmp_path / "model.safetensors"
    pack(model, WORDS, LABELS, path, table=table)

    expected = torch_probabilities(path, texts)
    labels = [LABELS[at] for at in expected.argmax(1).tolist()]
    assert len(set(labels)) == 3
    for runtime in (ReferenceModel(path), prunetext.load(path)):
        assert runtime.predict(texts) == labels
        np.testing.assert_allclose(runtime.predict_proba(texts), expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(exported_probabilities(path, texts), expected, rtol=0, atol=1e-5)
    with model.on_grid():
        trained = logits(model, examples).softmax(1)
    np.testing.assert_allclose(trained, expected, rtol=0, atol=1e-3)


def test_a_temperature_softens_all_alike(random_model: Callable[..., TextCNN], tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    pack(random_model(words=len(WORDS)), WORDS, LABELS, path, temperature=1.7)
    texts = some_texts(seed=2)
    expected = torch_probabilities(path, texts)
    for runtime in (ReferenceModel(path), prunetext.load(path)):
        np.testing.assert_allclose(runtime.predict_proba(texts), expected, rtol=0, atol=1e-5)
    assert json.loads(prunetext.load(path).metadata["labels"]) == LABELS
