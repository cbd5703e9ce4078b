"""Write docs/measured/results.md, what pruning methods reach at equal bytes, from the rows of benchmarks/methods.py.

python scripts/make_results_page.py           # write it
python scripts/make_results_page.py --check   # exit 1 if it is not up to date
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean

import numpy as np
from paired import Estimate, estimate, holm
from results_table import NAMES, SIZES, Table
from results_text import header, line, said, shown, signed

from prunetext.comparison.rows import ComparedRow
from prunetext.comparison.summary import Line, summarise
from prunetext.models.textcnn.family import USUAL_CRITERION
from prunetext.options import FitOptions

ROOT = Path(__file__).resolve().parent.parent
PAGE, ROWS = ROOT / "docs" / "measured" / "results.md", ROOT / "benchmarks" / "results" / "methods"
HEAD = """\
# Results: pruning methods at equal bytes

<!-- Made by scripts/make_results_page.py from the rows in benchmarks/results/methods. -->
"""
COMMANDS = """
<!-- not run: it takes an hour and more, and needs the data sets -->
```console
$ python benchmarks/methods.py DATA     # the rows in benchmarks/results/methods, a file for each data set
$ python scripts/make_results_page.py   # this page
```
"""
DEFAULT = f"{USUAL_CRITERION}/{FitOptions.schedule}"
HOPELESS = ("random/local", "gradient:remove=largest/local")  # left out of "the other criteria"
PEERS = ("random/local", "small from scratch", "small student", "tf-idf + logistic regression", "fastText .ftz")


def main() -> None:
    """Write the page, or check it."""
    rows = [
        ComparedRow(**json.loads(line)) for name in NAMES for line in (ROWS / f"{name}.jsonl").open(encoding="utf-8")
    ]
    text = "\n".join(page(Table(rows))) + "\n"
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, "utf-8")
    elif not PAGE.exists() or PAGE.read_text("utf-8") != text:
        sys.exit(f"{PAGE.name} is not up to date: run python scripts/make_results_page.py")


def page(table: Table) -> Iterator[str]:
    """All lines."""
    yield from head(table)
    yield from summary(table)
    yield from overview(table)
    yield from default(table)
    yield from winners(table)
    yield from peers(table)
    yield from claims(table)
    yield "## Each data set\n"
    yield said(
        f"Accuracy on test, best first: mean of {len(table.seeds)} seeds,",
        "and half the width of its 95 % interval by Student's t.",
    )
    for name in table.sets:
        yield from data_set(table, name)


def head(table: Table) -> Iterator[str]:
    """What was done, and on what."""
    machine, first, last = next(iter(table.rows.values())).machine, table.seeds[0], table.seeds[-1]
    cpu, cores, python, torch = (machine[name] for name in ("cpu", "cores", "python", "torch"))
    yield HEAD
    yield said(
        "Every criterion on the schedule `local`, and every schedule with the default criterion, cut the same dense",
        f"TextCNNs to {', '.join(SIZES[:-1])} and {SIZES[-1]} of the bytes of their packed int8 files. Where a",
        f"schedule goes on from size to size, one way down gives all sizes. Seeds {first} to {last}: each has a dense",
        "model of its own, which all methods share. A size is an upper bound, for baselines too.",
        f"{len(table.rows):,} models were made by",
    )
    yield COMMANDS
    yield said(
        f"on {cores} cores of an {cpu}, Python {python}, PyTorch {torch}. Nothing was chosen by test, and each",
        "model was asked for it once. Differences are paired: the same data set, the same seed, the same dense model.",
        f"Their 95 % intervals are Student's t over {len(table.pairs)} pairs of a data set and a seed: they speak of",
        "such data sets as these. These are candidates of the search; `prunetext fit` lets the last recover longer.\n",
    )


def summary(table: Table) -> Iterator[str]:
    """What a reader in a hurry wants to know."""
    lost = [estimate(table.values(DEFAULT, [size], "drop")) for size in SIZES]
    yield "## In short\n"
    for size, each in zip(SIZES, lost, strict=True):
        yield f"- At {size} of the bytes the default, `{DEFAULT}`, loses {points(each)}."
    gains = {name: table.against(DEFAULT, name, SIZES) for name in ("random/local", "small from scratch")}
    for name, each in gains.items():
        yield f"- It is {points(each)} better than {shown(name)}, mean over the sizes."
    yield ""


def points(each: Estimate) -> str:
    """An estimate in words."""
    return f"{each.mean:.2f} points ({each.low:.2f} to {each.high:.2f})".replace("-", "−")


def overview(table: Table) -> Iterator[str]:
    """A line for each method over all data sets, by how much accuracy it lost."""
    yield "## All methods\n"
    yield said(
        "Accuracy lost on test, in points, mean over data sets and seeds; a negative loss is a gain. The last column",
        "is the time that all four sizes take, as a multiple of the default's.\n",
    )
    yield from header("method", *SIZES, "mean", "time")
    lost = {name: [float(np.mean(table.values(name, [size], "drop"))) for size in SIZES] for name in table.methods}
    for name in sorted(lost, key=lambda name: (mean(lost[name]), name)):
        ratio = np.exp(np.mean(np.log(table.seconds(name) / table.seconds(DEFAULT))))
        yield line(f"`{name}`", *(f"{each:.2f}" for each in (*lost[name], mean(lost[name]))), f"{ratio:.1f}")
    yield ""


def default(table: Table) -> Iterator[str]:
    """Whether any method is better than the default, on dev."""
    others = [name for name in table.methods if name != DEFAULT]
    found = {name: table.against(name, DEFAULT, SIZES, "dev") for name in others}
    corrected = holm({name: each.p for name, each in found.items()})
    better = [name for name in others if found[name].mean > 0 and corrected[name] < 0.05]
    yield "## The default, chosen on dev\n"
    yield said(
        f"Each method against `{DEFAULT}`, the simplest, on dev: points gained, mean over the four sizes, with the p",
        f"value of a paired t-test over {len(table.pairs)} pairs, corrected by Holm for {len(others)} comparisons.\n",
    )
    if better:
        yield f"Significantly better: {', '.join(f'`{name}`' for name in better)}.\n"
    else:
        yield f"None is significantly better. So `{DEFAULT}` is the default.\n"
    yield from header("method", "gained on dev", "p, corrected")
    for name in sorted(others, key=lambda name: (-found[name].mean, name)):
        yield line(f"`{name}`", found[name], f"{corrected[name]:.3f}" if corrected[name] >= 0.001 else "< 0.001")
    yield ""


def winners(table: Table) -> Iterator[str]:
    """The best method of each data set at each size."""
    yield "## Which method wins where\n"
    yield said(
        "The method with the best mean on dev, its gain over the default there, and what is left of it on test, where",
        f"nothing was chosen: means of {len(table.seeds)} seeds, in points.\n",
    )
    yield from header("data", "size", "best on dev", "gained on dev", "gained on test")
    for data in table.sets:
        pairs = [(data, seed) for seed in table.seeds]
        for size in SIZES:
            best = max(table.methods, key=lambda name: table.values(name, [size], "dev", pairs).mean())
            gains = [
                float(np.mean(table.values(best, [size], of, pairs) - table.values(DEFAULT, [size], of, pairs)))
                for of in ("dev", "test")
            ]
            yield line(NAMES[data], size, f"`{best}`", *(signed(gain) for gain in gains))
    yield ""


def peers(table: Table) -> Iterator[str]:
    """The default against baselines of the same bytes."""
    found = {(name, size): table.against(DEFAULT, name, [size]) for name in PEERS for size in SIZES}
    corrected = holm({key: each.p for key, each in found.items() if not np.isnan(each.p)})
    yield "## The default against baselines at equal bytes\n"
    yield said(
        "Points by which the default is better on test, and the 95 % interval; ✓ or ✗ where it is significantly",
        f"better or worse (p < 0.05, Holm's correction for {len(corrected)} comparisons).\n",
    )
    yield from header("baseline", *SIZES)
    for name in PEERS:
        cells = []
        for size in SIZES:
            each = found[name, size]
            sure = corrected.get((name, size), 1.0) < 0.05
            cells.append(f"{each}{(' ✓' if each.mean > 0 else ' ✗') if sure else ''}")
        yield line(shown(name), *cells)
    yield ""
    for name in PEERS[:3]:
        beaten = [size for size in SIZES if corrected.get((name, size), 1) < 0.05 and found[name, size].mean > 0]
        where = "at every size" if len(beaten) == len(SIZES) else f"at {', '.join(beaten)} only"
        verdict = (
            f"beats {shown(name)} significantly {where}" if beaten else f"does not beat {shown(name)} significantly"
        )
        yield f"- The default {verdict}."
    yield ""
    yield said(
        "*Small from scratch* has the architecture that the default method ended with, the most frequent words, and",
        "the dense model's training; *small student* also learns the dense model's opinions. A dash: for some seed",
        "there was no model that small.\n",
    )


CLAIMS: Mapping[str, tuple[str, str]] = {
    "Accuracy rises after light pruning": (DEFAULT, "dense"),
    "Lasso loses to the other criteria at high sparsity": ("others", "lasso/local"),
    "Random pruning collapses": (DEFAULT, "random/local"),
    "Pruning during training is worse than after": (DEFAULT, f"{USUAL_CRITERION}/global"),
    "Remove the units with the largest gradients, not the smallest": (
        "gradient:remove=largest/local",
        "gradient/local",
    ),
}


def claims(table: Table) -> Iterator[str]:
    """What is said of pruning, and whether it holds here."""
    yield "## What is said of pruning, and what holds here\n"
    yield said(
        "Each claim is a difference on test, in points, that is positive if the claim is true, and its 95 % interval",
        "(not corrected for the number of claims).\n",
    )
    yield from header("claim", "difference", *SIZES, "holds")
    for claim, (one, other) in CLAIMS.items():
        found = [claimed(table, one, other, size) for size in SIZES]
        yield line(claim, f"{shown(one)} − {shown(other)}", *found, holds(found))
    yield ""
    ratio = estimate(np.log(table.seconds("gradient/local") / table.seconds(DEFAULT)))
    low, middle, high = (float(np.exp(each)) for each in (ratio.low, ratio.mean, ratio.high))
    verdict = "It is slower" if low > 1 else "It is faster" if high < 1 else "It is not slower"
    yield said(
        f"*The gradient criterion is slow.* {verdict}: all sizes take {middle:.2f} times as long as the",
        f"default's ({low:.2f} to {high:.2f}).\n",
    )


def claimed(table: Table, one: str, other: str, size: str) -> Estimate:
    """The difference that a claim is about, at one size."""

    def values(name: str) -> np.ndarray:
        if name == "dense":
            return table.values(DEFAULT, [size], "dense")
        if name == "others":
            rest = [each for each in table.methods if each.endswith("/local") and each not in HOPELESS]
            return np.mean([table.values(each, [size]) for each in rest if each != "lasso/local"], axis=0)
        return table.values(name, [size])

    return estimate(values(one) - values(other))


def holds(found: Sequence[Estimate]) -> str:
    """In words, where a claim holds."""
    where = {
        "yes": [size for size, each in zip(SIZES, found, strict=True) if each.low > 0],
        "the opposite": [size for size, each in zip(SIZES, found, strict=True) if each.high < 0],
        "not decided": [size for size, each in zip(SIZES, found, strict=True) if each.low <= 0 <= each.high],
    }
    said = {word: sizes for word, sizes in where.items() if sizes}
    if len(said) == 1:
        return next(iter(said)) + ("" if "yes" in said else " at any size")
    return "; ".join(f"{word} at {', '.join(sizes)}" for word, sizes in said.items())


def data_set(table: Table, data: str) -> Iterator[str]:
    """Accuracies of every method and baseline on one data set."""
    rows = [row for row in table.rows.values() if row.data == data]
    lines = {(each.method, each.size): each for each in summarise(rows)}
    whole = lines["int8 alone", "any"]
    dense = mean({row.seed: row.dense for row in rows}.values())
    yield f"\n### {NAMES[data]}\n"
    yield f"Dense {dense:.2f} %; packed in int8 without pruning {accuracy(whole)} %, {whole.bytes:,.0f} bytes;"
    unsized = [each for each in lines.values() if each.size == "any" and each.method != "int8 alone"]
    yield "; ".join(f"{each.method} {accuracy(each)} %, {each.bytes:,.0f} bytes" for each in unsized) + ".\n"
    yield from header("method", *SIZES)
    names = {name for name, size in lines if size != "any"}
    for name in sorted(names, key=lambda name: (-mean_of(lines, name), name)):
        cells = [accuracy(lines.get((name, size))) for size in SIZES]
        yield line(shown(name), *cells)


def mean_of(lines: Mapping[tuple[str, str], Line], name: str) -> float:
    """The mean over sizes; a size that is missing counts as no accuracy at all."""
    return mean(lines[name, size].test if (name, size) in lines else 0.0 for size in SIZES)


def accuracy(found: Line | None) -> str:
    """Mean and margin."""
    if found is None:
        return "–"
    over = f" ({found.over} too large)" if found.over else ""
    return f"{found.test:.2f} ± {found.margin:.2f}{over}" if np.isfinite(found.margin) else f"{found.test:.2f}{over}"


if __name__ == "__main__":
    main()
