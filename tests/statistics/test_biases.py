"""Biases of rare classes: they are the best ones, and few texts do not move them far."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from prunetext.statistics.biases import BIAS_SPREAD, fit_biases


def penalised(logits: np.ndarray, targets: np.ndarray, rare: int, heat: float, bias: float) -> float:
    """The loss as it is defined: each class weighs the same, for as many texts as a rare one has."""
    moved = logits.copy()
    moved[:, rare] += bias
    losses = -log_softmax(moved / heat, axis=1)[np.arange(len(targets)), targets]
    counts = np.bincount(targets, minlength=logits.shape[1])
    means = [losses[targets == each].mean() for each in np.flatnonzero(counts)]
    strength = counts[rare] * len(means)
    return float(np.mean(means) + bias**2 / (2 * BIAS_SPREAD**2) / strength)


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), classes=st.integers(2, 4), rare=st.integers(1, 12))
def test_no_other_bias_or_temperature_has_a_lower_loss(seed: int, classes: int, rare: int) -> None:
    random = np.random.default_rng(seed)
    targets = np.concatenate([np.arange(120) % (classes - 1), np.full(rare, classes - 1)])
    logits = random.normal(0, 1.5, (len(targets), classes)) + np.eye(classes)[targets]
    found = fit_biases(logits, targets, [classes - 1])
    assert (found.offsets[:-1] == 0).all()
    for heat in np.geomspace(0.05, 20, 25):
        for bias in np.linspace(-2, 2, 21):
            assert found.loss <= penalised(logits, targets, classes - 1, heat, bias) + 1e-6


def test_a_class_that_dev_does_not_hold_keeps_its_bias() -> None:
    found = fit_biases(np.random.default_rng(0).normal(0, 1, (50, 3)), np.arange(50) % 2, [2])
    assert found.offsets.tolist() == [0, 0, 0]


@pytest.mark.parametrize(("texts", "least", "most"), [(1, 0.0, 0.5), (40, 0.6, 2.0)])
def test_one_text_moves_a_bias_less_than_forty(texts: int, least: float, most: float) -> None:
    random = np.random.default_rng(1)
    targets = np.array([0] * 400 + [1] * texts)
    logits = random.normal(0, 1, (len(targets), 2))
    logits[:400, 0] += 3
    assert least <= fit_biases(logits, targets, [1]).offsets[1] <= most


def test_the_loss_does_not_depend_on_how_sure_a_model_is() -> None:
    random = np.random.default_rng(2)
    targets = np.array([0] * 200 + [1] * 10)
    logits = random.normal(0, 1, (210, 2)) + np.eye(2)[targets]
    # Without biases to fit, a temperature undoes any factor.
    losses = [fit_biases(factor * logits, targets, []).loss for factor in (0.5, 1.0, 4.0)]
    assert losses == pytest.approx([losses[0]] * 3, abs=1e-5)
