"""The peers that prunetext is measured beside: installed packages, each with a model trained on the same texts.

A peer is a name, a file or folder, and Python code that loads it; the code runs in a process of its own. Tested
together in one environment: fasttext-numpy2 0.10.4, fasttext-new 0.1.0, scikit-learn 1.9.1, model2vec 0.10.0 and
onnxruntime 1.32.0.
fasttext-predict 0.9.2.4 installs the same files as fasttext-numpy2, `fasttext/` and `fasttext_pybind`: only the one
installed last works. `pip install --target FOLDER fasttext-predict` puts it elsewhere, and `beside=FOLDER` finds it
there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import Distribution, distributions
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from prunetext.data.dataset import Examples


class Peer(NamedTuple):
    """A model that can be loaded in a new process.

    code: defines `predict`, from a list of texts to their labels, from PATH and, if `threaded`, THREADS. folder: comes
    first on Python's path. names: the real labels, if the labels of its answers only stand for them.
    """

    name: str
    version: str
    code: str
    path: str
    bytes: int | None
    threaded: bool = False
    folder: str | None = None
    names: Mapping[str, str] = MappingProxyType({})


class PeerTraining(NamedTuple):
    """The data that peers are made from, and the place for their models."""

    given: Examples | None  # no text has a line break
    folder: Path
    dimensions: int  # of fastText's vectors
    beside: str | None  # a folder with further packages
    model: Path  # the measured model
    export: Callable[[Path, Path], object]  # writes a float file as ONNX

    @property
    def examples(self) -> Examples:
        """The examples to train on; `AbsentError` if there are none."""
        if self.given is None:
            raise AbsentError("there are no texts to train it on")
        return self.given


class AbsentError(Exception):
    """A peer cannot be made; the message says why."""


# Distribution → the function that makes the peer, from the training data and that distribution.
PEERS = {
    "fasttext-numpy2": "prunetext.peers.fasttext_builds:cpp_build",
    "fasttext-predict": "prunetext.peers.fasttext_builds:predicting",
    "fasttext-new": "prunetext.peers.fasttext_builds:rust",
    "scikit-learn": "prunetext.peers.tfidf:tf_idf",
    "model2vec": "prunetext.peers.model2vec:static",
    "onnxruntime": "prunetext.peers.onnxruntime:onnx",
}
PeerMaker = Callable[[PeerTraining, Distribution], Peer]


def make(name: str, training: PeerTraining, peers: Mapping[str, str] = PEERS) -> Peer:
    """Train a peer by name; `AbsentError` if it is not installed, or finds nothing to learn."""
    found = installed(name, training.beside)
    if found is None:
        raise AbsentError(f"not installed: pip install {name}")
    module, _, function = peers[name].partition(":")
    maker: PeerMaker = getattr(import_module(module), function)
    try:
        return maker(training, found)
    except (ImportError, ValueError) as error:  # from broken packages, and from texts with no word twice
        raise AbsentError(" ".join(str(error).split()) or type(error).__name__) from error


def installed(name: str, beside: str | None = None) -> Distribution | None:
    """A distribution with all its own files, from the folder beside or from this environment."""
    places = [] if beside is None else [next(iter(distributions(name=name, path=[beside])), None)]
    for found in (*places, next(iter(distributions(name=name)), None)):
        if found is not None and whole_of(found):
            return found
    return None


def whole_of(found: Distribution) -> bool:
    """Whether no other distribution has overwritten a module of this one."""
    for file in found.files or ():
        if file.suffix == ".py" and file.size is not None:
            place = Path(str(file.locate()))
            if not place.exists() or place.stat().st_size != file.size:
                return False
    return True


def folder_of(found: Distribution) -> str | None:
    """The folder to search, for a distribution that is there."""
    place = str(Path(str(found.locate_file(""))).resolve())
    return None if place in {str(Path(each).resolve()) for each in sys.path} else place


def bytes_on_disk(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sum(each.stat().st_size for each in files)
