"""How often a report flags slices that nothing is wrong with, whether it finds one that was harmed, and wrong labels.

    python benchmarks/damage.py ../shared/data --runs /tmp/runs
    python benchmarks/damage.py ../shared/data --table        # of what is there, nothing is done

Random: a model pruned from 5,000 texts of AG News beside its dense one, on test; each of 400 reports has 20 slices
drawn at random, of 30 to 3,800 texts. Harmed: 3 to 8 % of test are a source whose words (or a share of them) are
spelt in a way that only the dense model knows; the pruned model sees unknown words. Labels: 2 % of the labels of 10,000
texts are changed; a dense model and a logistic regression on tf-idf learn one half, and judge the other. cleanlab gets
the probabilities of the dense model, and those of both. Needs cleanlab for the last.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from common import machine

import prunetext
from prunetext.data.dataset import Examples
from prunetext.data.task import Task
from prunetext.judging.slicing import slices_of
from prunetext.peers.baseline import Baselines
from prunetext.runtime._native import tokenize
from prunetext.statistics.answers import Answers, Array, OpenedModel
from prunetext.statistics.metrics import Measure, measure_of
from prunetext.statistics.slices import TextSlice, slice_changes
from prunetext.statistics.suspects import doubts, suspects

ROWS = Path(__file__).with_name("results") / "damage.jsonl"
TEXTS, EPOCHS, DRAWS, SLICES, HARMED = 5_000, 6.0, 400, 20, 100
SHARES = (1.0, 0.5, 0.25)  # of a source's words that were removed
FLIPPED = 0.02
TWIN = "zq"  # before a word: the spelling that only the dense model knows


def main() -> None:
    """Do what has no rows yet, then print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder that holds the data sets' folders")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the models")
    parser.add_argument("--parts", nargs="+", default=["random", "harmed", "labels"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the labels that are changed")
    parser.add_argument("--rows", type=Path, default=ROWS, help="file of the rows")
    parser.add_argument("--table", action="store_true", help="only print the table of all rows")
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.rows.read_text("utf-8").splitlines()] if options.rows.exists() else []
    done = {(row["part"], row["seed"]) for row in rows}
    for part in [] if options.table else options.parts:
        for seed in options.seeds if part == "labels" else [0]:
            if (part, seed) not in done:
                found = PARTS[part](options.data / "ag_news", options.runs, seed)
                rows += [{"part": part, "seed": seed, **row, **machine("cleanlab")} for row in found]
    options.rows.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    show(rows)


def texts_of(path: Path, count: int, seed: int) -> Examples:
    """So many texts of a file, drawn by the seed."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    chosen = np.random.default_rng(seed).permutation(len(rows))[:count].tolist()
    return Examples([rows[at]["text"] for at in chosen], [str(rows[at]["label"]) for at in chosen])


def pruned_run(data: Path, runs: Path) -> Path:
    """A run that was pruned, made once."""
    out = runs / "pruned"
    if not (out / "model.safetensors").exists():
        train = texts_of(data / "train.jsonl", TEXTS, 0)
        prunetext.fit(train, out=out, teacher="none", max_drop=0.5, epochs=EPOCHS)
    return out


def random_slices(data: Path, runs: Path, seed: int) -> list[dict[str, Any]]:
    """In how many reports any slice is flagged, where all slices are drawn at random."""
    run, test = pruned_run(data, runs), prunetext.read(data).test
    assert test is not None
    right = []
    for name in ("dense", "model"):
        model = prunetext.open_model(run / f"{name}.safetensors")
        right.append(measure_of(None, test, model.labels).right(Answers(*model.answers(test.inputs))))
    draw, flagged = np.random.default_rng(seed), 0
    for _ in range(DRAWS):
        slices = []
        for at in range(SLICES):
            inside = np.zeros(len(test), bool)
            inside[draw.choice(len(test), int(np.exp(draw.uniform(np.log(30), np.log(3800)))), replace=False)] = True
            slices.append(TextSlice("drawn", str(at), inside))
        flagged += any(each.flagged for each in slice_changes(slices, right[0], right[1]))
    lost, gained = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    return [{"draws": DRAWS, "slices": SLICES, "lost": lost, "gained": gained, "flagged": flagged}]


def harmed_source(data: Path, runs: Path, seed: int) -> list[dict[str, Any]]:
    """How often the harmed source is flagged, and the first slice of all."""
    run, test = pruned_run(data, runs), prunetext.read(data).test
    assert test is not None
    dense, pruned = (prunetext.open_model(run / f"{name}.safetensors") for name in ("dense", "model"))
    words, tokenizer = dense.words()  # type: ignore[attr-defined]
    knowing = [*words, *(TWIN + word for word in words)]
    larger = OpenedModelWithWords(dense.name, dense.labels, Task(), dense.answer, words=lambda: (knowing, tokenizer))  # type: ignore[attr-defined]
    measure, before = measure_of(None, test, dense.labels), Answers(*dense.answers(test.inputs))
    usual = Answers(*pruned.answers(test.inputs))
    rows = []
    for share in SHARES:
        draw = np.random.default_rng(seed)
        found = [
            one_source(test, measure, before, usual, (larger, pruned), tokenizer, share, draw) for _ in range(HARMED)
        ]
        drops = [each.drop for each in found]
        flagged, first = sum(each.flagged for each in found), sum(each.first for each in found)
        about = {"share": share, "draws": HARMED, "flagged": flagged, "first": first}
        rows.append({**about, "least_drop": min(drops), "median_drop": float(np.median(drops))})
    return rows


class OpenedModelWithWords(OpenedModel):
    """A model that can list its words."""

    def __init__(self, *fields: Any, words: Any) -> None:
        super().__init__(*fields)
        object.__setattr__(self, "words", words)


class Harm:
    """What a report says of a harmed source."""

    def __init__(self, drop: float, *, flagged: bool, first: bool) -> None:
        self.drop, self.flagged, self.first = drop, flagged, first


def one_source(
    test: Examples,
    measure: Measure,
    before: Answers,
    usual: Answers,
    models: tuple[Any, Any],
    tokenizer: str,
    share: float,
    draw: np.random.Generator,
) -> Harm:
    """Harm one source, and look for it in the table of slices."""
    chosen = np.sort(draw.choice(len(test), int(draw.uniform(0.03, 0.08) * len(test)), replace=False))
    texts, source = list(test.texts), ["others"] * len(test)
    for row in chosen.tolist():
        kept = [
            TWIN + word if word.isalpha() and draw.random() < share else word
            for word in tokenize(texts[row], tokenizer)
        ]
        texts[row], source[row] = " ".join(kept), "harmed"
    said = Answers(*models[1].answers([texts[row] for row in chosen]))
    now = Answers(usual.probabilities.copy(), usual.chosen.copy())
    now.probabilities[chosen], now.chosen[chosen] = said
    examples = Examples(texts, test.labels, columns={"source": source})
    slices = slices_of(examples, models[1].labels, ["source"], models)
    changes = slice_changes(slices, measure.right(before), measure.right(now))
    at = next(at for at, each in enumerate(changes) if (each.column, each.value) == ("source", "harmed"))
    return Harm(changes[at].drop, flagged=changes[at].flagged, first=at == 0)


def wrong_labels(data: Path, runs: Path, seed: int) -> list[dict[str, Any]]:
    """How well wrong labels are found: by two models, and by cleanlab with the probabilities of one and of both."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores
    from sklearn.metrics import average_precision_score

    every, draw = texts_of(data / "train.jsonl", 2 * TEXTS, seed), np.random.default_rng(seed)
    labels, given = sorted(set(every.labels)), list(every.labels)
    for row in draw.choice(len(every), int(FLIPPED * len(every)), replace=False).tolist():
        given[row] = str(draw.choice([label for label in labels if label != given[row]]))
    noisy = Examples(every.texts, given)
    train, judged = noisy.subset(range(TEXTS)), noisy.subset(range(TEXTS, 2 * TEXTS))
    wrong = np.array([one != other for one, other in zip(given[TEXTS:], every.labels[TEXTS:], strict=True)])
    out = runs / f"labels-{seed}"
    if not (out / "dense.safetensors").exists():
        prunetext.fit(train, out=out, teacher="none", max_size="4MB", epochs=EPOCHS, seed=seed)
    model = prunetext.open_model(out / "dense.safetensors")
    dense = Answers(*model.answers(judged.inputs)).reordered(model.labels, labels).probabilities
    regression = Baselines(train, train.subset(range(500)), labels).best(
        measure_of(None, train.subset(range(500)), labels).value
    )
    assert regression is not None
    teacher = regression.answers(judged.inputs).probabilities
    targets = judged.targets(labels)
    rows = []

    def told(name: str, scores: Array, listed: list[int]) -> None:
        hits = int(wrong[listed].sum())
        precision, recall = hits / max(len(listed), 1), hits / int(wrong.sum())
        area = float(average_precision_score(wrong, scores))
        about = {"by": name, "wrong": int(wrong.sum()), "texts": len(wrong), "average_precision": round(area, 4)}
        rows.append({**about, "listed": len(listed), "precision": round(precision, 4), "recall": round(recall, 4)})

    told(
        "prunetext, dense and tf-idf",
        doubts([dense, teacher], targets),
        [each.row for each in suspects([dense, teacher], targets)],
    )
    told("prunetext, dense alone", doubts([dense], targets), [each.row for each in suspects([dense], targets)])
    for name, said in (("dense", dense), ("mean of dense and tf-idf", (dense + teacher) / 2)):
        said = (said / said.sum(1, keepdims=True)).astype(float)
        issues = np.flatnonzero(find_label_issues(targets, said, n_jobs=1)).tolist()
        told(f"cleanlab, {name}", 1 - get_label_quality_scores(targets, said), issues)
    return rows


PARTS = {"random": random_slices, "harmed": harmed_source, "labels": wrong_labels}


def show(rows: list[dict[str, Any]]) -> None:
    """Print every row as a line of its own kind."""
    for row in rows:
        print(", ".join(f"{name} {value}" for name, value in row.items() if name not in machine("cleanlab")))


if __name__ == "__main__":
    main()
