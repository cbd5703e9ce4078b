"""Check the bare install: with no package but prunetext, a packed file is written, loaded and used.

    .venv-bare/bin/python -I scripts/bare_test.py dist/prunetext-*.whl

Run it with the Python of an environment into which the wheel alone was installed. If its file is given, that is
checked, too: what it is called, what it weighs, and what it brings.
"""

import importlib.metadata
import importlib.util
import struct
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

from prunetext.runtime import format as packed

# Loads and predicts in a fresh process, then prints the modules that this brought.
USE = """
import sys
before = set(sys.modules)
import prunetext
classifier = prunetext.load(sys.argv[1])
assert classifier.predict(["a good film", "BAD!", ""]) == ["pos", "neg", "neg"], classifier.predict(["a good film"])
assert classifier.explain("a good film") == [("good", 1.0)], classifier.explain("a good film")
print(*sorted(set(sys.modules) - before))
try:
    classifier.predict_proba(["good"])
except ImportError as error:
    assert "prunetext[" in str(error), error
else:
    raise AssertionError("predict_proba answered without numpy")
for name in ("fit", "Score"):
    try:
        getattr(prunetext, name)
    except ImportError as error:
        assert "prunetext[train]" in str(error), error
    else:
        raise AssertionError(f"{name} is there without its extra")
"""
LARGEST_WHEEL = 1_530_000  # bytes, of which two modules of WebAssembly have 145,000
SLOW_TO_IMPORT = {"json", "re", "typing", "dataclasses", "pathlib", "importlib.metadata", "numpy", "torch"}


def main() -> None:
    """Run every check; a failed one ends with a traceback and a non-zero exit code."""
    for package in ("numpy", "torch", "typer", "rich", "pyarrow", "scipy"):
        assert importlib.util.find_spec(package) is None, f"{package} is installed: this environment is not bare"
    needed = [rule for rule in importlib.metadata.requires("prunetext") or () if "extra ==" not in rule]
    assert not needed, f"the wheel needs {needed}"
    for wheel in sys.argv[1:]:
        check_wheel(Path(wheel))
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "model.safetensors")
        size = write_tiny_model(model)
        used = subprocess.run([sys.executable, "-I", "-c", USE, model], stdout=subprocess.PIPE, text=True, check=True)
    brought = set(used.stdout.split())
    assert not brought & SLOW_TO_IMPORT, f"loading and predicting imported {sorted(brought & SLOW_TO_IMPORT)}"
    command = check_command_names_its_extra()
    print(f"a file of {size:,} bytes was loaded and used; {len(brought)} modules were imported; {command!r}")


def check_wheel(wheel: Path) -> None:
    """Check the wheel's size, that it runs on more systems than this one, and that it brings no library of others."""
    assert wheel.stat().st_size <= LARGEST_WHEEL, f"{wheel} has {wheel.stat().st_size:,} bytes"
    if sys.platform == "linux":
        assert wheel.stem.split("-")[-1].startswith(("manylinux_", "musllinux_")), f"{wheel} is for this system alone"
    brought = [name for name in zipfile.ZipFile(wheel).namelist() if not name.startswith(("prunetext/", "prunetext-"))]
    assert not brought, f"{wheel} brings {brought}"
    print(f"{wheel.name}: {wheel.stat().st_size:,} bytes")


def write_tiny_model(path: Path) -> int:
    """Write a model of two words and two filters, whose label is the word that stands in the text."""
    scale = 1 / 127  # full-scale int8 stands for 1.0 everywhere
    tensors = {
        "embedding": integers([[0, 0], [127, 0], [0, 127]]),  # the unknown word, bad, good
        "embedding.scale": floats((1,), [scale]),
        "conv1.weight": packed.Tensor("I8", (2, 1, 2), struct.pack("4b", 127, 0, 0, 127)),
        "conv1.scale": floats((2,), [scale, scale]),
        "conv1.table_scale": floats((2,), [scale, scale]),
        "conv1.bias": floats((2,), [0.0, 0.0]),
        "head.weight": floats((2, 2), [1.0, 0.0, 0.0, 1.0]),
        "head.bias": floats((2,), [0.0, 0.0]),
    }
    vocabulary = packed.encode_vocabulary(["bad", "good"])
    tensors["vocabulary"] = packed.Tensor("U8", (len(vocabulary),), vocabulary)
    metadata = {
        "labels": '["neg","pos"]',
        "pooling": "max",
        "provenance": "{}",
        "table": "int8",
        "task": "classification",
        "temperature": "1.0",
        "tokenizer": "bert/1",
    }
    return packed.write(path, tensors, metadata)


def integers(rows: list[list[int]]) -> packed.Tensor:
    """Store rows as int8."""
    flat = [value for row in rows for value in row]
    return packed.Tensor("I8", (len(rows), len(rows[0])), struct.pack(f"{len(flat)}b", *flat))


def floats(shape: tuple[int, ...], values: list[float]) -> packed.Tensor:
    """Store values as float32."""
    return packed.Tensor("F32", shape, struct.pack(f"<{len(values)}f", *values))


def check_command_names_its_extra() -> str:
    """Run `prunetext` without the cli extra: one sentence with the pip command, exit code 2."""
    command = Path(sysconfig.get_path("scripts"), "prunetext")
    done = subprocess.run([command, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 2, f"exit code {done.returncode}\n{done.stderr}"
    assert done.stdout == "", done.stdout
    assert "pip install 'prunetext[cli]'" in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.strip()


if __name__ == "__main__":
    main()
