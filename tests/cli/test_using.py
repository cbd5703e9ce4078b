"""The commands that use a model as a user meets them: what they print, and how they refuse."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import prunetext
from helpers.commands import Call, assert_refused, command
from prunetext.runtime import format as packed


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
    tensors, metadata = packed.read_packed(model)
    packed.write(spoilt / "plain", tensors, {key: value for key, value in metadata.items() if key != "reject"})
    sentence = f"{spoilt / 'plain'}: this model has no threshold to reject by; give a model made by fit or prune"
    assert_refused(call("predict", spoilt / "plain", news, "--reject"), sentence)


def test_predict_reads_parquet(model: Path, rows: list[tuple[str, str]], tmp_path: Path, call: Call) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = [text for text, _ in rows]
    pq.write_table(pa.table({"id": range(len(texts)), "text": texts}), tmp_path / "texts.parquet")
    labels = [label for label, _ in prunetext.predict(model, tmp_path / "texts.parquet")]
    assert labels == prunetext.load(model).predict(texts)
    pq.write_table(pa.table({"id": [1], "text": pa.array([None], pa.string())}), tmp_path / "null.parquet")
    assert_refused(
        call("predict", model, tmp_path / "null.parquet"), f"{tmp_path / 'null.parquet'}, line 1: text is missing."
    )


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


def test_a_closed_input_is_named(model: Path) -> None:
    line = ["sh", "-c", '"$@" <&-', "sh", sys.executable, "-m", "prunetext", "predict", str(model), "-"]
    closed = subprocess.run(line, capture_output=True, check=False)
    assert closed.returncode == 2
    assert closed.stderr == b"standard input: the stream is closed. Pipe the texts in, or give a file.\n"


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


def test_predict_refuses_what_is_no_model_and_no_text(model: Path, run: Path, spoilt: Path, call: Call) -> None:
    assert_refused(call("predict", spoilt / "no", "-"), f"{spoilt / 'no'}: no such file or directory.")
    assert call("predict", run, "-").code == 2
    assert call("predict", spoilt / "binary.csv", "-").code == 2
    dense = run / "dense.safetensors"
    assert_refused(call("predict", dense, "-"), f"{dense}: this is a float model")
    assert_refused(call("predict", model, spoilt / "no.txt"), f"{spoilt / 'no.txt'}: there is no such file or folder.")
    assert_refused(call("predict", model, spoilt), f"{spoilt}: this folder does not hold files of one format.")
    assert_refused(
        call("predict", model, spoilt / "bad.csv", "--text", "body"), f"{spoilt / 'bad.csv'}, line 1: there is no"
    )
    assert_refused(
        call("predict", model, "-", "--threads", "0"), "threads is 0: it must be a whole number of at least 1"
    )
    assert_refused(call("predict", "", "-"), "an empty name: no such file or directory. Check the name")
    assert_refused(call("predict", model, ""), "The source of the texts is an empty name.")
    assert_refused(call("predict", model, "-", "--text", "body"), "standard input: every line is a text")


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
    assert_refused(call("inspect", run), f"{run}: this is a folder.")
    assert_refused(call("inspect", spoilt / "binary.csv"), f"{spoilt / 'binary.csv'}: this is not a model file")
    assert_refused(call("inspect", spoilt / "empty.csv"), f"{spoilt / 'empty.csv'}: this is not a model file")
    assert_refused(call("inspect", spoilt / "no"), f"{spoilt / 'no'}: no such file or directory.")
    os.mkfifo(spoilt / "pipe")
    assert_refused(call("inspect", spoilt / "pipe"), f"{spoilt / 'pipe'}: this is not a regular file.")
    cut = spoilt / "cut.safetensors"
    cut.write_bytes((run / "model.safetensors").read_bytes()[:-1])
    assert call("inspect", cut).code == 2
    cut.write_bytes((run / "dense.safetensors").read_bytes()[:-1])
    assert_refused(call("inspect", cut), f"{cut}: this is not a model file, or it is cut off.")


def test_predict_reads_the_format_of_a_pipe_and_keeps_columns(model: Path, tmp_path: Path) -> None:
    rows = '{"id": 7, "text": "football cup"}\n{"id": 8, "text": "software"}\n'
    refused = command("predict", model, "-", given=rows.encode())
    assert (refused.returncode, refused.stdout) == (2, b"")
    assert b"line 1: the line is a JSON object, not a text. Give --format jsonl" in refused.stderr
    done = command("predict", model, "-", "--format", "jsonl", "--columns", "id", given=gzip.compress(rows.encode()))
    assert (done.returncode, done.stderr) == (0, b"")
    expected = prunetext.load(model).predict(["football cup", "software"])
    answers = [line.split("\t")[:2] for line in done.stdout.decode().splitlines()]
    assert answers == [["7", expected[0]], ["8", expected[1]]]
    out = tmp_path / "answers.csv"
    done = command("predict", model, "-", "--format", "jsonl", "--columns", "id", "--out", out, given=rows.encode())
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", f"{out}: 2 rows\n".encode())
    assert out.read_text("utf-8").splitlines()[0] == "id,label,probability"


def test_predict_takes_a_data_frame(model: Path) -> None:
    texts = ["football cup", "software"]
    answers = prunetext.predict(model, pd.DataFrame({"text": texts}, index=[5, 3]))
    assert [label for label, _ in answers] == prunetext.load(model).predict(texts)
