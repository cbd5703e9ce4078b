"""The choice of a tokenizer by the texts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import prunetext
from helpers.runs import fit
from prunetext.data.dataset import Examples
from prunetext.errors import InputError
from prunetext.models.textcnn.tokenizing import (
    errors,
    finer_tokenizer,
    rare_note,
    similarities,
    suitable_tokenizer,
    token_ngrams,
)
from prunetext.runtime.tokenizers import BERT, PAIRS_4, PIECES_3, WORDS_2

WHO, DONE = ["आज", "घर", "शाम", "सुबह", "गाँव", "शहर"], ["कहा", "सुना", "रखा", "देखा", "माना", "जाना", "सीखा", "पढ़ा"]
HINDI = Examples(
    [f"{who} {word} {done}" for who in WHO for done in DONE for word in ("कल", "कुल")],
    ["day", "total"] * (len(WHO) * len(DONE)),
)
BOTH = ["a"] * 40 + ["b"] * 40
FIRST, LAST = ("fra", "kel", "mon", "sup", "tir"), ("bad", "den", "gol", "min", "pel", "ros", "tuk", "wiz")
STEMS = [first + last for first in FIRST for last in LAST]
# Of four letters, which stand in other rows in the other class, and one that tells nothing.
ROWS = [f"{one}{each}{other}" for one, other in ("甲乙", "丙丁") for each in "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往"]
SAME_LETTERS = [*(f"甲乙{each}丙丁" for each in ROWS), *(f"甲丁{each}丙乙" for each in ROWS)]
GLUED = [f"{word}{emoji}" for emoji in "😀😡" for word in range(40)]


@pytest.mark.parametrize(
    ("texts", "labels", "chosen"),
    [
        (["a film", "a play"] * 20, ["a", "b"] * 20, BERT),  # no text is cut otherwise
        (["a café", "a play"] * 20, ["a", "b"] * 20, BERT),  # some are, but nothing is gained
        (["schön", "schon"] * 20, ["a", "b"] * 20, WORDS_2),
        (["great😀", "great😡"] * 20, ["a", "b"] * 20, BERT),  # whole words tell as much
        (GLUED, BOTH, WORDS_2),
        (["อาหารดี", "อาหารแย่"], ["a", "b"], WORDS_2),  # bert/1 knows no word that occurs twice
        (["电影好", "电影坏"] * 20, ["a", "b"] * 20, BERT),
        ([f"{word}ung {word}heit" for word in STEMS] + [f"{word}lich {word}bar" for word in STEMS], BOTH, PIECES_3),
        ([f"ung {word}" for word in STEMS] + [f"lich {word}" for word in STEMS], BOTH, BERT),  # words tell as much
        (SAME_LETTERS, BOTH, PAIRS_4),
        ([f"{text}😀" for text in SAME_LETTERS], BOTH, PAIRS_4),
        ([f"{text[:2]} a {text[2:-2]} a {text[-2:]} a" for text in SAME_LETTERS], BOTH, PAIRS_4),
        ([" a ".join(text) for text in SAME_LETTERS], BOTH, BERT),  # no letters in a row
        ([], [], BERT),
    ],
)
def test_suitable_tokenizer(texts: list[str], labels: list[str], chosen: str) -> None:
    assert suitable_tokenizer(Examples(texts, labels)) == chosen


def test_pairs_are_asked_about_where_there_are_three_or_more_for_ten_words() -> None:
    assert finer_tokenizer(["中文中文", "a b c d e f"]) == PAIRS_4
    assert finer_tokenizer(["中文中文", "a b c d e f g"]) == PIECES_3
    assert finer_tokenizer([("中文", "中文"), ("a", "b c")]) == PIECES_3
    assert finer_tokenizer([("中文", "中文"), ("a", "b")]) == PAIRS_4
    assert finer_tokenizer(["", "a" * 5000 + "中文"]) == finer_tokenizer([""]) == PIECES_3


def test_pairs_and_several_labels() -> None:
    assert suitable_tokenizer(Examples(["schön", "schon"] * 20, ["same", "other"] * 20, ["schön"] * 40)) == WORDS_2
    assert suitable_tokenizer(Examples(["schön", "schon"] * 20, [["a"], ["a", "b"]] * 20)) == WORDS_2


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.lists(st.text(st.sampled_from("abc é"), max_size=12), min_size=4, max_size=12), st.integers(0, 5))
def test_errors_are_those_of_regressions_without_the_example(texts: list[str], seed: int) -> None:
    truth = np.random.default_rng(seed).integers(0, 2, (len(texts), 2)).astype(float)
    kernel = similarities(texts, BERT)
    best = []
    for strength in (0.1, 0.3, 1.0):
        left = []
        centred = truth - truth.mean(0)
        for at in range(len(texts)):
            rest = np.arange(len(texts)) != at
            weights = np.linalg.solve(kernel[np.ix_(rest, rest)] + strength * np.eye(rest.sum()), centred[rest])
            left.append(((centred[at] - kernel[at, rest] @ weights) ** 2).sum())
        best.append(np.array(left))
    assert errors(texts, truth, BERT) == pytest.approx(min(best, key=np.mean), rel=1e-6, abs=1e-9)


def test_of_a_long_text_only_the_beginning_is_read() -> None:
    begun = [("word",), ("word", "word"), ("word", "word", "word")]
    assert token_ngrams("word " * 2_000_000 + "end", BERT) == begun
    assert len(token_ngrams("word " * 2_000_000, PIECES_3, 1)) == 1 + 4
    assert token_ngrams("中文" * 200 + "词", PAIRS_4, 1) == [("中",), ("中文",), ("文",), ("文中",)]


def test_the_choice_does_not_depend_on_the_process() -> None:
    code = (
        "from prunetext.models.textcnn.tokenizing import errors\nimport numpy as np\n"
        "texts = ['a b é', 'b c', 'c é é', 'a'] * 5\n"
        "print(errors(texts, np.eye(20)[:, :3], 'words/2').tobytes().hex())"
    )
    path = ":".join(sys.path)
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": path},
            capture_output=True,
            check=True,
        )
        for seed in "12"
    ]
    assert runs[0].stdout == runs[1].stdout != b""


def test_rare_words_are_noted() -> None:
    assert rare_note(["a b a b"], BERT) == []
    assert "Give more texts" in rare_note(["a b", "c d"], BERT)[0]
    assert "--tokenizer words/2" in rare_note(["อาหารดี", "อาหารแย่", "อาหาร"], BERT)[0]


def test_a_rare_pair_is_not_noted_if_its_letters_are_known() -> None:
    assert rare_note(["甲乙丙", "乙甲丙", "丙乙甲"], PAIRS_4) == []
    assert "Give more texts" in rare_note(["甲乙", "丙丁"], PAIRS_4)[0]


def test_a_run_records_and_uses_its_tokenizer(tmp_path: Path) -> None:
    result = fit(HINDI, out=tmp_path / "run", epochs=1, tokenizer="auto")
    inspected = [prunetext.inspect(result.path), prunetext.inspect(tmp_path / "run" / "dense.safetensors")]
    assert [each.tokenizer for each in inspected] == [WORDS_2, WORDS_2]


def test_unknown_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match="tokenizer is 'words/9': it must be auto, bert/1, words/2, pieces/3 or pairs/4"
    ):
        fit(HINDI, out=tmp_path / "run", tokenizer="words/9")


def test_where_bert_finds_no_word_twice_the_remedy_is_the_other_tokenizer(tmp_path: Path) -> None:
    thai = Examples([f"อาหาร{number}{word}" for number in range(20) for word in ("ดี", "แย่")], ["good", "bad"] * 20)
    with pytest.raises(InputError, match="Try --tokenizer words/2"):
        fit(thai, out=tmp_path / "run", tokenizer=BERT)
    assert suitable_tokenizer(thai) == WORDS_2
