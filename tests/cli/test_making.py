"""The commands as a user meets them: what they print, what they write, and how they refuse."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import prunetext
from prunetext.options import FitOptions, ModelOptions, ReadOptions, option_types
from prunetext.runtime import format as packed

QUICK = ["--max-size", "1MB", "--epochs", "20", "--dimensions", "16", "--filters", "8", "--precision", "0.6"]


Call = Callable[..., Any]  # what the fixture `call` gives


def command(*arguments: object, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a command in a process of its own."""
    line = [sys.executable, "-m", "prunetext", *map(str, arguments)]
    return subprocess.run(line, input=given, capture_output=True, check=False)


@pytest.fixture(scope="module")
def rows() -> list[tuple[str, str]]:
    """Real news of two classes, shortened."""
    data = prunetext.read("sample:bbc-news").train
    pairs = [(text[:400], label) for text, label in zip(data.texts, data.labels, strict=True)]
    pairs = [pair for pair in pairs if pair[1] in ("sports", "tech")]
    random.Random(0).shuffle(pairs)
    return pairs[:300]


@pytest.fixture(scope="module")
def news(rows: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "news.csv"
    write_csv(path, rows)
    return path


def write_csv(path: Path, rows: list[tuple[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *rows])


@pytest.fixture(scope="module")
def fitted(news: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[bytes]]:
    out = tmp_path_factory.mktemp("runs") / "news"
    return out, command("fit", news, "--out", out, "--json", *QUICK)


@pytest.fixture
def run(fitted: tuple[Path, subprocess.CompletedProcess[bytes]]) -> Path:
    return fitted[0]


@pytest.fixture
def model(run: Path) -> Path:
    return run / "model.safetensors"


def test_fit_prints_one_json_object_with_the_stored_result(
    fitted: tuple[Path, subprocess.CompletedProcess[bytes]],
) -> None:
    out, done = fitted
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(done.stdout)
    assert found.pop("path") == str(out / "model.safetensors")
    assert found == json.loads((out / "result.json").read_text("utf-8"))
    assert found["packed"]["bytes"] == (out / "model.safetensors").stat().st_size
    assert found["dense"]["accuracy"] > 0.6, "the model has learnt nothing"
    assert b"train" in done.stderr, "progress is told on standard error"


def test_fit_prints_the_table_and_takes_values_from_a_file(news: Path, tmp_path: Path, call: Call) -> None:
    config = tmp_path / "news.toml"
    config.write_text(
        f"data = {json.dumps(str(news))}\nepochs = 1\nmax_size = '1MB'\ndimensions = 4\nfilters = 4\nout = 'nowhere'\n",
        "utf-8",
    )
    done = call("fit", "--config", config, "--out", tmp_path / "run")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "300 rows were read."
    for name in ("dense", "pruned", "packed"):
        assert sum(line.startswith(name) for line in lines) == 1
    assert any(line.startswith(("kept: ", "lost: ", "undecided: ")) for line in lines)
    assert any(line.startswith("Why the search ended: ") for line in lines)
    assert any(line.startswith("Expected calibration error: ") for line in lines)
    assert lines[-1] == str(tmp_path / "run" / "model.safetensors"), "flags go before the file"
    assert not Path("nowhere").exists()
    recipe = json.loads((tmp_path / "run" / "recipe.json").read_text("utf-8"))
    assert (recipe["epochs"], recipe["dimensions"]) == (1.0, 4)


@pytest.mark.skipif(os.name == "nt", reason="needs SIGINT")
def test_ctrl_c_keeps_the_best_model_so_far(news: Path, tmp_path: Path) -> None:
    line = [sys.executable, "-m", "prunetext", "fit", str(news), "--out", str(tmp_path / "run"), "--max-drop", "100"]
    with subprocess.Popen([*line, "--epochs", "3"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b"train"), "it is written when the first step of pruning begins"
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate()
    assert process.returncode == 0
    assert b"Why the search ended: interrupted" in out
    assert set(prunetext.load(tmp_path / "run" / "model.safetensors").labels) == {"sports", "tech"}


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


def test_ctrl_c_before_there_is_a_model_says_how_to_go_on(
    news: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("prunetext.fitting.api.fit", interrupt)
    done = call("fit", news, "--out", tmp_path / "run")
    assert done == (130, "", "Interrupted. Repeat the command to go on where it was.\n")


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


def test_each_option_is_a_flag() -> None:
    options = option_types(ReadOptions, ModelOptions, FitOptions)
    shown = command("fit", "--help").stdout.decode().split()
    for name in options:
        assert f"--{name.replace('_', '-')}" in shown


def test_help_and_version(call: Call) -> None:
    assert call("--version").out.startswith("prunetext ")
    done = call("--help")
    assert done.code == 0
    for name in ("fit", "predict", "evaluate", "inspect"):
        assert f"\n  {name} " in done.out
    assert call().out == done.out


ENDS = {
    "missing": ("{tmp}/no.csv: there is no such file or folder. Check the name.", ["{tmp}/no.csv"]),
    "directory": ("{tmp}/folder: the folder has no train file", ["{tmp}/folder"]),
    "empty": ("{tmp}/empty.csv: the file is empty.", ["{tmp}/empty.csv"]),
    "one class": ("{tmp}/one.csv: every row has the label 'x'", ["{tmp}/one.csv"]),
    "column": ("{news}, line 1: there is no column 'body'", ["{news}", "--text", "body"]),
    "binary": ("{tmp}/binary.csv: this looks like a binary file", ["{tmp}/binary.csv"]),
    "bad row": ("{tmp}/bad.csv, line 3: the row has 1 field", ["{tmp}/bad.csv"]),
    "criterion": ("criterion 'best' is unknown. Choose one of ", ["{news}", "--criterion", "best"]),
    "schedule": ("schedule 'best' is unknown. Choose one of ", ["{news}", "--schedule", "best"]),
    "size": ("max_size is '64 apples': ", ["{news}", "--max-size", "64 apples"]),
    "time": ("max_time is 'soon': ", ["{news}", "--max-time", "soon"]),
    "drop": ("max_drop is -1.0: it must be between 0 and 100.", ["{news}", "--max-drop", "-1"]),
    "words": ("No word of train occurs 99999 times or more", ["{news}", "--min-count", "99999"]),
    "seed": ("Invalid value for '--seed': ", ["{news}", "--seed", "x"]),
    "flag": ("No such option: --no-such", ["{news}", "--no-such"]),
    "toml": ("{tmp}/bad.csv: cannot be read as TOML", ["{news}", "--config", "{tmp}/bad.csv"]),
    "config": ("{tmp}/no.toml: no such file or directory", ["{news}", "--config", "{tmp}/no.toml"]),
    "config key": ("{tmp}/key.toml: droop is no option.", ["{news}", "--config", "{tmp}/key.toml"]),
    "config kind": ("{tmp}/kind.toml: seed is True, but must be a whole number.", ["--config", "{tmp}/kind.toml"]),
    "no data": ("data is missing. ", []),
    "sample": ("sample:no: there is no such sample.", ["sample:no"]),
}


@pytest.fixture
def spoilt(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.md").write_text("x", "utf-8")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "one.csv").write_text("text,label\na,x\nb,x\n", "utf-8")
    (tmp_path / "bad.csv").write_text("text,label\na,x\nb\n", "utf-8")
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)))
    (tmp_path / "key.toml").write_text("droop = 1", "utf-8")
    (tmp_path / "kind.toml").write_text("seed = true", "utf-8")
    return tmp_path


@pytest.mark.parametrize("case", ENDS)
def test_fit_refuses_bad_input_in_one_sentence_and_writes_nothing(
    case: str, spoilt: Path, news: Path, call: Call
) -> None:
    sentence, arguments = ENDS[case]
    out = spoilt / "out"
    done = call("fit", *[each.format(tmp=spoilt, news=news) for each in arguments], "--out", out)
    refused(done, sentence.format(tmp=spoilt, news=news))
    assert not out.exists()


def refused(done: Any, beginning: str) -> None:
    assert done.code == 2
    assert done.err.startswith(beginning)
    assert done.err.count("\n") == 1
    assert done.err.endswith((".\n", "?\n"))
    assert done.out == ""


def test_fit_refuses_to_write_where_it_can_not_or_must_not(run: Path, news: Path, tmp_path: Path, call: Call) -> None:
    before = (run / "model.safetensors").read_bytes()
    refused(call("fit", news, "--out", run, *QUICK), f"{run} holds a finished run: give another --out, or --overwrite")
    assert (run / "model.safetensors").read_bytes() == before
    (tmp_path / "file").touch()
    refused(call("fit", news, "--out", tmp_path / "file"), f"{tmp_path / 'file'} is a file: give a folder as --out.")
    beneath = tmp_path / "file" / "run"
    refused(call("fit", news, "--out", beneath), f"{beneath} cannot be written")
    refused(call("fit", news, "--out", news.parent), f"{news.parent} holds files but no run")
    refused(call("fit", news), "out is missing. Give a folder with --out.")
    assert sorted(each.name for each in news.parent.iterdir()) == ["news.csv"]


def test_predict_answers_each_line_of_a_pipe(model: Path) -> None:
    done = command("predict", model, "-", given="football cup\r\n\nsoftware\x0bü\u2028電影".encode())
    assert (done.returncode, done.stderr) == (0, b"")
    texts = ["football cup", "", "software\x0bü\u2028電影"]
    answers = [line.split("\t") for line in done.stdout.decode().split("\n")]
    assert answers.pop() == [""], "the last line is ended"
    classifier = prunetext.load(model)
    assert [label for label, _ in answers] == classifier.predict(texts)
    best = classifier.predict_proba(texts).max(axis=1)
    assert [probability for _, probability in answers] == [f"{each:.4f}" for each in best]


def test_predict_reads_tables_and_other_encodings(
    model: Path, news: Path, rows: list[tuple[str, str]], tmp_path: Path
) -> None:
    expected = prunetext.load(model).predict([text for text, _ in rows])
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps({"id": 1, "body": text}) for text, _ in rows), "utf-8")
    flat = [text.replace("\n", " ") for text, _ in rows]
    (tmp_path / "lines.txt").write_text("\n".join(flat), "utf-16")
    for source, options in (
        (news, {}),
        (tmp_path / "rows.jsonl", {"text": "body"}),
        (tmp_path / "lines.txt", {"encoding": "utf-16"}),
    ):
        answers = list(prunetext.predict(model, source, **options))
        assert [label for label, _ in answers] == expected
        assert all(0.5 <= probability <= 1 for _, probability in answers)


def test_predict_leaves_out_the_label_where_it_is_told_to_reject(
    model: Path, news: Path, spoilt: Path, rows: list[tuple[str, str]], call: Call
) -> None:
    classifier = prunetext.load(model)
    assert classifier.reject is not None
    texts = ["", *(text for text, _ in rows)]
    found = [line.split("\t") for line in call("predict", model, news, "--reject").out.splitlines()]
    assert [label or None for label, _ in found] == classifier.predict(texts[1:], reject=True)
    assert [score for _, score in found] == [
        line.split("\t")[1] for line in call("predict", model, news).out.splitlines()
    ]
    again = prunetext.predict(model, news, reject=True)
    assert list(again) == classifier.predict_with_probability(texts[1:], reject=True)
    tensors, metadata = packed.read(model)
    packed.write(spoilt / "plain", tensors, {key: value for key, value in metadata.items() if key != "reject"})
    sentence = f"{spoilt / 'plain'}: this model has no threshold to reject by; give one that fit or prune has made"
    refused(call("predict", spoilt / "plain", news, "--reject"), sentence)


def test_predict_reads_parquet(model: Path, rows: list[tuple[str, str]], tmp_path: Path, call: Call) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = [text for text, _ in rows]
    pq.write_table(pa.table({"id": range(len(texts)), "text": texts}), tmp_path / "texts.parquet")
    labels = [label for label, _ in prunetext.predict(model, tmp_path / "texts.parquet")]
    assert labels == prunetext.load(model).predict(texts)
    pq.write_table(pa.table({"id": [1], "text": pa.array([None], pa.string())}), tmp_path / "null.parquet")
    refused(call("predict", model, tmp_path / "null.parquet"), f"{tmp_path / 'null.parquet'}, line 1: text is missing.")


def test_predict_names_the_line_that_is_not_utf_8_after_answering_those_before_it(model: Path) -> None:
    done = command("predict", model, "-", given=b"one\ntwo\nthr\xffee\nfour\n")
    assert done.returncode == 2
    assert done.stdout.count(b"\n") == 2
    assert done.stderr.decode() == (
        "standard input, line 3: byte 0xff is not valid utf-8. "
        "Correct the line, or name its encoding with --encoding.\n"
    )
    cut = command("predict", model, "-", given="two\nthreé".encode()[:-1])
    assert (cut.returncode, cut.stdout.count(b"\n")) == (2, 1)
    assert cut.stderr.startswith(b"standard input, line 2: byte 0xc3 is not valid utf-8.")


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
def test_predict_ends_silently_when_its_reader_has_enough(model: Path) -> None:
    line = f'yes football | "{sys.executable}" -m prunetext predict "{model}" - | head -n 2; echo "${{PIPESTATUS[1]}}"'
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=False, timeout=60)
    assert done.stderr == b""
    assert done.stdout.split(b"\n")[2] == b"0"


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


def test_a_closed_input_is_named(model: Path) -> None:
    line = ["sh", "-c", '"$@" <&-', "sh", sys.executable, "-m", "prunetext", "predict", str(model), "-"]
    closed = subprocess.run(line, capture_output=True, check=False)
    assert closed.returncode == 2
    assert closed.stderr == b"standard input: it is closed. Pipe the texts in, or give a file.\n"


def test_predict_answers_before_its_input_ends(model: Path) -> None:
    line = [sys.executable, "-m", "prunetext", "predict", str(model), "-"]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"football\n")
        process.stdin.flush()
        assert process.stdout.readline().count(b"\t") == 1
        process.stdin.close()
        assert process.stdout.read() == b""


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


def test_predict_refuses_what_is_no_model_and_no_text(model: Path, run: Path, spoilt: Path, call: Call) -> None:
    refused(call("predict", spoilt / "no", "-"), f"{spoilt / 'no'}: no such file or directory.")
    assert call("predict", run, "-").code == 2
    assert call("predict", spoilt / "binary.csv", "-").code == 2
    dense = run / "dense.safetensors"
    refused(call("predict", dense, "-"), f"{dense}: this is a float model")
    refused(call("predict", model, spoilt / "no.txt"), f"{spoilt / 'no.txt'}: there is no such file.")
    refused(call("predict", model, spoilt), f"{spoilt}: this is a folder.")
    refused(call("predict", model, spoilt / "bad.csv", "--text", "body"), f"{spoilt / 'bad.csv'}, line 1: there is no")
    refused(call("predict", model, "-", "--threads", "0"), "threads is 0: it must be a whole number of at least 1")
    refused(call("predict", "", "-"), "an empty name: no such file or directory. Check the name")
    refused(call("predict", model, ""), "The source of the texts is an empty name.")
    refused(call("predict", model, "-", "--text", "body"), "standard input: every line is a text here")


def test_evaluate_takes_every_row_of_a_file(model: Path, news: Path, rows: list[tuple[str, str]], call: Call) -> None:
    found = json.loads(call("evaluate", model, news, "--json").out)
    predicted = prunetext.load(model).predict([text for text, _ in rows])
    right = sum(guess == label for guess, (_, label) in zip(predicted, rows, strict=True))
    assert (found["n"], found["accuracy"]) == (300, right / 300)
    assert [each["label"] for each in found["per_class"]] == ["sports", "tech"]
    assert found["low"] < found["accuracy"] < found["high"]
    assert any("trained on" in note for note in found["notes"])
    table = call("evaluate", model, news)
    assert table.code == 0
    assert sum(line.startswith(("sports ", "tech ")) for line in table.out.splitlines()) == 2


def test_evaluate_against_the_dense_model_on_the_same_split_is_the_verdict_of_fit(
    model: Path, run: Path, news: Path, call: Call
) -> None:
    stored = json.loads((run / "result.json").read_text("utf-8"))
    arguments = ("evaluate", model, news, "--split", "test", "--against", run / "dense.safetensors", "--max-drop", "0")
    found = json.loads(call(*arguments, "--json").out)
    for name in ("accuracy", "macro_f1", "low", "high", "n"):
        assert found[name] == pytest.approx(stored["packed"][name])
        assert found["against"][name] == pytest.approx(stored["dense"][name])
    assert found["calibration_error"] == pytest.approx(stored["calibration"]["after"])
    assert found["rejection"] == pytest.approx(stored["calibration"]["rejection"])
    assert found["verdict"]["drop"] == pytest.approx(stored["verdict"]["drop"])
    assert found["verdict"]["low"] == pytest.approx(stored["verdict"]["low"])
    assert "against it" in call(*arguments).out


def test_evaluate_takes_test_of_a_folder_even_of_one_class(
    model: Path, rows: list[tuple[str, str]], tmp_path: Path, call: Call
) -> None:
    write_csv(tmp_path / "test.csv", [row for row in rows if row[1] == "tech"])
    write_csv(tmp_path / "dev.csv", rows[:7])
    found = json.loads(call("evaluate", model, tmp_path, "--json").out)
    assert found["n"] == sum(label == "tech" for _, label in rows)
    assert json.loads(call("evaluate", model, tmp_path, "--split", "dev", "--json").out)["n"] == 7
    refused(call("evaluate", model, tmp_path, "--split", "train"), f"{tmp_path}: the folder has no file named train.")


def test_evaluate_refuses_bad_input_in_one_sentence(model: Path, news: Path, spoilt: Path, call: Call) -> None:
    one = spoilt / "one.csv"
    refused(call("evaluate", model, one), f"{one}, line 2: the label 'x' is none of the model's ('sports', 'tech').")
    refused(call("evaluate", model, spoilt / "no.csv"), f"{spoilt / 'no.csv'}: there is no such file or folder.")
    refused(call("evaluate", model, spoilt / "empty.csv"), f"{spoilt / 'empty.csv'}: the file is empty.")
    refused(call("evaluate", spoilt / "no", news), f"{spoilt / 'no'}: no such file or directory.")
    refused(call("evaluate", model, news, "--against", spoilt / "binary.csv"), f"{spoilt / 'binary.csv'}: this is not")
    refused(call("evaluate", model, news, "--split", "all"), "split is 'all': it must be train, dev, test.")
    refused(call("evaluate", model, news, "--max-drop", "-1"), "max_drop is -1.0: ")
    write_csv(spoilt / "other.csv", [("a", "sports"), ("b", "tech")] * 5)
    refused(
        call("evaluate", model, spoilt / "other.csv", "--split", "test"),
        f"{spoilt / 'other.csv'}: the model was not made of these data",
    )


def test_inspect_tells_parts_that_add_up(model: Path, run: Path, call: Call) -> None:
    for path in (model, run / "dense.safetensors", run / "pruned.safetensors"):
        found = json.loads(call("inspect", path, "--json", "--words", "3").out)
        assert sum(found["parts"].values()) == found["size"] == path.stat().st_size
        assert found["labels"] == ["sports", "tech"]
        assert len(found["longest"]) == 3
        assert found["words"] > 100
        assert found["filters"] == {"2": 8, "3": 8, "4": 8}
        assert call("inspect", path).out.startswith(f"{path}: {found['format']}, {found['size']:,} bytes")
    assert json.loads(call("inspect", model, "--json").out)["provenance"]["recipe"]["max_size"] == "1MB"


def test_inspect_refuses_what_is_no_model(run: Path, spoilt: Path, call: Call) -> None:
    refused(call("inspect", run), f"{run}: this is a folder.")
    refused(call("inspect", spoilt / "binary.csv"), f"{spoilt / 'binary.csv'}: this is not a model file")
    refused(call("inspect", spoilt / "empty.csv"), f"{spoilt / 'empty.csv'}: this is not a model file")
    refused(call("inspect", spoilt / "no"), f"{spoilt / 'no'}: no such file or directory.")
    os.mkfifo(spoilt / "pipe")
    refused(call("inspect", spoilt / "pipe"), f"{spoilt / 'pipe'}: this is not a regular file.")
    cut = spoilt / "cut.safetensors"
    cut.write_bytes((run / "model.safetensors").read_bytes()[:-1])
    assert call("inspect", cut).code == 2
    cut.write_bytes((run / "dense.safetensors").read_bytes()[:-1])
    refused(call("inspect", cut), f"{cut}: this is not a model file, or it is cut off.")
