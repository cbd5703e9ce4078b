"""A long call lets Ctrl-C end it, and other threads go on."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import prunetext
from helpers.packing import pack

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs SIGINT")

WORDS = list("abcdefg")
SECONDS = 1.0  # from Ctrl-C to the end of the process, in which Python itself takes a while to leave
SLOW = {2: 256, 3: 256}  # filters, for a long text of few bytes
PROGRAM = """
import sys, threading, time
import prunetext, prunetext.runtime._native
clf = prunetext.load(sys.argv[1])
text = "a b c d e f g " * 1_000_000
print("begun", flush=True)
try:
    {call}
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.fixture(scope="module")
def models(random_model: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """A model of single texts, and one of pairs."""
    found = {}
    for texts in (1, 2):
        found[texts] = tmp_path_factory.mktemp("models") / "model.safetensors"
        pack(random_model(texts=texts, filters=SLOW), WORDS, ["x", "y", "z"], found[texts])
    return found


def seconds_to_end(call: str, model: Path) -> tuple[float, str]:
    """How long a call goes on after Ctrl-C, and what the program says then."""
    line = [sys.executable, "-c", PROGRAM.format(call=call), str(model)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(0.5)
        assert process.poll() is None, "the call takes longer than that"
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        said = process.stdout.readline()
        return time.monotonic() - began, said


@pytest.mark.parametrize(
    ("call", "texts"),
    [
        ("clf.predict([text] * 1000, threads=1)", 1),  # 14 GB to read, in the memory of one text
        ("clf.predict([text] * 1000, threads=3)", 1),
        ("clf.predict_proba([text] * 1000)", 1),
        ("clf.predict([text * 16])", 1),
        ("clf.predict_with_probability([text * 16] * 2, threads=2)", 1),
        ("clf.answers(['a b'] * 500 + [text * 16], threads=2)", 1),
        ("clf.encode([text] * 1000)", 1),
        ("clf.explain(text)", 1),
        ("clf.predict([(text, text)])", 2),
        ("clf.explain((text, 'a b'))", 2),
        ("prunetext.runtime._native.count_words([text] * 100)", 1),
        ("prunetext.runtime._native.Vocabulary(['a']).encode([text[:10_000]] * 100_000, 2)", 1),
    ],
)
def test_ctrl_c_ends_a_long_call_within_a_second(call: str, texts: int, models: dict[int, Path]) -> None:
    seconds, said = seconds_to_end(call, models[texts])
    assert said == "interrupted\n"
    assert seconds < SECONDS


@pytest.mark.parametrize("call", ["explain", "predict"])
def test_other_threads_go_on_during_a_long_call(call: str, models: dict[int, Path]) -> None:
    classifier = prunetext.load(models[1])
    text = "a b c d e f g " * (10_000 if call == "explain" else 1_000_000)
    works = {"explain": lambda: classifier.explain(text), "predict": lambda: classifier.predict([text], 1)}
    working = threading.Thread(target=works[call])
    moments = [time.monotonic()]
    working.start()
    while working.is_alive():
        time.sleep(0.001)
        moments.append(time.monotonic())
    whole = moments[-1] - moments[0]
    longest = max(later - earlier for earlier, later in pairwise(moments))
    assert longest < 0.5 * whole, "a thread that holds the GIL leaves one gap as long as the call"


def test_a_handler_may_itself_use_the_model(models: dict[int, Path]) -> None:
    classifier = prunetext.load(models[1])
    texts, text = ["a b", "c", "g f e"], "a b c d e f g " * 4_000_000
    expected, alone = classifier.predict_proba([text]).tolist(), classifier.predict_proba(texts).tolist()
    found = []

    def handler(*_: object) -> None:
        found.append(classifier.predict_proba(texts).tolist())

    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.15, 0.05)
        assert classifier.predict_proba([text]).tolist() == expected
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert found
    assert all(each == alone for each in found)


def test_ctrl_c_during_the_command_predict_ends_it_within_a_second(models: dict[int, Path], tmp_path: Path) -> None:
    big = tmp_path / "big.txt"
    with big.open("wb") as file:
        file.write(b"a b c d e f g " * 20_000 + b"\n")
        file.truncate(2_000_000_000)  # sparse: no such disk is needed
    line = [sys.executable, "-m", "prunetext", "predict", str(models[1]), str(big)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        time.sleep(0.5)
        assert process.poll() is None
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
        seconds = time.monotonic() - began
    assert (process.returncode, err) == (130, b"Interrupted.\n")
    assert seconds < SECONDS
