"""What a file says can do nothing to the terminal."""

import pytest

from prunetext.cli import tables as console
from prunetext.judging.api import Evaluation
from prunetext.modelfiles.inspection import Inspection
from prunetext.statistics.evaluation import ClassScore, Score

HOSTILE = "a\x1b[2J\nb\x9b\u202e"
SHOWN = r"a\x1b[2J\nb\x9b\u202e"


def test_labels_of_an_evaluation_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [ClassScore(HOSTILE, 1.0, 1.0, 1.0, 3), ClassScore("[b]ü\u200d电[/b]", 0.0, 0.0, 0.0, 0)]
    console.print_evaluation(Evaluation(Score(1.0, 0.5, 0.4, 1.0, 3), rows, None, None, []), None, 0.5)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2].startswith(f"{SHOWN} ")
    assert lines[-1].startswith("[b]ü\u200d电[/b] "), "what is harmless stays, markup too"


def test_what_a_model_says_of_itself_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    found = Inspection(
        path=HOSTILE,
        format="prunetext/1",
        size=1,
        parts={HOSTILE: 1},
        coding={HOSTILE: {"precision": HOSTILE, "zeros": HOSTILE}},
        labels=["x", HOSTILE],
        words=1,
        dimensions=1,
        filters={},
        pooling=HOSTILE,
        table=None,
        table_bytes=None,
        tokenizer="bert/1",
        temperature=1.5,
        reject=0.75,
        longest=[HOSTILE],
        provenance={HOSTILE: {HOSTILE: HOSTILE}},
    )
    console.print_inspection(found)
    out = capsys.readouterr().out
    assert not set(HOSTILE) & set(out.replace("\n", "")) - set(SHOWN)
    assert f"labels      x, {SHOWN}\n" in out
    assert out.count(SHOWN) == 11
    assert "temperature 1.5\nreject      below a probability of 0.75\n" in out
