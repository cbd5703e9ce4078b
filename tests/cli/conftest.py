"""A model of real news, made by the command, which no test changes; and files that are wrong."""

import random
import subprocess
from pathlib import Path

import pytest

import prunetext
from helpers.commands import command
from helpers.tables import write_csv

QUICK = [
    "--teacher",
    "none",
    "--max-size",
    "1MB",
    "--epochs",
    "20",
    "--dimensions",
    "16",
    "--filters",
    "8",
    "--precision",
    "0.6",
]


@pytest.fixture(scope="session")
def rows() -> list[tuple[str, str]]:
    """Real news of two classes, shortened."""
    data = prunetext.read("sample:bbc-news").train
    pairs = [(text[:400], label) for text, label in zip(data.texts, data.labels, strict=True)]
    pairs = [pair for pair in pairs if pair[1] in ("sports", "tech")]
    random.Random(0).shuffle(pairs)
    return pairs[:300]


@pytest.fixture(scope="session")
def news(rows: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "news.csv", rows)


@pytest.fixture(scope="session")
def fitted(news: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[bytes]]:
    out = tmp_path_factory.mktemp("runs") / "news"
    return out, command("fit", news, "--out", out, "--json", *QUICK)


@pytest.fixture
def run(fitted: tuple[Path, subprocess.CompletedProcess[bytes]]) -> Path:
    return fitted[0]


@pytest.fixture
def model(run: Path) -> Path:
    return run / "model.safetensors"


@pytest.fixture
def spoilt(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.md").write_text("x", "utf-8")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "one.csv").write_text("text,label\na,x\nb,x\n", "utf-8")
    (tmp_path / "bad.csv").write_text("text,label\na,x\nb\n", "utf-8")
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)))
    (tmp_path / "deep.toml").write_text("a = " + "[" * 100_000, "utf-8")
    (tmp_path / "list.toml").write_text("seed.a.b.c = 1", "utf-8")
    (tmp_path / "long.toml").write_text("max_drop = 0x" + "f" * 5_000, "utf-8")
    (tmp_path / "longer.toml").write_text("max_drop = " + "9" * 5_000, "utf-8")
    (tmp_path / "key.toml").write_text("droop = 1", "utf-8")
    (tmp_path / "kind.toml").write_text("seed = true", "utf-8")
    return tmp_path
