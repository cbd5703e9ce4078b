"""What a user should know at once: what a run will miss, said before training, and what its dense model misses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from prunetext.fitting.plan import Plan
from prunetext.fitting.speeds import usual_packing
from prunetext.fitting.stages import size_when_packed
from prunetext.models.encoded import Encoded
from prunetext.models.protocol import Model
from prunetext.pruning.budget import DEFAULT_DROP
from prunetext.pruning.shrinking import in_form, least_kept, shrink
from prunetext.statistics.bootstrap import foresee_verdict
from prunetext.statistics.watch import never_found, no_better_than_constant, surely_never_found
from prunetext.training.answering import answers

NAMED = 3  # labels that a sentence names
_FEW = 30  # texts of a label from which most of it is learnt


def foreseen(plan: Plan) -> list[str]:
    """Sentences for the user, before training.

    foreseen(plan_fit("reviews.csv", None, None, Path("runs/reviews"), None, {"max_size": "10"}, Effort()))
    """
    measure = plan.measure("test")
    prospect = foresee_verdict(measure, len(plan.labels), plan.allowed_drop)
    return [*size_beyond(plan), *few(plan), *absent(plan), *filter(None, [prospect.sentence(measure.title)])]


def few(plan: Plan) -> list[str]:
    """A sentence if train holds few texts of most labels, with what helps most."""
    if plan.task.has_steps:
        return []
    counts = Counter(label for own in plan.splits()["train"].label_lists for label in own)
    there = sorted(counts[label] for label in plan.labels)
    if (usual := there[len(there) // 2]) >= _FEW:
        return []
    named = plan.teaching.teachers and plan.teaching.diet is None
    other = "" if named else ", or a teacher that has read much of the language (--teacher)"
    return [
        f"Half of the labels have {usual:,} texts or fewer in train, the rarest {there[0]:,}. More texts with labels "
        f"would help most{other}."
    ]


def absent(plan: Plan) -> list[str]:
    """A sentence if dev holds no text with some labels."""
    if plan.task.has_steps:
        return []
    there = {label for own in plan.splits()["dev"].label_lists for label in own}
    without = [label for label in plan.labels if label not in there]
    if not without:
        return []
    these = f"the label {without[0]!r}" if len(without) == 1 else f"{len(without):,} labels ({first_labels(without)})"
    return [f"dev holds no text with {these}: pruning can give up such a class unseen. Add texts of it to dev."]


def first_labels(labels: Sequence[str]) -> str:
    """The first labels of many.

    >>> first_labels(["a", "b", "c", "d", "e"])
    "'a', 'b', 'c', ..."
    """
    return ", ".join([*map(repr, labels[:NAMED]), *["..."] * (len(labels) > NAMED)])


class Doubts(NamedTuple):
    """What the models miss: notes for the user, and why the verdict cannot be `kept`; no reason if it can."""

    notes: tuple[str, ...] = ()
    reason: str = ""
    missing: tuple[int, ...] = ()  # classes that the dense model never finds on dev

    def and_then(self, later: Doubts) -> Doubts:
        """Both, for the first of the reasons."""
        return Doubts((*self.notes, *later.notes), self.reason or later.reason, tuple({*self.missing, *later.missing}))


def doubts_of_dense(plan: Plan, dense: Model, dev: Encoded) -> Doubts:
    """What the dense model misses on dev: all that a constant answer does not give, or whole classes."""
    measure = plan.measure("dev")
    said, found = answers(dense, dev), Doubts()
    if no_better_than_constant(measure, said):
        constant = "On dev, the dense model is no better than always giving the most frequent label."
        note = f"{constant} {remedy(plan, 'the others')}"
        if plan.task.has_steps:
            note = "On dev, the dense model is no better than always giving the mean score. Give more texts."
        found = Doubts((note,), "the dense one is no better than a constant answer")
    found = found.and_then(not_found(plan, "dense", surely_never_found(measure, said)))
    return found._replace(missing=tuple(never_found(measure, said)))


def doubts_of_pruned(plan: Plan, missing: Sequence[int], pruned: Model, dev: Encoded) -> Doubts:
    """Whole classes that the pruned model no longer finds on dev; missing: those that the dense one did not find."""
    with pruned.on_grid():
        now = surely_never_found(plan.measure("dev"), answers(pruned, dev))
    return not_found(plan, "pruned", [each for each in now if each not in missing])


def not_found(plan: Plan, kind: str, classes: Sequence[int]) -> Doubts:
    """A note on classes whose F1 is 0 on dev."""
    if not classes:
        return Doubts()
    counts = plan.measure("dev").gold.chosen(len(plan.labels)).sum(0)
    these = ", ".join(f"{plan.labels[each]!r} (dev holds {counts[each]:,})" for each in classes[:NAMED])
    these += f" and {len(classes) - NAMED:,} more" if len(classes) > NAMED else ""
    note = f"The {kind} model finds no text of dev with the label {these}: F1 is 0."
    note = f"{note} {remedy(plan, 'it' if len(classes) == 1 else 'them')}"
    return Doubts((note,), f"the {kind} one never finds {these}")


def remedy(plan: Plan, which: str) -> str:
    """What helps classes that are not found."""
    fitting, more = plan.fitting, f"Give more texts of {which}"
    if plan.task.answer == "label" and fitting.class_weights == "none":
        return f"{more}, or fit with --metric macro-f1 --class-weights balanced."
    taught = "" if plan.teaching.teachers else ", or a teacher, such as --teacher ngrams"
    return f"{more}{taught}."


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
    kinds = plan.method.kinds
    model = in_form(plan.beginning.untrained() if plan.dense is None else plan.dense.model, kinds)
    smallest = shrink(model, least_kept(model.groups(kinds)))
    return size_when_packed(plan, smallest, usual_packing(plan))
