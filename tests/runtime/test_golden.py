"""Format 1 and its arithmetic are promises: this file, made by hand, stays as it was when the test was written.

A failure means that models which users have packed would be written, read or computed otherwise. Do not renew the
numbers: such a change needs a new name of the format.
"""

import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

import prunetext
from prunetext.runtime.format import Tensor, decode_vocabulary, read, write
from prunetext.runtime.reference import ReferenceModel

WORDS = ["bad", "film", "good", "great", "not", "ø", "电"]
SIZE, SHA256 = 1443, "3dda7d7b260a95a899431ea16a8df9e408f6b4db6a1dd4eebea6eb3798953f8c"
ANSWERS = {  # text → label, probabilities as float32
    "": ("positive", [0.35253608, 0.2768529, 0.370611]),
    "film": ("positive", [0.2718093, 0.32480526, 0.40338543]),
    "not bad": ("negative", [0.45896685, 0.2700939, 0.27093926]),
    "good good": ("negative", [0.47211343, 0.26819074, 0.2596958]),
    "great film, not bad": ("mixed ü", [0.21500067, 0.41243747, 0.37256184]),
    "bad bad bad": ("negative", [0.40864345, 0.275272, 0.31608453]),
    "a great, good film": ("mixed ü", [0.22737943, 0.4153494, 0.3572712]),
    "Ø 电 bad": ("mixed ü", [0.17018169, 0.43011567, 0.39970264]),
    "unseen words only": ("positive", [0.15012945, 0.38498574, 0.4648848]),
}

SEVERAL = "[0.25,0.19,0.5]"  # thresholds of the same model as one of several labels
SIZE_OF_SEVERAL, SHA256_OF_SEVERAL = 1467, "2d56495f5b25f9e938d37f1fb0a9a18a00da705c61b01ce7488be097f8354484"
ANSWERS_OF_SEVERAL: dict[str, tuple[list[str], list[float]]] = {
    "": (["negative", "mixed ü", "positive"], [0.49583343, 0.43577346, 0.50833255]),
    "film": (["negative", "mixed ü", "positive"], [0.40899417, 0.45264238, 0.5066663]),
    "not bad": ([], [0.24520068, 0.16049047, 0.16091196]),
    "good good": (["negative"], [0.25413734, 0.16216764, 0.15784176]),
    "great film, not bad": (["mixed ü"], [0.1283902, 0.22031625, 0.20334691]),
    "bad bad bad": (["negative", "mixed ü"], [0.26501116, 0.19542041, 0.21807554]),
    "a great, good film": (["mixed ü"], [0.13513032, 0.22203626, 0.19710866]),
    "Ø 电 bad": (["mixed ü"], [0.13725099, 0.2867697, 0.27200806]),
    "unseen words only": (["negative", "mixed ü", "positive"], [0.29051688, 0.5122059, 0.5590769]),
}


def floats(*values: float) -> Tensor:
    return Tensor("F32", (len(values),), struct.pack(f"<{len(values)}f", *values))


def integers(*shape: int, start: int) -> Tensor:
    """Numbers from -128 to 127, neighbours 37 apart, so that no two axes look alike."""
    count = int(np.prod(shape))
    return Tensor("I8", shape, bytes((start + 37 * at) % 256 for at in range(count)))


def golden() -> tuple[dict[str, Tensor], dict[str, str]]:
    # A stored stream, since another version of zlib may compress the same words to other bytes.
    stream = bytes.fromhex("78da63606060646060484a4ce14acbccc9e54acfcf4fe12a4a4d2ce1cacb2fe13abc83ebf994ad5c00a3fc0b68")
    head = [((7 * at) % 19 - 9) / 8 for at in range(24)]
    tensors = {
        "embedding": integers(len(WORDS) + 1, 3, start=11),
        "embedding.scale": floats(0.0078125),
        "vocabulary": Tensor("U8", (len(stream),), stream),
        "conv1.weight": integers(1, 1, 3, start=5),
        "conv1.scale": floats(0.015625),
        "conv1.table_scale": floats(0.03125),
        "conv1.bias": floats(-0.25),
        "conv3.weight": integers(3, 3, 3, start=200),
        "conv3.scale": floats(0.0078125, 0.00390625, 0.01),
        "conv3.table_scale": floats(0.02, 0.01, 0.03),
        "conv3.bias": floats(0.5, 0.0, -0.125),
        "head.weight": Tensor("F32", (3, 8), struct.pack("<24f", *head)),
        "head.bias": floats(0.1, -0.2, 0.3),
    }
    metadata = {
        "task": "classification",
        "labels": '["negative","mixed ü","positive"]',
        "tokenizer": "bert/1",
        "pooling": "max+mean",
        "table": "int16",
        "temperature": "1.5",
        "provenance": '{"made by":"hand"}',
    }
    return tensors, metadata


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("golden") / "model.safetensors"
    write(path, *golden())
    return path


def test_the_bytes_are_those_of_format_1(path: Path) -> None:
    data = path.read_bytes()
    assert len(data) == SIZE
    assert hashlib.sha256(data).hexdigest() == SHA256
    assert read(path)[0] == golden()[0]
    assert decode_vocabulary(golden()[0]["vocabulary"].data, len(WORDS)) == WORDS


def test_the_answers_are_those_of_format_1(path: Path) -> None:
    labels, rows = zip(*ANSWERS.values(), strict=True)
    assert len(set(labels)) == 3
    for model in (prunetext.load(path), ReferenceModel(path)):
        assert model.predict(ANSWERS) == [*labels]
        np.testing.assert_array_equal(model.predict_proba(ANSWERS), np.array(rows, np.float32))


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("golden") / "several.safetensors"
    tensors, metadata = golden()
    write(path, tensors, {**metadata, "task": "labels", "thresholds": SEVERAL})
    return path


def test_a_model_of_several_labels_is_that_of_format_1(several: Path) -> None:
    data = several.read_bytes()
    assert len(data) == SIZE_OF_SEVERAL
    assert hashlib.sha256(data).hexdigest() == SHA256_OF_SEVERAL
    labels, rows = zip(*ANSWERS_OF_SEVERAL.values(), strict=True)
    assert {len(each) for each in labels} >= {0, 1, 2}
    native, reference = prunetext.load(several), ReferenceModel(several)
    assert native.predict(ANSWERS) == reference.predict_several(ANSWERS) == [*labels]
    for model in (native, reference):
        np.testing.assert_array_equal(model.predict_proba(ANSWERS), np.array(rows, np.float32))
