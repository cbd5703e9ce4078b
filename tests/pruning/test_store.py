"""The models of a search on disk: named by what they are made of, and the same when they are read again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prunetext.errors import DamagedError, InputError
from prunetext.models.tensors import load_tensors, save_tensors
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.rounding import rounding_of
from prunetext.pruning.shrinking import shrink
from prunetext.pruning.steps import Outcome
from prunetext.pruning.store import Store, key_of, weights_digest

Model = Callable[..., TextCNN]

parts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(one=parts, other=parts)
def test_a_key_stands_for_what_it_is_made_of(one: object, other: object) -> None:
    key = key_of("a", one)
    assert len(key) == 16
    assert set(key) <= set("0123456789abcdef")
    assert key == key_of("a", json.loads(json.dumps(one)))
    assert (key == key_of("a", other)) == (json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True))
    assert key != key_of("b", one)


def test_the_order_of_a_dictionary_does_not_matter_and_that_of_parts_does() -> None:
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})
    assert key_of("a", "b") != key_of("b", "a") != key_of("ab")


def test_a_digest_changes_with_any_weight_and_with_nothing_else(random_model: Model) -> None:
    model = random_model()
    name = weights_digest(model)
    model.rounding = rounding_of(model, "int8")
    model.dropout = 0.1
    assert weights_digest(model) == name == weights_digest(random_model()) != weights_digest(random_model(seed=1))
    seen = {name}
    for tensor in model.state_dict().values():
        before = tensor.clone()
        tensor.view(-1)[-1] += 1
        seen.add(weights_digest(model))
        tensor.copy_(before)
    assert len(seen) == 1 + len(model.state_dict())
    assert weights_digest(model) == name


def test_a_model_is_the_same_when_it_is_read_again(random_model: Model, tmp_path: Path) -> None:
    model = random_model(pooling="max", filters={2: 3, 5: 1}, static=2)
    rng = np.random.default_rng(0)
    model = shrink(model, {group.name: rng.random(group.size) < 0.8 for group in model.groups(("vocabulary",))})
    model.bits[-1] = 4
    outcome = Outcome(
        0.5, 1_234, -0.1, accepted=True, error=0.3, time=0.7, speed=9.5, key="00ff00ff00ff00ff", left=model.counts()
    )
    like = random_model(pooling="max")
    like.dropout = 0.25
    first = Store(tmp_path, like)
    assert "a" not in first
    first.checkpoint("a").write_text("half")
    first.save("a", model, outcome, parent="root", step={"keep": 0.5})
    assert "a" in first
    assert not first.checkpoint("a").exists()
    assert first.load("a") is model
    again = Store(tmp_path, like)
    loaded = again.load("a")
    assert loaded is again.load("a") is not model
    assert (loaded.shape, loaded.static, loaded.dropout) == (model.shape, 2, 0.25)
    assert weights_digest(loaded) == weights_digest(model)
    assert all(torch.equal(each, loaded.state_dict()[name]) for name, each in model.state_dict().items())
    assert again.outcome("a") == outcome
    assert json.loads(load_tensors(again.path("a"))[1]["step"]) == {"keep": 0.5}


def test_weights_that_were_not_judged_are_kept_too(random_model: Model, tmp_path: Path) -> None:
    Store(tmp_path, random_model(seed=1)).save("early", random_model())
    assert weights_digest(Store(tmp_path, random_model(seed=1)).load("early")) == weights_digest(random_model())


def test_the_same_model_is_the_same_file(random_model: Model, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Store(tmp_path / name, random_model()).save("x", random_model(), parent="root")
    assert (tmp_path / "a" / "x.safetensors").read_bytes() == (tmp_path / "b" / "x.safetensors").read_bytes()


def test_only_the_models_used_last_stay_in_memory_and_the_others_come_back_from_disk(
    random_model: Model, tmp_path: Path
) -> None:
    models = {f"model{seed}": random_model(seed=seed) for seed in range(5)}
    store = Store(tmp_path, models["model0"], most=2)
    for key, model in models.items():
        store.save(key, model)
        assert store.in_memory() <= 2
    assert store.load("model4") is models["model4"]
    assert store.load("model3") is models["model3"]
    first = store.load("model0")
    assert first is not models["model0"]
    assert weights_digest(first) == weights_digest(models["model0"])
    assert store.load("model3") is models["model3"]  # used after the other, which had to go
    assert store.load("model4") is not models["model4"]
    for key, model in models.items():
        assert weights_digest(store.load(key)) == weights_digest(model)
        assert store.in_memory() == 2
    held = store.hold("whole", random_model(seed=9))
    for key in models:
        store.load(key)
    assert store.load("whole") is held
    assert store.in_memory() == 2


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"remap": torch.tensor([0, 1, 10**9])},
        {"remap": torch.zeros(3)},
        {"head.bias": torch.zeros(1)},
        {"head.bias": torch.tensor([float("nan"), 0])},
        {"embedding": None},
        {"static": torch.zeros(2)},
        {"more": torch.zeros(1)},
        {"outcome": "[" * 10_000},
        {"outcome": "{}"},
        {"outcome": '{"keep": 1, "bytes": 9, "drop": 0, "accepted": true, "more": 1}'},
        {"outcome": '{"keep": 1, "bytes": "9", "drop": 0, "accepted": true}'},
        {"outcome": '{"keep": 1, "bytes": 9, "drop": 0, "accepted": true, "left": 3}'},
        {"seconds": '"long"'},
        {"seconds": "[1]"},
    ],
)
def test_a_step_that_is_damaged_or_of_something_else_is_as_if_it_were_not_there(
    random_model: Model, tmp_path: Path, change: dict[str, Any]
) -> None:
    model, path = random_model(), tmp_path / "a.safetensors"
    Store(tmp_path, model).save("a", model, Outcome(1.0, 9, 0.0, accepted=True), seconds=1.5)
    assert Store(tmp_path, model).seconds("a") == 1.5
    tensors, about = load_tensors(path)
    found = {**tensors, **about, **change}
    changed = {name: each for name, each in found.items() if isinstance(each, torch.Tensor)}
    save_tensors(path, changed, {name: each for name, each in found.items() if isinstance(each, str)})
    if not change:
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    for read in (Store.load, Store.outcome, Store.seconds):
        with pytest.raises(DamagedError):
            read(Store(tmp_path, model), "a")
    assert "a" not in Store(tmp_path, model)
    assert not path.exists()


def test_a_folder_in_the_place_of_a_step_is_left_alone(random_model: Model, tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").mkdir()
    store = Store(tmp_path, random_model())
    with pytest.raises(DamagedError, match="Delete it"):
        assert "a" in store
    with pytest.raises(InputError, match=r"a folder stands where a file is to be written\. Remove it\."):
        store.save("a", random_model())
