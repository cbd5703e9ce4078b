"""One reader for the files that prunetext keeps for itself: what is not as it was written is refused in a sentence."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from prunetext.errors import DamagedError
from prunetext.models.tensors import load_tensors, save_tensors
from prunetext.runtime.states import (
    check_tensors,
    damage_of,
    discard_damaged,
    parsed,
    parsed_toml,
    read_state,
    write_state,
)

VALUES = {"format": "new", "seed": 0, "rate": 0.5, "words": ["ø", "\U0001f600"], "none": None}


@pytest.fixture
def tensors(tmp_path: Path) -> Path:
    save_tensors(tmp_path / "tensors", {"a": torch.arange(20.0), "b": torch.zeros(3, 2)}, {"format": "x", "note": "ø"})
    return tmp_path / "tensors"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    write_state(tmp_path / "state.json", VALUES)
    return tmp_path / "state.json"


def test_what_is_written_is_read(tensors: Path, state: Path) -> None:
    found, metadata = load_tensors(tensors)
    assert torch.equal(found["a"], torch.arange(20.0))
    assert metadata == {"format": "x", "note": "ø"}
    assert read_state(state) == VALUES
    assert json.loads(state.read_text("utf-8")).items() >= VALUES.items()
    with safe_open(tensors, "pt") as file:  # by any other reader, too
        assert torch.equal(file.get_tensor("a"), torch.arange(20.0))
    assert damage_of(tensors) is None
    assert damage_of(tensors.with_name("missing")) is None


def test_nobody_else_may_read_it(tensors: Path, state: Path) -> None:
    assert [path.stat().st_mode & 0o777 for path in (tensors, state)] == [0o600, 0o600]


@pytest.mark.parametrize("name", ["tensors", "state"])
def test_every_changed_byte_and_every_cut_is_refused(request: pytest.FixtureRequest, name: str) -> None:
    path: Path = request.getfixturevalue(name)
    data, chance = path.read_bytes(), random.Random(0)
    read = load_tensors if name == "tensors" else read_state
    for at in range(len(data)):
        for other in (data[at] ^ 1 << chance.randrange(8), chance.randrange(256)):
            path.write_bytes(data[:at] + bytes([other]) + data[at + 1 :])
            if other != data[at]:
                with pytest.raises(DamagedError, match=r"this file is damaged \(.*\)\. Delete it, and"):
                    read(path)
        path.write_bytes(data[:at])
        with pytest.raises(DamagedError):
            read(path)
        path.write_bytes(data[:at] + data[at:] * 2)
        with pytest.raises(DamagedError):
            read(path)


def test_only_files_of_an_old_format_need_no_checksum(tmp_path: Path) -> None:
    path = tmp_path / "old"
    for wanted, values in (("old", {"format": "old"}), ("", {"seed": 1})):
        path.write_text(json.dumps(values))
        assert read_state(path, old=wanted) == values
        with pytest.raises(DamagedError, match="it has no checksum"):
            read_state(path)
        with pytest.raises(DamagedError, match="it has no checksum"):
            read_state(path, old="older")
        path.write_text(json.dumps({**values, "checksum": "0" * 16}))
        with pytest.raises(DamagedError, match="checksum"):
            read_state(path, old=wanted)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        "[" * 34 + "]" * 34,
        "9" * 5000,
        "-" + "9" * 20,
        '{"a": 12345678901234567890123}',
        "",
        "{",
        "\0",
        b"\xff",
        '"\\ud800',
    ],
)
def test_json_that_is_too_deep_or_too_large_or_none_is_refused(tmp_path: Path, text: Any) -> None:
    with pytest.raises(DamagedError):
        parsed(text, "file")
    data = text if isinstance(text, bytes) else text.encode()
    (tmp_path / "state").write_bytes(data)
    with pytest.raises(DamagedError):
        read_state(tmp_path / "state", old="")
    (tmp_path / "tensors").write_bytes(len(data).to_bytes(8, "little") + data)
    with pytest.raises(DamagedError):
        check_tensors(tmp_path / "tensors")


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 30_000,
        "a = " + "{b = " * 10_000,
        "a = " + "[" * 34 + "]" * 34,
        "a = " + "9" * 5000,
        ".".join("a" * 20_000) + " = 1",
        ".".join(["'a'"] * 9_000) + " = 1",
        "a = 1\n" * 2,
        "#" + "-" * 70_000,
        "a = ",
    ],
)
def test_toml_that_is_too_deep_or_too_large_or_none_is_refused_at_once(text: str) -> None:
    began = time.monotonic()
    with pytest.raises(ValueError, match=r"\w"):
        parsed_toml(text.encode())
    assert time.monotonic() - began < 5, "seconds"


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder", "x" * 300, "pipe/in"):
        with pytest.raises(DamagedError):
            read_state(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        read_state(tmp_path / "missing")


def test_a_damaged_file_is_deleted_but_no_folder(tensors: Path, tmp_path: Path) -> None:
    assert discard_damaged(tensors) is None
    tensors.write_bytes(tensors.read_bytes()[:-1])
    assert discard_damaged(tensors) == "a tensor of its header is not within the file"
    assert not tensors.exists()
    (tmp_path / "folder").mkdir()
    with pytest.raises(DamagedError, match="it is no regular file"):
        discard_damaged(tmp_path / "folder")


def test_a_sparse_file_costs_no_more_than_its_header_says(tmp_path: Path) -> None:
    for name, header in (("no", b"{}"), ("long", b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}')):
        with (tmp_path / name).open("wb") as file:
            file.write(len(header).to_bytes(8, "little") + header)
            file.truncate(1 << 40)
    (tmp_path / "state").write_bytes(b"{")
    os.truncate(tmp_path / "state", 1 << 40)
    program = (
        "import resource, sys\n"
        "from prunetext.runtime.states import damage_of, read_state\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({600 << 20},) * 2)\n"
        "from pathlib import Path\n"
        "from prunetext.errors import DamagedError\n"
        "print(damage_of(Path('no')), damage_of(Path('long')))\n"
        "try: read_state('state')\n"
        "except DamagedError as error: print(error.reason)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    reason = "it is longer or shorter than its header says"
    assert done.stdout == f"{reason} {reason}\nit is larger than 67,108,864 bytes\n", done.stderr
