"""The builds of fastText: each loads the same bigram model, trained once.

The model is the one of `prunetext compare` (Joulin et al. 2017: 10 dimensions, bigrams), on the raw words of the texts.
fasttext-predict cannot train, and neither has threads to predict with, but fasttext-new has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunetext.peers.fasttext import BINARY, trained, write_lines
from prunetext.peers.registry import AbsentError, Peer, PeerTraining, bytes_on_disk, folder_of, installed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import Distribution

TRAINERS = {"fasttext-numpy2": "fasttext", "fasttext-new": "fasttext_new"}  # distribution → module
CPP = """
import fasttext
model = fasttext.load_model(PATH)
def predict(texts):
    return [labels[0] if labels else "" for labels in model.predict(texts)[0]]
"""
# Its `predict` fails for a list of texts, but the function that it calls works.
CPP_BATCH = """
import fasttext
model = fasttext.load_model(PATH)
def predict(texts):
    found = model.f.multilinePredict([text + "\\n" for text in texts], 1, 0.0, "strict")
    return [labels[0] if labels else "" for labels in found]
"""
RUST = """
import fasttext_new
model = fasttext_new.load_model(PATH)
def predict(texts):
    return [labels[0] if labels else "" for labels in model.predict_batch(texts, threads=THREADS)[0]]
"""


def cpp_build(training: PeerTraining, found: Distribution) -> Peer:
    """The C++ package, patched for numpy 2."""
    return peer(training, found, CPP)


def predicting(training: PeerTraining, found: Distribution) -> Peer:
    """The C++ package reduced to prediction, without numpy."""
    return peer(training, found, CPP_BATCH)


def rust(training: PeerTraining, found: Distribution) -> Peer:
    """A port to Rust, which spreads a batch over threads."""
    return peer(training, found, RUST, threaded=True)


def peer(
    training: PeerTraining,
    found: Distribution,
    code: str,
    *,
    threaded: bool = False,
    trainers: Mapping[str, str] = TRAINERS,
) -> Peer:
    """The common model, trained by the first installed trainer, as this package loads it."""
    path, labels = training.folder / "fasttext.bin", sorted(set(training.examples.labels))
    if not path.exists():
        lines = write_lines(training.folder / "train.txt", training.examples, labels, str)
        options = {**BINARY, "dim": training.dimensions}
        for name, module in [*trainers.items()] * 2:  # training has races, which seldom end it early
            if installed(name) is not None and trained(path, lines, options, module=module):
                break
        else:
            raise AbsentError(f"no installed package trains its model: pip install {' or '.join(trainers)}")
    names = {f"__label__{number}": label for number, label in enumerate(labels)}
    return Peer(
        found.name,
        found.version,
        code,
        str(path),
        bytes_on_disk(path),
        threaded,
        folder_of(found),
        {"": labels[0], **names},
    )
