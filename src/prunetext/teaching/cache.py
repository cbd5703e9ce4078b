"""A teacher's answers on disk, named by what they depend on: the teacher is asked only once."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from prunetext.data.dataset import Input
from prunetext.errors import DamagedError, InputError
from prunetext.models.tensors import fit_into, load_tensors, save_tensors
from prunetext.runtime.writing import private_folder

ANSWERS = "answers"  # the name of the tensor in a file
OTHER_CACHE = "Set PRUNETEXT_CACHE to a folder that can be written."
CHUNK = 2_048  # texts in one file; a killed teacher loses at most so many answers

Floats = npt.NDArray[np.float32]


def cache_folder() -> Path:
    """The folder of teachers and their answers: PRUNETEXT_CACHE, or `prunetext` in the user's cache folder.

    If PRUNETEXT_CACHE is set, nothing else is asked for. InputError if it is not, and there is no home folder.
    """
    given = os.environ.get("PRUNETEXT_CACHE")
    try:
        if given:
            return Path(given).expanduser()
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "prunetext"
    except RuntimeError:
        raise InputError(f"There is no home folder to keep a teacher's answers in. {OTHER_CACHE}") from None


def made_folder(folder: Path) -> Path:
    """Make a folder of the cache, if it is missing; InputError if that is impossible, or if it cannot be written."""
    try:
        private_folder(folder)
        reason = "" if os.access(folder, os.W_OK | os.X_OK) else "permission denied"
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
    if reason:
        raise InputError(f"{folder}: a teacher's answers cannot be kept there ({reason}). {OTHER_CACHE}")
    return folder


def digest_of(*parts: Input | bytes) -> str:
    """A digest of these parts, 32 hexadecimal digits; the lengths count, and no two lists have the same bytes.

    >>> digest_of("ab", "c") == digest_of("ab", "c") != digest_of("a", "bc") != digest_of(("a", "bc"))
    True
    """
    digest = blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, tuple):
            part = digest_of("pair", *part)
        raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8, "little") + raw)
    return digest.hexdigest()


def digest_of_file(path: Path) -> str:
    """A digest of a file's content."""
    digest = blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Lock this folder of the cache against other processes; wait for one that holds it."""
    made_folder(folder)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def cached(
    key: str,
    texts: Sequence[Input],
    classes: int,
    ask: Callable[[Sequence[Input]], Floats],
    progress: Callable[[int, int], None] | None = None,
    size: int = CHUNK,
    *,
    noted: Callable[[str], None] | None = None,
) -> Floats:
    """Answers (n, classes) to all texts, from disk if they are there, else by asking.

        logits = cached(teacher.key, texts, 2, teacher.logits)

    `key` stands for everything but the texts that the answers depend on. size: texts in one file; a killed teacher
    loses at most so many answers. noted: is told of a damaged file, which is made again.
    """
    folder = made_folder(cache_folder() / "answers")
    rows = []
    for start in range(0, len(texts), size):
        chunk = texts[start : start + size]
        path = folder / f"{digest_of(key, *chunk)}.safetensors"
        found = _load(path, (len(chunk), classes), noted)
        if found is None:
            found = np.asarray(ask(chunk), np.float32).reshape(len(chunk), classes)
            save_tensors(path, {ANSWERS: torch.from_numpy(found)}, {}, shared=True)
        rows.append(found)
        if progress is not None:
            progress(start + len(chunk), len(texts))
    return np.concatenate(rows) if rows else np.zeros((0, classes), np.float32)


def _load(path: Path, shape: tuple[int, int], noted: Callable[[str], None] | None) -> Floats | None:
    try:
        found = load_tensors(path)[0]
        if not fit_into(found, {ANSWERS: torch.empty(shape)}):
            raise DamagedError(path, "its answers are not those to these texts")
    except FileNotFoundError:
        return None
    except DamagedError as error:
        if noted is not None:
            noted(f"{path} was damaged ({error.reason}); the teacher was asked again.")
        return None
    answers: Floats = found[ANSWERS].numpy()
    return answers
