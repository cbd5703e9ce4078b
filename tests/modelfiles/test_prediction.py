"""What a model is given: texts, or pairs of them where it is a model of pairs."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from prunetext.errors import InputError
from prunetext.modelfiles.prediction import inputs_for


def test_a_model_of_pairs_gets_pairs_and_others_texts(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("text,text_b\na,b\n", "utf-8")
    pairs: Any = SimpleNamespace(task="pairs")
    single: Any = SimpleNamespace()
    usual = {"text": None, "text_b": None, "encoding": "utf-8"}
    assert list(inputs_for(pairs, path, **usual)) == [[("a", "b")]]
    assert list(inputs_for(pairs, path, **{**usual, "text": "text_b", "text_b": "text"})) == [[("b", "a")]]
    assert list(inputs_for(single, path, **usual)) == [["a"]]
    with pytest.raises(InputError, match=r"text_b is 'text_b', but the model labels single texts\. Leave it out\."):
        inputs_for(single, path, **{**usual, "text_b": "text_b"})
