"""A packed transformer: its answers, in every form of texts, and what becomes of a damaged file."""

import math
import pickle
from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
import pytest
import torch

import prunetext
from helpers.encoders import encoder_folder
from prunetext.data.task import Task
from prunetext.errors import InputError, ModelFileError
from prunetext.models.protocol import Packing, Trained
from prunetext.models.transformer.folder import read_pretrained
from prunetext.models.transformer.model import TextEncoder
from prunetext.models.transformer.numbers import NUMBER_FORMATS
from prunetext.models.transformer.packing import pack_encoder, size_of_encoder
from prunetext.models.transformer.reading import TokenReader
from prunetext.runtime.onnx_files import sealed
from prunetext.runtime.onnx_model import OnnxModel

TEXTS = ["a great film", "dull", "", "the story of a film that is a waste of time", "great", "\U0001f600"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A tiny BERT with a random head."""
    folder = tmp_path_factory.mktemp("bert")
    encoder_folder(folder)
    found = read_pretrained(folder)
    torch.manual_seed(0)
    head = {"head.weight": torch.randn(2, 32), "head.bias": torch.randn(2)}
    model = TextEncoder({**found.tensors, **head}, found.layout)
    reader = TokenReader(found.tokenizer, 24, model.words.num_embeddings, 2)
    return Trained("transformer", model, ["neg", "pos"], Task(), reader)


@pytest.fixture(scope="module")
def packed(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its packed file."""
    path = tmp_path_factory.mktemp("packed") / "model.onnx"
    size = pack_encoder(trained, path, Packing("float32", 1.5, 0.7, {"recipe": {"seed": 1}}))
    assert size == path.stat().st_size
    return path


@pytest.mark.parametrize("kind", NUMBER_FORMATS)
def test_the_size_is_known_before_it_is_written(trained: Trained, tmp_path: Path, kind: str) -> None:
    packing = Packing(kind, temperature=1.5, reject=0.7, numbers={"words": "float16"})
    assert size_of_encoder(trained, packing) == pack_encoder(trained, tmp_path / "model.onnx", packing)


def test_smaller_numbers_give_nearly_the_same_answers(trained: Trained, packed: Path, tmp_path: Path) -> None:
    expected, sizes = prunetext.load(packed).predict_proba(TEXTS), [packed.stat().st_size]
    for kind, off in (("float16", 1e-3), ("int8", 0.03)):
        sizes.append(pack_encoder(trained, tmp_path / kind, Packing(kind, temperature=1.5)))
        model = prunetext.load(tmp_path / kind)
        np.testing.assert_allclose(model.predict_proba(TEXTS), expected, atol=off)
        np.testing.assert_array_equal(model.predict_proba(TEXTS), model.predict_proba(TEXTS))
        for text, row in zip(TEXTS, expected, strict=True):  # activations are rounded together with those of a batch
            np.testing.assert_allclose(model.predict_proba([text])[0], row, atol=off)
    assert sizes == sorted(sizes, reverse=True)


def test_any_reader_of_onnx_opens_it(packed: Path) -> None:
    onnx.checker.check_model(onnx.load(packed), full_check=True)


def test_one_file_has_everything(packed: Path) -> None:
    model = prunetext.load(packed)
    assert (model.task, model.labels, model.reject, model.positive) == ("classification", ["neg", "pos"], 0.7, None)
    assert model.size == packed.stat().st_size
    assert '"seed":1' in model.metadata["provenance"]


def test_answers_agree_with_one_another(packed: Path) -> None:
    model = prunetext.load(packed)
    probabilities, chosen = model.answers(TEXTS)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)
    np.testing.assert_array_equal(probabilities, model.predict_proba(TEXTS))
    labels = [model.labels[at] for at in chosen.argmax(1)]
    assert labels == model.predict(TEXTS) == [model.predict([text])[0] for text in TEXTS]
    pairs = model.predict_with_probability(TEXTS, reject=True)
    for row, (label, probability), best in zip(probabilities, pairs, labels, strict=True):
        assert probability == pytest.approx(row.max())
        assert label == (best if probability >= 0.7 else None)
    assert model.predict([]) == []
    assert model.predict_proba([]).shape == (0, 2)
    np.testing.assert_allclose(model.logits(TEXTS, threads=1), model.logits(TEXTS, threads=2), atol=1e-5)


def test_every_form_of_texts_is_read(packed: Path) -> None:
    model = prunetext.load(packed)
    expected = model.predict_proba(TEXTS)
    for given in (
        tuple(TEXTS),
        iter(TEXTS),
        [text.encode() for text in TEXTS],
        pa.array(TEXTS),
        pa.chunked_array([TEXTS[:2], TEXTS[2:]]),
        [text.encode() + b"\xff" for text in TEXTS],
        [f"{text}\ud800" for text in TEXTS],
    ):
        np.testing.assert_allclose(model.predict_proba(given), expected, atol=1e-6)


@pytest.mark.parametrize("given", ["a film", [1], [None], [("a", "b")], 7])
def test_anything_else_is_refused(packed: Path, given: object) -> None:
    with pytest.raises(InputError):
        prunetext.load(packed).predict(given)  # type: ignore[arg-type]


def test_an_explanation_tells_what_each_word_adds(packed: Path) -> None:
    model, text = prunetext.load(packed), "a great film"
    found = model.explain(text)
    assert found.label == model.predict([text])[0]
    assert [text[part.begin : part.end] for part in found.parts] == ["a", "great", "film"]
    whole, *others = model.logits([text, " great film", "a  film", "a great "])
    number = model.labels.index(found.label)
    lead = whole[number] - whole.mean()
    for part, left in zip(found.parts, others, strict=True):
        assert part.logit == pytest.approx(lead - (left[number] - left.mean()), abs=1e-5)
    assert found.base + sum(part.logit for part in found.parts) == pytest.approx(found.logit)
    assert math.isclose(sum(share for _, share in found), 1) or not found
    other = model.explain(text, "neg" if found.label == "pos" else "pos")
    np.testing.assert_allclose([each.logit for each in other.parts], [-each.logit for each in found.parts], atol=1e-5)
    assert model.explain("") == []


def test_words_are_found_that_flip_its_label(packed: Path) -> None:
    model, text = prunetext.load(packed), "a great film, and a dull one"
    found = model.counterfactual(text)
    assert found is None or model.predict([found.text]) == [found.label] != model.predict([text])


def test_what_only_a_textcnn_has_is_refused(packed: Path) -> None:
    model = prunetext.load(packed)
    for call in (lambda: model.encode(["a"]), lambda: model.fired(["a"])):
        with pytest.raises(InputError, match="this model is a transformer"):
            call()


def test_it_is_loaded_from_bytes_and_pickled(packed: Path) -> None:
    model = prunetext.load(packed.read_bytes())
    for again in (prunetext.load(packed), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(again.logits(TEXTS), model.logits(TEXTS))


def test_a_damaged_file_is_refused(packed: Path, tmp_path: Path) -> None:
    data = packed.read_bytes()
    random = np.random.default_rng(0)
    for at in [*random.integers(0, len(data), 40).tolist(), 0, len(data) - 1]:
        broken = bytearray(data)
        broken[at] ^= 1 << int(random.integers(8))
        with pytest.raises(ModelFileError):
            prunetext.load(bytes(broken))
    for length in (0, 1, 8, 9, 100, len(data) - 1):
        (tmp_path / "model.onnx").write_bytes(data[:length])
        with pytest.raises(ModelFileError):
            prunetext.load(tmp_path / "model.onnx")


def changed(data: bytes, **entries: str | None) -> bytes:
    """A file with other metadata, under the right checksum."""
    proto = onnx.load_from_string(data)
    kept = {each.key: each.value for each in proto.metadata_props if each.key != "checksum"}
    kept |= {name.replace("__", "."): value for name, value in entries.items() if value is not None}
    onnx.helper.set_model_props(proto, {name: each for name, each in kept.items() if entries.get(name, "") is not None})
    return sealed(proto.SerializeToString())


@pytest.mark.parametrize(
    "entries",
    [
        {"format": "prunetext-encoder/9"},
        {"format": None},
        {"labels": '["a"]'},
        {"labels": '["a","a"]'},
        {"labels": "{}"},
        {"labels": "[1, 2]"},
        {"labels": "[" * 100_000},
        {"task": "labels"},
        {"task": "other"},
        {"longest": "0x"},
        {"tokenizer__json": "{}"},
        {"temperature": None, "longest": None},
    ],
)
def test_metadata_that_do_not_fit_are_refused(packed: Path, entries: dict[str, str | None]) -> None:
    data = packed.read_bytes()
    assert prunetext.load(changed(data)).labels == ["neg", "pos"]
    with pytest.raises(ValueError, match=r"its|the|this"):
        OnnxModel(changed(data, **entries))
    with pytest.raises(ModelFileError):
        prunetext.load(changed(data, **entries))
