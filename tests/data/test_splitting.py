"""Splits are stratified and repeatable, lose nothing, and share no text."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunetext.data.dataset import Data, Examples
from prunetext.data.report import Report
from prunetext.data.splitting import split
from prunetext.errors import DataError, InputError

row_lists = st.lists(st.tuples(st.integers(0, 30), st.sampled_from("wxyz")), min_size=1, max_size=80)


def make(rows: list[tuple[object, str]], dev: list[object] | None = None, test: list[object] | None = None) -> Data:
    def examples(pairs: list[tuple[object, str]]) -> Examples:
        return Examples([str(text) for text, _ in pairs], [label for _, label in pairs])

    def given_split(texts: list[object] | None) -> Examples | None:
        return None if texts is None else examples([(text, rows[0][1]) for text in texts])

    return Data(examples(rows), given_split(dev), given_split(test), "films", Report(len(rows)))


def pairs(examples: Examples | None) -> list[tuple[str, str]]:
    assert examples is not None
    return list(zip(examples.texts, examples.labels, strict=True))


@given(
    row_lists,
    st.none() | st.lists(st.integers(20, 40), min_size=1, max_size=9),
    st.none() | st.lists(st.integers(20, 40), min_size=1, max_size=9),
    st.integers(),
    st.floats(0.01, 0.45),
    st.floats(0.01, 0.45),
)
def test_nothing_is_lost_and_no_new_split_shares_a_text(
    rows: list[tuple[object, str]],
    dev: list[object] | None,
    test: list[object] | None,
    seed: int,
    dev_share: float,
    test_share: float,
) -> None:
    data = make(rows, dev, test)
    try:
        result = split(data, seed=seed, dev_share=dev_share, test_share=test_share)
    except DataError as error:
        assert "too few different texts" in str(error)  # noqa: PT017
        return
    new = [examples for name, examples in result.splits() if getattr(data, name) is None or name == "train"]
    assert Counter(pair for part in new for pair in pairs(part)) == Counter(pairs(data.train))
    assert set(result.labels) == set(data.labels)
    for name in ("dev", "test"):
        given_examples, examples = getattr(data, name), getattr(result, name)
        assert given_examples is None or examples is given_examples
        if given_examples is None:
            others = {text for other, each in result.splits() if other != name for text in each.texts}
            assert others.isdisjoint(examples.texts)
    assert split(data, seed=seed, dev_share=dev_share, test_share=test_share) == result


@given(
    st.lists(st.sampled_from("wxyz"), min_size=60, max_size=300),
    st.floats(0.05, 0.3),
    st.floats(0.05, 0.3),
    st.integers(),
)
def test_shares_hold_within_each_label_up_to_rounding(
    labels: list[str], dev_share: float, test_share: float, seed: int
) -> None:
    sizes = Counter(labels)
    if min(sizes.values()) < 5:
        return
    result = split(make(list(enumerate(labels))), seed=seed, dev_share=dev_share, test_share=test_share)
    for examples, share in ((result.dev, dev_share), (result.test, test_share)):
        assert examples is not None
        assert len(examples) == round(share * len(labels))
        for label, count in Counter(examples.labels).items():
            assert abs(count - share * sizes[label]) < 1


def test_rows_keep_their_order_and_seeds_differ() -> None:
    data = make([(number, "xy"[number % 2]) for number in range(200)])
    results = [split(data, seed=seed) for seed in range(-2, 3)]
    for result in results:
        for _, examples in result.splits():
            assert sorted(examples.texts, key=int) == examples.texts
    assert len({tuple(pairs(result.dev)) for result in results}) == 5


def test_the_split_is_the_same_in_every_process() -> None:
    code = (
        "from prunetext.data.dataset import Data, Examples\n"
        "from prunetext.data.report import Report\n"
        "from prunetext.data.splitting import split\n"
        "rows = Examples([str(i % 90) for i in range(120)], ['abc'[i % 3] for i in range(120)])\n"
        "print(split(Data(rows, None, None, 'n', Report(120))).fingerprint())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert outputs == {"f7869ce5345aa2101be4c19afc303a0c\n"}


def test_copies_of_a_text_stay_together() -> None:
    data = make([(number // 3, "xy"[number // 3 % 2]) for number in range(300)])
    result = split(data, dev_share=0.1)
    for _, examples in result.splits():
        assert set(Counter(examples.texts).values()) == {3}
    assert result.dev is not None
    assert 26 <= len(result.dev) <= 30


@pytest.mark.parametrize(("rows", "dev"), [(100, 20), (4_000, 500), (10_000, 1_000)])
def test_small_data_give_a_larger_part_to_dev(rows: int, dev: int) -> None:
    result = split(make([(number, "xy"[number % 2]) for number in range(rows)]))
    assert result.dev is not None
    assert len(result.dev) == dev


def test_a_text_of_a_given_split_stays_in_train() -> None:
    data = make([(number, "xy"[number % 2]) for number in range(40)], test=list(range(30)))
    result = split(data, dev_share=0.2)
    assert result.dev is not None
    assert all(int(text) >= 30 for text in result.dev.texts)


def test_nothing_to_do_and_nothing_to_take() -> None:
    data = make([(1, "x"), (2, "y")], dev=[3], test=[4])
    assert split(data) is data
    assert split(replace(data, test=None), test_share=0).test is None
    with pytest.raises(DataError) as caught:
        split(replace(data, dev=None))
    assert (
        str(caught.value)
        == "films: there are too few different texts to set some aside for dev. Give more texts, or give --dev."
    )


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 5), st.sampled_from("xy")), min_size=30, max_size=90),
    st.integers(0, 9),
)
def test_all_pairs_of_a_first_text_are_on_one_side(rows: list[tuple[int, int, str]], seed: int) -> None:
    train = Examples([str(one) for one, *_ in rows], [label for *_, label in rows], [str(two) for _, two, _ in rows])
    try:
        result = split(Data(train, name="pairs"), seed=seed)
    except DataError as error:
        assert "too few different texts" in str(error)  # noqa: PT017
        return
    parts = [set(examples.texts) for _, examples in result.splits()]
    assert sum(map(len, parts)) == len(set(train.texts))
    found = [row for _, each in result.splits() for row in zip(each.inputs, each.labels, strict=True)]
    assert Counter(found) == Counter(zip(train.inputs, train.labels, strict=True))


@given(
    st.lists(st.lists(st.sampled_from("vwxyz"), max_size=3), min_size=40, max_size=120),
    st.integers(0, 9),
)
def test_several_labels_are_split_by_their_rarest(labels: list[list[str]], seed: int) -> None:
    train = Examples([str(number) for number in range(len(labels))], labels)  # type: ignore[arg-type]
    counts = Counter(label for each in train.label_lists for label in each)
    result = split(Data(train, name="sets"), seed=seed, dev_share=0.2)
    assert set(result.labels) == set(counts)
    assert result.dev is not None
    assert result.test is not None
    assert abs(len(result.dev) - 0.2 * len(labels)) <= 1 + len(counts)
    rows = {text: each for _, part in result.splits() for text, each in zip(part.texts, part.label_lists, strict=True)}
    assert rows == dict(zip(train.texts, train.label_lists, strict=True))


@pytest.mark.parametrize(("dev", "test"), [(-0.1, 0.1), (0.5, 0.5), (float("nan"), 0.1), (2, 0)])
def test_impossible_shares(dev: float, test: float) -> None:
    with pytest.raises(InputError, match="add up to less than 1"):
        split(make([(1, "x"), (2, "y")]), dev_share=dev, test_share=test)
