"""`prunetext.load`: a packed file, ready to label texts."""

from __future__ import annotations

from prunetext.runtime.calls import takes
from prunetext.runtime.classifier import Classifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os

    from prunetext.runtime.arguments import Buffer


@takes()
def load(source: str | os.PathLike[str] | Buffer) -> Classifier:
    """Load a packed model, from its file or from the file's bytes.

        clf = prunetext.load("runs/reviews/model.safetensors")
        clf.predict(["great film", "dull"])    # ['pos', 'neg']

        clf = prunetext.load(download("model.safetensors"))    # bytes, or anything else with a buffer
        clf.predict(["great film"])                            # ['pos']

    `source`: the path of a file, or of the folder of a cascade; or the bytes of such a file: bytes, bytearray,
    memoryview, mmap, a numpy array. They are copied, and no file is touched. The whole file is checked first:
    FileNotFoundError for a missing path, ModelFileError with the reason for any other error in the file, InputError for
    a source of another type.
    """
    return Classifier(source)
