"""Answers are asked for once, also when the asker is killed; what is damaged is asked for again."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from prunetext.errors import InputError
from prunetext.models.tensors import save_tensors
from prunetext.teaching.cache import cache_folder, cached, digest_of


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PRUNETEXT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Asked:
    """Answers with the lengths of texts, and counts them; dies at the text "fatal"."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.deadly = True

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        if self.deadly and "fatal" in texts:
            raise KeyboardInterrupt
        self.texts += texts
        return np.array([[len(text), -1] for text in texts], np.float32)


def test_what_was_answered_before_a_kill_is_not_asked_again() -> None:
    asked, texts = Asked(), ["a", "bb", "ccc", "fatal", "e"]
    with pytest.raises(KeyboardInterrupt):
        cached("key", texts, 2, asked, size=3)
    asked.deadly = False
    told: list[tuple[int, int]] = []
    answers = cached("key", texts, 2, asked, lambda done, total: told.append((done, total)), size=3)
    assert answers[:, 0].tolist() == [1, 2, 3, 5, 1]
    assert asked.texts == texts
    assert told == [(3, 5), (5, 5)]
    assert np.array_equal(cached("key", texts, 2, asked, size=3), answers)
    assert asked.texts == texts


def test_another_teacher_or_another_text_is_asked(own_cache: Path) -> None:
    asked = Asked()
    for key, texts in (("one", ["a"]), ("two", ["a"]), ("one", ["b"])):
        cached(key, texts, 2, asked, size=3)
    assert asked.texts == ["a", "a", "b"]
    assert len(list(own_cache.rglob("*.safetensors"))) == 3


def damaged(kind: str, data: bytes, path: Path) -> None:
    """Put something else in the place of a file."""
    path.unlink()
    if kind == "archive":
        np.savez(path.with_suffix(".npz"), answers=np.zeros((2, 2)))
        path.with_suffix(".npz").rename(path)
    elif kind == "others":
        save_tensors(path, {"answers": torch.zeros(2, 3)}, {})
    else:
        path.write_bytes({"empty": b"", "garbage": b"garbage", "cut": data[:-5], "flipped": data[:-1] + b"x"}[kind])


@pytest.mark.parametrize("kind", ["empty", "garbage", "cut", "flipped", "archive", "others"])
def test_a_damaged_file_is_made_again_with_a_note(own_cache: Path, kind: str) -> None:
    asked = Asked()
    before = cached("key", ["a", "bb"], 2, asked)
    (file,) = own_cache.rglob("*.safetensors")
    damaged(kind, file.read_bytes(), file)
    notes: list[str] = []
    for _ in range(2):
        assert np.array_equal(cached("key", ["a", "bb"], 2, asked, noted=notes.append), before)
    assert asked.texts == ["a", "bb"] * 2
    (note,) = notes
    assert note.startswith(f"{file} was damaged (")
    assert note.endswith("); the teacher was asked again.")


def test_a_folder_in_the_place_of_answers_is_one_sentence(own_cache: Path) -> None:
    cached("key", ["a"], 2, Asked())
    (file,) = own_cache.rglob("*.safetensors")
    file.unlink()
    file.mkdir()
    with pytest.raises(InputError, match=r"a folder stands where a file is to be written\. Remove it\.$"):
        cached("key", ["a"], 2, Asked())


def test_nobody_else_may_read_the_answers(own_cache: Path) -> None:
    cached("key", ["a"], 2, Asked())
    modes = {each.stat().st_mode & 0o777 for each in (own_cache, *own_cache.rglob("*")) if each.is_dir()}
    assert modes == {0o700}
    assert {each.stat().st_mode & 0o777 for each in own_cache.rglob("*.safetensors")} == {0o600}


def test_no_texts_give_no_answers() -> None:
    assert cached("key", [], 2, Asked()).shape == (0, 2)


def test_a_digest_knows_where_parts_end() -> None:
    assert digest_of("ab", "") != digest_of("a", "b") != digest_of("", "ab")
    assert digest_of("\ud800") != digest_of("")


def test_the_folder_is_that_of_the_users_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PRUNETEXT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert cache_folder() == Path("/caches/prunetext")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "prunetext"


def test_a_named_folder_needs_no_home(tmp_path: Path) -> None:
    named = {"PRUNETEXT_CACHE": str(tmp_path / "own"), "HOME": "/dev/null/none", "XDG_CACHE_HOME": "/dev/null/none"}
    assert answered(named, "0") == (0, f"{tmp_path / 'own'}")
    assert list((tmp_path / "own" / "answers").glob("*.safetensors"))


def test_a_home_that_cannot_be_written_is_one_sentence_before_anything_is_trained(tmp_path: Path) -> None:
    ended, said = answered({"HOME": "/dev/null/none"}, "0")
    assert (ended, said) == (
        2,
        "/dev/null/none/.cache/prunetext: a teacher's answers cannot be kept there (not a directory). "
        "Set PRUNETEXT_CACHE to a folder that can be written.",
    )


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0, reason="only root can be a user that the system does not know"
)
def test_no_home_at_all_and_no_right_to_write_are_one_sentence(tmp_path: Path) -> None:
    assert answered({}, "54321") == (
        2,
        "There is no home folder to keep a teacher's answers in. Set PRUNETEXT_CACHE to a folder that can be written.",
    )
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o755)
    ended, said = answered({"PRUNETEXT_CACHE": str(closed)}, "54321")
    assert ended == 2
    assert said.endswith("(permission denied). Set PRUNETEXT_CACHE to a folder that can be written.")


PROGRAM = """
import os, sys
number = int(sys.argv[1])
if number:
    import numpy, fcntl, io, pathlib, prunetext.teaching.cache  # while it can still be read
    os.setuid(number)
import numpy as np
from prunetext.errors import InputError
from prunetext.teaching.cache import cache_folder, cached, made_folder
try:
    made_folder(cache_folder())
    cached("key", ["a"], 2, lambda texts: np.zeros((1, 2), np.float32))
    print(cache_folder())
except InputError as error:
    print(error)
    sys.exit(2)
"""


def answered(environment: dict[str, str], user: str) -> tuple[int, str]:
    """How a process with only these names of folders, as this user, keeps an answer."""
    kept = {
        name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME", "PRUNETEXT_CACHE")
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, user], env={**kept, **environment}, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.strip()
