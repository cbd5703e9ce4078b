"""An exported file is in place only when it is right; else there is one sentence, and what was there."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import prunetext
from helpers.commands import Call, assert_refused
from helpers.exports import save_packed
from helpers.kills import interrupt
from prunetext.modelfiles.exporting import MOST_APART, some_texts, write_checked
from prunetext.modelfiles.opening import OwnModel, opened
from prunetext.models.textcnn.model import TextCNN

Model = Callable[..., TextCNN]


class Exporting(NamedTuple):
    """A graph, the texts it is checked on, and the model that it is of."""

    data: bytes
    texts: list[str]
    own: OwnModel

    def written(self, out: Path, answer: Callable[[np.ndarray], np.ndarray]) -> float:
        """Write the graph as if the model gave this answer in the place of its own one."""
        return write_checked(
            self.data, out, "run", lambda some: answer(self.own.answers(some).probabilities), self.texts
        )


@pytest.fixture
def packed(random_model: Model, tmp_path: Path) -> Path:
    """One packed file, in a folder like that of a run."""
    return save_packed(random_model(), tmp_path / "run")


def test_a_run_stands_for_its_packed_file_and_the_same_model_gives_the_same_bytes(packed: Path, tmp_path: Path) -> None:
    done = [prunetext.export(model, tmp_path / f"{at}.onnx") for at, model in enumerate((packed, packed.parent))]
    data = (tmp_path / "0.onnx").read_bytes()
    assert data == (tmp_path / "1.onnx").read_bytes()
    assert [each.size for each in done] == [len(data)] * 2
    assert str(tmp_path).encode() not in data


@pytest.fixture
def graph(packed: Path) -> Exporting:
    """What `export` writes of the packed file, and what it checks that by."""
    own = opened(packed)
    assert isinstance(own, OwnModel)
    proto, words = own.graph()
    return Exporting(proto.SerializeToString(deterministic=True), some_texts(words), own)


def test_a_file_that_answers_otherwise_is_not_left_behind(graph: Exporting, tmp_path: Path) -> None:
    out = tmp_path / "model.onnx"
    assert graph.written(out, lambda shares: shares) <= MOST_APART
    assert out.read_bytes() == graph.data
    out.write_text("something older")
    for target in (out, tmp_path / "new.onnx"):
        for wrong, by in ((lambda shares: shares * 1.001, r"0\.\d+"), (lambda shares: shares * np.nan, "nan")):
            with pytest.raises(
                prunetext.RunError, match=rf"would differ from those of run by up to {by}; the limit is 1e-05"
            ):
                graph.written(target, wrong)
    assert out.read_text() == "something older"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["model.onnx", "run"]


def test_an_interrupted_export_leaves_what_was_there(graph: Exporting, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_text("something older")
    with pytest.raises(KeyboardInterrupt):
        graph.written(tmp_path / "model.onnx", interrupt)
    assert (tmp_path / "model.onnx").read_text() == "something older"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["model.onnx", "run"]


@pytest.mark.parametrize(
    ("model", "out", "sentence"),
    [
        ("notes.txt", "model.onnx", "this is not a model file, or it is cut off. Give a file written"),
        ("missing", "model.onnx", "no such file or directory. Check the name"),
        (".", "model.onnx", "holds no finished run: its model.safetensors is missing. Give the --out of a fit."),
        ("run", "missing/model.onnx", "there is no folder"),
        ("run", "run", "this is a folder. Give the name of the file to write, such as model.onnx."),
        ("run", "run/model.safetensors", "this is the model itself. Give another name, such as model.onnx."),
        ("run", None, "onnx is missing. Give a file with --onnx or --openvino."),
    ],
)
def test_bad_input_is_refused_in_one_sentence(
    packed: Path, call: Call, monkeypatch: pytest.MonkeyPatch, model: str, out: str | None, sentence: str
) -> None:
    monkeypatch.chdir(packed.parent.parent)
    Path("notes.txt").write_text("a b c d e f g h i j k l m n o p")
    before = packed.read_bytes()
    done = call("export", model, *([] if out is None else ["--onnx", out]))
    assert_refused(done, "")
    assert sentence in done.err
    assert sorted(str(each) for each in Path().glob("**/*")) == ["notes.txt", "run", "run/model.safetensors"]
    assert packed.read_bytes() == before


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named_with_its_extra(
    packed: Path, tmp_path: Path, uninstall: Callable[[str], None], package: str
) -> None:
    uninstall(package)
    with pytest.raises(prunetext.MissingExtraError, match=rf"{package}, which .* pip install 'prunetext\[onnx\]'"):
        prunetext.export(packed, tmp_path / "model.onnx")


def test_the_command_says_what_it_wrote_and_how_it_was_checked(packed: Path, tmp_path: Path, call: Call) -> None:
    out = tmp_path / "model.onnx"
    done = call("export", packed.parent, "--onnx", out)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{out}: {out.stat().st_size:,} bytes; on 304 texts, probabilities differ by ")
