"""Metrics of scores in a verdict: what is lost is told in hundredths, whichever way is better."""

from __future__ import annotations

import numpy as np
import pytest

from prunetext.data.dataset import Examples
from prunetext.data.scores import levels_for, passed, step_names
from prunetext.errors import InputError
from prunetext.statistics.answers import Answers
from prunetext.statistics.bootstrap import FEWEST_SCORED, bootstrap_verdict, foresee_verdict, one_answer, paired_drop
from prunetext.statistics.calibration import calibration_of, temperature_of_scores
from prunetext.statistics.closeness import closeness
from prunetext.statistics.metrics import Measure, check_metric, measure_of, metric_named
from prunetext.statistics.watch import NOTHING, no_better_than_constant, surely_never_found, watch_of

LEVELS = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
NAMES = ["spearman", "pearson", "mae", "rmse", "within-one", "auc:3"]


def measure(name: str | None, texts: int = 400) -> Measure:
    true = np.random.default_rng(0).integers(0, 6, texts).astype(float)
    return measure_of(name, Examples([f"t{at}" for at in range(texts)], scores=true.tolist()), step_names(LEVELS))


def noisy(of: Measure, noise: float, seed: int = 1) -> Answers:
    scores = of.gold.targets + noise * np.random.default_rng(seed).normal(size=len(of.gold.targets))
    shares = passed(scores, LEVELS).astype(float)
    return Answers(shares, shares >= 0.5)


@pytest.mark.parametrize("name", NAMES)
def test_values_are_larger_the_better_and_one_at_best(name: str) -> None:
    of = measure(name)
    right, near, far = of.perfect(5), noisy(of, 0.8), noisy(of, 3.0)
    assert of.value(right) == pytest.approx(1.0)
    assert 1 > of.value(near) > of.value(far)


def test_values_are_those_of_closeness() -> None:
    of = measure("spearman")
    near = noisy(of, 0.8)
    said = closeness(of.gold.scores(near), of.gold.targets)
    assert of.closeness(near) == said
    spread = float(of.gold.targets.std())
    wanted = (said.spearman, said.pearson, 1 - said.mae / spread, 1 - said.rmse / spread, said.within_one)
    for name, value in zip(NAMES, wanted, strict=False):
        assert measure(name).value(near) == pytest.approx(value)


@pytest.mark.parametrize("name", NAMES)
def test_the_verdict_keeps_what_is_equal_and_loses_what_is_worse(name: str) -> None:
    of = measure(name)
    near = noisy(of, 0.8)
    kept = bootstrap_verdict(of, near, near, 0.5)
    assert (kept.name, kept.drop, kept.low, kept.high) == ("kept", 0.0, 0.0, 0.0)
    lost = bootstrap_verdict(of, near, noisy(of, 4.0), 0.5)
    assert lost.name == "lost"
    assert lost.low <= lost.drop <= lost.high
    assert lost.drop == pytest.approx(100 * (of.value(near) - of.value(noisy(of, 4.0))))


def test_the_bounds_are_those_of_the_exact_bootstrap() -> None:
    of = measure("spearman", 150)
    one, other = noisy(of, 0.8, 1), noisy(of, 1.2, 2)
    found = bootstrap_verdict(of, one, other, 1.0)
    from scipy.stats import spearmanr

    generator, drops = np.random.default_rng(7), []
    scores = [of.gold.scores(each) for each in (one, other)]
    for _ in range(800):
        rows = generator.integers(0, 150, 150)
        before, now = (spearmanr(each[rows], of.gold.targets[rows])[0] for each in scores)
        drops.append(100 * (before - now))
    low, high = np.quantile(drops, (0.05, 0.95))
    assert found.low == pytest.approx(low, abs=0.6)
    assert found.high == pytest.approx(high, abs=0.6)
    drop, error = paired_drop(of, one, other)
    assert drop == pytest.approx(found.drop)
    assert error == pytest.approx(np.std(drops), rel=0.25)


def test_few_texts_never_prove_anything() -> None:
    of = measure("spearman", FEWEST_SCORED - 1)
    near = noisy(of, 0.8)
    found = bootstrap_verdict(of, near, near, 0.5)
    assert (found.name, found.needed) == ("undecided", FEWEST_SCORED)
    said = foresee_verdict(of, 5, 0.5).sentence("Spearman")
    assert f"{FEWEST_SCORED:,} or more can" in said
    assert foresee_verdict(measure("spearman"), 5, 0.5).able


def test_one_score_for_all_texts_is_never_kept() -> None:
    of = measure("mae")
    same = np.full((400, 5), 0.5)
    constant = Answers(same, same >= 0.5)
    assert one_answer(of, constant)
    assert bootstrap_verdict(of, constant, constant, 50).name == "undecided"
    assert no_better_than_constant(of, constant)
    assert not no_better_than_constant(of, noisy(of, 0.8))


def test_steps_are_no_classes_to_watch() -> None:
    of = measure("spearman")
    assert watch_of(of, noisy(of, 1.0), [], np.arange(10)) == NOTHING
    assert surely_never_found(of, noisy(of, 9.0)) == []
    assert of.majority() is None
    assert of.damages(noisy(of, 1.0), noisy(of, 2.0), step_names(LEVELS)) == []
    error, rejected = calibration_of(of, of.perfect(5), None)
    assert (error, rejected) == (0.0, None)


def test_names_of_metrics() -> None:
    auc, spearman = metric_named("auc:2.5"), metric_named("spearman")
    assert auc is not None
    assert spearman is not None
    assert (auc.title, spearman.title) == ("AUC from 2.5", "Spearman")
    for bad in ("auc", "auc:", "auc:x", "auc:nan", "r2"):
        with pytest.raises(InputError, match=r"it must be one of accuracy, .*for scores spearman, .*auc:3"):
            check_metric(bad)
    assert measure(None).name == "spearman"
    with pytest.raises(InputError, match="metric is macro-f1, which needs labels"):
        measure("macro-f1")
    with pytest.raises(InputError, match="metric is auc:9, but no text has a score from 9 on"):
        measure("auc:9")
    with pytest.raises(InputError, match="metric is auc:0, but every text"):
        measure("auc:0")
    with pytest.raises(InputError, match="metric is spearman, which needs scores, but these texts have labels"):
        measure_of("spearman", Examples(["a", "b"], ["x", "y"]), ["x", "y"])


def test_the_temperature_brings_scores_nearer() -> None:
    true = np.random.default_rng(0).integers(0, 6, 500).astype(float)
    shares = passed(true + np.random.default_rng(1).normal(size=500), LEVELS).astype(float)
    sure = np.clip(shares, 1e-4, 1 - 1e-4)
    heat = temperature_of_scores(sure, true, LEVELS)
    assert heat > 1.2
    assert temperature_of_scores(np.full((500, 5), 0.5), true, LEVELS) == 1.0


def test_many_scores_have_levels_of_their_own() -> None:
    true = np.random.default_rng(0).uniform(0, 1, 300)
    levels = levels_for(true.tolist())
    of = measure_of("rmse", Examples([f"t{at}" for at in range(300)], scores=true.tolist()), step_names(levels))
    assert of.value(of.perfect(len(levels) - 1)) == pytest.approx(1.0, abs=1e-6)
