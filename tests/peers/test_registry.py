"""Peers are what is installed and whole, trained on the texts given, and answer as their packages do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpers.packing import trained_model
from prunetext.benchmarking.measure import Passes
from prunetext.data.dataset import Data, Examples
from prunetext.fitting.folder import Run
from prunetext.modelfiles.api import export, open_model
from prunetext.peers import fasttext_builds as fasttexts
from prunetext.peers import registry as peers
from prunetext.peers.registry import AbsentError, PeerTraining, folder_of, installed, make

Install = Callable[..., None]


@pytest.fixture
def training(data: Data, tmp_path: Path) -> PeerTraining:
    (tmp_path / "models").mkdir()
    return PeerTraining(data.train, tmp_path / "models", 10, None, tmp_path / "model.safetensors", export)


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A folder with a package, as pip makes it."""
    folder = tmp_path / "beside"
    (folder / "toy").mkdir(parents=True)
    (folder / "toy" / "__init__.py").write_text("X = 1\n", "utf-8")
    information = folder / "toy_peer-1.5.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-peer\nVersion: 1.5\n", "utf-8")
    (information / "RECORD").write_text("toy/__init__.py,,6\ntoy_peer-1.5.dist-info/METADATA,,\n", "utf-8")
    return folder


def test_a_package_is_found_beside_unless_another_has_written_over_it(beside: Path) -> None:
    assert installed("toy-peer") is None
    found = installed("toy-peer", str(beside))
    assert found is not None
    assert (found.version, folder_of(found)) == ("1.5", str(beside))
    pytest_of = installed("pytest", str(beside))
    assert pytest_of is not None
    assert folder_of(pytest_of) is None, "it needs no folder"
    (beside / "toy" / "__init__.py").write_text("X = 12\n", "utf-8")
    assert installed("toy-peer", str(beside)) is None
    (beside / "toy" / "__init__.py").unlink()
    assert installed("toy-peer", str(beside)) is None


def test_what_is_not_there_is_absent_with_the_command_that_brings_it(training: PeerTraining) -> None:
    with pytest.raises(AbsentError, match=r"^not installed: pip install no-such-peer$"):
        make("no-such-peer", training, {"no-such-peer": "prunetext.peers.tfidf:tf_idf"})


def test_scikit_learn_answers_as_it_does_in_this_process(training: PeerTraining, data: Data, tmp_path: Path) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    assert data.test is not None
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2)
    pipeline = make_pipeline(vectorizer, LogisticRegression(max_iter=1000, C=10.0))
    pipeline.fit(data.train.texts, data.train.labels)
    assert answers(make("scikit-learn", training), data.test, tmp_path) == pipeline.predict(data.test.texts).tolist()


def answers(peer: peers.Peer, examples: Examples, folder: Path) -> list[str]:
    """Its labels, from its own process."""
    course = Passes(examples.texts, folder, passes=1, threads=1)
    with course.worker(peer, 1) as worker:
        return [peer.names.get(label, label) for label in worker.ask(f"labels {len(examples)}")]


def test_texts_with_nothing_in_common_make_no_peer(tmp_path: Path) -> None:
    nothing = PeerTraining(Examples(["a", "b"], ["x", "y"]), tmp_path, 4, None, tmp_path, export)
    with pytest.raises(AbsentError, match="vocabulary"):
        make("scikit-learn", nothing)


@pytest.mark.parametrize("name", ["fasttext-numpy2", "fasttext-new", "fasttext-predict", "model2vec"])
def test_a_peer_learns_to_tell_the_classes(name: str, training: PeerTraining, data: Data, tmp_path: Path) -> None:
    if installed(name) is None or (name == "fasttext-predict" and installed("fasttext-new") is None):
        pytest.skip(f"{name} is not installed")
    assert data.test is not None
    peer = make(name, training)
    assert peer.bytes is not None
    assert peer.bytes > 1000
    found = answers(peer, data.test, tmp_path)
    right = sum(map(str.__eq__, found, data.test.labels)) / len(found)
    assert set(found) <= set(data.labels)
    assert right > 0.6


@pytest.mark.parametrize("name", [name for name in peers.PEERS if name != "onnxruntime"])
def test_without_texts_to_train_on_there_is_no_peer(name: str, training: PeerTraining) -> None:
    if installed(name) is None:
        pytest.skip(f"{name} is not installed")
    with pytest.raises(AbsentError, match=r"^there are no texts to train it on$"):
        make(name, training._replace(given=None))


def test_the_dense_model_in_onnx_answers_as_the_dense_model(
    training: PeerTraining, data: Data, random_model: Callable[..., Any], tmp_path: Path
) -> None:
    pytest.importorskip("onnx")
    with pytest.raises(AbsentError, match=r"no dense\.safetensors beside"):
        make("onnxruntime", training)
    words = [f"common{number}" for number in range(12)]
    with Run(tmp_path / "run", {"seed": 0}, overwrite=False) as run:
        run.save("dense.safetensors", trained_model(random_model(words=len(words), classes=2), words, data.labels))
        dense = run.path("dense.safetensors")
    peer = make("onnxruntime", training._replace(given=None, model=dense.with_name("model.safetensors")))
    assert data.test is not None
    model = open_model(dense)
    said = model.answers(data.test.inputs).named(model.labels, several=False)
    assert answers(peer, data.test, tmp_path) == said


def test_fasttext_needs_something_that_trains(training: PeerTraining) -> None:
    found = installed("pytest")
    assert found is not None
    with pytest.raises(AbsentError, match="pip install no-such-peer or nor-this"):
        fasttexts.peer(training, found, fasttexts.CPP, trainers={"no-such-peer": "nothing", "nor-this": "nothing"})
