"""Answers are asked for once, also when the asker is killed; what is damaged is asked for again."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

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
    assert len(list(own_cache.rglob("*.npy"))) == 3


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_a_damaged_file_is_made_again(own_cache: Path, damage: bytes | None) -> None:
    asked = Asked()
    before = cached("key", ["a", "bb"], 2, asked)
    (file,) = own_cache.rglob("*.npy")
    file.write_bytes(file.read_bytes()[:-5] if damage is None else damage)
    assert np.array_equal(cached("key", ["a", "bb"], 2, asked), before)
    assert asked.texts == ["a", "bb"] * 2


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
