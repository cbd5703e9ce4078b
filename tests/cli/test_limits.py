"""Signals and faults of the machine: one sentence and nothing lost; the same command goes on."""

import ctypes
import fcntl
import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers.commands import Call
from helpers.packing import pack
from helpers.source import code, modules, place
from helpers.tables import write_csv

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")

SMALL = ["--teacher", "none", "--dimensions", "4", "--filters", "4", "--epochs", "6"]
LONG = [*SMALL, "--max-drop", "50", "--schedule", "local:first=1.02,last=1.01"]  # hundreds of steps
Told = Callable[..., tuple[int, str]]  # what the fixture `told` gives
LINE = [sys.executable, "-m", "prunetext"]


@pytest.fixture(scope="module")
def data(toy_examples: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    examples = toy_examples(240, noise=0.05)
    return write_csv(
        tmp_path_factory.mktemp("data") / "toy.csv", list(zip(examples.texts, examples.labels, strict=True))
    )


@pytest.fixture(scope="module")
def packed(random_model: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("packed") / "model.safetensors"
    pack(random_model(), list("abcdefg"), ["x", "y", "z"], path)
    return path


def wait_for(there: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + 60
    while not there():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.02)


def searching(run: Path) -> bool:
    """Whether a smaller model is there."""
    return len(list((run / "unfinished" / "steps").glob("*.safetensors"))) >= 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_during_the_search_keeps_the_best_model_so_far(number: int, data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    line = [*LINE, "fit", str(data), "--out", str(run), *LONG]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_for(lambda: searching(run), process)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode in (0, 3), err
    assert b"Why the search ended: interrupted; this is the best model so far" in out
    assert (run / "model.safetensors").exists()
    assert not (run / "unfinished").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_where_there_is_nothing_to_keep_ends_with_one_word(number: int, packed: Path) -> None:
    with subprocess.Popen(
        [*LINE, "predict", str(packed), "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"a b\n")
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(number)
        _, err = process.communicate()
    assert (process.returncode, err) == (130, b"Interrupted.\n")


def test_a_hangup_that_the_caller_ignores_stays_ignored(packed: Path) -> None:
    with subprocess.Popen(
        ["nohup", *LINE, "predict", str(packed), "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(2):
            process.stdin.write(b"a b\n")
            process.stdin.flush()
            assert process.stdout.readline().count(b"\t") == 1
            process.send_signal(signal.SIGHUP)
        process.stdin.close()
        assert process.wait() == 0


def test_a_terminal_that_closes_keeps_the_best_model_so_far(data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    ours, theirs = pty.openpty()

    def take_terminal() -> None:
        os.setsid()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    line = [*LINE, "fit", str(data), "--out", str(run), *LONG]
    process = subprocess.Popen(line, stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=take_terminal)
    os.close(theirs)
    os.set_blocking(ours, False)
    limit = time.monotonic() + 60
    while not searching(run) and time.monotonic() < limit and process.poll() is None:
        try:
            os.read(ours, 1 << 16)  # the bars, which would otherwise fill the terminal
        except BlockingIOError:
            time.sleep(0.02)
    assert process.poll() is None
    os.close(ours)
    assert process.wait(60) in (0, 3)
    reason = json.loads((run / "result.json").read_text("utf-8"))["reason"]
    assert reason.startswith("interrupted; this is the best model so far")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A folder on a disk with these options, which may change; only root can have one."""
    libc, folder = ctypes.CDLL(None, use_errno=True), tmp_path / "disk"
    folder.mkdir()
    mounted = False

    def mount(options: str) -> Path:
        nonlocal mounted
        read_only, remount = 1, 32
        flags = (remount if mounted else 0) | (read_only if options == "ro" else 0)
        words = b"" if options == "ro" else options.encode()
        if libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", flags, words):
            pytest.skip(f"only root can mount a disk ({os.strerror(ctypes.get_errno())})")
        mounted = True
        return folder

    yield mount
    if mounted:
        libc.umount2(os.fsencode(folder), 2)


@pytest.fixture
def told(call: Call) -> Callable[..., tuple[int, str]]:
    """Run a command in this process; its exit code, and the last line that it has written to standard error."""

    def run(*arguments: object) -> tuple[int, str]:
        done = call(*arguments)
        return done.code, done.err.splitlines()[-1] if done.err else ""

    return run


def test_a_full_disk_is_one_sentence_and_the_command_goes_on_when_there_is_room(
    data: Path, tmp_path: Path, small_disk: Callable[[str], Path], told: Told
) -> None:
    whole = tmp_path / "whole"
    fit = ["fit", data, *SMALL, "--max-size", "1MB"]
    assert told(*fit, "--out", whole)[0] == 0
    size = 4096
    full = set()
    run = small_disk(f"size={size}") / "run"
    while True:
        ended, said = told(*fit, "--out", run)
        if ended == 0:
            break
        assert ended == 2
        assert said.endswith(": no space left on device. Make room, and repeat the command.")
        assert not (run / "model.safetensors").exists(), "nothing half-written"
        full.add(said.partition(":")[0])
        size += 4096
        small_disk(f"size={size}")
    assert len(full) >= 3, "it was full at several stages"
    assert all(each.startswith(str(run)) for each in full)
    for name in ("model.safetensors", "dense.safetensors", "pruned.safetensors"):
        assert (run / name).read_bytes() == (whole / name).read_bytes()


def test_a_disk_that_cannot_be_written_is_one_sentence(
    data: Path, packed: Path, small_disk: Callable[[str], Path], told: Told
) -> None:
    small_disk("size=64k")
    folder = small_disk("ro")
    assert told("fit", data, "--out", folder / "run", *SMALL) == (
        2,
        f"{folder / 'run'} cannot be written (Read-only file system). Give another --out.",
    )
    target = folder / "model.onnx"
    assert told("export", packed, "--onnx", target) == (
        2,
        f"{target}: read-only file system. Give another place, which can be written.",
    )


def limited(limit: str, *arguments: object) -> tuple[int, str]:
    """The same under a limit of the shell."""
    line = ["sh", "-c", f'ulimit {limit} && "$@"', "sh", *LINE, *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr.splitlines()[-1] if done.stderr else ""


def test_too_few_descriptors_are_one_sentence(data: Path, packed: Path) -> None:
    assert limited("-n 8", "bench", packed, data, "--peers", "none", "--passes", "1", "--starts", "1") == (
        2,
        "too many open files. Allow more open files, as with ulimit -n, and repeat the command.",
    )
    assert limited("-n 16", "predict", packed, data)[0] == 0


def test_a_file_that_may_not_be_so_large_is_one_sentence_and_the_command_goes_on(
    data: Path, tmp_path: Path, told: Told
) -> None:
    run = tmp_path / "run"
    fit = ["fit", data, "--out", run, *SMALL, "--max-size", "1MB"]
    ended, said = limited("-f 1", *fit)  # a block of 512 bytes
    assert (ended, said) == (
        2,
        f"{run / 'unfinished' / 'recipe.json'}: file too large. Check the name, its permissions and the disk.",
    )
    assert told(*fit)[0] == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["inspect"], ["inspect", "--json"], ["predict"], ["--help"], ["--version"]])
def test_a_full_standard_output_is_one_sentence(arguments: list[str], packed: Path) -> None:
    name, *rest = arguments
    given = {"inspect": [packed], "predict": [packed, "-"]}.get(name, [])
    with Path("/dev/full").open("wb") as full:
        line = [*LINE, name, *map(str, given), *rest]
        done = subprocess.run(line, input=b"a\n", stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2
    assert done.stderr.decode().endswith("no space left on device. Make room, and repeat the command.\n")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("arguments", [["--help"], ["fit", "--help"], ["--version"]])
def test_a_reader_of_the_help_that_has_enough_is_no_fault(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run([*LINE, *arguments], stdout=pipe, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_nothing_asks_for_the_time_of_day() -> None:
    """A clock that is set, or jumps, changes nothing: all limits and speeds are measured on clocks that cannot."""
    asking = re.compile(r"\btime\.time\(|\bdatetime\.(now|today|utcnow)|\btime\.(local|gm)time\(|\.st_[mc]time")
    assert not [place(path, at) for path in modules().values() for at, line in code(path) if asking.search(line)]
