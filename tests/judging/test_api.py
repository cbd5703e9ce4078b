"""Which rows a model is judged on, and what is said of rows that it was trained on."""

from pathlib import Path

import pytest

import prunetext
from helpers.tables import write_csv
from prunetext.data.dataset import Data, Examples
from prunetext.errors import DataError, InputError

SMALL = {"teacher": "none", "dimensions": 4, "filters": 2, "widths": "1", "epochs": 1.0, "max_size": "1MB"}


def write(path: Path, rows: range) -> str:
    return str(write_csv(path, ((f"word{row % 7} text {row}", "ab"[row % 2]) for row in rows)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that split its rows itself, and one whose dev rows were a file of their own."""
    folder = tmp_path_factory.mktemp("assessment")
    whole, dev = write(folder / "whole.csv", range(100)), write(folder / "dev.csv", range(100, 130))
    write(folder / "new.csv", range(200, 240))
    prunetext.fit(whole, out=folder / "split", **SMALL)
    prunetext.fit(whole, dev=dev, out=folder / "given", **SMALL)
    return folder


@pytest.mark.parametrize("model", ["split/model.safetensors", "split/dense.safetensors"])
def test_rows_of_training_are_named_and_the_test_part_is_found_again(folder: Path, model: str) -> None:
    everything = prunetext.evaluate(folder / model, folder / "whole.csv")
    assert everything.score.n == 100
    assert everything.notes == [
        "The model was trained on most of these rows; --split test takes those that it has not seen."
    ]
    part = prunetext.evaluate(folder / model, folder / "whole.csv", split="test")
    assert part.score.n == 10
    assert part.notes == ["These are the 10 rows that fit set aside as test."]
    both = prunetext.evaluate(
        folder / model, folder / "whole.csv", split="test", against=folder / "split/model.safetensors"
    )
    assert both.verdict is not None
    new = prunetext.evaluate(folder / model, folder / "new.csv")
    assert (new.score.n, new.notes) == (40, [])


def test_rows_of_a_run_with_a_dev_file_are_known_too(folder: Path) -> None:
    model = folder / "given" / "model.safetensors"
    assert prunetext.evaluate(model, folder / "whole.csv").notes == ["The model was trained on most of these rows."]
    with pytest.raises(DataError, match="dev or test were separate files when the model was made"):
        prunetext.evaluate(model, folder / "whole.csv", split="test")
    with pytest.raises(DataError, match="the model was not trained on these data"):
        prunetext.evaluate(model, folder / "new.csv", split="test")


def test_a_label_that_the_model_does_not_know_is_refused_from_memory_too(folder: Path) -> None:
    model = folder / "split" / "model.safetensors"
    strange = Examples(["text"], ["zzz"])
    for data in (strange, Data(Examples(["a", "b"], ["a", "b"]), test=strange)):
        with pytest.raises(InputError, match="the label 'zzz' is not one of the model's"):
            prunetext.evaluate(model, data)
    assert prunetext.evaluate(model, Examples(["text"], ["a"])).score.n == 1


def test_pairs_and_lists_of_labels_are_refused_by_a_model_of_neither(folder: Path, tmp_path: Path) -> None:
    model, path = folder / "split" / "model.safetensors", tmp_path / "rows.jsonl"
    for rows, memory, problem in (
        (
            '{"text": "a", "text_b": "b", "label": "a"}',
            Examples(["a"], ["a"], ["b"]),
            "its rows have two texts, but the",
        ),
        ('{"text": "a", "labels": ["a"]}', Examples(["a"], [["a"]]), "its rows have lists of labels, but the"),  # type: ignore[list-item]
    ):
        path.write_text(rows, "utf-8")
        for data in (str(path), memory, Data(memory, test=memory)):
            with pytest.raises(DataError, match=f": {problem} rows for this model have one"):
                prunetext.evaluate(model, data)
    path.write_text('{"text": "a", "text_b": "b", "label": "a"}', "utf-8")
    assert prunetext.evaluate(model, path, text="text_b").score.n == 1
    with pytest.raises(InputError, match="the label 'z' is not one of the model's"):
        prunetext.evaluate(model, Examples(["a"], ["z"]))
