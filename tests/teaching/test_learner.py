"""A transformer in the one loop: it is given what its tokenizer says, and learns labels as a little less than sure."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

pytest.importorskip("transformers")

from prunetext.data.dataset import Data, Examples
from prunetext.models.protocol import BODY, HEAD, TABLE
from prunetext.teaching.learner import SMOOTHING, Learner, learning
from prunetext.teaching.transformer import Transformer, autocast, find_folder, padded_tokens
from prunetext.teaching.tuning import fine_tune
from prunetext.training.losses import loss_of

SINGLE = Examples(["great film", "", "dull great film", "common1"], list("abab"))
PAIRS = Examples(["great film", "", "common1 common2 dull"], list("aba"), ["dull", "film film", ""])


@pytest.mark.parametrize("examples", [SINGLE, PAIRS], ids=["single", "pairs"])
@pytest.mark.parametrize("padding", [0, 3])
def test_the_encoder_is_given_what_the_tokenizer_says(encoder: Path, examples: Examples, padding: int) -> None:
    made = Transformer(find_folder(str(encoder)), 16, classes=2)
    torch.nn.init.normal_(made.model.head.weight)
    given: list[dict[str, Any]] = []
    made.model.register_forward_pre_hook(lambda model, args, named: given.append(named), with_kwargs=True)
    learner, texts = learning(made, examples, ["a", "b"])
    learner.padding = padding
    with autocast(torch.device("cpu")):  # as in `logits`
        answers = learner.eval()(texts.take(np.arange(len(examples)))).float()
    wanted = padded_tokens(made.encode(examples.inputs), padding)
    assert given[0].keys() == wanted.keys()
    assert all(torch.equal(given[0][name], each) for name, each in wanted.items())
    np.testing.assert_allclose(answers.detach().numpy(), made.logits(examples.inputs), atol=1e-4)
    assert texts.texts == 1  # both texts of a pair are read as one
    assert len(texts) == len(examples)
    assert texts.tokens().tolist() == [len(each.ids) for each in made.encode(examples.inputs)]


def test_the_loss_of_smoothed_labels_is_cross_entropy_with_label_smoothing() -> None:
    logits, labels = torch.randn(8, 3, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 3
    loss = loss_of(Examples(["a"], ["x"]).task)
    from_loop = loss.distilled(logits, loss.smoothed(labels, 3, SMOOTHING), None, 0.9, 1.0)
    torch.testing.assert_close(from_loop, functional.cross_entropy(logits, labels, label_smoothing=SMOOTHING))


def test_several_labels_are_learnt_as_they_are(encoder: Path) -> None:
    made = Transformer(find_folder(str(encoder)), 16, classes=2)
    learner, texts = learning(made, Examples(["great", "dull"], [["a", "b"], []]), ["a", "b"])
    assert texts.targets.tolist() == [[1, 1], [0, 0]]
    assert texts.task.answer == "labels"
    assert learner.classes == 2


def test_each_parameter_has_a_part_and_a_copy_of_other_weights_answers_by_them(encoder: Path) -> None:
    learner = Learner(Transformer(find_folder(str(encoder)), 16, classes=2).model, padding=0).eval()
    parts = learner.parts()
    assert parts.keys() == dict(learner.named_parameters()).keys()
    assert [name for name, part in parts.items() if part == TABLE] == [
        "pooled.encoder.embeddings.word_embeddings.weight"
    ]
    assert {name for name, part in parts.items() if part == HEAD} == {"pooled.head.weight", "pooled.head.bias"}
    assert set(parts.values()) == {TABLE, BODY, HEAD}
    other = learner.rebuild({**learner.tensors(), "pooled.head.bias": torch.tensor([1.0, 2.0])})
    batch = torch.tensor([[3, 4, 0]])
    assert other(batch).tolist() == [[1.0, 2.0]]  # the weights of a new head are zero
    assert learner(batch).tolist() != [[1.0, 2.0]]
    assert not learner.groups(["vocabulary"])
    assert not learner.costs()
    assert not learner.counts()


def test_word_vectors_stay_as_they_are_and_all_else_is_tuned(data: Data, encoder: Path, tmp_path: Path) -> None:
    folder = find_folder(str(encoder))
    before = Transformer(folder, 16, classes=2).model.encoder.state_dict()
    tuned = fine_tune(folder, data.train, data.labels, tmp_path / "t", tokens=16, epochs=1).model.encoder.state_dict()
    same = {name for name, each in before.items() if torch.equal(each, tuned[name])}
    assert "embeddings.word_embeddings.weight" in same
    assert not {name for name in same if name.startswith("encoder.")}
