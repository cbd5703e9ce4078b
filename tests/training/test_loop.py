"""Training is repeatable to the last bit, also when it was killed and resumed; the best weights on dev stay."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from helpers.kills import KilledError
from prunetext.models.encoded import Encoded, encode
from prunetext.models.textcnn.costs import UNKNOWN, WORDS
from prunetext.models.textcnn.model import Shape, TextCNN
from prunetext.models.textcnn.rounding import rounding_of
from prunetext.runtime._native import Vocabulary, count_words
from prunetext.training import loop
from prunetext.training.loop import Hooks, Progress, Settings, logits, train_model

SETTINGS = Settings(epochs=3, batch_size=16, learning_rate=1e-2, embedding_rate=3e-2)
PER_EPOCH = 6  # of 90 texts
LONGER = Settings(epochs=20, batch_size=16, learning_rate=2e-2, embedding_rate=5e-2, patience=20)


@pytest.fixture(scope="module")
def sets(toy_examples: Callable[..., Any]) -> tuple[Encoded, Encoded, int]:
    train, dev = toy_examples(90, classes=3, seed=1), toy_examples(45, classes=3, seed=2)
    words = sorted(count_words(train.texts))
    labels = sorted(set(train.labels))
    encoded = [encode(each, Vocabulary(words), labels) for each in (train, dev)]
    return encoded[0], encoded[1], len(words)


def new_model(words: int, *, static: int = 0, seed: int = 0) -> TextCNN:
    torch.manual_seed(seed)
    return TextCNN(Shape(words, 8, {1: 4, 2: 3}, classes=3), static=static)


def round_again(model: TextCNN) -> None:
    model.rounding = rounding_of(model, "int8")


def weights(model: TextCNN) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def assert_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


def train(sets: tuple[Encoded, Encoded, int], *, rounded: bool = False, **arguments: Any) -> dict[str, Tensor]:
    model = new_model(sets[2])
    if rounded:
        round_again(model)
    hooks = Hooks(start_epoch=round_again if rounded else None)
    train_model(model, sets[0], sets[1], arguments.pop("settings", SETTINGS), hooks=hooks, **arguments)
    return weights(model)


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1.0)  # after every step
    return tmp_path / "run.checkpoint"


def killed_at(step: int) -> Callable[[Progress], None]:
    def progress(now: Progress) -> None:
        if now.done == step:
            raise KilledError

    return progress


def test_a_separable_corpus_is_learnt(sets: tuple[Encoded, Encoded, int]) -> None:
    model = new_model(sets[2])
    trained = train_model(model, sets[0], sets[1], LONGER)
    assert trained.accuracy == 1.0
    assert trained.ended is None
    assert trained.texts_per_second > 0
    assert logits(model, sets[1]).argmax(1).tolist() == sets[1].targets.tolist()


def test_the_same_seed_gives_the_same_bits(sets: tuple[Encoded, Encoded, int]) -> None:
    first = train(sets)
    torch.rand(7)  # whatever else draws in between
    assert_same(train(sets), first)
    other = train(sets, settings=Settings(**{**vars(SETTINGS), "seed": 1}))
    assert not torch.equal(other["head.weight"], first["head.weight"])


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("kills", [(1,), (PER_EPOCH - 1,), (PER_EPOCH,), (2, 3, 9, 17), (18,)])
def test_killed_and_resumed_equals_uninterrupted(
    sets: tuple[Encoded, Encoded, int], checkpoint: Path, kills: tuple[int, ...], rounded: bool
) -> None:
    whole = train(sets, rounded=rounded)
    for step in kills:
        with pytest.raises(KilledError):
            train(sets, rounded=rounded, checkpoint=checkpoint, progress=killed_at(step))
    steps: list[int] = []
    resumed = train(sets, rounded=rounded, checkpoint=checkpoint, progress=lambda now: steps.append(now.done))
    assert_same(resumed, whole)
    assert steps == list(range(kills[-1] + 1, 3 * PER_EPOCH + 1))  # it went on, and did not begin again


def test_killed_before_the_first_checkpoint_it_begins_again(sets: tuple[Encoded, Encoded, int], tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        train(sets, checkpoint=tmp_path / "run.checkpoint", progress=killed_at(3))
    assert not list(tmp_path.iterdir())
    assert_same(train(sets, checkpoint=tmp_path / "run.checkpoint"), train(sets))


def test_a_checkpoint_older_than_the_kill_is_enough(sets: tuple[Encoded, Encoded, int], checkpoint: Path) -> None:
    saves: Iterator[float] = iter([-1.0] * 4 + [1e9] * 99)
    loop.CHECKPOINT_SECONDS = next(saves)

    def progress(now: Progress) -> None:
        loop.CHECKPOINT_SECONDS = next(saves)
        killed_at(8)(now)

    with pytest.raises(KilledError):
        train(sets, checkpoint=checkpoint, progress=progress)
    steps: list[int] = []
    resumed = train(sets, checkpoint=checkpoint, progress=lambda now: steps.append(now.done))
    assert steps[0] == 5
    assert_same(resumed, train(sets))


def scripted(monkeypatch: pytest.MonkeyPatch, scores: list[tuple[float, float]]) -> list[dict[str, Tensor]]:
    """Let dev say these accuracies and losses, one after each epoch; returns the weights that it was asked about."""
    seen: list[dict[str, Tensor]] = []

    def dev_values(model: TextCNN, *given: object) -> tuple[float, float]:
        seen.append(weights(model))
        return scores[len(seen) - 1]

    monkeypatch.setattr(loop, "dev_values", dev_values)
    return seen


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ([(0.5, 1), (0.9, 1), (0.8, 0.1), (0.9, 1), (0.7, 0), (0.99, 0)], 1),  # the sixth is never reached
        ([(0.5, 1), (0.9, 1), (0.9, 0.5), (0.9, 0.6), (0.8, 0), (0.99, 0)], 2),  # a lower loss is no improvement
        ([(0.5, 1), (0.6, 1), (0.7, 1), (0.6, 1), (0.8, 2)], 4),  # the epochs are over
    ],
)
def test_early_stopping_keeps_the_best(
    sets: tuple[Encoded, Encoded, int],
    monkeypatch: pytest.MonkeyPatch,
    scores: list[tuple[float, float]],
    best: int,
) -> None:
    seen = scripted(monkeypatch, scores)
    model = new_model(sets[2])
    settings = Settings(epochs=len(scores), batch_size=16, patience=3)
    trained = train_model(model, sets[0], sets[1], settings)
    assert trained.epochs == len(seen) == 5
    assert trained.accuracy == scores[best][0]
    assert_same(weights(model), seen[best])


def test_the_best_may_be_that_of_the_lowest_loss(
    sets: tuple[Encoded, Encoded, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = scripted(monkeypatch, [(0.5, 1.0), (0.9, 0.7), (0.6, 0.5), (0.95, 0.6), (0.99, 0.8), (1.0, 0.1)])
    model = new_model(sets[2])
    trained = train_model(model, sets[0], sets[1], replace(SETTINGS, epochs=6, patience=2, best_by="loss"))
    assert trained.epochs == len(seen) == 5  # two judgements were no better
    assert trained.accuracy == 0.6
    assert_same(weights(model), seen[2])


def test_what_is_judged_and_kept_is_the_running_average(
    sets: tuple[Encoded, Encoded, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = scripted(monkeypatch, [(0.5, 1), (0.6, 1)])
    model = new_model(sets[2])
    mean, steps = weights(model), 0

    def after_step(model: TextCNN, learning_rate: float) -> None:
        nonlocal steps
        steps += 1
        keep = min(0.7, (1 + steps) / (10 + steps))
        for name, parameter in model.named_parameters():
            mean[name] = keep * mean[name] + (1 - keep) * parameter.detach()

    settings = replace(SETTINGS, epochs=2, averaging=0.7)
    train_model(model, sets[0], sets[1], settings, hooks=Hooks(after_step=after_step))
    assert_same(weights(model), seen[1])
    for name, tensor in weights(model).items():
        torch.testing.assert_close(tensor, mean[name])


def test_an_interrupt_keeps_the_best_so_far(
    sets: tuple[Encoded, Encoded, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = scripted(monkeypatch, [(0.5, 1), (0.4, 1)])

    def progress(now: Progress) -> None:
        if now.done == 2 * PER_EPOCH + 1:
            raise KeyboardInterrupt

    model = new_model(sets[2])
    trained = train_model(model, sets[0], sets[1], SETTINGS, progress=progress)
    assert trained.ended == "interrupted"
    assert trained.accuracy == 0.5
    assert_same(weights(model), seen[0])


def test_an_interrupt_before_anything_was_judged_is_passed_on(sets: tuple[Encoded, Encoded, int]) -> None:
    def progress(now: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_model(new_model(sets[2]), sets[0], sets[1], SETTINGS, progress=progress)


def test_a_deadline_ends_training_with_a_judged_model(sets: tuple[Encoded, Encoded, int]) -> None:
    steps: list[Progress] = []
    trained = train_model(
        new_model(sets[2]), sets[0], sets[1], SETTINGS, deadline=time.monotonic() - 1, progress=steps.append
    )
    assert trained.ended == "time"
    assert len(steps) == 1
    assert steps[0].accuracy == trained.accuracy > 0


def test_parts_of_an_epoch_and_progress(sets: tuple[Encoded, Encoded, int]) -> None:
    steps: list[Progress] = []
    settings = Settings(epochs=1.5, batch_size=16)
    trained = train_model(new_model(sets[2]), sets[0], sets[1], settings, progress=steps.append)
    assert [now.done for now in steps] == list(range(1, 10))
    assert {now.total for now in steps} == {9}
    assert [now.accuracy is None for now in steps] == [True] * 5 + [False] * 4
    assert trained.epochs == 2


def test_hooks_see_gradients_and_the_falling_learning_rate(sets: tuple[Encoded, Encoded, int]) -> None:
    gradients: list[bool] = []
    rates: list[float] = []
    epochs: list[int] = []
    hooks = Hooks(
        after_backward=lambda model: gradients.append(model.head.weight.grad is not None),
        after_step=lambda model, rate: rates.append(rate),
        start_epoch=lambda model: epochs.append(len(rates)),
    )
    train_model(new_model(sets[2]), sets[0], sets[1], SETTINGS, hooks=hooks)
    assert gradients == [True] * 18
    assert epochs == [0, 6, 12]
    assert rates[0] == SETTINGS.learning_rate
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(SETTINGS.learning_rate * (1 - 0.95 * 17 / 18))


def test_static_dimensions_and_padding_do_not_move(sets: tuple[Encoded, Encoded, int]) -> None:
    model = new_model(sets[2], static=5)
    before = weights(model)
    train_model(model, sets[0], sets[1], SETTINGS)
    after = weights(model)
    assert torch.equal(after["embedding"][:, :5], before["embedding"][:, :5])
    assert not torch.equal(after["embedding"][WORDS:, 5:], before["embedding"][WORDS:, 5:])
    assert not after["embedding"][0].any()


def test_hidden_words_teach_the_unknown_word(sets: tuple[Encoded, Encoded, int]) -> None:
    before = new_model(sets[2]).embedding[UNKNOWN]
    assert not torch.equal(train(sets)["embedding"][UNKNOWN], before)
    without = Settings(**{**vars(SETTINGS), "word_dropout": 0.0})
    assert torch.equal(train(sets, settings=without)["embedding"][UNKNOWN], before)


def test_a_teachers_probabilities_are_targets_too(sets: tuple[Encoded, Encoded, int]) -> None:
    soft = torch.nn.functional.one_hot(sets[0].targets, 3) * 0.4 + 0.2
    sure = []
    for targets in (soft, sets[0].targets):
        model = new_model(sets[2])
        assert train_model(model, replace(sets[0], targets=targets), sets[1], LONGER).accuracy == 1.0
        sure.append(float(logits(model, sets[1]).softmax(1).amax(1).mean()))
    assert sure[0] < 0.7 < 0.9 < sure[1]  # it also learnt to doubt


def test_a_step_sees_a_window_of_a_long_text_and_prediction_all_of_it(
    sets: tuple[Encoded, Encoded, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "WINDOW", 2)
    ids = np.array([2, 3, 4, 5, 6], np.int32)
    long = Encoded(ids, np.array([0, 5]), torch.tensor([0]))
    model = new_model(sets[2]).eval()
    assert torch.allclose(logits(model, long), model(torch.from_numpy(ids.astype(np.int64))[None]))
    moved: list[list[int]] = []
    before = weights(model)["embedding"]

    def note(model: TextCNN, rate: float) -> None:
        nonlocal before
        now = weights(model)["embedding"]
        moved.append((now != before).any(1).nonzero().flatten().tolist())
        before = now

    plain = replace(SETTINGS, epochs=20, patience=20, word_dropout=0.0)
    train_model(model, long, long, plain, hooks=Hooks(after_step=note))
    seen = {tuple(each) for each in moved}
    assert seen == {(2, 3), (3, 4), (4, 5), (5, 6)}


def test_windows_are_drawn_again_alike_when_training_resumes(
    sets: tuple[Encoded, Encoded, int], checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = train(sets)
    monkeypatch.setattr(loop, "WINDOW", 3)
    whole = train(sets)
    assert not torch.equal(whole["embedding"], first["embedding"])
    with pytest.raises(KilledError):
        train(sets, checkpoint=checkpoint, progress=killed_at(8))
    assert_same(train(sets, checkpoint=checkpoint), whole)


def test_what_comes_late_in_long_texts_is_learnt_too(
    sets: tuple[Encoded, Encoded, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "WINDOW", 12)
    late = []
    for part in sets[:2]:  # each text behind as many unknown words
        ids = np.concatenate([np.r_[[1] * loop.WINDOW, each] for each in np.split(part.ids, part.offsets[1:-1])])
        offsets = part.offsets + loop.WINDOW * np.arange(len(part.offsets))
        late.append(Encoded(ids.astype(np.int32), offsets, part.targets))
    assert train_model(new_model(sets[2]), *late, replace(LONGER, epochs=40)).accuracy > 0.9
    take = Encoded.take
    monkeypatch.setattr(Encoded, "take", lambda self, rows, limit=None, anywhere=False: take(self, rows, limit))
    assert train_model(new_model(sets[2]), *late, LONGER).accuracy < 0.5  # of three classes, from beginnings alone
