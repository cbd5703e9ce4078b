"""A run whose texts are as hostile as texts can be, and its page."""

import json
import random
from pathlib import Path

import pytest

from helpers.runs import fit
from prunetext.reporting.api import Page, report

HOSTILE = [
    "</script><script>document.title = 'broken'</script> great",
    '"><img src=x onerror="document.title=1"> dull',
    "'; alert(1); // ${1} {{ 7 * 7 }} {% raw %} great",
    "\u202egnp.exe \u2067right to left\u2069 \u05e9\u05dc\u05d5\u05dd dull",
    "<!-- <style>*{display:none}</style> --> great ]]>",
    "w" * 2_000_000 + " dull",
]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run, and texts of two sources."""
    folder = tmp_path_factory.mktemp("reporting")
    draw = random.Random(0)
    good, bad = ("great", "lovely", "superb", "warm"), ("dull", "boring", "weak", "cold")
    filler = [f"word{number}" for number in range(60)]

    def row(number: int) -> dict[str, str]:
        label = ("</b>neg", "pos")[number % 2]
        words = [*draw.sample(filler, 5), draw.choice(good if label == "pos" else bad)]
        if draw.random() < 0.15:  # hard ones, on which models differ
            words[-1] = draw.choice(good + bad)
        return {"text": " ".join(draw.sample(words, len(words))), "label": label, "source": f"<{number % 3}>"}

    rows = [row(number) for number in range(400)]
    hostile = [{"text": text, "label": "pos" if "great" in text else "</b>neg", "source": "<0>"} for text in HOSTILE]
    for name, part in (("train", rows[:240]), ("dev", rows[240:320]), ("test", rows[320:] + hostile)):
        (folder / "data").mkdir(exist_ok=True)
        lines = (json.dumps(each, ensure_ascii=False) + "\n" for each in part)
        (folder / "data" / f"{name}.jsonl").write_text("".join(lines), "utf-8")
    how = {"dimensions": 8, "filters": 4, "widths": "1,2", "epochs": 4.0, "max_drop": 60.0, "max_size": "2800"}
    fit(str(folder / "data"), out=folder / "run", **how)
    return folder


@pytest.fixture(scope="session")
def page(folder: Path) -> Page:
    """The page of that run."""
    pytest.importorskip("vl_convert", reason="the extra report is not installed")
    return report(folder / "run", slices="source")
