"""What a student is taught: whose answers count, which texts are left out, and how many are made."""

import json
from pathlib import Path

import numpy as np
import pytest

from prunetext.data.dataset import Data, Examples
from prunetext.errors import InputError
from prunetext.options import TeachOptions
from prunetext.teaching.lessons import Teaching, find_teaching, labels_per_class, names_of, number_of_made, teach
from prunetext.teaching.teacher import Teacher
from prunetext.teaching.teachers import agreed, baselines_of
from prunetext.teaching.unlabelled import Unlabelled


def teacher_of(answers: dict[str, list[float]]) -> Teacher:
    silent = [float("nan")] * 2
    return Teacher(
        "known", "key", lambda texts, tell: np.array([answers.get(text, silent) for text in texts]), answers_all=False
    )


def teaching(data: Data, teachers: list[Teacher], texts: list[str], **options: float) -> Teaching:
    made = TeachOptions(**options)  # type: ignore[arg-type]
    return Teaching(data, teachers, Unlabelled(texts, 0, 0, 0), made, baselines_of(data, "bert/1"))


def test_texts_of_which_nobody_speaks_are_left_out_but_for_those_with_a_label(data: Data) -> None:
    first = data.train.texts[0]
    found = teach(teaching(data, [teacher_of({first: [0.0, 2.0], "new": [1.0, 1.0]})], ["unheard", "new"]))
    assert found.inputs == ["new"]
    assert found.soft.shape == (len(data.train) + 1, 2)
    assert found.soft[0].argmax() == 1
    assert found.soft[-1].tolist() == [0.5, 0.5]
    same = [at for at, text in enumerate(data.train.texts) if text == first]
    assert np.flatnonzero(found.soft[:-1].sum(1)).tolist() == same
    assert found.notes == ["The teacher has no answer to 1 unlabelled texts, which were left out."]


def test_what_is_held_out_counts_for_the_texts_of_train_and_for_no_others(data: Data) -> None:
    known = {text: [3.0, 0.0] for text in [*data.train.texts, "new"]}
    unsure = np.zeros((len(data.train), 2), np.float32)
    for own, first in ((lambda: unsure, 0.5), (lambda: None, 0.95)):
        teacher = teacher_of(known)._replace(of_train=own)  # type: ignore[arg-type]
        found = teach(teaching(data, [teacher], ["new"]))
        assert found.soft[: len(data.train), 0] == pytest.approx(first, abs=0.01)
        assert found.soft[-1, 0] == pytest.approx(0.95, abs=0.01)


def test_a_file_that_knows_none_of_the_texts_is_refused_before_anything_is_written(data: Data, tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    share = 1 / len(data.labels)
    path.write_text(json.dumps({"text": "other", "probabilities": dict.fromkeys(data.labels, share)}) + "\n")
    with pytest.raises(InputError, match=r"answers\.jsonl: the file has no answer to any text of train"):
        find_teaching(data, TeachOptions(teacher=str(path)))
    path.write_text(json.dumps({"text": data.train.texts[0], "probabilities": dict.fromkeys(data.labels, share)}))
    assert find_teaching(data, TeachOptions(teacher=str(path))).teachers
    with pytest.raises(InputError, match="a file cannot label the texts of augment"):
        find_teaching(data, TeachOptions(teacher=str(path), augment=1.0))


@pytest.mark.parametrize("names", ["-", "", "a.txt,,b.txt"])
def test_names_that_are_none_are_refused(names: str) -> None:
    with pytest.raises(InputError, match="Give files, with commas"):
        names_of(names)


def test_made_texts_that_equal_one_of_dev_or_test_are_left_out(data: Data) -> None:
    short = Data(data.train, Examples(["common1"], ["class 0"]), data.test)
    anything = Teacher("any", "key", lambda texts, tell: np.zeros((len(texts), 2), np.float32))
    made = teach(teaching(short, [anything], [], augment=8.0)).inputs
    assert made
    assert "common1" not in made


def test_several_teachers_count_alike_and_the_silent_ones_not_at_all() -> None:
    one, two = np.array([[4.0, 0.0], [0.0, 0.0]]), np.array([[np.nan, np.nan], [0.0, 100.0]])
    found = agreed([one, two], 2.0)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(found[0, 0], 1 / (1 + np.exp(-2)), rtol=1e-6)
    np.testing.assert_allclose(found[1], [0.25, 0.75], rtol=1e-6)
    assert agreed([np.full((1, 2), np.nan)], 1.0).tolist() == [[0.0, 0.0]]


def test_labels_are_left_out_and_their_texts_stay(data: Data) -> None:
    few, rest = labels_per_class(data, 5)
    assert [few.train.labels.count(label) for label in data.labels] == [5, 5]
    assert sorted([*few.train.texts, *rest]) == sorted(data.train.texts)
    assert labels_per_class(data, 5)[1] == rest
    assert labels_per_class(data, None) == (data, [])
    assert labels_per_class(data, 10**6)[1] == []


def test_of_several_labels_the_rarer_ones_are_kept_too() -> None:
    labels = [["x"]] * 30 + [["x", "y"]] * 4 + [[]] * 6
    train = Examples([str(number) for number in range(40)], labels)  # type: ignore[arg-type]
    few, rest = labels_per_class(Data(train), 3)
    kept = [label for each in few.train.label_lists for label in each]
    assert kept.count("y") >= 3
    assert 3 <= kept.count("x") <= 6
    assert () not in few.train.label_lists
    assert sorted([*few.train.texts, *rest]) == sorted(train.texts)


def test_a_teacher_that_can_be_asked_anything_is_asked_about_new_texts(data: Data) -> None:
    anything = Teacher("any", "key", lambda texts, tell: np.zeros((len(texts), 2), np.float32))
    own = len(data.train) + 1
    assert 7 * own < len(teach(teaching(data, [anything], ["new"])).inputs) <= 1 + 8 * own
    assert 1.5 * own < len(teach(teaching(data, [anything], ["new"], augment=2.0)).inputs) <= 1 + 2 * own
    assert number_of_made(2, ["three words each"] * 2, None, wanted=9) == 1
    assert number_of_made(9, ["three words each"] * 9, None, wanted=9) == 0


def test_files_are_named_with_commas(tmp_path: Path) -> None:
    odd = tmp_path / "a,b.txt"
    odd.write_text("text\n")
    assert names_of(str(odd)) == [str(odd)]
    assert names_of("a.txt,b.txt") == ["a.txt", "b.txt"]
    assert names_of(None) == []


def test_the_texts_of_labels_left_out_are_unlabelled_where_that_is_said(data: Data) -> None:
    alone = find_teaching(data, TeachOptions(teacher="none", labels_per_class=4))
    with_rest = find_teaching(data, TeachOptions(teacher="none", labels_per_class=4, unlabelled="rest"))
    assert len(alone.data.train) == len(with_rest.data.train) == 8
    assert not alone.unlabelled.texts
    assert not alone.teaches_itself
    left = set(with_rest.unlabelled.texts)
    assert left
    assert left <= set(data.train.texts) - set(with_rest.data.train.texts)
    with pytest.raises(InputError, match="unlabelled names rest"):
        find_teaching(data, TeachOptions(teacher="none", unlabelled="rest"))


def test_what_is_taught_has_a_name(data: Data, tmp_path: Path) -> None:
    more = tmp_path / "more.txt"
    more.write_text("some new text\n")

    def name(**options: object) -> str | None:
        return find_teaching(data, TeachOptions(**{"teacher": None, **options})).digest()  # type: ignore[arg-type]

    assert name() is None
    names = {name(teacher="ngrams"), name(unlabelled=str(more)), name(teacher="ngrams", unlabelled=str(more))}
    assert len(names | {name(teacher="ensemble"), name(teacher="ensemble:3")}) == 5
    assert name(teacher="ngrams") == name(teacher="ngrams")
