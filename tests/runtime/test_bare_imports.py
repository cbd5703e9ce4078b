"""A user who only predicts pays for nothing else: the first prediction loads almost no module."""

import subprocess
import sys
from pathlib import Path

import pytest

import prunetext

HEAVY = ("json", "re", "typing", "dataclasses", "pathlib", "importlib.metadata", "numpy", "torch")
HEAVY += ("prunetext.runtime.onnx_model", "prunetext.runtime.cascade_model", "prunetext.runtime.cascade_files")

PROGRAM = f"""
import sys
import prunetext
classifier = prunetext.load(sys.argv[1])
if classifier.task == "labels":
    assert set(classifier.predict(["a great film"])[0]).issubset(classifier.labels)
else:
    assert classifier.predict(["a great film"])[0] in classifier.labels
    assert classifier.predict(["a great film"], reject=True)[0] in (None, *classifier.labels)
assert classifier.explain("a great film")
print([name for name in {HEAVY!r} if name in sys.modules])
"""


@pytest.mark.parametrize("kind", ["rejecting_model", "several_model"])
def test_first_prediction_loads_no_heavy_module(request: pytest.FixtureRequest, kind: str) -> None:
    model: Path = request.getfixturevalue(kind)
    # -S: an installation's own .pth files may import anything at start.
    package = Path(prunetext.__file__).parent.parent
    program = f"import sys; sys.path.insert(0, {str(package)!r})\n" + PROGRAM
    done = subprocess.run(
        [sys.executable, "-S", "-c", program, str(model)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
