"""Both parts of a cascade in one go: which options each gets, what is made again, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

import prunetext
from helpers.cascades import noisy_reviews
from helpers.encoders import encoder_folder
from helpers.runs import QUICK
from helpers.tables import write_csv
from prunetext.errors import InputError, RunError
from prunetext.fitting.cascading.parting import OF_TEXTCNN, OF_TRANSFORMER, options_of_parts

SMALL: dict[str, Any] = {
    "dimensions": 8,
    "filters": 4,
    "widths": "1,2",
    "teacher": "none",
    "tokenizer": "bert/1",
    "epochs": 1.0,
    "schedule": "oneshot:units=0.3",
    "max_tokens": 24,
    "effort": QUICK,
}


def test_options_go_where_they_belong() -> None:
    given = {"filters": 4, "max_tokens": 64, "seed": 3, "epochs": 2.0, "labels_per_class": 30, "teacher": "none"}
    parts = options_of_parts(given, "sample:minilm")
    assert parts["first"] == {name: value for name, value in given.items() if name != "max_tokens"} | {"refit": False}
    both = {"seed": 3, "labels_per_class": 30, "refit": False}
    assert parts["second"] == {**both, "max_tokens": 64, "model": "sample:minilm"}
    assert options_of_parts({"refit": True}, "x")["second"]["refit"] is True
    assert {"max_tokens", "features", "keep_tokens", "model", "numbers", "hidden_states"} == OF_TRANSFORMER
    assert not OF_TEXTCNN & OF_TRANSFORMER


@pytest.mark.parametrize("name", ["model", "max_time"])
def test_options_of_one_run_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"{name} is given, but cascade makes two runs"):
        options_of_parts({name: "1m"}, "sample:minilm")


def test_what_is_finished_is_not_made_again(tmp_path: Path) -> None:
    examples = noisy_reviews(400)
    data = write_csv(tmp_path / "data.csv", list(zip(examples.texts, examples.labels, strict=True)))
    encoder_folder(tmp_path / "bert")

    def fitted(out: str, **options: Any) -> tuple[prunetext.Cascade, set[str]]:
        heard: set[str] = set()
        told = {"progress": lambda stage, _: heard.add(stage), **SMALL, **options}
        return prunetext.fit_cascade(data, encoder=str(tmp_path / "bert"), out=tmp_path / out, **told), heard

    found, heard = fitted("both")
    assert found.path == tmp_path / "both" / "cascade"
    assert {"first: train", "second: train", "test: second"} <= heard
    assert prunetext.load(found.path).labels == ["neg", "pos"]
    assert not any(note.startswith("The threshold was chosen on") for note in found.notes)
    with pytest.raises(RunError, match="holds a finished cascade"):
        fitted("both")
    again, heard = fitted("both", overwrite=True)
    assert heard == {"dev: first", "dev: second", "test: first", "test: second"}
    assert (again.path / "cascade.json").exists()
    _, heard = fitted("both", overwrite=True, filters=5)
    assert "first: train" in heard
    assert "second: train" not in heard
    with pytest.raises(RunError, match="holds bert, which is no part of a cascade"):
        prunetext.fit_cascade(data, encoder="x", out=tmp_path)
    with pytest.raises(InputError, match="has no option 'colour'"):
        fitted("new", colour=1)
    with pytest.raises(InputError, match="max_tokens is 3: it must be"):
        fitted("new", max_tokens=3)
    assert not list((tmp_path / "new").iterdir()), "what is wrong for the second is said before the first trains"
    # Stopped after its first part: that is not made again, nor is one of another recipe taken for it.
    (found.path.parent / "second").rename(tmp_path / "second")
    (found.path).rename(tmp_path / "cascade")
    with pytest.raises(RunError, match="first holds a finished run"):
        fitted("both", filters=6)
    _, heard = fitted("both", filters=5)
    assert "first: train" not in heard
    assert "second: train" in heard
