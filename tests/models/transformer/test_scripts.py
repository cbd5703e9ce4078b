"""The tokens that a fine-tuned encoder keeps."""

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from helpers.encoders import byte_pairs, unigrams, word_pieces
from prunetext.models.transformer.reading import TokenReader
from prunetext.models.transformer.scripts import KEPT_TOKENS, scripts_of, wanted_tokens

WORDS = ("[UNK]", "[unused1]", "great", "##ly", "film", "жизнь", "##и", "中", "電影", "42", "!", "é")


@pytest.fixture
def reader() -> TokenReader:
    """One with words of several scripts."""
    made = Tokenizer(models.WordPiece({word: at for at, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.BertPreTokenizer()
    return TokenReader(made.to_str(), 16, len(WORDS))


def kept(reader: TokenReader, texts: list[str], which: str) -> set[str]:
    return {WORDS[each] for each in wanted_tokens(reader, texts, which)}


def test_seen_tokens_are_those_of_the_texts(reader: TokenReader) -> None:
    assert kept(reader, ["Great film", "!"], "seen") == {"great", "film", "!"}


def test_scripts_bring_their_other_tokens_and_those_without_letters(reader: TokenReader) -> None:
    latin = {"[UNK]", "great", "##ly", "film", "42", "!", "é"}
    assert kept(reader, ["great"], "scripts") == latin
    assert kept(reader, ["great жизнь"], "scripts") == latin | {"жизнь", "##и"}
    assert kept(reader, ["great 中"], "scripts") == latin | {"中", "電影"}
    assert kept(reader, ["42"], "scripts") == {"42", "!"}


def test_all_tokens_are_all(reader: TokenReader) -> None:
    assert kept(reader, ["great"], "all") == set(WORDS)


@pytest.mark.parametrize("make", [word_pieces, byte_pairs, unigrams])
def test_each_choice_keeps_what_the_one_before_keeps(make: object) -> None:
    assert callable(make)
    made = make()
    reader = TokenReader(made.to_str(), 24, made.get_vocab_size())
    seen, scripts, whole = (wanted_tokens(reader, ["a great film"], which) for which in KEPT_TOKENS)
    assert seen < scripts <= whole
    assert len(whole) == made.get_vocab_size()


def test_scripts_are_those_of_letters() -> None:
    assert scripts_of(["é, жизнь", "中文 かな", "7 €"]) == {"LATIN", "CYRILLIC", "CJK", "HIRAGANA"}
    assert scripts_of([]) == set()
