"""Format 1 and its arithmetic are promises: this file, made by hand, stays as it was when the test was written.

A failure means that models which users have packed would be written, read or computed otherwise. Do not renew the
numbers: such a change needs a new name of the format.
"""

import hashlib
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import prunetext
from prunetext.runtime.format import Tensor, decode_vocabulary, read_packed, write
from prunetext.runtime.reference import ReferenceModel

WORDS = ["bad", "film", "good", "great", "not", "ø", "电"]
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

PAIRS_SIZE, PAIRS_SHA256 = 1817, "d8b80a66be554b210d501bf96453b38cee11753e072993d5fdd533209ba216a1"
PAIRS_ANSWERS = {
    ("", ""): ("positive", [0.32022533, 0.23379429, 0.44598037]),
    ("film", "film"): ("negative", [0.3969752, 0.28924626, 0.31377852]),
    ("not bad", "not bad"): ("mixed ü", [0.3774604, 0.45609486, 0.16644473]),
    ("good good", "good film"): ("negative", [0.43706018, 0.37452382, 0.188416]),
    ("great film, not bad", "a great film"): ("mixed ü", [0.32525018, 0.41553092, 0.25921893]),
    ("bad bad bad", "unseen bad"): ("negative", [0.52185935, 0.37219483, 0.1059458]),
    ("a great, good film", "a good, great film"): ("negative", [0.42177686, 0.3872712, 0.19095194]),
    ("Ø 电 bad", "电 bad"): ("mixed ü", [0.23642388, 0.46688163, 0.2966945]),
    ("unseen words only", "only unseen words"): ("negative", [0.3884099, 0.31964028, 0.29194984]),
    ("unseen words only", "other"): ("positive", [0.17703867, 0.16363847, 0.65932286]),
    ("", "great"): ("positive", [0.2921466, 0.26687676, 0.44097662]),
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


def golden_pairs() -> tuple[dict[str, Tensor], dict[str, str]]:
    tensors, metadata = golden()
    head = [((11 * at * at + 4 * at) % 23 - 11) / (16 if at % 32 < 24 else 64) for at in range(96)]
    tensors |= {"match": integers(2, 3, start=77), "head.weight": Tensor("F32", (3, 32), struct.pack("<96f", *head))}
    return tensors, {**metadata, "task": "pairs", "positive": '"mixed ü"'}


FILES = {
    "texts": (golden, 1443, "3dda7d7b260a95a899431ea16a8df9e408f6b4db6a1dd4eebea6eb3798953f8c", ANSWERS),
    "pairs": (golden_pairs, PAIRS_SIZE, PAIRS_SHA256, PAIRS_ANSWERS),
}


@pytest.fixture(scope="module", params=FILES)
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    path = tmp_path_factory.mktemp("golden") / "model.safetensors"
    write(path, *FILES[request.param][0]())
    return request.param, path


def test_the_bytes_are_those_of_format_1(file: tuple[str, Path]) -> None:
    kind, path = file
    made, size, digest, _ = FILES[kind]
    data = path.read_bytes()
    assert len(data) == size
    assert hashlib.sha256(data).hexdigest() == digest
    assert read_packed(path)[0] == made()[0]
    assert decode_vocabulary(made()[0]["vocabulary"].data, len(WORDS)) == WORDS


def test_the_answers_are_those_of_format_1(file: tuple[str, Path]) -> None:
    kind, path = file
    answers: Any = FILES[kind][3]
    labels, rows = zip(*answers.values(), strict=True)
    assert len(set(labels)) == 3
    for model in (prunetext.load(path), ReferenceModel(path)):
        assert model.predict(answers) == [*labels]
        np.testing.assert_array_equal(model.predict_proba(answers), np.array(rows, np.float32))


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
