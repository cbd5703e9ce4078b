"""`prunetext.load`: a packed file, ready to label texts."""

from __future__ import annotations

from prunetext.runtime.classifier import Classifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os


def load(path: str | os.PathLike[str]) -> Classifier:
    """Load a packed model.

        clf = prunetext.load("runs/reviews/model.safetensors")
        clf.predict(["great film", "dull"])    # ['pos', 'neg']

    The whole file is checked first: FileNotFoundError for a missing path, ModelFileError with the reason for anything
    else that is wrong with it.
    """
    return Classifier(path)
