"""The C interface: the example compiles as C without a warning, and answers what the native runtime answers."""

import os
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpers.wasm import expected
from prunetext.runtime import _native

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "build" / "c"
TEXTS = [
    "",
    "film " * 20_000,
    "a good film",
    "GREAT, great film!",
    "电影 good ø ẞ",
    "🇩🇪 schön, é",
    "unseen",
    "bad " * 999,
]
PAIRS = [("a good film", "a film"), ("", "bad"), ("ø ø", "电影 ø")]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(os.environ.get("PRUNETEXT_C", LIBRARY))
    compiler = shutil.which("cc")
    if compiler is None or not (folder / "libprunetext.a").is_file():
        pytest.skip("there is no cc, or no build/c/libprunetext.a: run `make c`")
    made = tmp_path_factory.mktemp("c") / "predict"
    flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    source = ROOT / "examples" / "c" / "predict.c"
    library = [folder / "libprunetext.a", "-lstdc++", "-lm"]
    subprocess.run([compiler, *flags, "-I", folder, source, *library, "-o", made], check=True)
    return made


def run(program: Path, model: Path, lines: list[str]) -> subprocess.CompletedProcess[bytes]:
    said = "".join(f"{line}\n" for line in lines).encode()
    return subprocess.run([program, model], input=said, capture_output=True, check=False)


@pytest.mark.parametrize(
    "shape", [{}, {"thresholds": (0.5, 0.3, 0.8), "tokenizer": "pieces/3"}, {"pairs": True, "seed": 7}]
)
def test_the_example_answers_as_the_native_runtime(
    program: Path, make_model: Callable[..., Path], shape: dict[str, Any]
) -> None:
    path = make_model(**shape)
    items: list[Any] = PAIRS if "pairs" in shape else TEXTS
    done = run(program, path, ["\t".join(each) if isinstance(each, tuple) else each for each in items])
    assert done.returncode == 0, done.stderr
    native = _native.Model(path)
    for line, (shares, chosen) in zip(done.stdout.decode().splitlines(), expected(native, items), strict=True):
        share, *labels = line.split("\t")
        assert struct.pack("f", float(share)) == struct.pack("f", max(shares))
        assert labels == [label for label, given in zip(native.labels, chosen, strict=True) if given]


def test_a_refusal_is_a_message(program: Path, make_model: Callable[..., Path], tmp_path: Path) -> None:
    damaged = bytearray(make_model().read_bytes())
    damaged[-1] ^= 1
    path = tmp_path / "damaged"
    path.write_bytes(damaged)
    done = run(program, path, [])
    assert done.returncode == 1
    assert b"cannot be loaded: its checksum does not match" in done.stderr
    assert run(program, make_model(pairs=True), ["no tab"]).returncode == 1
