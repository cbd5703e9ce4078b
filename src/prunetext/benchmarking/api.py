"""`prunetext.bench`: a model's size and speed, beside the installed peers."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from prunetext.benchmarking import floors
from prunetext.benchmarking.cold import cold_starts
from prunetext.benchmarking.measure import USUAL_AMOUNTS, WC, Amounts, Passes, Samples
from prunetext.benchmarking.processes import EndedError
from prunetext.benchmarking.rows import MEASURES, BenchRow, Spread, ratios
from prunetext.benchmarking.subject import installed_version, subject_of
from prunetext.data.api import read
from prunetext.data.dataset import Data, Examples
from prunetext.data.reading import read_examples
from prunetext.data.sources import split_names
from prunetext.data.task import refuse_other_tasks
from prunetext.errors import InputError
from prunetext.judging.machine import cpu
from prunetext.modelfiles.api import export
from prunetext.peers.registry import PEERS, AbsentError, Peer, PeerTraining, make
from prunetext.runtime.calls import A_PATH, A_POSITIVE, A_STR, READING_KINDS, SOME_DATA, takes


@dataclass(frozen=True)
class Bench:
    """The result of a benchmark: a row for the model, for each peer and for each floor."""

    rows: list[BenchRow]  # the model's first, floors last
    missing: dict[str, str]  # peer → the reason
    notes: list[str]  # for the reader of the numbers
    texts: int
    mean_bytes: float  # of a text, in UTF-8
    passes: int
    starts: int
    machine: dict[str, Any]  # processor, cores in use and Python

    def fields(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**vars(self), "rows": [row.fields() for row in self.rows]}


@takes(
    model=A_PATH,
    data=SOME_DATA,
    peers=A_STR,
    passes=A_POSITIVE,
    starts=A_POSITIVE,
    dimensions=A_POSITIVE,
    beside=A_PATH,
    **READING_KINDS,
)
def bench(
    model: str | os.PathLike[str],
    data: str | Path | Data | Examples,
    *,
    peers: str = "all",
    passes: int = 9,
    starts: int = 15,
    dimensions: int = 10,
    beside: str | None = None,
    told: Callable[[str], None] | None = None,
    text: str | None = None,
    text_b: str | None = None,
    label: str | None = None,
    score: str | None = None,
    label_separator: str | None = None,
    encoding: str = "utf-8",
    skip_empty: bool = False,
    format: str | None = None,
    quoting: str = "auto",
    amounts: Amounts = USUAL_AMOUNTS,
) -> Bench:
    """Measure the size and speed of a model and of the installed peers, on the same texts in the same run.

        found = prunetext.bench("runs/reviews/model.safetensors", "reviews.csv")
        found.rows[0].measures["texts_per_second"].median    # on one thread
        found.rows[1].name, found.rows[1].ratios["p50"]      # how many times longer this one takes for one text

    model: a packed file, or another file that `open_model` opens. data: a source as for `prunetext.read`, or its
    result; its test texts are labelled, or all texts if it has no test, with spaces for line breaks, which fastText
    does not take. Peers are trained on its train texts. peers: comma-separated names of packages, or all, or none.
    passes: over all texts, and over single ones. starts: of new processes. dimensions: of fastText's vectors. beside: a
    folder with further peers, from `pip install --target`. told is called with a line when something begins. amounts:
    of work in a pass; tests pass less. The other options are as for `read`; pairs of texts and texts with several
    labels raise `InputError`: peers do not take them.

    Each runs in a process of its own, in alternating order, on fresh copies of the strings, with one thread and, if it
    has threads, with one per core. `BenchRow` has the units. Raises `InputError` for wrong arguments, and if a process
    ends early after a good start.
    """
    wanted, tell = wanted_peers(peers), told or (lambda line: None)
    ours, labels = subject_of(Path(model))
    names = {"text": text, "text_b": text_b, "label": label, "score": score, "label_separator": label_separator}
    reading = {**names, "encoding": encoding, "skip_empty": skip_empty, "format": format, "quoting": quoting}
    train, examples, notes = chosen_texts(data, labels, reading)
    refuse_other_tasks("bench", examples.task, getattr(data, "name", "these data"))
    if not examples.texts:
        raise InputError("There are no texts to label. Give some.")
    cores = usable_cores()
    with tempfile.TemporaryDirectory() as folder:
        given = None if train is None else one_line(train)
        training = PeerTraining(given, Path(folder), dimensions, beside, Path(ours.path), export)
        made, missing = made_peers(wanted, training, tell)
        course = Passes(one_line(examples).texts, Path(folder), passes=passes, threads=cores, amounts=amounts)
        rows, failed = measured(course, [ours, *made], starts, examples.labels, tell)
    machine = {"cpu": cpu(), "cores": cores, "python": platform.python_version()}
    mean = 1e6 * course.megabytes / len(course.passed)
    return Bench(rows, {**missing, **failed}, notes, len(course.texts), mean, passes, starts, machine)


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def made_peers(
    wanted: list[str], training: PeerTraining, tell: Callable[[str], None]
) -> tuple[list[Peer], dict[str, str]]:
    """The peers that could be made, and the reasons why others could not."""
    made, missing = [], {}
    for name in wanted:
        try:
            tell(f"making {name}")
            made.append(make(name, training))
        except AbsentError as error:
            missing[name] = str(error)
    return made, missing


def measured(
    course: Passes, peers: list[Peer], starts: int, gold: list[str], tell: Callable[[str], None]
) -> tuple[list[BenchRow], dict[str, str]]:
    """A row for each model, peer and floor, ours first; and the reasons why some peers have none."""
    floor = floors.split_and_hash(installed_version())
    try:
        tell("loading")
        able, samples, failed = course.qualify(peers)
        if (ours := peers[0].name) in failed:
            raise EndedError(f"{ours}: {failed[ours]}")
        tell(f"{course.passes} passes")
        answers = course.run(able, [floor], samples)
        tell(f"{starts} cold starts")
        for peer, found in zip(able, cold_starts(able, course.texts[0], starts), strict=True):
            samples[peer.name]["cold_start"] = found
    except EndedError as error:
        raise InputError(f"{error}. Repair that package, or remove it from --peers.") from None
    everyone = (*able, floor, *word_count(samples))
    return [row(each, peers[0].name, samples, answers.get(each.name), gold) for each in everyone], failed


def wanted_peers(names: str) -> list[str]:
    """The peers in a list, each once.

    >>> wanted_peers("scikit-learn, fasttext-new"), wanted_peers("none")
    (['scikit-learn', 'fasttext-new'], [])
    """
    if names in ("all", "none"):
        return list(PEERS) if names == "all" else []
    wanted = list(dict.fromkeys(part.strip() for part in names.split(",")))
    if unknown := [name for name in wanted if name not in PEERS]:
        raise InputError(f"peers has {unknown[0]!r}. Choose from {', '.join(PEERS)}, or give all or none.")
    return wanted


def chosen_texts(
    data: str | Path | Data | Examples, labels: list[str], reading: dict[str, Any]
) -> tuple[Examples | None, Examples, list[str]]:
    """The texts to train peers on, the texts to label, and notes for the reader."""
    if not isinstance(data, (Data, Examples)):
        if (found := split_names(data)) and "train" not in found:
            return (
                None,
                read_examples(data, labels, **reading),
                ["There is no train split to train peers on."],
            )
        data = read(data, **reading)
    if isinstance(data, Examples):
        data = Data(data)
    if data.test is not None:
        return data.train, data.test, []
    return data.train, data.train, ["There is no test split: peers were trained on the texts that they label."]


def one_line(examples: Examples) -> Examples:
    """The same without line breaks and halves of characters, which only some peers take."""
    texts = [" ".join(text.splitlines()).encode("utf-8", "replace").decode() for text in examples.texts]
    return replace(examples, texts=texts)


def row(peer: Peer, ours: str, samples: dict[str, Samples], answers: list[str] | None, gold: list[str]) -> BenchRow:
    """The row of one participant; ours: the name of the model that all are compared with."""
    found = samples[peer.name]
    right = None if answers is None else sum(map(str.__eq__, answers, gold)) / len(gold)
    kind = "model" if peer.name == ours else "floor" if answers is None else "peer"
    measures = {name: Spread.of(found[name]) for name in MEASURES if found.get(name)}
    beside = {} if kind == "model" else ratios(samples[ours], found)
    return BenchRow(peer.name, peer.version, kind, peer.bytes, right, measures, beside)


def word_count(samples: dict[str, Samples]) -> list[Peer]:
    """The row of `wc`, if the system has it."""
    return [Peer(WC, "", "", "", None)] if WC in samples else []
