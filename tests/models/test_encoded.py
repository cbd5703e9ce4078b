"""Texts as numbers: rows are cut and padded rightly, and every epoch's batches hold each text once."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from prunetext.data.dataset import Examples
from prunetext.data.task import Task
from prunetext.models.encoded import Encoded
from prunetext.models.textcnn.reading import encode_examples
from prunetext.runtime._native import Vocabulary
from prunetext.training.batches import BUCKET, EVALUATION_TOKENS, batches, evaluation_batches

id_lists = st.lists(st.lists(st.integers(1, 99), max_size=6), min_size=1, max_size=30)


def encoded(lists: list[list[int]]) -> Encoded:
    offsets = np.concatenate([[0], np.cumsum([len(each) for each in lists])]).astype(np.int64)
    flat = np.array([token for each in lists for token in each], np.int32)
    return Encoded(flat, offsets, torch.arange(len(lists)))


def padded(lists: list[list[int]]) -> list[list[int]]:
    longest = max(1, *map(len, lists))
    return [each + [0] * (longest - len(each)) for each in lists]


@given(lists=id_lists, limit=st.none() | st.integers(1, 6), data=st.data())
def test_take_pads_with_zeros_and_crops_at_the_limit(
    lists: list[list[int]], limit: int | None, data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.integers(0, len(lists) - 1), min_size=1))
    ids = encoded(lists).take(np.array(rows), limit)
    assert ids.dtype == torch.int64
    assert ids.tolist() == padded([lists[row][:limit] for row in rows])


@given(lengths=st.lists(st.integers(0, 9), min_size=1, max_size=9), limit=st.integers(1, 9), seed=st.integers(0, 9))
def test_a_window_is_a_part_of_its_text(lengths: list[int], limit: int, seed: int) -> None:
    torch.manual_seed(seed)
    lists = [list(range(100 * row + 1, 100 * row + 1 + length)) for row, length in enumerate(lengths)]
    found = encoded(lists).take(np.arange(len(lists)), limit, anywhere=True)
    for ids, whole in zip(found.tolist(), lists, strict=True):
        window = [each for each in ids if each]
        assert ids == window + [0] * (len(ids) - len(window))
        assert len(window) == min(len(whole), limit)
        place = window[0] - whole[0] if window else 0
        assert window == whole[place : place + limit]


def test_windows_are_everywhere_as_often_and_nothing_is_drawn_for_short_texts() -> None:
    texts = encoded([[1, 2, 3, 4, 5]] * 9000)
    torch.manual_seed(0)
    firsts = texts.take(np.arange(9000), 3, anywhere=True)[:, 0].bincount()
    assert (firsts[1:] - 3000).abs().max() < 200
    state = torch.get_rng_state()
    assert texts.take(np.arange(9), 5, anywhere=True).tolist() == [[1, 2, 3, 4, 5]] * 9
    assert torch.equal(torch.get_rng_state(), state)


@given(lists=id_lists, data=st.data())
def test_subset_is_those_texts_in_that_order(lists: list[list[int]], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(lists) - 1), min_size=1))
    part = encoded(lists).subset(np.array(rows))
    assert len(part) == len(rows)
    assert part.targets.tolist() == rows
    assert part.take(np.arange(len(rows))).tolist() == padded([lists[row] for row in rows])


def test_encode_looks_up_tokens_and_labels() -> None:
    found = encode_examples(
        Vocabulary(["good", "film", "bad"]), Examples(["Film, good!", "", "bad unseen"], ["b", "a", "b"]), ["a", "b"]
    )
    assert found.take(np.arange(3)).tolist() == [[3, 1, 2, 1], [0, 0, 0, 0], [4, 1, 0, 0]]
    assert found.targets.tolist() == [1, 0, 1]


@given(lists=id_lists, size=st.integers(1, 8), seed=st.integers(0, 9), epoch=st.integers(0, 9))
def test_an_epoch_has_each_text_once(lists: list[list[int]], size: int, seed: int, epoch: int) -> None:
    examples = encoded(lists)
    rows = batches(examples, size, seed, epoch)
    assert sorted(np.concatenate(rows).tolist()) == list(range(len(lists)))
    assert len(rows) == -(-len(lists) // size)
    assert max(map(len, rows)) <= size
    again = batches(examples, size, seed, epoch)
    assert [each.tolist() for each in again] == [each.tolist() for each in rows]


def test_epochs_and_seeds_differ_and_batches_are_alike_in_length() -> None:
    rng = np.random.default_rng(0)
    examples = encoded([[1] * rng.integers(0, 60) for _ in range(8 * BUCKET)])
    lengths = np.diff(examples.offsets)
    first = batches(examples, 8, 0, 0)
    assert np.mean([np.ptp(lengths[rows]) for rows in first]) < 3
    assert np.mean(np.diff([lengths[rows].mean() for rows in first]) > 0) < 0.7  # not from short to long
    for other in (batches(examples, 8, 0, 1), batches(examples, 8, 1, 0)):
        assert [set(rows.tolist()) for rows in other] != [set(rows.tolist()) for rows in first]


def test_evaluation_sees_each_text_once_within_the_bound() -> None:
    rng = np.random.default_rng(0)
    examples = encoded([[1] * rng.integers(0, 400) for _ in range(500)] + [[1] * (2 * EVALUATION_TOKENS)])
    lengths = np.diff(examples.offsets)
    rows = list(evaluation_batches(examples))
    assert sorted(np.concatenate(rows).tolist()) == list(range(501))
    assert 1 < len(rows) < 20
    assert all(len(each) == 1 or len(each) * lengths[each].max() <= EVALUATION_TOKENS for each in rows)


def test_several_labels_are_ones_in_the_order_of_the_classes() -> None:
    examples = Examples(["a film", "dull", ""], [["z", "x"], [], ["y"]])
    encoded = encode_examples(Vocabulary(["film"]), examples, ["x", "y", "z"])
    assert encoded.task == Task(answer="labels")
    assert encoded.targets.tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    part = encoded.subset(np.array([2, 0]))
    assert part.task == Task(answer="labels")
    assert part.targets.tolist() == [[0, 1, 0], [1, 0, 1]]
