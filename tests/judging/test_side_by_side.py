"""Dense, pruned and packed are each judged by their own answers, and the table's type by what rounding really does."""

import functools
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

import prunetext
from helpers.packing import pack, trained_model
from prunetext.data.dataset import Examples
from prunetext.judging.calibrating import Agreement, SplitTexts, calibrated, choose_table
from prunetext.judging.side_by_side import side_by_side
from prunetext.models.encoded import Encoded
from prunetext.models.protocol import Packing, load_family
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.reading import encode_examples
from prunetext.runtime._native import Vocabulary
from prunetext.statistics.answers import Answers
from prunetext.statistics.calibration import calibration_error
from prunetext.statistics.evaluation import verdict
from prunetext.statistics.metrics import measure_of
from prunetext.training.answering import logits

WORDS = [f"word{number}" for number in range(30)]
LABELS = ["a", "b", "c"]
ACCURACY = functools.partial(measure_of, "accuracy", labels=LABELS)


@pytest.fixture(scope="module")
def texts() -> Examples:
    random = Random(0)
    rows = [" ".join(random.choices(WORDS, k=random.randint(1, 12))) for _ in range(3000)]
    return Examples(rows, random.choices(LABELS, k=len(rows)))


@pytest.fixture(scope="module")
def encoded(texts: Examples) -> Encoded:
    return encode_examples(Vocabulary(WORDS), texts, LABELS)


def right(answers: list[str], texts: Examples) -> list[bool]:
    return [answer == truth for answer, truth in zip(answers, texts.labels, strict=True)]


def float_answers(model: TextCNN, encoded: Encoded) -> list[str]:
    return [LABELS[at] for at in logits(model, encoded).argmax(1).tolist()]


@pytest.mark.parametrize(("least", "table"), [(0.0, "int8"), (1.0, "int16")])
def test_the_table_is_int8_only_where_enough_labels_stay(
    random_model: Callable[..., TextCNN],
    texts: Examples,
    encoded: Encoded,
    tmp_path: Path,
    least: float,
    table: str,
) -> None:
    model = random_model(words=len(WORDS), classes=3, seed=5)
    before = float_answers(model, encoded)
    trained, both = trained_model(model, WORDS, LABELS), SplitTexts(texts, encoded)
    limits = {"least_agreement": least, "most_shift": 1.0}
    agreement = choose_table(trained, both, tmp_path / "scratch", ACCURACY(texts), **limits).agreement
    assert agreement.table == table
    pack(model, WORDS, LABELS, tmp_path / "packed", table=table)
    after = prunetext.load(tmp_path / "packed").predict(texts.texts)
    assert agreement.equal == pytest.approx(sum(map(str.__eq__, before, after)) / len(before))
    assert 0.9 < agreement.equal < 1
    lost = sum(right(before, texts)) - sum(right(after, texts))
    assert lost != 0
    assert agreement.drop == pytest.approx(100 * lost / len(before))


def test_each_model_is_judged_by_its_own_answers(
    random_model: Callable[..., TextCNN],
    texts: Examples,
    encoded: Encoded,
    tmp_path: Path,
) -> None:
    dense, pruned, other = (random_model(words=len(WORDS), classes=3, seed=seed) for seed in (1, 2, 3))
    pack(other, WORDS, LABELS, tmp_path / "packed")
    agreement, both = Agreement("int8", 1.0, 0.0), SplitTexts(texts, encoded)
    models = [trained_model(each, WORDS, LABELS) for each in (dense, pruned)]
    files = {name: tmp_path / name for name in ("dense", "pruned", "packed")}
    for name, model in zip(("dense", "pruned"), models, strict=True):
        load_family("textcnn").write(model, files[name], {})
    packed = Answers(*prunetext.load(files["packed"]).answers(texts.inputs))
    found = side_by_side(*models, files, packed, both, 0.5, agreement, ACCURACY(texts), 0.0)
    dense_right = right(float_answers(dense, encoded), texts)
    packed_right = right(prunetext.load(tmp_path / "packed").predict(texts.texts), texts)
    assert found.dense.score.accuracy == pytest.approx(sum(dense_right) / len(texts))
    assert found.pruned.score.accuracy == pytest.approx(sum(right(float_answers(pruned, encoded), texts)) / len(texts))
    assert found.packed.score.accuracy == pytest.approx(sum(packed_right) / len(texts))
    assert found.verdict == verdict(dense_right, packed_right, 0.5)
    assert {name: row.bytes for name, row in found.models().items()} == {
        name: path.stat().st_size for name, path in files.items()
    }
    assert found.agreement is agreement
    assert torch.get_num_threads() >= 1


@pytest.fixture(scope="module")
def learnt(random_model: Callable[..., TextCNN], texts: Examples, tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """The same texts with labels as a packed model gives them, but surer by half than it says."""
    path = tmp_path_factory.mktemp("learnt") / "model"
    pack(random_model(words=len(WORDS), classes=3, seed=1), WORDS, LABELS, path, temperature=0.5)
    chosen = Random(1)
    shares = prunetext.load(path).predict_proba(texts.texts).tolist()
    return Examples(texts.texts, [chosen.choices(LABELS, weights)[0] for weights in shares])


def halves(examples: Examples) -> list[SplitTexts]:
    cut = len(examples) // 2
    parts = [Examples(examples.texts[own], examples.labels[own]) for own in (slice(0, cut), slice(cut, None))]
    return [SplitTexts(each, encode_examples(Vocabulary(WORDS), each, LABELS)) for each in parts]


def test_a_packed_file_is_calibrated_by_its_own_probabilities(
    random_model: Callable[..., TextCNN], learnt: Examples, tmp_path: Path
) -> None:
    dev, test = halves(learnt)
    trained = trained_model(random_model(words=len(WORDS), classes=3, seed=1), WORDS, LABELS)
    chosen = choose_table(trained, dev, tmp_path / "scratch", ACCURACY(dev.examples))
    packed = calibrated(trained, chosen, tmp_path / "scratch", dev, test, 0.6)
    found = packed.calibration
    assert found.temperature == packed.packing.temperature == pytest.approx(0.5, rel=0.2)
    assert found.after < found.before
    assert packed.notes == []
    left = prunetext.load(tmp_path / "scratch")
    assert left.metadata["temperature"] == repr(found.temperature)
    tops, right = left.predict_proba(test.inputs).max(1), np.array(left.predict(test.inputs)) == test.examples.labels
    assert found.after == calibration_error(tops, right)
    assert found.rejection is not None
    assert packed.packing.reject == found.rejection.threshold
    accepted = tops >= found.rejection.threshold
    assert found.rejection[1:] == (accepted.mean(), right[accepted].mean())
    assert found == calibrated(trained, chosen, tmp_path / "again", dev, test, 0.6).calibration
    assert_array_equal(packed.on_test.probabilities, left.predict_proba(test.inputs))
    size_of_file = load_family("textcnn").pack(trained, tmp_path / "plain", Packing())
    assert size_of_file == (tmp_path / "scratch").stat().st_size
    assert left.predict(test.inputs) == prunetext.load(tmp_path / "plain").predict(test.inputs)


def test_a_model_that_has_learnt_dev_is_calibrated_by_what_it_said_before(
    random_model: Callable[..., TextCNN], learnt: Examples, tmp_path: Path
) -> None:
    dev, test = halves(learnt)
    before, after = (
        trained_model(random_model(words=len(WORDS), classes=3, seed=seed), WORDS, LABELS) for seed in (1, 2)
    )
    held_out, chosen = (
        choose_table(each, dev, tmp_path / "scratch", ACCURACY(dev.examples)) for each in (before, after)
    )
    alone = calibrated(before, held_out, tmp_path / "scratch", dev, test, 0.6)
    found = calibrated(after, chosen, tmp_path / "scratch", dev, test, 0.6, held_out)
    assert found.packing.temperature == alone.packing.temperature
    assert found.packing.reject == alone.packing.reject
    left = prunetext.load(tmp_path / "scratch")
    assert_array_equal(found.on_test.probabilities, left.predict_proba(test.inputs))
    assert found.on_test.probabilities.tolist() != alone.on_test.probabilities.tolist()


def test_a_precision_out_of_reach_is_said(
    random_model: Callable[..., TextCNN], texts: Examples, tmp_path: Path
) -> None:
    dev, test = halves(texts)
    trained = trained_model(random_model(words=len(WORDS), classes=3), WORDS, LABELS)
    chosen = choose_table(trained, dev, tmp_path / "scratch", ACCURACY(dev.examples))
    found = calibrated(trained, chosen, tmp_path / "scratch", dev, test, 0.95)
    assert found.calibration.rejection is None
    assert found.notes == [
        "No threshold is stored: on the 1,500 texts of dev, none reaches a precision of 0.95 with 95 % confidence, "
        "which takes at least 117 accepted texts."
    ]
    unasked = calibrated(trained, chosen, tmp_path / "scratch", dev, test, None)
    assert unasked[:-1] == found._replace(notes=[])[:-1]
