"""What tests of teachers share: a cache of their own, and a small real transformer."""

from collections.abc import Callable
from pathlib import Path

import pytest

from prunetext.data.dataset import Data
from prunetext.teaching import tuning


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test finds what another one has left; small encoders learn in few steps."""
    monkeypatch.setenv("PRUNETEXT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tuning, "RATE", 5e-3)
    monkeypatch.setattr(tuning, "HEAD_RATE", 1e-2)
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def data(toy_data: Callable[..., Data]) -> Data:
    return toy_data(train=60, dev=30, test=30)


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of one small layer that knows the words of toy texts, as save_pretrained writes it."""
    pytest.importorskip("transformers")
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "film", "great", "dull"]
    words += [f"common{number}" for number in range(12)] + [f"sign{label}{kind}" for label in "012" for kind in "abcd"]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=24,
        initializer_range=1.0,  # it learns from few texts: nothing here was pretrained
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder
