"""A cascade answers as its two models do by hand, in every form; and what becomes of a folder that is not whole."""

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import prunetext
from helpers.cascades import LABELS_OF_THREE, cascade_of, change_cascade, packed_encoder_file
from prunetext.data.task import Task
from prunetext.errors import InputError, MissingExtraError, ModelFileError
from prunetext.runtime.cascade_files import EVERY_TEXT, LARGEST_CASCADE, flaw_of
from prunetext.runtime.cascade_model import confidences, unsure

Cascades = Callable[..., Path]
TEXTS = ["a great film", "dull", "", "the story of a film that is a waste of time", "great", "\U0001f600", "bad films"]
PAIRS = [("a great film", "great"), ("dull", "a film"), ("", ""), ("the good films", "bad ø 电"), ("a", "dull 影")]
KINDS: dict[str, tuple[dict[str, Any], Task, Any]] = {
    "classification": ({"reject": 0.6}, Task(), TEXTS),
    "pairs": ({"pairs": True}, Task(texts=2), PAIRS),
    "labels": ({"thresholds": (0.5, 0.3, 0.8)}, Task(answer="labels"), TEXTS),
}


@pytest.fixture(scope="module")
def parts(
    make_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Path, Path]]:
    """The two packed models of a kind, made once."""
    made: dict[str, tuple[Path, Path]] = {}

    def both(kind: str) -> tuple[Path, Path]:
        if kind not in made:
            shape, task, _ = KINDS[kind]
            path = tmp_path_factory.mktemp(kind) / "model.onnx"
            limits = [0.4, 0.6, 0.5] if kind == "labels" else None
            reject = {"reject": 0.9} if "reject" in shape else {}
            made[kind] = make_model(temperature=3.0, **shape), packed_encoder_file(path, task, limits, **reject)
        return made[kind]

    return both


@pytest.fixture
def made(parts: Callable[[str], tuple[Path, Path]], tmp_path: Path) -> Cascades:
    """Write a cascade; by default of single labels, whose threshold lets about half of the texts go on."""

    def make(kind: str = "classification", threshold: float | None = None, **changes: Any) -> Path:
        first, second = parts(kind)
        if threshold is None:
            model = prunetext.load(first)
            threshold = float(np.median(confidences(model.predict_proba(KINDS[kind][2]), model.thresholds)))
        return cascade_of(tmp_path / "both", first, second, threshold, **changes)

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_it_answers_as_the_one_or_the_other_does(
    kind: str, made: Cascades, parts: Callable[[str], tuple[Path, Path]]
) -> None:
    both, (first, second) = prunetext.load(made(kind)), map(prunetext.load, parts(kind))
    texts = KINDS[kind][2]
    passed = unsure(confidences(first.predict_proba(texts), first.thresholds), float(both.metadata["threshold"]))
    assert 0 < passed.sum() < len(texts)
    for ask in ("predict_proba", "logits"):
        expected = np.where(passed[:, None], getattr(second, ask)(texts), getattr(first, ask)(texts))
        np.testing.assert_allclose(getattr(both, ask)(texts), expected, rtol=1e-5, atol=1e-6)
    for ask in ("predict", "predict_with_probability"):
        asked = [getattr(each, ask)(texts) for each in (second, first)]
        picked = [here if goes else stays for goes, here, stays in zip(passed, *asked, strict=True)]
        for one, other in zip(getattr(both, ask)(texts), picked, strict=True):
            assert str(one)[:12] == str(other)[:12]
    probabilities, chosen = both.answers(texts)
    np.testing.assert_array_equal(probabilities, both.predict_proba(texts))
    named = [[both.labels[at] for at in np.flatnonzero(row)] for row in chosen]
    assert named == (both.predict(texts) if kind == "labels" else [[each] for each in both.predict(texts)])
    for goes, text in zip(passed, texts, strict=True):
        found, own = both.explain(text, "label 1"), (second if goes else first).explain(text, "label 1")
        assert (found.label, found.base, found.parts) == (own.label, own.base, own.parts)
        assert both.explain(text).logit == (second if goes else first).explain(text).logit
    assert (both.task, both.labels, both.positive) == (first.task, LABELS_OF_THREE, first.positive)
    assert both.thresholds == first.thresholds
    assert both.size == first.size + second.size
    assert both.predict([]) == []
    assert both.predict_proba([]).shape == (0, 3)


@pytest.mark.parametrize(("threshold", "one"), [(0.0, 0), (EVERY_TEXT, 1)])
def test_at_the_ends_it_is_one_of_them(
    threshold: float, one: int, made: Cascades, parts: Callable[[str], tuple[Path, Path]]
) -> None:
    alone = prunetext.load(parts("classification")[one])
    both = prunetext.load(made(threshold=threshold))
    np.testing.assert_array_equal(both.logits(TEXTS), alone.logits(TEXTS))
    assert both.predict(TEXTS) == alone.predict(TEXTS)


def test_it_rejects_by_the_larger_threshold(made: Cascades) -> None:
    both = prunetext.load(made())
    assert both.reject == 0.9
    for (label, probability), plain in zip(
        both.predict_with_probability(TEXTS, reject=True), both.predict(TEXTS), strict=True
    ):
        assert label == (plain if probability >= 0.9 else None)
    assert None in both.predict(TEXTS, reject=True)


def test_every_form_of_texts_is_read(made: Cascades) -> None:
    both = prunetext.load(made())
    expected = both.predict_proba(TEXTS)
    forms: list[Any] = [tuple(TEXTS), iter(TEXTS), [text.encode() for text in TEXTS], pa.array(TEXTS)]
    for form in forms:
        np.testing.assert_allclose(both.predict_proba(form), expected, atol=1e-6)
    for wrong in ("a film", [1], [None], 7):
        with pytest.raises(InputError):
            both.predict(wrong)  # type: ignore[arg-type]


def test_what_its_parts_do_alone_is_refused(made: Cascades) -> None:
    both = prunetext.load(made())
    for call in (lambda: both.encode(["a"]), lambda: both.fired(["a"])):
        with pytest.raises(InputError, match=r"this model is a cascade, .*; give its first.safetensors"):
            call()
    pairs = prunetext.load(made("pairs"))
    with pytest.raises(InputError, match="this model is a cascade"):
        pairs.match("a", np.zeros((1, 3), np.float32))


def test_words_are_found_that_flip_a_label(made: Cascades) -> None:
    both, text = prunetext.load(made()), "a great film, and the dull films"
    found = both.counterfactual(text)
    assert found is None or both.predict([found.text]) == [found.label] != both.predict([text])


def test_it_is_loaded_by_its_description_and_pickled(made: Cascades, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made()
    expected = prunetext.load(folder).logits(TEXTS)
    monkeypatch.chdir(folder)
    for each in (folder / "cascade.json", str(folder), "cascade.json", "."):
        again = pickle.loads(pickle.dumps(prunetext.load(each)))
        np.testing.assert_array_equal(again.logits(TEXTS), expected)


def test_a_package_that_is_missing_is_named(made: Cascades, uninstall: Callable[[str], None]) -> None:
    folder = made()
    uninstall("onnxruntime")
    with pytest.raises(MissingExtraError, match=r"run pip install 'prunetext\[encoders-run\]'\.$"):
        prunetext.load(folder)


def test_the_folder_of_a_run_is_still_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="it is a directory"):
        prunetext.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        prunetext.load(tmp_path / "cascade.json")


def without(key: str) -> Callable[[dict[str, Any]], Any]:
    """A description that lacks this."""
    return lambda values: {name: value for name, value in values.items() if name != key}


def changed(**more: Any) -> Callable[[dict[str, Any]], Any]:
    """A description that says something else."""
    return lambda values: {**values, **more}


def part_changed(**more: Any) -> Callable[[dict[str, Any]], Any]:
    """A description that says something else of its first model."""
    return lambda values: {**values, "first": {**values["first"], **more}}


HOSTILE: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    **{f"no {key}": (without(key), f"{key} is missing") for key in ("format", "task", "labels", "threshold", "first")},
    "a path": (changed(path="/etc/passwd"), "'path' is unknown"),
    "format": (changed(format="prunetext-cascade/2"), "this version reads prunetext-cascade/1"),
    "type": (changed(threshold="0.5"), "threshold is of another type"),
    "bool": (changed(threshold=True), "threshold is of another type"),
    "list": (changed(provenance=[]), "provenance is of another type"),
    "task": (changed(task="other"), "its task or its rule"),
    "rule": (changed(confidence="margin"), "its task or its rule"),
    "nan": (changed(threshold=float("nan")), "a number is not finite"),
    "infinity within": (changed(provenance={"curve": [float("inf")]}), "a number is not finite"),
    "below": (changed(threshold=-0.1), "a number is not finite, or its threshold"),
    "above": (changed(threshold=2.1), "a number is not finite, or its threshold"),
    "no labels": (changed(labels=[]), "its labels are not"),
    "numbers": (changed(labels=[1, 2, 3]), "its labels are not"),
    "other labels": (changed(labels=["a", "b", "c"]), "other labels, or another task"),
    "order": (changed(labels=LABELS_OF_THREE[::-1]), "other labels, or another task"),
    "other task": (changed(task="pairs"), "other labels, or another task"),
    "more of a part": (part_changed(path="x"), "what the bytes and the checksum"),
    "bytes": (part_changed(bytes=1.5), "what the bytes and the checksum"),
    "negative": (part_changed(bytes=-1), "what the bytes and the checksum"),
    "huge": (part_changed(bytes=10**18), "its first.safetensors is damaged"),
    "checksum": (part_changed(checksum="x" * 16), "what the bytes and the checksum"),
    "other checksum": (part_changed(checksum="0" * 16), "its first.safetensors is damaged"),
}


WHOLE: dict[str, Any] = {
    "format": "prunetext-cascade/1",
    "task": "labels",
    "labels": ["a"],
    "confidence": "margin",
    "threshold": 0.5,
    "first": {"bytes": 3, "checksum": "0" * 16},
    "second": {"bytes": 3, "checksum": "f" * 16},
    "provenance": {"curve": [{"passed": 0.5}]},
}
some_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from([*WHOLE, "more"]), some_json)
def test_no_value_is_taken_for_another(key: str, value: Any) -> None:
    assert flaw_of(WHOLE) is None
    said = flaw_of({**WHOLE, key: value})
    assert said is None or isinstance(said, str)
    if key not in ("provenance", "threshold", "labels"):
        assert said is not None or value == WHOLE[key]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_description_that_does_not_fit_is_refused(name: str, made: Cascades) -> None:
    folder, (change, said) = made(), HOSTILE[name]
    change_cascade(folder, change)
    with pytest.raises(ModelFileError, match=said) as refused:
        prunetext.load(folder)
    assert str(refused.value).startswith(f"{folder}: ")
    assert str(refused.value).endswith("; repeat prunetext cascade.")


def test_damaged_files_are_refused(made: Cascades, tmp_path: Path) -> None:
    whole, random = made(), np.random.default_rng(0)
    for name in ("cascade.json", "first.safetensors", "second.onnx"):
        data = (whole / name).read_bytes()
        broken = bytearray(data)
        broken[int(random.integers(len(data)))] ^= 1
        for at, wrong in enumerate((bytes(broken), data[:-1], data + b" ", b"")):
            folder = tmp_path / f"{name}{at}"
            shutil.copytree(whole, folder)
            (folder / name).write_bytes(wrong)
            with pytest.raises(ModelFileError):
                prunetext.load(folder)
        folder = tmp_path / f"{name} is a folder"
        shutil.copytree(whole, folder)
        (folder / name).unlink()
        (folder / name).mkdir()
        with pytest.raises(ModelFileError):
            prunetext.load(folder / "cascade.json")
    folder = tmp_path / "large"
    shutil.copytree(whole, folder)
    (folder / "cascade.json").write_bytes(b" " * (LARGEST_CASCADE + 1))
    with pytest.raises(ModelFileError, match="larger than"):
        prunetext.load(folder)
    (folder / "cascade.json").write_bytes(b"[" * 100_000)
    with pytest.raises(ModelFileError, match="is damaged"):
        prunetext.load(folder)


def test_parts_in_each_others_place_are_refused(tmp_path: Path, parts: Callable[[str], tuple[Path, Path]]) -> None:
    first, second = parts("classification")
    for at, (one, other, said) in enumerate(((second, second, "first.safetensors"), (first, first, "second.onnx"))):
        folder = cascade_of(tmp_path / str(at), one, other, 0.5)
        with pytest.raises(ModelFileError, match=f"its {said} is not whole"):
            prunetext.load(folder)
    folder = cascade_of(tmp_path / "tasks", first, parts("pairs")[1], 0.5)
    with pytest.raises(ModelFileError, match=r"its second\.onnx has other labels, or another task"):
        prunetext.load(folder)


@given(st.floats(0, 1, width=32), st.floats(0.0001, 0.9999))
def test_a_label_is_as_sure_as_if_its_threshold_were_a_half(probability: float, limit: float) -> None:
    (sure,) = confidences(np.array([[probability]]), [limit])
    assert 0.5 <= sure <= 1
    if 0 < probability < 1:
        odds = np.log(probability / (1 - probability)) - np.log(limit / (1 - limit))
        assert sure == pytest.approx(1 / (1 + np.exp(-abs(odds))))
    (even,) = confidences(np.array([[probability]]), [0.5])
    assert even == pytest.approx(max(probability, 1 - probability))
