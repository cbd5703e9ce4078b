"""Fill missing splits: stratified, seeded, and no text on two sides."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from prunetext.data.dataset import Data, Examples
from prunetext.data.scores import levels_for, step_names
from prunetext.errors import DataError, InputError

# Pruning is judged on dev, and half a point is less than one text in a hundred: small data need a larger part.
DEV_TEXTS = 500
DEV_SHARES = (0.1, 0.2)

Label = tuple[str, ...]  # the label that a text counts for; empty if it has none


def split(data: Data, *, seed: int = 0, dev_share: float | None = None, test_share: float = 0.1) -> Data:
    """Take a missing dev and test from train.

        data = split(prunetext.read("reviews.csv"), seed=0)
        len(data.train), len(data.dev), len(data.test)     # 70, 20, 10 of 100 rows

    dev_share, test_share: shares of train's rows; without dev_share dev gets `DEV_TEXTS`, within `DEV_SHARES`. They
    also hold within each label, up to rounding and repeated texts: all rows of a text go to one side. For pairs, all
    rows with the same first text do: no pair is on two sides, and all candidates of a question are on one. A text with
    several labels counts for the rarest. Train keeps at least one text of each label. Rows keep their order, none is
    lost, and a given split stays as it is; a text in both train and a given split stays in train: the new split shares
    no text with any other. A share of 0 leaves the split None.

    The same data and seed give the same splits on every machine. Raises `DataError` if too few texts are left.
    """
    if dev_share is None:
        low, high = DEV_SHARES
        dev_share = min(max(DEV_TEXTS / max(len(data.train), 1), low), high)
    if not (dev_share >= 0 and test_share >= 0 and dev_share + test_share < 1):
        raise InputError(
            f"The shares of dev ({dev_share:g}) and test ({test_share:g}) are negative or leave nothing to train on. "
            "Give two shares from 0 that add up to less than 1."
        )
    shares = {}
    if data.test is None and test_share > 0:
        shares["test"] = test_share
    if data.dev is None and dev_share > 0:
        shares["dev"] = dev_share
    if not shares:
        return data
    side = _assign(data, shares, seed)
    parts = {
        name: data.train.subset(row for row, each in enumerate(side) if each == name) for name in ("train", *shares)
    }
    for name in shares:
        if not len(parts[name]):
            raise DataError(
                data.name,
                f"there are too few different texts to set some aside for {name}. Give more texts, or give --{name}.",
            )
    return replace(data, train=parts["train"], dev=parts.get("dev", data.dev), test=parts.get("test", data.test))


def _assign(data: Data, shares: dict[str, float], seed: int) -> list[str]:
    """Return the side of each row of train."""
    groups: dict[str, list[int]] = {}  # text → its rows; dictionaries keep the order of the file
    for row, text in enumerate(data.train.texts):
        groups.setdefault(text, []).append(row)
    labels = strata_of(data.train)
    counts = Counter(label for each in labels for label in each)
    strata: dict[Label, list[list[int]]] = {(label,): [] for label in sorted(counts)}
    for rows in groups.values():
        each = [_counted_for(labels[row], counts) for row in rows]
        often = each[0] if len(each) == 1 else Counter(each).most_common(1)[0][0]
        strata.setdefault(often, []).append(rows)
    random = Random(f"prunetext split {seed}")  # a string: an integer seed would lose its sign
    for members in strata.values():
        random.shuffle(members)

    kept = {text for name, given in data.splits() if name != "train" for text in given.texts}
    free = _without_reserved(data, strata, kept)
    sizes = {label: sum(map(len, members)) for label, members in strata.items()}
    side = ["train"] * len(data.train)
    for name, share in shares.items():
        for label, target in _targets(sizes, share).items():
            left = []
            for rows in free[label]:
                if len(rows) <= target:
                    target -= len(rows)
                    for row in rows:
                        side[row] = name
                else:
                    left.append(rows)
            free[label] = left
    return side


def strata_of(examples: Examples) -> Sequence[Label]:
    """The labels of each text, by which splits are made alike; of scores, the step that a score lies in.

    >>> strata_of(Examples(["a", "b", "c"], scores=[1, 2, 3]))
    [('1 to 2',), ('1 to 2',), ('2 to 3',)]
    """
    if examples.scores is None:
        return examples.label_lists
    levels = levels_for(examples.scores)
    names = step_names(levels)
    return [(names[max(bisect_left(levels, each) - 1, 0)],) if names else () for each in examples.scores]


def _counted_for(labels: tuple[str, ...], counts: Counter[str]) -> Label:
    """The rarest of a text's labels: the other labels have texts enough without it.

    >>> _counted_for(("joy", "grief"), Counter(joy=9, grief=1)), _counted_for((), Counter())
    (('grief',), ())
    """
    return labels if len(labels) < 2 else (min(labels, key=lambda label: (counts[label], label)),)


def _without_reserved(data: Data, strata: dict[Label, list[list[int]]], kept: set[str]) -> dict[Label, list[list[int]]]:
    """Return the groups that may leave train: not those of texts in `kept`, nor the first one of each label."""
    texts, labels = data.train.texts, strata_of(data.train)
    free = {label: [rows for rows in members if texts[rows[0]] not in kept] for label, members in strata.items()}
    anchored = {
        label
        for members in strata.values()
        for rows in members
        if texts[rows[0]] in kept
        for row in rows
        for label in labels[row]
    }
    reserved: set[int] = set()
    for label in sorted({label for each in labels for label in each}):
        if label in anchored:
            continue
        candidates = (rows for members in (free[(label,)], *free.values()) for rows in members)
        rows = next(rows for rows in candidates if any(label in labels[row] for row in rows))
        reserved.add(rows[0])
        anchored.update(each for row in rows for each in labels[row])
    return {label: [rows for rows in members if rows[0] not in reserved] for label, members in free.items()}


def _targets(sizes: dict[Label, int], share: float) -> dict[Label, int]:
    """Round share × size per label, up or down, to the right sum: the largest remainders go up.

    >>> _targets({("a",): 14, ("b",): 16}, 0.1)
    {('a',): 1, ('b',): 2}
    """
    exact = {label: share * size for label, size in sizes.items()}
    targets = {label: int(value) for label, value in exact.items()}
    wanted = max(1, round(share * sum(sizes.values())))
    by_remainder = sorted(exact, key=lambda label: (targets[label] - exact[label], label))
    for label in by_remainder[: wanted - sum(targets.values())]:
        targets[label] += 1
    return targets
