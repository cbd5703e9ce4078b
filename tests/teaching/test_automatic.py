"""The automatic teacher: which parts it has by the number of texts, where there is none, and that a run repeats it."""

from pathlib import Path

import pytest

import prunetext
from helpers.runs import QUICK
from prunetext.data.dataset import Data, Examples
from prunetext.errors import InputError
from prunetext.fitting.plan import settled
from prunetext.options import FitOptions, TeachOptions
from prunetext.pruning.budget import Budget
from prunetext.runtime.tokenizers import BERT
from prunetext.teaching.automatic import Diet, automatic_teachers
from prunetext.teaching.lessons import find_teaching, of_dev, teach
from prunetext.teaching.teachers import find_teacher

SMALL = {"dimensions": 8, "filters": 4, "widths": "1,2", "epochs": 2.0, "schedule": "oneshot:units=0.2"}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRUNETEXT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def data() -> Data:
    rows = [(f"{word} film of {at}", label) for at in range(20) for word, label in (("great", "p"), ("dull", "n"))]
    texts, labels = zip(*rows, strict=True)
    dev, test = (Examples([f"a great {word}", f"a dull {word}"], ["p", "n"]) for word in ("cast", "plot"))
    return Data(Examples(list(texts), list(labels)), dev, test)


def many(texts: int, words: int, **fields: object) -> Examples:
    return Examples([" ".join(["word"] * words)] * texts, ["a", "b"] * (texts // 2), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("texts", "words", "classes", "names"),
    [
        (1000, 40, 4, ["tf-idf", "ngrams", "ensemble:3:small"]),
        (2000, 400, 4, ["tf-idf", "ngrams"]),
        (1000, 40, 600, ["tf-idf", "ensemble:3:small"]),
        (40_000, 40, 4, ["tf-idf"]),
        (10_000, 40, 3000, []),
    ],
)
def test_more_texts_have_cheaper_teachers(texts: int, words: int, classes: int, names: list[str]) -> None:
    assert automatic_teachers(many(texts, words), classes) == names


@pytest.mark.parametrize(("texts", "words"), [(20, 3), (1000, 40), (2000, 400), (40_000, 40), (200_000, 9)])
def test_a_student_reads_about_as_much_as_a_model_alone_or_little(texts: int, words: int) -> None:
    diet = Diet.of(many(texts, words))
    read = diet.epochs * (1 + diet.copies) * texts * (60 + words)
    assert read <= max(1.8 * diet.alone, 8_100_000)
    assert 4 <= diet.epochs <= 16
    assert 0 <= diet.copies <= 8


@pytest.mark.parametrize(
    ("options", "fitting", "max_time", "kept"),
    [
        ({}, {}, None, True),
        ({}, {"metric": "macro-f1"}, 3600.0, True),
        ({}, {"class_weights": "balanced"}, None, False),
        ({}, {"metric": "map"}, None, False),
        ({"unlabelled": "more.txt"}, {}, None, False),
        ({}, {}, 3.0, False),
    ],
)
def test_where_there_is_none(
    data: Data, options: dict[str, str], fitting: dict[str, str], max_time: float | None, kept: bool
) -> None:
    budget = Budget(0.5, None, max_time, None)
    found, notes = settled(TeachOptions(**options), data, FitOptions(**fitting), budget, BERT)  # type: ignore[arg-type]
    assert found.teacher == ("auto" if kept else "none")
    assert bool(notes) == (max_time == 3.0)


def test_pairs_and_several_labels_have_none(data: Data) -> None:
    pairs = Examples(["a"] * 4, ["x", "y"] * 2, ["b"] * 4)
    assert automatic_teachers(pairs, 2) == automatic_teachers(Examples(["a"] * 4, [["x"], ["x", "y"]] * 2), 2) == []


def test_one_that_cannot_be_trained_is_silent_unless_it_was_named(data: Data) -> None:
    alone = Examples([f"word{at}" for at in range(12)], ["p", "n"] * 6)
    lonely = Data(alone, data.dev, data.test)
    first = find_teaching(lonely, TeachOptions()).teachers[0]
    assert not (first.answer(["word1"], None) == first.answer(["word1"], None)).any()  # NaN
    with pytest.raises(InputError, match="teacher tf-idf: no word occurs in two texts"):
        find_teacher("tf-idf", TeachOptions(), lonely).answer(["word1"], None)


def test_the_teachers_answer_dev(data: Data) -> None:
    said = of_dev(find_teaching(data, TeachOptions()))
    assert said is not None
    assert said.argmax(1).tolist() == [data.labels.index("p"), data.labels.index("n")]
    assert of_dev(find_teaching(data, TeachOptions(teacher="ensemble:1"))) is None


@pytest.mark.parametrize("name", ["ensemble:3:tiny", "ensemble:0:small"])
def test_an_unknown_ensemble_is_refused(data: Data, name: str) -> None:
    with pytest.raises(InputError, match="ensemble:"):
        find_teacher(name, TeachOptions(), data)


def test_a_default_fit_has_a_teacher_and_is_pruned_again_with_it(data: Data, tmp_path: Path) -> None:
    first = prunetext.fit(data, out=tmp_path / "run", effort=QUICK, **SMALL)
    assert any("new texts were made for the teacher to label" in note for note in first.notes)
    again = prunetext.fit(data, out=tmp_path / "again", effort=QUICK, **SMALL)
    assert again.path.read_bytes() == first.path.read_bytes()
    pruned = prunetext.prune(tmp_path / "run", data=data, out=tmp_path / "new", max_size="1MB", effort=QUICK)
    assert pruned.notes == first.notes
    alone = prunetext.fit(data, out=tmp_path / "alone", teacher="none", effort=QUICK, **SMALL)
    assert alone.path.read_bytes() != first.path.read_bytes()


def test_options_that_only_a_teacher_could_use_are_refused_where_there_is_none(data: Data, tmp_path: Path) -> None:
    for options in ({"augment": 2.0, "class_weights": "balanced"}, {"augment": 2.0, "teacher": None}):
        with pytest.raises(InputError, match="augment is given, but no teacher"):
            prunetext.fit(data, out=tmp_path / "run", **options)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="auto and none stand alone"):
        prunetext.fit(data, out=tmp_path / "run", teacher="auto,ngrams")


def test_a_quick_teacher_teaches_beside_class_weights(data: Data, tmp_path: Path) -> None:
    uneven = Data(data.train.subset([*range(40), *range(0, 40, 2)]), data.dev, data.test)
    options = {"teacher": "ngrams", "augment": 0.0, "class_weights": "balanced"}
    found = prunetext.fit(uneven, out=tmp_path / "run", effort=QUICK, **SMALL, **options)  # type: ignore[arg-type]
    assert found.path.exists()


def test_made_texts_without_an_answer_are_left_out(data: Data) -> None:
    lonely = Data(Examples([f"word{at} word{at}x" for at in range(12)], ["p", "n"] * 6), data.dev, data.test)
    taught = find_teaching(lonely, TeachOptions())
    silent = taught._replace(teachers=taught.teachers[:1])
    assert teach(silent).inputs == []


def test_copies_that_are_asked_for_leave_as_much_to_read() -> None:
    train = many(1000, 40)
    few, usual = Diet.of(train, copies=0.0), Diet.of(train)
    assert (few.copies, few.epochs) == (0.0, 16.0)
    assert usual.epochs < few.epochs
