"""The model that is measured, in the form of a peer."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from prunetext.errors import InputError
from prunetext.modelfiles.api import open_model
from prunetext.modelfiles.exporting import packed_file
from prunetext.modelfiles.header import is_packed
from prunetext.peers.registry import Peer, bytes_on_disk
from prunetext.runtime.api import load
from prunetext.runtime.classifier import cascade_folder

OURS = "prunetext"
OWN_CODE = """
import prunetext
model = prunetext.load(PATH)
def predict(texts):
    return model.predict(texts, threads=THREADS)
"""
OTHER_CODE = """
import prunetext
model = prunetext.open_model(PATH)
def predict(texts):
    return model.answers(texts).named(model.labels, several=False)
"""


def subject_of(model: Path) -> tuple[Peer, list[str]]:
    """The measured model in the form of a peer, and its labels; a packed TextCNN needs no other package."""
    cascade = cascade_folder(model)
    path = (packed_file(model) if cascade is None else Path(cascade)).absolute()
    if cascade is not None or is_packed(path):
        classifier = load(path)
        return Peer(OURS, installed_version(), OWN_CODE, str(path), classifier.size, threaded=True), classifier.labels
    from prunetext.data.probabilities import PROBABILITY_ENDINGS
    from prunetext.peers.fasttext_builds import CPP
    from prunetext.peers.fasttext_files import PREFIX, is_fasttext

    if path.suffix.lower() in PROBABILITY_ENDINGS:
        raise InputError(f"{model}: a file of probabilities cannot be measured. Give the model.")
    found = open_model(path)
    names = {f"{PREFIX}{label}": label for label in found.labels}
    code = CPP if is_fasttext(path) else OTHER_CODE
    return Peer(path.name, "", code, str(path), bytes_on_disk(path), names=names), found.labels


def installed_version() -> str:
    """The version of prunetext."""
    try:
        return version("prunetext")
    except PackageNotFoundError:  # run from sources on PYTHONPATH
        return ""
