"""A text of ten megabytes is labelled rightly, in linear time, and in no more memory than a short one takes."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import prunetext
from prunetext.runtime import _native

LENGTH = 10_000_000  # bytes
KINDS = {
    "English": "a great film, the GOOD one; ",
    "Chinese": "电影好，",
    "Latin-1": "ø ü ",
    "one word": "x",
    "one accented word": "é",
    "no spaces": "Film.",
    "marks that are deleted": "\u0301",
    "marks that wait": "\u302e",
    "deleted characters": "\x00",
    "spaces": " ",
    "broken": "\ud800 good ",
}

# In a process of its own that has loaded nothing else, with its own peak: ru_maxrss starts from that of the parent.
CODE = """
import sys, time
import prunetext
def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
classifier = prunetext.load(sys.argv[1])
unit, length = bytes.fromhex(sys.argv[2]), int(sys.argv[3])
if sys.argv[4] == "str":
    unit = unit.decode("utf-8", "surrogatepass")
classifier.predict([unit * 20_000], 1)
text = unit * (length // len(sys.argv[2]) * 2)
before, began = peak(), time.process_time()
classifier.predict([text], 1)
print(peak() - before, time.process_time() - began)
"""


@pytest.mark.parametrize("form", ["str", "bytes"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_long_text_takes_linear_time_and_no_more_memory(
    make_model: Callable[..., Path], kind: str, form: str
) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("the system does not say how much memory a process took")
    path, unit = (
        make_model(filters={1: 3, 3: 20}, bigrams=("a great", "great film", "电 影")),
        KINDS[kind].encode("utf-8", "surrogatepass").hex(),
    )
    command = [sys.executable, "-c", CODE, path, unit, str(LENGTH), form]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    taken, seconds = map(float, done.stdout.split())
    assert taken < 1000, "kB, of a text of 10,000"
    assert seconds < 10, "of a tenth of one, unless the work grows faster than the text"


@pytest.mark.parametrize("kind", KINDS)
def test_all_of_a_long_text_counts(make_model: Callable[..., Path], kind: str) -> None:
    path, unit = make_model(filters={1: 3, 3: 20}, seed=4), KINDS[kind]
    some, many = unit * 30_000, unit * (1_000_000 // len(unit))
    end = " the dull film " * 3
    for kernel in _native.kernels():
        model = _native.Model(path, kernel)
        short, long, other = (
            np.frombuffer(model.probabilities([text], 1), np.float32) for text in (some, many, many + end)
        )
        np.testing.assert_allclose(short, long, atol=1e-3)  # the same windows, and nearly the same means
        assert (other != long).any()


@pytest.mark.parametrize("mark", ["\u302e", "\U0001d165", "\u302ee\u302e"])
def test_many_marks_in_a_row_are_as_unknown_as_a_few(make_model: Callable[..., Path], mark: str) -> None:
    words = sorted({"\u302e" * 3, "\U0001d165", "\u302ee\u302e\u302ee\u302e", "good", "film"})
    path = make_model(words=tuple(words))
    for kernel in _native.kernels():
        model = _native.Model(path, kernel)
        unknown = model.probabilities(["good " + "z" * 99 + " film"], 1)
        for count in [*range(1, 40), 1365, 4096, 100_000]:
            text = f"good {mark * count} film"
            known = _native.tokenize(text)[1] in words
            assert (model.probabilities([text], 1) != unknown) == known


@pytest.mark.parametrize("suffix", ["txt", "jsonl", "csv"])
def test_a_line_of_a_file_may_be_as_long(make_model: Callable[..., Path], tmp_path: Path, suffix: str) -> None:
    long, path = "good, " * (LENGTH // 6), make_model()
    quoted = f'"{long}"'
    lines = {"txt": long, "jsonl": f'{{"text": {quoted}}}', "csv": f"text\n{quoted}"}
    source = tmp_path / f"texts.{suffix}"
    source.write_text(lines[suffix] + "\n")
    [(label, probability)] = prunetext.predict(path, source)
    assert [(label, probability)] == prunetext.load(path).predict_with_probability([long])
