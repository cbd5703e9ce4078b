"""Dense, pruned and packed side by side: the same texts, accuracy, bytes and speed, and the verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from prunetext.judging.calibrating import Agreement, SplitTexts
from prunetext.judging.speed import speed_rows, texts_per_second
from prunetext.models.protocol import Trained, load_family
from prunetext.peers.baseline import Baseline
from prunetext.runtime.api import load
from prunetext.statistics.answers import Answers
from prunetext.statistics.bootstrap import bootstrap_verdict
from prunetext.statistics.closeness import Closeness
from prunetext.statistics.evaluation import Damage, Score, Verdict, score
from prunetext.statistics.metrics import Measure, title_of
from prunetext.training.answering import answers, logits


class ModelRow(NamedTuple):
    """One line of the table: a model on test; closeness instead of a score if texts have scores of their own."""

    score: Score | Closeness
    bytes: int  # of its file
    texts_per_second: float  # one thread
    value: float = 0.0  # of the metric, a share
    micro_f1: float | None = None  # if texts can have several labels


class Judged(NamedTuple):
    """Three models on the same texts, and whether the packed one kept the dense one's accuracy or other metric.

    baseline: the regression on tf-idf, if there is one, and the packed model's verdict against it.
    """

    dense: ModelRow
    pruned: ModelRow
    packed: ModelRow
    verdict: Verdict
    agreement: Agreement
    metric: str = "accuracy"
    damages: tuple[Damage, ...] = ()  # of each label, the worst first
    baseline: ModelRow | None = None
    against_baseline: Verdict | None = None

    def with_sizes(self, dense: int, packed: int) -> Judged:
        """The same with the final bytes of the two files."""
        return self._replace(dense=self.dense._replace(bytes=dense), packed=self.packed._replace(bytes=packed))

    def models(self) -> dict[str, ModelRow]:
        """The three models by name."""
        return {"dense": self.dense, "pruned": self.pruned, "packed": self.packed}

    def shown(self) -> dict[str, ModelRow]:
        """All models, by the names that they have in tables."""
        return {**self.models(), **({} if self.baseline is None else {self.baseline_name: self.baseline})}

    @property
    def scored(self) -> bool:
        """Whether the models give scores."""
        return isinstance(self.packed.score, Closeness)

    @property
    def baseline_name(self) -> str:
        """The name of the regression in tables."""
        return "tf-idf + ridge" if self.scored else "tf-idf + LR"

    @property
    def title(self) -> str:
        """The metric's name as people write it."""
        return title_of(self.metric)

    def values(self) -> dict[str, float]:
        """The metric of the dense and the packed model, in the short form that the packed file has."""
        return {"dense": round(self.dense.value, 4), "packed": round(self.packed.value, 4)}

    def rows(self) -> dict[str, Any]:
        """Plain dictionaries, for JSON."""
        every = {**self.models(), **({} if self.baseline is None else {"baseline": self.baseline})}
        models = {name: {**row.score._asdict(), **row._asdict()} for name, row in every.items()}
        for row in models.values():
            del row["score"]
            if row["micro_f1"] is None:
                del row["micro_f1"]
        others = {"verdict": self.verdict._asdict(), "agreement": self.agreement.fields(), "metric": self.metric}
        lost = [{**each._asdict(), "drop": each.drop} for each in self.damages]
        if self.against_baseline is not None:
            others["against_baseline"] = self.against_baseline._asdict()
        return {**models, **others, **({"damage": lost} if lost else {})}


def side_by_side(
    dense: Trained,
    pruned: Trained,
    files: Mapping[str, Path],
    packed: Answers,
    test: SplitTexts,
    max_drop: float,
    agreement: Agreement,
    measure: Measure,
    speed_seconds: float,
    baseline: Baseline | None = None,
) -> Judged:
    """Run all on test for the answers, and on some of it for the speed, on one thread; `measure` is of test.

    packed: what the packed file says of test. files: those of the dense, the pruned and the packed model, by these
    names; their bytes are compared, since a packed file has words and a header too, which tensors alone have not. One
    that is still to be written has 0 bytes. If texts can have several labels, the float models have thresholds.
    """
    gold, labels = test.examples.gold, dense.labels
    timed = speed_rows(len(test.examples), load_family(dense.family).timed)
    encoded, inputs = test.encoded.subset(timed), test.examples.subset(timed.tolist()).inputs

    def row(said: Answers, size: int, speed: float) -> ModelRow:
        scored = measure.closeness(said) or score(measure.named(said, labels), gold)
        return ModelRow(scored, size, speed, measure.value(said), measure.micro_f1(said))

    def speed_on(run: Callable[[], object]) -> float:
        return texts_per_second(run, len(timed), speed_seconds)

    given = {"packed": packed}
    rows: dict[str, ModelRow] = {}
    for name, trained in (("dense", dense), ("pruned", pruned)):
        limits = None if trained.thresholds is None else np.array(trained.thresholds)
        given[name] = answers(trained.model, test.encoded, limits)
        size = files[name].stat().st_size if name in files else 0
        rows[name] = row(given[name], size, speed_on(partial(logits, trained.model, encoded)))
    classifier = load(files["packed"])
    rows["packed"] = row(packed, classifier.size, speed_on(lambda: classifier.predict(inputs, threads=1)))
    found = bootstrap_verdict(measure, given["dense"], packed, max_drop)
    lost = measure.damages(given["dense"], packed, labels)
    judged = Judged(rows["dense"], rows["pruned"], rows["packed"], found, agreement, measure.name, tuple(lost))
    if baseline is None:
        return judged
    said = baseline.answers(test.inputs)
    speed = speed_on(lambda: baseline.answers(inputs))
    against = bootstrap_verdict(measure, said, packed, max_drop)
    return judged._replace(baseline=row(said, baseline.bytes, speed), against_baseline=against)
