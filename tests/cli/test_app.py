"""All commands together: help, exit codes, what a wrong usage says, and output that any terminal can show."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.commands import Call
from helpers.kills import MORE_THAN_A_PIPE_HOLDS
from helpers.tables import write_csv


def test_help_and_version(call: Call) -> None:
    assert call("--version").out.startswith("prunetext ")
    done = call("--help")
    assert done.code == 0
    for name in ("fit", "predict", "evaluate", "gate", "inspect"):
        assert f"\n  {name} " in done.out
    assert call().out == done.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["predict", "m", "-", "--text"], "Option '--text' requires an argument. See prunetext predict --help."),
        (["fit", "x.csv", "--out"], "Option '--out' requires an argument. See prunetext fit --help."),
        (["predict"], "Missing argument 'MODEL'. See prunetext predict --help."),
        (["forget"], "No such command 'forget'. See prunetext --help."),
    ],
)
def test_a_wrong_usage_points_to_the_help_of_its_command(arguments: list[str], sentence: str, call: Call) -> None:
    assert call(*arguments) == (2, "", f"{sentence}\n")


@pytest.mark.skipif(os.name == "nt", reason="needs SIGINT")
def test_ctrl_c_before_there_is_an_answer_ends_with_130_and_one_word(model: Path) -> None:
    line = [sys.executable, "-m", "prunetext", "predict", str(model), "-"]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"football\n")
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert (process.returncode, err) == (130, b"Interrupted.\n")


@pytest.mark.skipif(os.name == "nt", reason="needs SIGINT")
def test_ctrl_c_before_there_is_a_model_says_how_to_go_on(tmp_path: Path) -> None:
    """In a process of its own: in that of the tests, callbacks of others can swallow an interrupt."""
    given = tmp_path / "given"
    given.mkdir()
    write_csv(given / "train.csv", [(f"text {at}", f"label {at % 2}") for at in range(40)])
    pipe = given / "unlabelled.txt"
    os.mkfifo(pipe)
    line = [sys.executable, "-m", "prunetext", "fit", given, "--out", tmp_path / "run", "--teacher", "ngrams"]
    line = [*line, "--unlabelled", pipe]
    with (
        subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process,
        pipe.open("wb", buffering=0) as writer,  # it waits for a reader, who then waits for more
    ):
        writer.write(b"x" * MORE_THAN_A_PIPE_HOLDS)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err) == (130, b"", b"Interrupted. Repeat the command to resume.\n")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_the_output_is_utf_8_whatever_the_terminal_says(model: Path, tmp_path: Path, encoding: str) -> None:
    copy = tmp_path / "modèle 电.safetensors"
    copy.write_bytes(model.read_bytes())
    environment = os.environ | {"PYTHONIOENCODING": f"{encoding}:strict"}
    line = [sys.executable, "-m", "prunetext", "inspect"]
    for last in ([copy], [copy, "--json"]):
        done = subprocess.run([*line, *last], capture_output=True, env=environment, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        assert str(copy) in done.stdout.decode()
    done = subprocess.run([*line, tmp_path / "电"], capture_output=True, env=environment, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"{tmp_path / '电'}: no such".encode(encoding, "backslashreplace"))


def test_half_a_character_in_a_name_is_printed_as_its_escape(model: Path, tmp_path: Path, call: Call) -> None:
    copy = tmp_path / "\udcff.safetensors"
    copy.write_bytes(model.read_bytes())
    assert call("inspect", copy).out.startswith(f"{tmp_path}/\\udcff.safetensors: prunetext/1")
    assert json.loads(call("inspect", copy, "--json").out)["path"] == str(copy)
