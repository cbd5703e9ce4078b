"""A folder of its own for each test, so that files have short names; and what reading vectors takes."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# Not ru_maxrss, which a new process takes over from the one that started it.
CODE = """
import sys
from prunetext.data.vectors.files import read_vectors
def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
before = peak()
print(len(read_vectors(sys.argv[1], sys.argv[2:])), peak() - before)
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, which files are named from."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def memory_of() -> Callable[[Path, list[str]], tuple[int, int]]:
    """Read the vectors of some words in a new process: how many there are, and the kB that it took at its peak."""
    if not Path("/proc/self/status").exists():
        pytest.skip("the system does not say how much memory a process took")

    def measure(path: Path, words: list[str]) -> tuple[int, int]:
        done = subprocess.run([sys.executable, "-c", CODE, path, *words], capture_output=True, text=True, check=True)
        found, taken = done.stdout.split()
        return int(found), int(taken)

    return measure
