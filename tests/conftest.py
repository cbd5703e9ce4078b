"""What all tests share: repeatable hypothesis runs, and the folder of real corpora that some tests read."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from helpers.commands import Call

# Before torch is loaded, and for the commands that tests start, too: on the tests' tiny models a second thread is
# mostly waited for, on a busy machine 20 times as long as the work takes.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# So that a failed assertion in a helper shows its values, as those in tests do.
pytest.register_assert_rewrite("helpers")

ROOT = Path(__file__).resolve().parent.parent

# The same examples in every run, so that a failure is a failure for everybody; no deadline, since machines differ.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Run a command in this process, with keywords for what it has no flag for."""
    from helpers.commands import Done
    from prunetext.cli import app as cli

    def run(*arguments: object, **beyond: Any) -> Done:
        with pytest.raises(SystemExit) as exit_:
            cli.main([str(each) for each in arguments], **beyond)
        said = capsys.readouterr()
        assert isinstance(exit_.value.code, int)
        return Done(exit_.value.code, said.out, said.err)

    return run


@pytest.fixture
def uninstall(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let a package be one that cannot be imported."""
    return lambda package: monkeypatch.setitem(sys.modules, package, None)


@pytest.fixture(scope="module")
def without_fasttext() -> Iterator[None]:
    """Compare without fastText, whose threads race, whether it is installed or not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "fasttext", None)
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with `data/<corpus>/*.jsonl`: PRUNETEXT_SHARED, or `shared` beside the repository; else the test skips."""
    folder = Path(os.environ.get("PRUNETEXT_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(
            f"real corpora are absent: no folder {folder.name}/data beside the repository, nor PRUNETEXT_SHARED"
        )
    return folder


@pytest.fixture(scope="session")
def random_model() -> Callable[..., Any]:
    """Make an untrained TextCNN of any shape whose biases are not zero; the same one for the same seed.

    With two `texts` it is one of pairs; so many `bigrams` of its words have weights of their own.
    """
    import torch

    from prunetext.models.textcnn.bigrams import BigramCNN
    from prunetext.models.textcnn.kinds import kind_of
    from prunetext.models.textcnn.layout import Shape
    from prunetext.models.textcnn.model import TextCNN

    def make(
        *,
        texts: int = 1,
        words: int = 7,
        dimensions: int = 5,
        filters: dict[int, int] | None = None,
        classes: int = 3,
        pooling: str = "max+mean",
        static: int = 0,
        seed: int = 0,
        bigrams: int = 0,
        distance: int = 1,
        columns: int | None = None,
    ) -> TextCNN:
        torch.manual_seed(seed)
        shape = Shape(words, dimensions, filters or {1: 2, 3: 4}, classes, pooling)
        kind = kind_of(texts)
        if bigrams:
            every = torch.cartesian_prod(torch.arange(2, words + 2), torch.arange(2, words + 2))
            listed = every[torch.randperm(len(every))[:bigrams].sort().values]
            kind = partial(BigramCNN, listed=listed, columns=columns, distance=distance)
        model = kind(shape, vectors=torch.randn(words + 2, dimensions), static=static)
        with torch.no_grad():
            for width in model.widths:
                model.conv(width).bias.normal_(0, 0.3)
            if isinstance(model, BigramCNN):
                model.bigrams.normal_()
        return model.eval()

    return make


@pytest.fixture(scope="session")
def random_ids() -> Callable[..., Any]:
    """Make ids (batch, length) of random texts, padded with 0; the first is empty, the second fills its row.

    With two `texts` the words have flags, as those of pairs.
    """
    import torch

    from prunetext.models.textcnn.pair import BESIDE, MATCHED

    def make(words: int, *, texts: int = 1, batch: int = 6, length: int = 9, seed: int = 0) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        ids = torch.randint(1, words + 2, (batch, length), generator=generator)
        if texts == 2:
            ids += torch.tensor([0, MATCHED, MATCHED + BESIDE])[torch.randint(0, 3, ids.shape, generator=generator)]
        lengths = torch.randint(0, length + 1, (batch,), generator=generator)
        lengths[0] = 0
        lengths[1:2] = length
        return torch.where(torch.arange(length) < lengths[:, None], ids, 0)

    return make


@pytest.fixture(scope="session")
def toy_examples() -> Callable[..., Any]:
    """Make labelled texts: in each, common words and one word that only its class uses; `noise` of the labels lie."""
    from random import Random

    from prunetext.data.dataset import Examples

    def make(texts: int, *, classes: int = 2, noise: float = 0.0, seed: int = 0) -> Examples:
        random = Random(seed)
        rows = []
        for number in range(texts):
            label = number % classes
            words = [f"common{random.randrange(12)}" for _ in range(random.randint(2, 9))]
            words.insert(random.randint(0, len(words)), f"sign{label}{random.choice('abcd')}")
            said = random.randrange(classes) if random.random() < noise else label
            rows.append((" ".join(words), f"class {said}"))
        return Examples([text for text, _ in rows], [label for _, label in rows])

    return make


@pytest.fixture(scope="session")
def toy_data(toy_examples: Callable[..., Any]) -> Callable[..., Any]:
    """Make toy examples for train, dev and test, as `read` gives them."""
    from prunetext.data.dataset import Data, count_flaws

    def make(*, train: int = 120, dev: int = 60, test: int = 60, seed: int = 0, **kind: Any) -> Data:
        parts = [toy_examples(size, seed=3 * seed + at, **kind) for at, size in enumerate((train, dev, test))]
        return Data(*parts, name="toy", report=count_flaws(*parts))

    return make
