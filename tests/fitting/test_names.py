"""Files may have any name that the system allows, and a folder may stand in the home folder."""

import os
from pathlib import Path

import pytest

import prunetext
from helpers.tables import write_csv

SMALL = {"teacher": "none", "dimensions": 4, "filters": 2, "widths": "1", "epochs": 3.0, "max_drop": 10.0}
ROWS = [(f"{'great' if at % 2 else 'dull'} film {at}", "pos" if at % 2 else "neg") for at in range(120)]


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX alone")
def test_a_name_that_is_no_text_is_a_name(tmp_path: Path) -> None:
    def named(name: bytes) -> Path:
        return tmp_path / os.fsdecode(name)

    data = write_csv(named(b"d\xff.csv"), ROWS)
    result = prunetext.fit(data, out=named(b"run\xff"), **SMALL)
    again = prunetext.prune(named(b"run\xff"), out=named(b"again\xff"), max_drop=20.0)
    assert again.score.n == result.score.n
    assert prunetext.evaluate(result.path, data).score.n == len(ROWS)
    assert prunetext.export(result.path, named(b"m\xff.onnx")).size > 0
    assert len(list(prunetext.predict(result.path, data))) == len(ROWS)


def test_a_tilde_is_the_home_folder_wherever_a_file_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").mkdir()
    write_csv(tmp_path / "home" / "d.csv", ROWS)
    result = prunetext.fit("~/d.csv", out="~/run", **SMALL)
    assert result.path == tmp_path / "home" / "run" / "model.safetensors"
    prunetext.export(result.path, "~/m.onnx")
    assert not (tmp_path / "~").exists()
    assert (tmp_path / "home" / "m.onnx").exists()
