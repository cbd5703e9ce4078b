"""Languages: sentences that Django ships, in which bert/1 makes words equal that tell two classes apart."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from helpers.runs import fit
from prunetext.models.textcnn.tokenizing import suitable_tokenizer
from prunetext.runtime._native import same_tokens, tokenize

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def languages() -> ModuleType:
    pytest.importorskip("django", reason="the sentences are those of Django's package, which is not installed")
    pytest.importorskip("sklearn", reason="the regression is scikit-learn's, which is not installed")
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location("languages", BENCHMARKS / "languages.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["languages"] = module
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(BENCHMARKS))
    return module


def test_in_fifteen_languages_auto_sees_what_bert_does_not(languages: ModuleType) -> None:
    chosen = {}
    for language in languages.LANGUAGES:
        data = languages.data_of(language, unseen=False)
        sides = [set(examples.texts) for _, examples in data.splits()]
        assert sides[0].isdisjoint(sides[1] | sides[2])
        assert sides[1].isdisjoint(sides[2])
        assert len(data.train) <= 500
        for marked, plain in zip(data.train.texts[::2], data.train.texts[1::2], strict=True):
            assert tokenize(marked) == tokenize(plain)
            assert not same_tokens([marked, plain], "bert/1", "words/2")
        chosen[language] = suitable_tokenizer(data.train)
    assert sum(name == "words/2" for name in chosen.values()) >= 20, chosen


@pytest.mark.parametrize("language", ["hi", "cs"])
def test_a_packed_model_is_as_good_as_a_regression_on_characters(
    languages: ModuleType, language: str, tmp_path: Path
) -> None:
    data = languages.data_of(language, unseen=False)
    result = fit(data, out=tmp_path / "run", epochs=20, tokenizer="auto")
    assert 100 * result.score.accuracy >= 100 * languages.regression(data) - 1
