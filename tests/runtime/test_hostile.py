"""Damaged and hostile files: each is refused with ModelFileError, without a crash and without a large allocation."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import prunetext


def refused(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    with pytest.raises(prunetext.ModelFileError) as caught:
        prunetext.load(path)
    name, reason = str(path), str(caught.value)
    assert reason.startswith(f"{name}: ")
    with pytest.raises(prunetext.ModelFileError) as caught:
        prunetext.load(data)
    assert str(caught.value) == f"the model in memory{reason.removeprefix(name)}"
    return reason


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    return tmp_path / "victim.safetensors"


def test_taking_apart_and_together_changes_nothing(hostile: ModuleType, model: Path, coded_model: Path) -> None:
    for path in (model, coded_model):
        data = path.read_bytes()
        assert hostile.put_together(*hostile.take_apart(data)) == data


def test_every_changed_byte_is_noticed(model: Path, victim: Path) -> None:
    data = model.read_bytes()
    chance = random.Random(0)
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= chance.randrange(1, 256)
        refused(victim, bytes(damaged))


def test_truncation_and_extension_are_noticed(model: Path, victim: Path) -> None:
    data = model.read_bytes()
    header_end = 8 + int.from_bytes(data[:8], "little")
    for length in [*range(0, header_end, 5), *range(header_end - 4, header_end + 4), *range(header_end, len(data), 7)]:
        refused(victim, data[:length])
    refused(victim, data[:-1])
    for more in (b"\0", b"\n", b" " * 8, data):
        refused(victim, data + more)
        refused(victim, more + data)


def test_hostile_content_under_a_valid_checksum(hostile: ModuleType, model: Path, victim: Path) -> None:
    files = hostile.hostile_files(model.read_bytes())
    checksums = [what for what, data in files if "checksum does not match" in refused(victim, data)]
    assert not checksums, "these files were refused for their checksum, not for what they are to show"


def test_refusing_takes_little_memory(
    hostile: ModuleType, model: Path, tmp_path: Path, load_in_little_memory: Callable[[Path], str]
) -> None:
    files = hostile.hostile_files(model.read_bytes())
    for number, (_, data) in enumerate(files):
        (tmp_path / f"{number:03}").write_bytes(data)
    with (tmp_path / "sparse").open("wb") as sparse:
        sparse.write((1000).to_bytes(8, "little"))
        sparse.truncate(1 << 30)
    with (tmp_path / "vast").open("wb") as vast:
        vast.truncate(1 << 40)
    assert load_in_little_memory(tmp_path) == f"checked {len(files) + 2}\n"


@pytest.mark.parametrize("kind", ["model", "coded_model", "pair_model"])
@settings(max_examples=1000)
@given(data=st.data())
def test_resealed_damage_is_refused_or_harmless(
    request: pytest.FixtureRequest, hostile: ModuleType, kind: str, data: st.DataObject
) -> None:
    model: Path = request.getfixturevalue(kind)
    header, body = hostile.take_apart(model.read_bytes())
    text = bytearray(
        json.dumps(
            {**header, "__metadata__": {**header["__metadata__"], "checksum": hostile.BLANK_CHECKSUM}},
            separators=(",", ":"),
            ensure_ascii=False,
        ).encode()
    )
    damaged = bytearray(body)
    for _ in range(data.draw(st.integers(1, 3))):
        target = text if data.draw(st.booleans()) else damaged
        target[data.draw(st.integers(0, len(target) - 1))] = data.draw(st.integers(0, 255))
    victim = model.with_name("resealed.safetensors")
    victim.write_bytes(hostile.put_together(bytes(text), bytes(damaged)))
    try:
        classifier = prunetext.load(victim)
    except prunetext.ModelFileError:
        return
    texts: list[Any] = ["", "a great film", "unseen"]
    if classifier.task == "pairs":
        texts = [(text, "a film") for text in texts]
    probabilities = classifier.predict_proba(texts)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    assert set(classifier.predict(texts)) <= set(classifier.labels)
