"""A tokenizer.json from anybody is refused in a sentence, or read; nothing else happens."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.tokenizer_files import tokenizer_with
from prunetext.errors import InputError
from prunetext.models.transformer.vocabulary import narrowed

VOCABULARY = {"[UNK]": 0, "a": 1, "##b": 2, "ab": 3}
SMALL = tokenizer_with({"type": "WordPiece", "unk_token": "[UNK]", "vocab": VOCABULARY})
BPE = {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}


def bpe(**changed: object) -> str:
    return json.dumps(tokenizer_with({**BPE, **changed}))


def unigram(**changed: object) -> str:
    return json.dumps(tokenizer_with({"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0], ["a", -1.0]], **changed}))


def small(**changed: object) -> str:
    return json.dumps({**SMALL, **changed})


def added(**changed: object) -> str:
    return small(added_tokens=[{"id": 4, "content": "<x>", "special": True, **changed}])


def after(processor: object) -> str:
    return small(post_processor=processor)


HOSTILE = {
    "": "is no JSON",
    "{": "is no JSON",
    "\ufeff{}": "is no JSON",
    "[" * 100_000: "nested too deeply",
    '{"a":' * 100_000: "nested too deeply",
    "[1]": "not an object",
    "null": "not an object",
    "1" * 5000: "is no JSON",
    "{}": "'model' should be a dict, not None",
    small(model=[]): "'model' should be a dict",
    small(model={}): "'vocab' should be a dict",
    small(model={"type": ["BPE"]}): "none of the types",
    small(model={"type": "Lattice", "vocab": {}}): "none of the types of models that tokens can be removed from",
    small(model={"type": "WordPiece", "vocab": ["a"]}): "'vocab' should be a dict",
    small(model={"type": "WordPiece", "vocab": {"a": "0"}}): "the id of 'a' should be a whole number",
    small(model={"type": "WordPiece", "vocab": {"a": True}}): "the id of 'a' should be a whole number",
    small(model={"type": "WordPiece", "vocab": {"a": -1}}): "the id of 'a' should be a whole number",
    small(model={"type": "WordPiece", "vocab": {"a": 1.0}}): "the id of 'a' should be a whole number",
    small(model={"type": "WordPiece", "vocab": {"a": 1, "b": 1}}): "two tokens have the same id",
    small(model={"type": "WordPiece", "vocab": {}, "unk_token": 3}): "'unk_token' should be a str",
    small(model={"type": "WordPiece", "vocab": {}, "continuing_subword_prefix": 3}): "'continuing_subword_prefix'",
    small(model={"type": "WordPiece", "vocab": {"\ud800": 0}}): "holds what JSON cannot",
    small(normalizer=float("nan")): "holds what JSON cannot",
    small(added_tokens=None): "'added_tokens' should be a list",
    small(added_tokens={}): "'added_tokens' should be a list",
    small(added_tokens=[3]): "3 should be an object",
    added(content=None): "'content' should be a str",
    added(content=""): "an added token is empty",
    added(id=None): "'id' should be a int",
    added(id=True): "the id of an added token should be a whole number",
    added(id=5): "has the id 5, where 4 is its place",
    added(id=3): "has the id 3, where 4 is its place",
    added(content="a"): "has the id 4, where 1 is its place",
    small(model={**BPE, "vocab": {"a": 0, "b": 1, "ab": 7}}, added_tokens=[{"id": 3, "content": "x"}]): "have holes",
    small(padding=3): "3 should be an object with 'pad_token'",
    small(padding={"pad_token": 1, "pad_id": 0}): "'pad_token' should be a str",
    small(padding={"pad_token": "[PAD]"}): "'pad_id' should be a int",
    small(padding={"pad_token": "[PAD]", "pad_id": -3}): "'pad_id' should be a whole number",
    after("x"): "'x' should be an object",
    after({}): "'type' should be a str",
    after({"type": "Other"}): "is none whose ids are known",
    after({"type": "Sequence"}): "'processors' should be a list",
    after({"type": "Sequence", "processors": [None]}): "None should be an object",
    after({"type": "BertProcessing", "sep": ["a", 1]}): "'cls' should be a list",
    after({"type": "BertProcessing", "sep": ["a", 1, 2], "cls": ["a", 1]}): "a token and its id",
    after({"type": "RobertaProcessing", "sep": ["a", 99], "cls": ["a", 1]}): "the id 99, which no token has",
    after({"type": "RobertaProcessing", "sep": ["a", "b"], "cls": ["a", 1]}): "should be a whole number",
    after({"type": "TemplateProcessing", "special_tokens": []}): "'special_tokens' should be a dict",
    after({"type": "TemplateProcessing", "special_tokens": {"a": {"ids": 1}}}): "'ids' should be a list",
    after({"type": "TemplateProcessing", "special_tokens": {"a": {"ids": [None]}}}): "should be a whole number",
    bpe(merges=None): "'merges' should be a list",
    bpe(merges=["ab"]): "a merge should be two tokens, not 'ab'",
    bpe(merges=["a b c"]): "a merge should be two tokens",
    bpe(merges=[["a", "b", "ab"]]): "a merge should be two tokens",
    bpe(merges=[["a", 3]]): "a merge should be two tokens",
    bpe(merges=[3]): "a merge should be two tokens",
    bpe(merges=["b a"]): "the vocabulary has not",
    bpe(merges=[["a", "c"]]): "the vocabulary has not",
    bpe(end_of_word_suffix=[]): "'end_of_word_suffix' should be a str",
    unigram(vocab={"a": 1}): "'vocab' should be a list",
    unigram(vocab=["a"]): "a piece should be a text and its score",
    unigram(vocab=[["a"]]): "a piece should be a text and its score",
    unigram(vocab=[[1, 1.0]]): "a piece should be a text and its score",
    unigram(vocab=[["a", "b"]]): "the score of 'a' should be a number",
    unigram(unk_id=2): "'unk_id' names the id 2, which no token has",
    unigram(unk_id=-1): "'unk_id' should be a whole number",
    unigram(unk_id="a"): "'unk_id' should be a whole number",
    unigram(vocab=[["a", -1.0], ["b", float("-inf")]]): "holds what JSON cannot",
}


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_tokenizer_is_refused(text: str) -> None:
    with pytest.raises(InputError) as refused:
        narrowed(text, [])
    assert HOSTILE[text] in str(refused.value)
    assert len(str(refused.value)) < 400


def test_an_unknown_id_is_refused() -> None:
    assert narrowed(json.dumps(SMALL), [3]).rows == [0, 1, 2, 3]
    with pytest.raises(InputError, match="no token has the id 4"):
        narrowed(json.dumps(SMALL), [3, 9, 4])


def places_in(value: object) -> list[tuple[Any, Any]]:
    """Each container in a JSON value with each of its keys."""
    inside = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [(value, key) for key, _ in inside] + [place for _, each in inside for place in places_in(each)]


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 9)
    | st.floats()
    | st.sampled_from(["a", "", "BPE", "Unigram", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "a", "ids"]), inner, max_size=3)
    ),
    max_leaves=5,
)
PROCESSORS = {
    "type": "Sequence",
    "processors": [
        {"type": "BertProcessing", "sep": ["a", 0], "cls": ["b", 1]},
        {"type": "TemplateProcessing", "special_tokens": {"a": {"id": "a", "ids": [0], "tokens": ["a"]}}},
    ],
}
WHOLE = {
    "post_processor": PROCESSORS,
    "padding": {"pad_id": 0, "pad_token": "a"},
    "added_tokens": [{"id": 0, "content": "a"}],
}


@settings(max_examples=200)
@given(data=st.data())
def test_a_change_anywhere_gives_a_tokenizer_or_a_refusal(data: st.DataObject) -> None:
    given = data.draw(st.sampled_from([bpe(), unigram(vocab=[["a", 0], ["b", -1.0]]), json.dumps(SMALL)]))
    file = {**json.loads(given), **json.loads(json.dumps(WHOLE))}
    for _ in range(data.draw(st.integers(1, 2))):
        holder, key = data.draw(st.sampled_from(places_in(file)))
        if data.draw(st.booleans()):
            holder[key] = data.draw(values)
        else:
            del holder[key]
    try:
        found = narrowed(json.dumps(file), [])
    except InputError:
        return
    assert narrowed(found.tokenizer, range(len(found.rows))) == (found.tokenizer, list(range(len(found.rows))))
