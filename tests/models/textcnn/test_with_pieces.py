"""The whole road where words are cut into pieces: words that train has not seen, packing, pruning again, export."""

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
from prunetext.runtime.tokenizers import PIECES_3

FIRST, MIDDLE = ("fra", "kel", "mon", "sup", "tir", "wal"), ("bad", "den", "gol", "min", "pel", "ros", "tuk", "wiz")
ENDINGS = {"noun": ("ung", "heit"), "adjective": ("lich", "bar")}


def texts_of(firsts: tuple[str, ...]) -> Examples:
    """A text of two words for each stem and label; other first syllables are other words."""
    rows = [
        (" ".join(first + middle + ending for ending in endings), label)
        for first in firsts
        for middle in MIDDLE
        for label, endings in ENDINGS.items()
    ]
    return Examples([text for text, _ in rows], [label for _, label in rows])


@pytest.fixture(scope="module")
def data() -> Data:
    return Data(texts_of(FIRST[:3]), texts_of(FIRST[3:4]), texts_of(FIRST[4:]))


@pytest.fixture(scope="module")
def found(data: Data, tmp_path_factory: pytest.TempPathFactory) -> Result:
    small = {"dimensions": 8, "filters": 6, "widths": "1,2", "epochs": 8.0, "min_count": 2}
    return fit(data, out=tmp_path_factory.mktemp("pieces") / "run", tokenizer="auto", **small)


def test_words_that_train_has_not_seen_are_told_by_their_pieces(found: Result) -> None:
    assert prunetext.inspect(found.path).tokenizer == PIECES_3
    assert found.score.accuracy > 0.95


def test_the_packed_file_answers_as_the_reference(found: Result, data: Data) -> None:
    assert data.test is not None
    texts = [*data.test.texts, "", "a", "Frabadung!", "x" * 100, "Schön 😀 中文"]
    expected = ReferenceModel(found.path).predict_proba(texts)
    np.testing.assert_allclose(prunetext.load(found.path).predict_proba(texts), expected, atol=1e-6)


def test_it_is_pruned_again_and_stays_what_it_is(found: Result, data: Data, tmp_path: Path) -> None:
    again = prune(found.path.parent, out=tmp_path / "again", data=data, max_drop=5)
    assert prunetext.inspect(again.path).tokenizer == PIECES_3
    assert again.judged.dense.score == found.judged.dense.score


def test_an_exported_model_is_fed_by_the_same_tokenizer(found: Result, data: Data, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    assert data.test is not None
    prunetext.export(found.path, tmp_path / "model.onnx")
    session = runtime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    stored = {name: json.loads(value) for name, value in session.get_modelmeta().custom_metadata_map.items()}
    assert stored["tokenizer"] == PIECES_3
    encoder = prunetext.Encoder(stored["vocabulary"], stored["tokenizer"])
    (said,) = session.run(["probabilities"], {"ids": encoder.encode(data.test.texts)})
    np.testing.assert_allclose(said, prunetext.load(found.path).predict_proba(data.test.texts), atol=1e-5)


def test_pieces_explain_an_answer(found: Result) -> None:
    classifier = prunetext.load(found.path)
    shares = dict(classifier.explain("zzzung"))
    assert shares
    assert all(token == "zzzung" or token.startswith("·") for ngram in shares for token in ngram.split())


def test_pairs_are_cut_as_well(tmp_path: Path) -> None:
    words = texts_of(FIRST[:3]).texts
    pairs = Examples(words, ["same", "other"] * (len(words) // 2), words[::-1])
    result = fit(pairs, out=tmp_path / "pairs", tokenizer=PIECES_3, dimensions=6, filters=4, widths="1,2", epochs=1)
    given = list(zip(words, words[::-1], strict=True))
    expected = ReferenceModel(result.path).predict_proba(given)
    np.testing.assert_allclose(prunetext.load(result.path).predict_proba(given), expected, atol=1e-6)
