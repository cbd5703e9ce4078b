"""What a model is given: texts, or pairs of them where it is a model of pairs."""

from pathlib import Path

import pytest

from prunetext.data.task import Task
from prunetext.data.texts import read_inputs
from prunetext.errors import InputError


def test_a_model_of_pairs_gets_pairs_and_others_texts(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("text,text_b\na,b\n", "utf-8")
    pairs, single = Task(texts=2), Task()
    assert list(read_inputs(pairs, path)) == [[("a", "b")]]
    assert list(read_inputs(pairs, path, text="text_b", text_b="text")) == [[("b", "a")]]
    assert list(read_inputs(single, path)) == [["a"]]
    with pytest.raises(InputError, match=r"text_b is 'text_b', but the model labels single texts\. Leave text_b out\."):
        read_inputs(single, path, text_b="text_b")
