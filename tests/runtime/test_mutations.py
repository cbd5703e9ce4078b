"""Ten seconds of damaged model files, from a seed, in a process of little memory; `make fuzz` goes further."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import prunetext

SCRIPT = Path(__file__).parents[2] / "scripts" / "damage_test.py"


def test_damaged_files_are_refused_or_predict(
    make_model: Callable[..., Path], model: Path, coded_model: Path, pair_model: Path, tmp_path: Path
) -> None:
    wide = make_model(table="int16", pooling="max", filters={1: 2, 16: 1}, zeros=0.6, dimensions=30, classes=2)
    listed = make_model(bigrams=("a film", "film a", "good film"), classes=2)
    copy = tmp_path / "copy.safetensors"
    program = (
        f"import runpy, sys; sys.path.insert(0, {str(Path(prunetext.__file__).parent.parent)!r})\n"
        f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    )
    options = ["--seconds", "10", "--copies", "1000000", "--seed", "1", "--copy", copy]
    done = subprocess.run(
        [sys.executable, "-c", program, *options, model, coded_model, wide, pair_model, listed],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"exit code {done.returncode}, with {copy}\n{done.stdout}{done.stderr[-2000:]}"
    copies, refused, resealed = (int(done.stdout.split()[place]) for place in (0, 2, 4))
    assert refused > copies / 2, done.stdout
    assert resealed > 10, done.stdout
