"""Every kind of teacher answers in the order of the labels, once; what is none is refused before anything is done."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from helpers.packing import trained_model
from prunetext.data.dataset import Data, Examples
from prunetext.errors import InputError
from prunetext.fitting.folder import Run
from prunetext.models.textcnn.layout import Shape
from prunetext.models.textcnn.model import TextCNN
from prunetext.options import TeachOptions
from prunetext.teaching.teachers import find_teacher, find_teachers

OPTIONS = TeachOptions(teacher_tokens=16, teacher_epochs=15.0)


def accuracy(name: str, data: Data) -> float:
    assert data.dev is not None
    answers = find_teacher(name, OPTIONS, data).answer(data.dev.texts, None)
    assert answers.shape == (len(data.dev), 2)
    return float(
        np.mean([data.labels[at] == label for at, label in zip(answers.argmax(1), data.dev.labels, strict=True)])
    )


@pytest.mark.parametrize("name", ["ngrams", "ensemble:2"])
def test_teachers_made_of_the_labels_know_more_than_chance(data: Data, name: str) -> None:
    assert accuracy(name, data) > 0.8


def test_a_transformer_without_a_head_is_tuned_when_it_is_first_asked(
    data: Data, encoder: Path, own_cache: Path
) -> None:
    teacher = find_teacher(str(encoder), OPTIONS, data)
    assert not (own_cache / "teachers").exists()
    answers = teacher.answer(data.train.texts, None)
    right = [data.labels[at] == label for at, label in zip(answers.argmax(1), data.train.labels, strict=True)]
    assert np.mean(right) > 0.8
    shutil.rmtree(own_cache / "teachers")
    assert np.array_equal(teacher.answer(data.train.texts, None), answers)  # from the disk: nothing is tuned
    assert not (own_cache / "teachers").exists()


def test_a_head_of_the_same_labels_is_taken_as_it_is(data: Data, encoder: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    answers = []
    for number, names in enumerate((data.labels, data.labels[::-1])):
        folder = tmp_path / f"headed-{number}"
        config = BertConfig.from_pretrained(str(encoder))
        config.id2label = dict(enumerate(names))
        config.label2id = {name: at for at, name in enumerate(names)}
        if not number:
            model = BertForSequenceClassification(config)
        model.config = config
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(str(encoder)).save_pretrained(folder)
        answers.append(find_teacher(str(folder), OPTIONS, data).answer(["film", "dull"], None))
    assert np.array_equal(answers[0], answers[1][:, ::-1])


def run_of(folder: Path, labels: list[str]) -> None:
    model = TextCNN(Shape(2, 4, {1: 3}, len(labels)))
    with Run(folder, {}, overwrite=False) as run:
        run.save("dense.safetensors", trained_model(model, ["film", "great"], labels))
        shutil.copy(run.path("dense.safetensors"), folder / "dense.safetensors")


def test_an_earlier_run_teaches_in_the_order_of_our_labels(data: Data, tmp_path: Path) -> None:
    run_of(tmp_path / "run", data.labels)
    answers = find_teacher(str(tmp_path / "run"), OPTIONS, data).answer(["great film", "film"], None)
    assert answers.shape == (2, 2)
    swapped = Data(Examples(data.train.texts, data.train.labels), data.dev, data.test)
    alone = find_teacher(str(tmp_path / "run"), OPTIONS, swapped).answer(["film"], None)
    assert alone == pytest.approx(answers[1:], abs=1e-6)  # a text by itself is rounded otherwise than one of two


def test_a_run_of_other_labels_is_refused(data: Data, tmp_path: Path) -> None:
    run_of(tmp_path / "run", ["class 0", "other"])
    with pytest.raises(InputError, match="its labels are not those of train; only one of the two has 'class 1'"):
        find_teacher(str(tmp_path / "run"), OPTIONS, data)


def test_a_file_of_probabilities_answers_for_its_texts_alone(data: Data, tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(json.dumps({"text": "film", "probabilities": dict(zip(data.labels, (0.25, 0.75), strict=True))}))
    teacher = find_teacher(str(path), OPTIONS, data)
    answers = teacher.answer(["film", "other"], None)
    np.testing.assert_allclose(np.exp(answers[0]), [0.25, 0.75], rtol=1e-5)
    assert np.isnan(answers[1]).all()
    assert not teacher.answers_all


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere", "there is no such file or folder"),
        ("sample:bert", "there is no such sample"),
        ("ensemble:0", "is not a number from 1 to 20"),
        ("ensemble:many", "is not a number from 1 to 20"),
        (".", "this cannot teach. Give sample:minilm"),
    ],
)
def test_what_is_no_teacher_is_refused_in_one_sentence(
    data: Data, name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"teacher {name}: .*{said}"):
        find_teachers(TeachOptions(teacher=f"ngrams,{name}"), data)
