"""What is known of a run before training: a size beyond all pruning, and whether test can give a verdict."""

from __future__ import annotations

from prunetext.fitting.plan import Plan
from prunetext.fitting.stages import USUAL_PACKING, size_when_packed
from prunetext.pruning.budget import DEFAULT_DROP
from prunetext.pruning.shrinking import least_kept, shrink
from prunetext.statistics.bootstrap import foresee_verdict


def foreseen(plan: Plan) -> list[str]:
    """Sentences for the user, before training.

    foreseen(plan_fit("reviews.csv", None, None, Path("runs/reviews"), None, {"max_size": "10"}, Effort()))
    """
    measure = plan.measure("test")
    prospect = foresee_verdict(measure, len(plan.labels), plan.allowed_drop)
    return [*size_beyond(plan), *filter(None, [prospect.sentence(measure.title)])]


def size_beyond(plan: Plan) -> list[str]:
    """A sentence if the wanted size is beyond what pruning can leave."""
    wanted = plan.budget.max_size
    if not wanted or wanted >= (least := least_size(plan)):
        return []
    drop = DEFAULT_DROP if plan.budget.max_drop is None else plan.budget.max_drop
    return [
        f"max_size is {wanted:,} bytes, but pruning {', '.join(plan.method.kinds)} leaves about {least:,} or more. "
        f"The run keeps the smallest model that loses at most {drop:g} points on dev, and the size counts as missed."
    ]


def least_size(plan: Plan) -> int:
    """Bytes of the packed file with the fewest units that pruning can leave; training changes it by few of them."""
    model = plan.beginning.untrained() if plan.dense is None else plan.dense.model
    smallest = shrink(model, least_kept(model.groups(plan.method.kinds)))
    return size_when_packed(plan, smallest, USUAL_PACKING)
