"""Lasso: training under a penalty that makes units exactly zero, one by one or whole."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from prunetext.errors import InputError
from prunetext.models.groups import Group
from prunetext.models.protocol import Model
from prunetext.pruning.criteria.criterion import (
    WORTHLESS,
    Criterion,
    Groups,
    State,
    change_size,
    move_units,
    number,
    removals,
)
from prunetext.pruning.criteria.first_order import nothing


def lasso(strength: str = "0.3", threshold: str = "0", penalty: str = "group") -> Criterion:
    """Relative coefficient of a unit, Σ|w| ÷ Σ|w| over its whole group, in a model trained under a penalty.

    w is the change that removal makes: for a word E[w] − E[unknown], which is zero for the unknown word. The penalty
    is a proximal step after each update, which gives exact zeros. With `penalty=group` it shrinks whole units,
    w ← w · max(1 − rate · strength · √p ÷ ‖w‖₂, 0) for a unit of p weights (for single weights this is the L1 penalty);
    with `penalty=l1` every weight, w ← sign(w) · max(|w| − rate · strength, 0). It never takes a group's last units:
    as many as the group's floor, those of largest norm, are left alone. Units whose relative coefficient is at most
    `threshold` ÷ (units in the group) go at the next step, however many they are; the others go by rank.
    Sources: Tibshirani 1996, "Regression Shrinkage and Selection via the Lasso"; Yuan and Lin 2006, "Model Selection
    and Estimation in Regression with Grouped Variables"; Parikh and Boyd 2014, "Proximal Algorithms", section 6.5.
    """
    weight, least = number("lasso:strength", strength), number("lasso:threshold", threshold)
    if penalty not in ("group", "l1"):
        raise InputError(f"lasso:penalty={penalty} is unknown. Choose group or l1.")

    def after_step(model: Model, groups: Groups, learning_rate: float) -> None:
        step = learning_rate * weight
        for group in groups:
            soften(model, group, step, each=penalty == "l1")

    reason = "a penalty makes weights smaller, but takes no bits"

    def score(state: State, model: Model, group: Group) -> np.ndarray:
        size = change_size(model, group, power=1).numpy()
        relative = size / max(size.sum(), 1e-30)
        return np.where(relative <= least / group.size, WORTHLESS, relative)

    return Criterion(nothing, score, after_step=after_step, trains=True, refuses={"bits": reason})


def soften(model: Model, group: Group, step: float, *, each: bool) -> None:
    """One proximal step on the units of a group: as wholes, or on each of their weights."""
    norm = change_size(model, group, power=2).sqrt()
    alone = torch.zeros(group.size, 1, dtype=torch.bool)
    alone[norm.topk(max(1, group.floor)).indices] = True
    if each:  # a bias is not a coefficient
        move_units(model, group, lambda w: torch.where(alone, w, functional.softshrink(w, step)), biases=False)
    else:
        entries = sum(change.shape[1] for _, change, _ in removals(model, group))
        factor = (1 - step * entries**0.5 / norm.clamp(min=1e-30)).clamp(min=0)[:, None]
        move_units(model, group, lambda w: torch.where(alone, w, factor * w))
