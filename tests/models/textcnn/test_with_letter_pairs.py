"""The whole road where letters of a script without spaces are paired: packing, pruning again, export, explanations."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import prunetext
from helpers.runs import fit, prune
from prunetext.data.dataset import Data, Examples
from prunetext.fitting.api import Result
from prunetext.runtime.reference import ReferenceModel
from prunetext.runtime.tokenizers import PAIRS_4

AROUND = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏"


def texts_of(around: str) -> Examples:
    """Texts whose classes have the same letters, in other pairs; others have other letters around them."""
    rows = [
        (f"{one}{first}{other}{second}", label)
        for first in around
        for second in around[:5]
        for label, (one, other) in {"a": ("甲乙", "丙丁"), "b": ("甲丁", "丙乙")}.items()
    ]
    return Examples([text for text, _ in rows], [label for _, label in rows])


@pytest.fixture(scope="module")
def data() -> Data:
    return Data(texts_of(AROUND[:12]), texts_of(AROUND[12:18]), texts_of(AROUND[18:]))


@pytest.fixture(scope="module")
def found(data: Data, tmp_path_factory: pytest.TempPathFactory) -> Result:
    small = {"dimensions": 8, "filters": 6, "widths": "1", "epochs": 8.0, "min_count": 2}
    return fit(data, out=tmp_path_factory.mktemp("pairs") / "run", tokenizer="auto", **small)


def test_classes_of_the_same_letters_are_told_by_one_word_at_a_time(found: Result) -> None:
    assert prunetext.inspect(found.path).tokenizer == PAIRS_4
    assert found.score.accuracy > 0.95


def test_the_packed_file_answers_as_the_reference(found: Result, data: Data) -> None:
    assert data.test is not None
    texts = [*data.test.texts, "", "甲", "甲 乙", "甲,乙。", "甲" * 5000 + "乙", "Schön 😀 ที่ดี"]
    expected = ReferenceModel(found.path).predict_proba(texts)
    np.testing.assert_allclose(prunetext.load(found.path).predict_proba(texts), expected, atol=1e-6)


def test_it_is_pruned_again_and_stays_what_it_is(found: Result, data: Data, tmp_path: Path) -> None:
    again = prune(found.path.parent, out=tmp_path / "again", data=data, max_drop=5)
    assert prunetext.inspect(again.path).tokenizer == PAIRS_4
    assert again.judged.dense.score == found.judged.dense.score


def test_an_exported_model_is_fed_by_the_same_tokenizer(found: Result, data: Data, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    assert data.test is not None
    prunetext.export(found.path, tmp_path / "model.onnx")
    session = runtime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    stored = {name: json.loads(value) for name, value in session.get_modelmeta().custom_metadata_map.items()}
    assert stored["tokenizer"] == PAIRS_4
    encoder = prunetext.Encoder(stored["vocabulary"], stored["tokenizer"])
    (said,) = session.run(["probabilities"], {"ids": encoder.encode(data.test.texts)})
    np.testing.assert_allclose(said, prunetext.load(found.path).predict_proba(data.test.texts), atol=1e-5)


def test_pairs_explain_an_answer(found: Result) -> None:
    shares = dict(prunetext.load(found.path).explain("甲乙秋丙丁冬"))
    assert set(shares) & {"甲乙", "丙丁"}


def test_both_texts_of_a_pair_have_pairs_of_letters(tmp_path: Path) -> None:
    texts = texts_of(AROUND[:8]).texts
    examples = Examples(texts, ["same", "other"] * (len(texts) // 2), texts[::-1])
    result = fit(examples, out=tmp_path / "run", tokenizer=PAIRS_4, dimensions=6, filters=4, widths="1,2", epochs=1)
    given = list(zip(texts, texts[::-1], strict=True))
    expected = ReferenceModel(result.path).predict_proba(given)
    np.testing.assert_allclose(prunetext.load(result.path).predict_proba(given), expected, atol=1e-6)
