"""What is said before training: above all, where there is too little of something, and what would help."""

from collections.abc import Callable
from pathlib import Path

import pytest

from prunetext.data.dataset import Data
from prunetext.fitting.effort import Effort
from prunetext.fitting.plan import plan_fit
from prunetext.fitting.remarks import foreseen


@pytest.mark.parametrize(("texts", "said"), [(50, True), (300, False)])
def test_few_texts_of_a_usual_label_are_said_with_what_helps(
    toy_data: Callable[..., Data], tmp_path: Path, texts: int, said: bool
) -> None:
    plan = plan_fit(toy_data(train=texts), None, None, tmp_path / "run", None, {"teacher": "none"}, Effort())
    found = [each for each in foreseen(plan) if each.startswith("Half of the labels have")]
    assert bool(found) == said
    if said:
        counts = sorted(plan.data.train.labels.count(label) for label in plan.labels)
        assert f"have {counts[len(counts) // 2]} texts or fewer in train, the rarest {counts[0]}." in found[0]
        assert found[0].endswith("or a teacher that has read much of the language (--teacher).")
