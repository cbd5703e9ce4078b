"""What is measured, in the form of a peer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from helpers.cascades import LABELS_OF_THREE, cascade_of, packed_encoder_file
from helpers.packing import pack
from prunetext.benchmarking.subject import subject_of
from prunetext.data.task import Task


def test_a_cascade_is_measured_as_one_model(random_model: Callable[..., Any], tmp_path: Path) -> None:
    pack(random_model(words=2, classes=3), ["film", "great"], LABELS_OF_THREE, tmp_path / "model.safetensors")
    second = packed_encoder_file(tmp_path / "model.onnx", Task())
    both = cascade_of(tmp_path / "both", tmp_path / "model.safetensors", second, 0.5)
    for place in (both, both / "cascade.json"):
        peer, labels = subject_of(place)
        assert labels == LABELS_OF_THREE
        assert (peer.path, peer.threaded) == (str(both), True)
        assert peer.bytes == second.stat().st_size + (tmp_path / "model.safetensors").stat().st_size
        scope: dict[str, Any] = {"PATH": peer.path, "THREADS": 1}
        exec(peer.code, scope)
        assert set(scope["predict"](["a great film", "dull"])) <= set(labels)
