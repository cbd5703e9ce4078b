"""Training learns, keeps the best weights on dev, ends when it is told to, and tells how far it is."""

import time
from dataclasses import replace

import pytest
import torch

from helpers.training import (
    LONGER,
    PER_EPOCH,
    SETTINGS,
    Sets,
    assert_same,
    new_model,
    scripted,
    train,
    weights,
)
from prunetext.models.textcnn.layout import UNKNOWN, WORDS
from prunetext.models.textcnn.model import TextCNN
from prunetext.training.answering import logits
from prunetext.training.loop import Hooks, Progress, train_model
from prunetext.training.settings import Settings


def test_a_separable_corpus_is_learnt(sets: Sets) -> None:
    model = new_model(sets[2])
    trained = train_model(model, sets[0], sets[1], LONGER)
    assert trained.accuracy == 1.0
    assert trained.ended is None
    assert trained.texts_per_second > 0
    assert logits(model, sets[1]).argmax(1).tolist() == sets[1].targets.tolist()


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ([(0.5, 1), (0.9, 1), (0.8, 0.1), (0.9, 1), (0.7, 0), (0.99, 0)], 1),  # the sixth is never reached
        ([(0.5, 1), (0.9, 1), (0.9, 0.5), (0.9, 0.6), (0.8, 0), (0.99, 0)], 2),  # a lower loss is no improvement
        ([(0.5, 1), (0.6, 1), (0.7, 1), (0.6, 1), (0.8, 2)], 4),  # the epochs are over
    ],
)
def test_early_stopping_keeps_the_best(
    sets: Sets,
    scores: list[tuple[float, float]],
    best: int,
) -> None:
    model, dev = scripted(sets[2], scores)
    settings = Settings(epochs=len(scores), batch_size=16, patience=3)
    trained = train_model(model, sets[0], dev, settings)
    assert trained.epochs == len(model.seen) == 5
    assert trained.accuracy == scores[best][0]
    assert_same(weights(model), model.seen[best])


def test_the_best_may_be_that_of_the_lowest_loss(sets: Sets) -> None:
    model, dev = scripted(sets[2], [(0.5, 1.0), (0.9, 0.7), (0.6, 0.5), (0.95, 0.6), (0.99, 0.8), (1.0, 0.1)])
    trained = train_model(model, sets[0], dev, replace(SETTINGS, epochs=6, patience=2, best_by="loss"))
    assert trained.epochs == len(model.seen) == 5  # two judgements were no better
    assert trained.accuracy == 0.6
    assert_same(weights(model), model.seen[2])


def test_what_is_judged_and_kept_is_the_running_average(sets: Sets) -> None:
    model, dev = scripted(sets[2], [(0.5, 1), (0.6, 1)])
    mean, steps = weights(model), 0

    def after_step(model: TextCNN, learning_rate: float) -> None:
        nonlocal steps
        steps += 1
        keep = min(0.7, (1 + steps) / (10 + steps))
        for name, parameter in model.named_parameters():
            mean[name] = keep * mean[name] + (1 - keep) * parameter.detach()

    settings = replace(SETTINGS, epochs=2, averaging=0.7)
    train_model(model, sets[0], dev, settings, hooks=Hooks(after_step=after_step))
    assert_same(weights(model), model.seen[1])
    for name, tensor in weights(model).items():
        torch.testing.assert_close(tensor, mean[name])


def test_an_interrupt_keeps_the_best_so_far(sets: Sets) -> None:
    model, dev = scripted(sets[2], [(0.5, 1), (0.4, 1)])

    def progress(now: Progress) -> None:
        if now.done == 2 * PER_EPOCH + 1:
            raise KeyboardInterrupt

    trained = train_model(model, sets[0], dev, SETTINGS, progress=progress)
    assert trained.ended == "interrupted"
    assert trained.accuracy == 0.5
    assert_same(weights(model), model.seen[0])


def test_an_interrupt_before_anything_was_judged_is_passed_on(sets: Sets) -> None:
    def progress(now: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_model(new_model(sets[2]), sets[0], sets[1], SETTINGS, progress=progress)


def test_a_deadline_ends_training_with_a_judged_model(sets: Sets) -> None:
    steps: list[Progress] = []
    trained = train_model(
        new_model(sets[2]), sets[0], sets[1], SETTINGS, deadline=time.monotonic() - 1, progress=steps.append
    )
    assert trained.ended == "time"
    assert len(steps) == 1
    assert steps[0].accuracy == trained.accuracy > 0


def test_parts_of_an_epoch_and_progress(sets: Sets) -> None:
    steps: list[Progress] = []
    settings = Settings(epochs=1.5, batch_size=16)
    trained = train_model(new_model(sets[2]), sets[0], sets[1], settings, progress=steps.append)
    assert [now.done for now in steps] == list(range(1, 10))
    assert {now.total for now in steps} == {9}
    assert [now.accuracy is None for now in steps] == [True] * 5 + [False] * 4
    assert trained.epochs == 2


def test_hooks_see_gradients_and_the_falling_learning_rate(sets: Sets) -> None:
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


def test_static_dimensions_and_padding_do_not_move(sets: Sets) -> None:
    model = new_model(sets[2], static=5)
    before = weights(model)
    train_model(model, sets[0], sets[1], SETTINGS)
    after = weights(model)
    assert torch.equal(after["embedding"][:, :5], before["embedding"][:, :5])
    assert not torch.equal(after["embedding"][WORDS:, 5:], before["embedding"][WORDS:, 5:])
    assert not after["embedding"][0].any()


def test_hidden_words_teach_the_unknown_word(sets: Sets) -> None:
    before = new_model(sets[2]).embedding[UNKNOWN]
    assert not torch.equal(train(sets)["embedding"][UNKNOWN], before)
    without = Settings(**{**vars(SETTINGS), "word_dropout": 0.0})
    assert torch.equal(train(sets, settings=without)["embedding"][UNKNOWN], before)


def test_a_teachers_probabilities_are_targets_too(sets: Sets) -> None:
    soft = torch.nn.functional.one_hot(sets[0].targets, 3) * 0.4 + 0.2
    sure = []
    for targets in (soft, sets[0].targets):
        model = new_model(sets[2])
        assert train_model(model, replace(sets[0], targets=targets), sets[1], LONGER).accuracy == 1.0
        sure.append(float(logits(model, sets[1]).softmax(1).amax(1).mean()))
    assert sure[0] < 0.7 < 0.9 < sure[1]  # it also learnt to doubt
