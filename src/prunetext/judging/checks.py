"""What must hold for one model to take the place of another."""

from __future__ import annotations

from typing import NamedTuple

from prunetext.judging.evaluation import Evaluation


class Check(NamedTuple):
    """One thing that must hold. outcome: kept, lost or undecided; said: a sentence on it."""

    name: str
    outcome: str
    said: str


def checks_of(found: Evaluation, max_drop: float, max_churn: float) -> list[Check]:
    """The verdict, the churn, and each slice that was tested."""
    assert found.verdict is not None
    assert found.damage is not None
    damage = found.damage
    over = damage.churn > max_churn
    churn = (
        f"{damage.churn:.2f} % of the texts ({damage.changed:,} of {damage.n:,}) change their label; "
        f"{max_churn:g} % are allowed."
    )
    checks = [
        Check("verdict", found.verdict.name, found.compared(max_drop)),
        Check("churn", "lost" if over else "kept", churn),
    ]
    return checks + [
        Check(f"slice {each.column} {each.value}", "lost" if each.lost else "kept", each.sentence())
        for each in damage.slices
    ]
