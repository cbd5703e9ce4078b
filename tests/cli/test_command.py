"""How a function becomes a command: a flag for each option, no import before it is needed, quiet ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.commands import flags
from prunetext.options import (
    DenseOptions,
    FitOptions,
    ModelOptions,
    PruneOptions,
    ReadOptions,
    TeachOptions,
    VectorOptions,
    option_types,
)

GROUPS = {
    "fit": (ReadOptions, DenseOptions, FitOptions, TeachOptions, VectorOptions),
    "prune": (PruneOptions,),
    "compare": (ReadOptions, ModelOptions),
    "evaluate": (ReadOptions,),
    "gate": (ReadOptions,),
}
OWN = {
    "fit": ("out", "dev", "test", "vectors", "overwrite", "json", "config"),
    "prune": ("out", "data", "overwrite", "json"),
    "compare": ("out", "methods", "sizes", "seeds", "autotune", "max_drop", "epochs", "json"),
    "evaluate": ("split", "against", "max_drop", "metric", "positive", "slices", "json"),
    "gate": (
        "split",
        "max_drop",
        "max_churn",
        "slices",
        "metric",
        "positive",
        "undecided",
        "junit",
        "markdown",
        "json",
    ),
}


@pytest.mark.parametrize("name", GROUPS)
def test_each_option_is_a_flag(name: str) -> None:
    shown = flags(name)
    for option in (*OWN[name], *option_types(*GROUPS[name])):
        assert f"--{option.replace('_', '-')}" in shown
    if name == "prune":
        assert not {"--epochs", "--seed"} & set(shown), "the dense model is there"


def test_predict_and_help_import_neither_torch_nor_numpy(model: Path) -> None:
    for arguments in (["--help"], ["fit", "--help"], ["predict", str(model), "-"], ["inspect", str(model)]):
        code = (
            f"import sys; sys.argv[1:] = {arguments!r}\n"
            "from prunetext.__main__ import main\n"
            "try:\n    main()\nfinally:\n"
            "    assert not {'torch', 'numpy', 'scipy', 'pyarrow'} & set(sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", code], input=b"a\n", capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b""), arguments


@pytest.mark.parametrize("arguments", [["inspect", "--json"], ["inspect"], ["predict", os.devnull]])
def test_a_closed_output_or_a_reader_that_has_enough_is_no_fault(model: Path, arguments: list[str]) -> None:
    name, *rest = arguments
    line = [sys.executable, "-m", "prunetext", name, str(model), *rest]
    closed = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *line], capture_output=True, check=False)
    assert (closed.returncode, closed.stderr) == (0, b"")
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        enough = subprocess.run(line, stdout=pipe, stderr=subprocess.PIPE, check=False)
    assert (enough.returncode, enough.stderr) == (0, b"")
