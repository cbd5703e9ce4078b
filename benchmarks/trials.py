"""Ideas for a more accurate dense model, each tried alone on top of the default with its automatic teacher.

    python benchmarks/trials.py ../shared/data --trial rdrop:weight=1 linear:most=20000 --sets sst2 --seeds 0 1
    python benchmarks/trials.py ../shared/data --trial options:max_words=30000 --sets thucnews --texts all
    python benchmarks/trials.py ../shared/data --table        # of what is there, nothing is trained

A trial is a kind of benchmarks/trial_models.py and its settings; `pace` changes those of training, and `options` those
of `fit`, which the other kinds take, too, after a plus sign: linear:most=20000+filters=16. A set gives so many texts of
its train after a shuffle by the seed, 400 more as dev, and its own dev as the judge, up to 3,000 texts, to which other
texts of train are added where it has fewer: test is never read. The teacher's answers are made once a set and seed, and
kept in PRUNETEXT_CACHE. A row of JSON is printed and kept for each trial, with the accuracy of the default beside it;
one that has its row is not repeated.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from common import machine
from trial_models import KINDS, Joined, Lesson, Linear, changed, labelled_rows

import prunetext
from prunetext.data.dataset import Data, Examples
from prunetext.data.splitting import split
from prunetext.fitting.effort import usual
from prunetext.fitting.folder import Run
from prunetext.fitting.plan import Plan, plan_fit
from prunetext.fitting.stages import Lessons, lessons_of
from prunetext.models.textcnn.model import TextCNN
from prunetext.runtime.tokenizers import PAIRS_4
from prunetext.statistics.answers import Array
from prunetext.teaching.teachers import agreed
from prunetext.training.answering import logits
from prunetext.training.loop import train_model

SETS = ("sst2", "ag_news", "imdb", "chnsenticorp", "thucnews", "banking77", "sample:bbc-news")
BASE, PACE = "base", "pace"
DEV, MOST_JUDGED = 400, 3_000
ROWS = Path(__file__).with_name("results") / "trials.jsonl"


def main() -> None:
    """Try what has no row yet, then print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder that holds the data sets' folders")
    parser.add_argument("--trial", nargs="+", default=[BASE], metavar="KIND:NAME=VALUE,...", help=", ".join(KINDS))
    parser.add_argument("--sets", nargs="+", default=list(SETS), metavar="SET")
    parser.add_argument("--texts", default="1000", help="texts to learn from, or all")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--rows", type=Path, default=ROWS, help="file of the rows")
    parser.add_argument("--table", action="store_true", help="only print the table of all rows")
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.rows.read_text("utf-8").splitlines()] if options.rows.exists() else []
    for seed in [] if options.table else options.seeds:
        for name in options.sets:
            about = {"data": name, "texts": options.texts, "seed": seed}
            wanted = [each for each in dict.fromkeys([BASE, *options.trial]) if not found(rows, about, each)]
            if not wanted:
                continue
            school = School(cut(name, options.texts, seed, options.data), seed)
            for trial in wanted:
                row = {**about, "trial": trial, **school.tried(trial)}
                default = row if trial == BASE else found(rows, about, BASE)
                assert default is not None
                row |= {"base": default["accuracy"], **machine("torch", "scikit-learn")}
                rows.append(row)
                with options.rows.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                print(json.dumps(row), flush=True)
    show(rows)


def found(rows: list[dict[str, Any]], about: dict[str, Any], trial: str) -> dict[str, Any] | None:
    """The row of a trial, if it is there."""
    return next((row for row in rows if {**about, "trial": trial}.items() <= row.items()), None)


def cut(name: str, texts: str, seed: int, folder: Path) -> Data:
    """A set with so many texts to learn from; its own dev is the judge, in the place of test."""
    data = prunetext.read(name if name.startswith("sample:") else folder / name)
    data = split(data)
    order = list(range(len(data.train)))
    Random(f"trials {seed}").shuffle(order)
    count = len(order) - DEV if texts == "all" else int(texts)
    judge = data.dev
    assert judge is not None
    own, dev = sorted(order[:count]), sorted(order[count : count + DEV])
    train, rest = data.train, data.train.subset(sorted(order[count + DEV :][: max(0, MOST_JUDGED - len(judge))]))
    judge = Examples([*judge.texts, *rest.texts], [*judge.labels, *rest.labels])
    chosen = Random("trials judge").sample(range(len(judge)), min(MOST_JUDGED, len(judge)))
    learnt = train.subset(own)
    dev, chosen = known(train, dev, learnt), known(judge, sorted(chosen), learnt)
    return Data(train=learnt, dev=train.subset(dev), test=judge.subset(chosen), name=data.name)


def known(examples: Examples, rows: list[int], train: Examples) -> list[int]:
    """The rows whose labels occur in train."""
    labels = set(train.labels)
    return [row for row in rows if examples.labels[row] in labels]


class Trial(NamedTuple):
    """A kind of change, its settings, and options of `fit`."""

    kind: str
    how: dict[str, Any]
    options: dict[str, Any]

    @classmethod
    def of(cls, name: str) -> Trial:
        """Read a name.

        >>> Trial.of("linear:most=20000,by=chi2+filters=16")
        Trial(kind='linear', how={'most': 20000, 'by': 'chi2'}, options={'filters': 16})
        """
        first, _, options = name.partition("+")
        kind, _, how = first.partition(":")
        return cls(kind, {}, values(how)) if kind == "options" else cls(kind, values(how), values(options))


def values(text: str) -> dict[str, Any]:
    """Names and values, numbers as such; semicolons stand for the commas of a value."""
    pairs = (each.partition("=") for each in text.split(",") if each)
    return {name: number(value.replace(";", ",")) for name, _, value in pairs}


def number(value: str) -> Any:
    """A number if it is one."""
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


class School:
    """A set with its teacher's answers, in which students are tried; plans differ by the options of `fit` alone."""

    def __init__(self, data: Data, seed: int) -> None:
        self.data, self.seed = data, seed
        self.taught: dict[str, tuple[Plan, Lessons]] = {}
        self.peers: dict[str, float] = {}

    def lessons(self, options: dict[str, Any]) -> tuple[Plan, Lessons]:
        """The plan of a fit with these options, and its lessons."""
        name = json.dumps(options)
        if name not in self.taught:
            self.taught.clear()  # they are large
            with tempfile.TemporaryDirectory() as scratch:
                out = Path(scratch) / "run"
                plan = plan_fit(self.data, None, None, out, None, {"seed": self.seed, **options}, usual(None))
                with Run(out, plan.recipe, overwrite=False) as run:
                    self.taught[name] = plan, lessons_of(plan, run, None)
            self.peers = self.peers or taught_by(plan)
        return self.taught[name]

    def tried(self, name: str) -> dict[str, Any]:
        """Train one student; its accuracy on the judge, in percent."""
        trial = Trial.of(name)
        plan, lessons = self.lessons(trial.options)
        train, dev = lessons.encoded["train"], lessons.encoded["dev"]
        chooses = dev if lessons.on_dev is None else labelled_as(dev, lessons.on_dev)
        settings = plan.settings(len(train), train.targets)
        if trial.kind == PACE:
            settings = replace(settings, **trial.how)
        distance = 2 if plan.beginning.reader.tokenizer == PAIRS_4 else 1  # where a pair stands between two letters
        began = time.perf_counter()
        torch.manual_seed(self.seed)
        model = changed(
            cast(TextCNN, plan.beginning.untrained()),
            trial.kind,
            trial.how,
            Lesson(labelled_rows(train), dev, settings.ranking, distance),
        )
        done = train_model(model, train, chooses, settings, measure=plan.measure("dev"))
        seconds = time.perf_counter() - began
        judge = lessons.encoded["test"]
        right = logits(model, judge).argmax(1) == judge.targets
        row = {"accuracy": percent(right.numpy()), **self.peers, "judged": len(judge), "seconds": round(seconds, 1)}
        row |= {"epochs": done.epochs, "tokenizer": plan.beginning.reader.tokenizer, "words": model.shape.words}
        if isinstance(model, (Joined, Linear)):
            row |= dict(zip(("extra_bytes", "key_bytes"), model.extra_bytes, strict=True))
        return row


def labelled_as(dev: Any, targets: Any) -> Any:
    """The texts with these targets."""
    return replace(dev, targets=targets)


def taught_by(plan: Plan) -> dict[str, float]:
    """The accuracy of the teacher, and of its first part, the regression on tf-idf, on the judge."""
    judge = plan.splits()["test"]
    said = [each.answer(judge.inputs, None) for each in plan.teaching.teachers]
    truth = np.asarray(judge.targets(plan.labels))
    return {
        name: percent(answers.argmax(1) == truth)
        for name, answers in (("teacher", agreed(said, 1.0)), ("tf-idf", agreed(said[:1], 1.0)))
    }


def percent(right: Array) -> float:
    """The share in percent."""
    return round(100 * float(np.mean(right)), 2)


def show(rows: list[dict[str, Any]]) -> None:
    """Print the mean difference to the default of each trial and set, over seeds, and the mean over sets."""
    defaults = {(row["data"], row["texts"], row["seed"]): row for row in rows if row["trial"] == BASE}
    for texts in dict.fromkeys(row["texts"] for row in rows):
        for trial in dict.fromkeys(row["trial"] for row in rows if row["texts"] == texts):
            those = [row for row in rows if (row["trial"], row["texts"]) == (trial, texts)]
            gains: dict[str, list[float]] = {}
            for row in those:
                value = row["accuracy"] - (0 if trial == BASE else row["base"])
                gains.setdefault(row["data"], []).append(value)
            means = {name: statistics.mean(each) for name, each in gains.items()}
            error = statistics.stdev(means.values()) / math.sqrt(len(means)) if len(means) > 1 else 0.0
            times = [row["seconds"] / defaults[row["data"], texts, row["seed"]]["seconds"] for row in those]
            each = ", ".join(f"{name} {mean:{'' if trial == BASE else '+'}.2f}" for name, mean in means.items())
            print(
                f"{texts} {trial}: {each}; mean {statistics.mean(means.values()):+.2f} ± {error:.2f} over sets, "
                f"{len(those)} rows, time × {statistics.median(times):.2f}"
            )


if __name__ == "__main__":
    main()
