"""Bigrams with weights of their own: which are listed, that each counts once, and that pruning leaves the rest."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import prunetext
from helpers.packing import pack, trained_model
from prunetext.data.dataset import Examples
from prunetext.errors import ModelFileError
from prunetext.models.protocol import Rates
from prunetext.models.tensors import load_tensors, save_tensors
from prunetext.models.textcnn import packing
from prunetext.models.textcnn.bigrams import BigramCNN, telling_bigrams, weights_each
from prunetext.models.textcnn.floats import read_float, write_float
from prunetext.models.textcnn.kinds import kind_like, model_of
from prunetext.models.textcnn.layout import Shape
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.onnx_bigrams import in_buckets
from prunetext.models.textcnn.reading import Reader, encode_inputs
from prunetext.models.textcnn.rounding import rounding_of
from prunetext.models.textcnn.turning import balance
from prunetext.pruning.shrinking import masked, shrink
from prunetext.runtime._native import Vocabulary, tokenize
from prunetext.training.answering import logits

Model = Callable[..., TextCNN]
Ids = Callable[..., torch.Tensor]
SEVEN = ["zebra", "apple", "ø", "mango", "影", "fig", "电"]
LETTERS = st.lists(st.sampled_from("abcx"), max_size=12).map(" ".join)


@given(texts=st.lists(LETTERS, min_size=1, max_size=20), seed=st.integers(0, 9))
def test_the_list_is_that_of_a_plain_count(texts: list[str], seed: int) -> None:
    labels = [str(each) for each in np.random.default_rng(seed).integers(0, 3, len(texts))]
    words = ["b", "a", "c"]
    classes = sorted(set(labels))
    every = [f"{one} {other}" for one in words for other in words]
    has = np.array([[f" {name} " in f" {text} " for text in texts] for name in every])  # (bigrams, texts)
    of = np.array([[label == each for each in classes] for label in labels])  # (texts, classes)
    counts = dict(zip(every, has.astype(int) @ of.astype(int), strict=True))
    shares = np.array([labels.count(each) / len(labels) for each in classes])
    value = {
        name: ((seen - seen.sum() * shares) ** 2 / (seen.sum() * shares)).sum()
        for name, seen in counts.items()
        if seen.sum() >= 2
    }
    found = telling_bigrams(Examples(texts, labels), classes, Reader(words), most=4)
    names = [" ".join(words[each - 2] for each in both) for both in found.tolist()]
    assert len(names) == min(4, len(value))
    assert sorted(value[name] for name in names) == pytest.approx(
        sorted(value.values())[-len(names) :] if names else []
    )
    assert found.tolist() == sorted(found.tolist())


def test_between_letters_stands_a_pair() -> None:
    texts = ["好看电影", "不好看", "好看"]
    words = list(dict.fromkeys(token for text in texts for token in tokenize(text, "pairs/4")))
    found = telling_bigrams(Examples(texts, ["a", "b", "a"]), ["a", "b"], Reader(words, "pairs/4"), most=99)
    assert [[words[each - 2] for each in both] for both in found.tolist()] == [["好", "看"]]


def test_an_untrained_list_adds_nothing_and_each_bigram_counts_once(random_model: Model) -> None:
    model = random_model(words=4, bigrams=16, classes=2)
    assert isinstance(model, BigramCNN)
    ids = torch.tensor([[2, 3, 2, 3, 2, 0], [5, 1, 5, 0, 0, 0], [0, 0, 0, 0, 0, 0]])
    weight = dict(zip(map(tuple, model.listed.tolist()), model.bigrams[:, 0].tolist(), strict=True))
    added = (weight[2, 3] + weight[3, 2]) / 5**0.5
    torch.testing.assert_close(model.told(ids), torch.tensor([[-added, added], [0, 0], [0, 0]]))
    torch.testing.assert_close(model(ids) - model.told(ids), super(BigramCNN, model).forward(ids))
    new = BigramCNN(Shape(4, 3, {2: 3}, 2), listed=model.listed)
    assert not new.told(ids).any()


@settings(max_examples=30)
@given(seed=st.integers(0, 2**31), classes=st.integers(2, 4), distance=st.integers(1, 2))
def test_a_shrunk_model_is_the_masked_one(
    random_model: Model, random_ids: Ids, seed: int, classes: int, distance: int
) -> None:
    model = random_model(bigrams=20, classes=classes, seed=seed, distance=distance)
    rng, ids = np.random.default_rng(seed), random_ids(7, seed=seed)
    kept = {group.name: rng.random(group.size) < 0.6 for group in model.groups()}
    for name, stays in kept.items():
        stays[0] |= name != "bigrams"
    small = shrink(model, kept).eval()
    with masked(model, kept) as same:
        expected = same(ids)
    torch.testing.assert_close(small(ids), expected)
    assert small.bigram_sizes == (kept["bigrams"].sum(), 1 if classes == 2 else classes)
    again = shrink(small, {"bigrams": np.zeros(small.bigram_sizes[0], bool)}).eval()
    assert again.bigram_sizes[0] == 0
    assert "bigrams" not in {group.name for group in again.groups()}
    torch.testing.assert_close(again(ids), super(BigramCNN, small).forward(ids))
    again.snap()
    with again.on_grid():
        assert again(ids).isfinite().all()


def test_a_bigram_of_words_that_are_removed_still_counts(random_model: Model, tmp_path: Path) -> None:
    model = random_model(bigrams=49, classes=2)
    small = shrink(model, {"vocabulary": np.array([True] + [False] * 6)}).eval()
    assert isinstance(small, BigramCNN)
    with torch.no_grad():
        small.head.weight[:], small.head.bias[:] = 0, 0
        small.bigrams[:] = torch.arange(49)[:, None]
    pack(small, SEVEN, ["a", "b"], tmp_path / "model")
    texts = ["fig 电", "apple ø", "zebra zebra"]
    expected = small(torch.tensor([[7, 8], [3, 4], [2, 2]])).detach()
    np.testing.assert_allclose(prunetext.load(tmp_path / "model").logits(texts), expected, atol=0.2)
    assert expected[0, 1] == pytest.approx(41 / 2**0.5)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**31), several=st.booleans(), distance=st.integers(1, 2))
def test_packed_answers_are_those_of_torch_with_rounding(
    random_model: Model, tmp_path_factory: pytest.TempPathFactory, seed: int, several: bool, distance: int
) -> None:
    tokenizer, classes = "pairs/4" if distance == 2 else "bert/1", 2 + seed % 3
    columns = weights_each(classes, several=several)
    model = random_model(bigrams=30, classes=classes, seed=seed, distance=distance, columns=columns)
    balance(model)
    model.rounding = rounding_of(model, "int8")
    path = tmp_path_factory.mktemp("packed") / "model"
    labels, thresholds = list("abcd")[: model.classes], [0.5] * model.classes if several else None
    trained = trained_model(model, SEVEN, labels, thresholds)
    trained = trained._replace(reader=Reader(SEVEN, tokenizer))
    packing.pack(trained, path)
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.choice([*SEVEN, "unseen"], rng.integers(0, 12))) for _ in range(50)]
    with model.on_grid():
        expected = logits(model, encode_inputs(Vocabulary(SEVEN, tokenizer), texts))
    np.testing.assert_allclose(prunetext.load(path).logits(texts), expected, atol=2e-4)


def test_snapping_changes_no_rounded_answer(random_model: Model, random_ids: Ids) -> None:
    model, ids = random_model(bigrams=30), random_ids(7)
    assert isinstance(model, BigramCNN)
    model.fit_grid()
    with model.on_grid():
        before = model(ids)
    model.snap()
    assert torch.equal(model.bigrams, model.unit() * torch.round(model.bigrams / model.unit()))
    with model.on_grid():
        torch.testing.assert_close(model(ids), before)


def test_only_the_bigrams_of_a_batch_are_trained(random_model: Model) -> None:
    model = random_model(bigrams=30).train()
    assert isinstance(model, BigramCNN)
    before = model.bigrams.detach().clone()
    for optimizer in model.optimizers(Rates(1e-3, 1e-2, 0.01)):
        model.zero_grad()
        model(torch.tensor([[2, 3, 4, 0]])).logsumexp(1).sum().backward()
        optimizer.step()
    listed = [tuple(each) for each in model.listed.tolist()]
    changed = {listed[at] for at in torch.nonzero((model.bigrams != before).any(1))[:, 0].tolist()}
    assert changed == {each for each in [(2, 3), (3, 4)] if each in listed}
    frozen = model.optimizers(Rates(1e-3, 1e-2, 0.01), lambda name: name == "bigrams")
    assert all(each is not model.bigrams for o in frozen for g in o.param_groups for each in g["params"])


def test_a_float_file_gives_the_model_back(random_model: Model, tmp_path: Path) -> None:
    model = random_model(bigrams=9, distance=2)
    with torch.no_grad():
        model.embedding[0] = 0
    trained = trained_model(model, SEVEN, ["a", "b", "c"])
    write_float(trained._replace(reader=Reader(SEVEN, "pairs/4")), tmp_path / "model", {})
    found = read_float(tmp_path / "model").model
    assert isinstance(found, BigramCNN)
    assert {name: tensor.tolist() for name, tensor in found.state_dict().items()} == {
        name: tensor.tolist() for name, tensor in model.state_dict().items()
    }
    assert type(kind_like(found)(found.shape)) is BigramCNN
    assert type(model_of(random_model().state_dict(), pooling="max+mean")) is TextCNN


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("listed", torch.tensor([[2, 3], [2, 2]])),
        ("listed", torch.tensor([[2, 3], [2, 3]])),
        ("listed", torch.tensor([[1, 3], [2, 3]])),
        ("listed", torch.tensor([[2, 3], [2, 9]])),
        ("listed", torch.tensor([[2, 3], [2, 10**12]])),
        ("listed", torch.tensor([[2, 3]])),
        ("listed", torch.tensor([[2.0, 3], [2, 4]])),
        ("listed", torch.tensor([2, 3])),
        ("bigrams", torch.zeros(2, 2)),
        ("bigrams", torch.zeros(2)),
        ("bigrams", torch.full((2, 3), float("nan"))),
        ("distance", torch.tensor(0)),
        ("distance", torch.tensor([1, 1])),
        ("distance", torch.tensor(1.0)),
    ],
)
def test_a_float_file_that_lies_about_bigrams_is_refused(
    random_model: Model, tmp_path: Path, name: str, changed: torch.Tensor
) -> None:
    model = random_model(bigrams=2)
    with torch.no_grad():
        model.embedding[0] = 0
    write_float(trained_model(model, SEVEN, ["a", "b", "c"]), tmp_path / "model", {})
    tensors, metadata = load_tensors(tmp_path / "model")
    save_tensors(tmp_path / "other", {**tensors, name: changed}, metadata)
    with pytest.raises(ModelFileError, match="not a whole float model"):
        read_float(tmp_path / "other")


@pytest.mark.parametrize("tokenizer", ["pairs/4", "pieces/3"])
def test_bigrams_of_another_tokenizer_are_refused(random_model: Model, tmp_path: Path, tokenizer: str) -> None:
    model = random_model(bigrams=2)
    with torch.no_grad():
        model.embedding[0] = 0
    trained = trained_model(model, SEVEN, ["a", "b", "c"])
    write_float(trained._replace(reader=Reader(SEVEN, tokenizer)), tmp_path / "model", {})
    with pytest.raises(ModelFileError, match="none of its tokenizer's"):
        read_float(tmp_path / "model")
    write_float(trained._replace(reader=Reader([f"{each} x" for each in SEVEN])), tmp_path / "model", {})
    with pytest.raises(ModelFileError, match="a word with a space"):
        read_float(tmp_path / "model")


def test_bigrams_of_two_thousand_labels_are_soon_listed() -> None:
    rng = np.random.default_rng(0)
    texts = [" ".join(f"w{each}" for each in rng.integers(0, 300, 10)) for _ in range(4000)]
    labels = [f"{number % 2000:04}" for number in range(4000)]
    words = [f"w{number}" for number in range(300)]
    began = time.process_time()
    assert len(telling_bigrams(Examples(texts, labels), sorted(set(labels)), Reader(words), most=10)) == 10
    assert time.process_time() - began < 5, "of a tenth of one, unless each label takes time"


def test_the_buckets_of_an_export_are_never_deep() -> None:
    for words, bigrams in ((20_002, 5_000), (39_999, 20_000), (101, 50)):
        second = np.random.default_rng(0).zipf(1.5, bigrams * 20) % words
        keys = np.unique(np.arange(len(second)) // 9 * words + second)[:bigrams]
        stored, places = in_buckets(keys)
        assert stored.shape[1] <= 10, (words, bigrams)
        assert sorted(stored[stored >= 0].tolist()) == keys.tolist()
        assert (keys[places[stored >= 0]] == stored[stored >= 0]).all()


def test_two_weights_of_two_labels_are_those_of_several_labels(random_model: Model, tmp_path: Path) -> None:
    model = random_model(bigrams=2, classes=2)
    with torch.no_grad():
        model.embedding[0] = 0
    write_float(trained_model(model, SEVEN, ["a", "b"], [0.5, 0.5]), tmp_path / "model", {})
    with pytest.raises(ModelFileError, match="weights for other labels"):
        read_float(tmp_path / "model")
