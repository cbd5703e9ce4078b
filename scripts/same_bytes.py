"""Make small runs of every kind and record the SHA-256 of their files, or compare them with a record.

    python scripts/same_bytes.py record /tmp/before.json        # before a change that should change no result
    python scripts/same_bytes.py compare /tmp/before.json       # after it: exits with 1 where a file differs

A record holds for one machine, since other processors round otherwise. It has two digests of each file: of all its
bytes, and of its tensors alone. `compare` says which of the two differs. `--only NAME` makes some runs, `--skip NAME`
leaves some out. The texts come from the corpora in ../shared, or from the folder that PRUNETEXT_SHARED names.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import prunetext

SHARED = Path(os.environ.get("PRUNETEXT_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "data"
FILES = ("model.safetensors", "pruned.safetensors", "dense.safetensors")
SMALL = {"dimensions": 12, "filters": 6, "max_words": 1500, "epochs": 4, "max_drop": 3.0}
Digests = dict[str, str]


class StoppedError(Exception):
    """Stands for a kill: nothing of the run catches it."""


def texts_of(corpus: str, folder: Path, train: int = 600) -> Path:
    """Cut a corpus: so many rows of train, and fewer of dev and test."""
    own = folder / f"{corpus}-{train}"
    own.mkdir(exist_ok=True)
    for split, count in (("train", train), ("dev", 200), ("test", 150)):
        with (SHARED / corpus / f"{split}.jsonl").open(encoding="utf-8") as file:
            lines = [line for line, _ in zip(file, range(count), strict=False)]
        (own / f"{split}.jsonl").write_text("".join(lines), "utf-8")
    return own


def unlabelled_of(corpus: str, folder: Path) -> Path:
    """Texts of a corpus that no cut of it holds, a text a line."""
    path = folder / f"{corpus}.txt"
    with (SHARED / corpus / "train.jsonl").open(encoding="utf-8") as file:
        rows = [json.loads(line)["text"] for at, line in zip(range(1100), file, strict=False) if at >= 700]
    path.write_text("\n".join(" ".join(text.split()) for text in rows), "utf-8")
    return path


def fit(data: Path, out: Path, **options: Any) -> Path:
    """One run."""
    prunetext.fit(data, out=out, **{**SMALL, **options})
    return out


def stopped_and_resumed(data: Path, out: Path, **options: Any) -> Path:
    """A run that is broken off in its training, again in its search, and then ends."""
    for stage, moment in (("train", 20), ("step 1", 5), ("final", 3)):

        def stop(now: str, progress: Any, stage: str = stage, moment: int = moment) -> None:
            if now == stage and progress.done >= moment:
                raise StoppedError

        with suppress(StoppedError):
            fit(data, out, progress=stop, **options)
    return fit(data, out, **options)


def pruned_again(data: Path, out: Path, first: dict[str, Any], **options: Any) -> Path:
    """An earlier run's dense model, pruned by another method."""
    earlier = out.with_name(f"{out.name}-first")
    fit(data, earlier, **first)
    prunetext.prune(earlier, out=out, **options)
    return out


def measured(data: Path, out: Path) -> Path:
    """What each group of a run could do without."""
    fit(data, out, schedule="oneshot")
    rows = prunetext.sensitivity(out)
    (out / "rows.json").write_text(json.dumps([row._asdict() for row in rows]), "utf-8")
    return out


def compared(data: Path, out: Path) -> Path:
    """Two methods and a small model from scratch, without what a clock says."""
    size = {name: value for name, value in SMALL.items() if name != "max_drop"}
    found = prunetext.compare(data, out=out, methods="magnitude,taylor/oneshot", sizes="1/2,1/4", seeds=1, **size)
    rows = [
        {name: value for name, value in row._asdict().items() if name not in ("seconds", "texts_per_second", "machine")}
        for row in found.rows
        if "fast" not in row.method
    ]
    (out / "rows.json").write_text(json.dumps(rows, default=str), "utf-8")
    return out


def runs(folder: Path) -> Iterator[tuple[str, Callable[[], Path]]]:
    """Every run by its name, made when it is called; a run may read what an earlier one has made."""
    news, titles = texts_of("ag_news", folder), texts_of("thucnews", folder)
    sick, mrpc, tags = texts_of("sick", folder), texts_of("mrpc", folder), texts_of("goemotions", folder)
    films, few = texts_of("sst2", folder), texts_of("ag_news", folder, train=120)
    some, more = texts_of("ag_news", folder, train=500), unlabelled_of("ag_news", folder)
    bits = "bits" if "bits" in str(prunetext.fit.__doc__) else "precision"

    def run(name: str, make: Callable[..., Path], data: Path, **options: Any) -> tuple[str, Callable[[], Path]]:
        return name, lambda: make(data, folder / name, **options)

    yield run("single", fit, news)
    yield run("chinese", fit, titles, max_size="9kB", max_drop=None)
    yield run("pairs", fit, sick, max_drop=4.0)
    yield run("pairs-metric", fit, mrpc, metric="macro-f1", ranking=0.0)
    yield run("labels", fit, tags)
    yield run("teacher", fit, news, teacher="ngrams", augment=1.0, unlabelled=str(more))
    yield run("ensemble", fit, few, teacher="ensemble:1", labels_per_class=20, unlabelled="rest")
    unsure = {"unlabelled": str(more), "epochs": 25, "dimensions": 32, "filters": 24}  # until it is sure of some texts
    yield run("self-training", fit, some, **unsure)
    yield run("self-training-metric", fit, some, **unsure, metric="macro-f1", class_weights="balanced")
    yield run("metric", fit, films, metric="macro-f1", class_weights="balanced")
    yield run("precision", fit, news, precision=0.8, pooling="max", seed=3)
    yield run("vectors", fit, news, train_vectors="word2vec", channels="both")
    yield run("weights", fit, news, groups="vocabulary,dimensions,filters,weights", criterion="taylor")
    yield run("bits", fit, news, groups=f"vocabulary,filters,{bits}")
    yield run("taps", fit, news, groups="dimensions,filters,taps", criterion="gradient:remove=largest")
    yield run("global", fit, news, schedule="global", criterion="snip")
    yield run("incremental", fit, news, schedule="incremental", criterion="lasso")
    yield run("lottery", fit, news, schedule="lottery", criterion="random:draws=2")
    yield run("oneshot", fit, news, schedule="oneshot:units=0.5", criterion="obs", max_drop=None)
    yield run("movement", fit, sick, criterion="movement", max_drop=5.0, max_size="12kB")
    yield run("fisher", fit, tags, criterion="fisher", groups="vocabulary,dimensions,filters,weights", max_size="12kB")
    yield run("resumed", stopped_and_resumed, news)
    yield run("pruned", pruned_again, news, first={}, schedule="lottery", max_size="6kB")
    yield run("pruned-pairs", pruned_again, sick, first={"max_drop": 5.0}, criterion="taylor", max_size="10kB")
    yield run("sensitivity", measured, news)
    yield run("compare", compared, news)


def digests(folder: Path) -> Digests:
    """The digest of each file, and of its tensors without what its header says of them."""
    found = {}
    for name in (*FILES, "rows.json"):
        path = folder / name
        if path.exists():
            data = path.read_bytes()
            found[name] = sha256(data).hexdigest()
            if path.suffix == ".safetensors":
                found[f"tensors of {name}"] = sha256(tensors_of(data)).hexdigest()
    return found


def tensors_of(data: bytes) -> bytes:
    """The tensors of a safetensors file with their names, types and shapes, in the order of the names."""
    end = 8 + int.from_bytes(data[:8], "little")
    parts = []
    for name, entry in sorted(json.loads(data[8:end]).items()):
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            parts += [f"{name} {entry['dtype']} {entry['shape']}\n".encode(), data[end + first : end + last]]
    return b"".join(parts)


def main() -> int:
    """Record or compare; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("record", "compare"))
    parser.add_argument("record", type=Path)
    parser.add_argument("--only", nargs="*", default=None)
    parser.add_argument("--skip", nargs="*", default=())
    arguments = parser.parse_args()
    before: dict[str, Digests] = json.loads(arguments.record.read_text("utf-8")) if arguments.record.exists() else {}
    if arguments.what == "compare" and not before:
        raise SystemExit(f"{arguments.record}: there is no record. Make one with record first.")
    wrong = 0
    with tempfile.TemporaryDirectory() as place:
        os.environ["PRUNETEXT_CACHE"] = str(Path(place) / "cache")
        for name, make in runs(Path(place)):
            if name in arguments.skip or (arguments.only is not None and name not in arguments.only):
                continue
            began = time.monotonic()
            found = digests(make())
            took = f"{time.monotonic() - began:.1f} s"
            if arguments.what == "record":
                before[name] = found
                print(f"{name}: {len(found)} digests, {took}", flush=True)
                continue
            differ = [file for file in {**before[name], **found} if before[name].get(file) != found.get(file)]
            wrong += bool(differ)
            print(f"{name}: {'DIFFERENT: ' + ', '.join(differ) if differ else 'the same'}, {took}", flush=True)
    if arguments.what == "record":
        arguments.record.write_text(json.dumps(before, indent=1), "utf-8")
    else:
        print(f"{wrong} runs differ" if wrong else "every byte is the same")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
