"""gensim's own files are read without being unpickled, and whatever else is pickled is refused."""

import pickle  # only to write what must be refused; the package itself never imports it
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunetext.data.vectors.files import read_vectors
from prunetext.errors import DataError

gensim = pytest.importorskip("gensim.models", reason="gensim is not installed")

NAMES = ["the", "Film", "film", "Été", "vectors", "index_to_key", *(f"word{number}" for number in range(3000))]
ROWS = np.random.default_rng(0).normal(0, 0.4, (len(NAMES), 5)).astype(np.float32)
CHOSEN = {"the": 0, "film": 2, "ete": 3, "vectors": 4, "word2999": len(NAMES) - 1}
CORPUS = [["the", "great", "film"], ["the", "dull", "film"]] * 20


def keyed(kind: type = np.float32) -> Any:
    made = gensim.KeyedVectors(5, dtype=kind)
    made.add_vectors(NAMES, ROWS.astype(kind))
    return made


@pytest.mark.parametrize("limit", [1, 1 << 40], ids=["beside", "within"])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_what_gensim_saves_is_read(tmp_path: Path, limit: int, kind: type) -> None:
    made = keyed(kind)
    made.fill_norms()
    made.save(str(tmp_path / "film.kv"), sep_limit=limit)
    assert (tmp_path / "film.kv.vectors.npy").exists() == (limit == 1)
    found = read_vectors(tmp_path / "film.kv", [*CHOSEN, "absent"])
    assert found.keys() == CHOSEN.keys()
    for word, row in CHOSEN.items():
        np.testing.assert_array_equal(found[word], ROWS[row])
    if limit == 1:
        (tmp_path / "film.kv.vectors.npy").unlink()
        with pytest.raises(DataError, match=r"its numbers are in film\.kv\.vectors\.npy, which is not beside it"):
            read_vectors(tmp_path / "film.kv", CHOSEN)


def test_memory_does_not_grow_with_the_file(
    tmp_path: Path, memory_of: Callable[[Path, list[str]], tuple[int, int]]
) -> None:
    made = gensim.KeyedVectors(1000)
    made.add_vectors([f"word{number}" for number in range(15_000)], np.ones((15_000, 1000), np.float32))
    made.save(str(tmp_path / "large.kv"), sep_limit=1 << 40)  # 60 MB, in the file itself
    found, taken = memory_of(tmp_path / "large.kv", [f"word{number}" for number in range(0, 15_000, 100)])
    assert found == 150
    assert taken < 12_000, "kB, of which 150 vectors take 600"


def test_what_gensim_trains_is_read(tmp_path: Path) -> None:
    word2vec = gensim.Word2Vec(CORPUS, vector_size=4, min_count=1, workers=1, epochs=1)
    word2vec.wv.save(str(tmp_path / "word2vec.kv"))
    word2vec.wv.save_word2vec_format(str(tmp_path / "word2vec.bin"), binary=True)
    fasttext = gensim.FastText(CORPUS, vector_size=4, min_count=1, workers=1, epochs=1, bucket=50)
    fasttext.wv.save_word2vec_format(str(tmp_path / "fasttext.vec"))
    for name, wanted in (("word2vec.kv", word2vec), ("word2vec.bin", word2vec), ("fasttext.vec", fasttext)):
        found = read_vectors(tmp_path / name, ["great", "film"])
        for word in ("great", "film"):
            np.testing.assert_allclose(found[word], wanted.wv[word], atol=1e-7)
    for name, model in (("word2vec.model", word2vec), ("fasttext.kv", fasttext.wv)):
        model.save(str(tmp_path / name))
        with pytest.raises(
            DataError, match=r"names something other than word vectors\)\. Write the vectors with save_"
        ):
            read_vectors(tmp_path / name, ["film"])


class Harm:
    """Would make a file if it was unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return exec, (f"open({str(self.path)!r}, 'w').close()",)


def small(tmp_path: Path) -> bytes:
    made = gensim.KeyedVectors(2)
    made.add_vectors(["the", "film"], ROWS[:2, :2])
    made.save(str(tmp_path / "small.kv"))
    return (tmp_path / "small.kv").read_bytes()


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_in_a_file_is_run(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "harm.kv"
    path.write_bytes(pickle.dumps({"vectors": Harm(tmp_path / "harmed")}, protocol))
    with pytest.raises(DataError, match=r"^\S*harm\.kv: this is not a file of gensim 4's KeyedVectors\.save \("):
        read_vectors(path, ["film"])
    assert not (tmp_path / "harmed").exists()


def refused(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_vectors(path, ["film"])
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_file_cannot_make_the_reader_hang_or_take_memory(tmp_path: Path) -> None:
    path, began = tmp_path / "hostile.kv", time.monotonic()
    proto = b"\x80\x04"
    assert "cut off" in refused(path, proto + b"\x8e" + struct.pack("<Q", 1 << 60) + b"x")  # bytes that are not there
    assert "cut off" in refused(path, proto + b"X" + struct.pack("<I", 1 << 31) + b"x")
    assert "holds more than" in refused(path, proto + b"K\x01" * 100_000 + b".")
    made = b"]J\0\0\0\0" * 30_000
    assert "holds more than" in refused(path, proto + b"](" + made + b"e(" + made + b"e(" + made + b"e.")
    for idle in (b"\x94" * 9_000_000, b"N" * 9_000_000, b"](" + b"Ne(" * 3_000_000, b")" + b"\x94K\x01" * 3_000_000):
        assert "opcodes that do nothing" in refused(path, proto + b")" + idle + b".")
    nested = b")" + b"".join(b"\x94h%c\x86" % number for number in range(80))  # each pair holds the last one twice
    for use in (b"N\x93", b")R", b"}(" + b"hOK\x01u", b"b"):
        refused(path, proto + nested + use + b".")
    array = small(tmp_path)
    for old, new in (
        (b"K\x02K\x02\x86", b"K\x02K\x03\x86"),
        (b"K\x02K\x02\x86", b"J\xff\xff\xff\x7fK\x02\x86"),
        (b"K\x02K\x02\x86", b"J\xff\xff\xff\xffK\x02\x86"),
        (b"\x8c\x02f4", b"\x8c\x02O8"),
        (b"\x8c\x01<", b"\x8c\x01|"),
        (b"\x8c\x04film", b"K\x01"),
        (b"\x8c\x0cindex_to_key", b"\x8c\x0cindex_to_kez"),
        (b"KeyedVectors", b"KeyedVectorz"),
    ):
        assert array.count(old) >= 1
        refused(path, array.replace(old, new, 1))
    assert time.monotonic() - began < 5


@given(st.data())
def test_a_damaged_file_is_refused_or_read(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    content = bytearray(small(folder))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (folder / "damaged.kv").write_bytes(content[: data.draw(st.integers(2, len(content)))])
    try:
        found = read_vectors(folder / "damaged.kv", ["the", "film"])
    except DataError:
        return
    assert all(np.isfinite(row).all() for row in found.values())


def test_gensim_is_not_loaded_to_read_its_files(tmp_path: Path) -> None:
    small(tmp_path)
    code = (
        "import sys\n"
        "from prunetext.data.vectors.files import read_vectors\n"
        f"assert read_vectors({str(tmp_path / 'small.kv')!r}, ['film'])\n"
        "assert 'gensim' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
