"""Small tokenizers of each kind, trained on a few sentences, as the text of their tokenizer.json."""

import json
import random
from collections.abc import Callable
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CORPUS = [
    "The film was great, and the actors were greater than the filming itself.",
    "A great actor acts in a film that was filmed where no actress was acting!",
    "Lowest, lower and low: the new, the newer and the newest (in 2019, 2020 & 2021).",
    "Die Schauspieler spielten größer als die größte Bühne; naïve cafés déjà vu.",
    "好看的电影 不好看的电影 电影好看",
    "unbelievable unbelievably believable believers believed in the unbelieved",
] * 3
WORDS = sorted({word for text in CORPUS for word in text.split()})
KNOWN = sorted({letter for text in CORPUS for letter in text})
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]


def tokenizer_with(model: object) -> dict[str, Any]:
    parts = ("truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder")
    return {"version": "1.0", **dict.fromkeys(parts), "added_tokens": [], "model": model}


def plain(text: str) -> Tokenizer:
    """It neither truncates nor pads."""
    tokenizer = Tokenizer.from_str(text)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def word_pieces() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(
        CORPUS, trainers.WordPieceTrainer(vocab_size=260, special_tokens=special, show_progress=False)
    )
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.enable_truncation(16)
    tokenizer.enable_padding(length=16)
    return tokenizer


def bytes_merged(*, prefix_space: bool = False, ignore_merges: bool = False) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=prefix_space)
    tokenizer.add_tokens([AddedToken("<x>", normalized=False), AddedToken("filmed", single_word=True)])
    return tokenizer


def letters_merged(**how: str) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", **how))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(vocab_size=200, special_tokens=SPECIAL, show_progress=False, **how)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def scored_pieces() -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=160, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    ends = [("<s>", 0), ("</s>", 2)]
    template = processors.TemplateProcessing("<s> $A </s>", "<s> $A </s> </s> $B:1 </s>:1", ends)
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(), template])
    tokenizer.add_special_tokens(["<mask>"])
    tokenizer.enable_padding(pad_id=1, pad_token="<pad>")
    return tokenizer


def letters_by_each_split() -> str:
    """Parts of words, each merged from any two others, in any order; and bytes for unknown letters."""
    parts = [word[at : at + size] for word in WORDS for size in range(2, 12) for at in range(len(word) + 1 - size)]
    often = sorted({part for part in parts if parts.count(part) > 1}, key=lambda part: (-parts.count(part), part))
    vocabulary = [*SPECIAL, *KNOWN, *(f"<0x{byte:02X}>" for byte in range(256)), *often]
    splits = [(part[:at], part[at:]) for part in often for at in range(1, len(part))]
    merges = [" ".join(pair) for pair in splits if set(vocabulary).issuperset(pair)]
    assert len(merges) > 2 * len(often)
    random.Random(0).shuffle(merges)
    model = {"type": "BPE", "vocab": {name: at for at, name in enumerate(vocabulary)}, "merges": merges}
    model |= {"unk_token": "<unk>", "byte_fallback": True}
    return json.dumps({**tokenizer_with(model), "pre_tokenizer": {"type": "Whitespace"}})


def with_byte_pieces(tokenizer: Tokenizer) -> str:
    """A tokenizer of pieces that spells unknown characters in bytes."""
    file = json.loads(tokenizer.to_str())
    added = [token for token in file["added_tokens"] if token["id"] < len(file["model"]["vocab"])]
    file["model"]["vocab"] += [[f"<0x{byte:02X}>", -20.0] for byte in range(256)]
    file["model"]["byte_fallback"] = True
    return json.dumps({**file, "added_tokens": added})


MAKERS: dict[str, Callable[[], str]] = {
    "word pieces": lambda: word_pieces().to_str(),
    "bytes": lambda: bytes_merged().to_str(),
    "bytes after a space": lambda: bytes_merged(prefix_space=True).to_str(),
    "bytes, whole words first": lambda: bytes_merged(ignore_merges=True).to_str(),
    "letters with an end": lambda: letters_merged(end_of_word_suffix="</w>").to_str(),
    "letters with a beginning": lambda: letters_merged(continuing_subword_prefix="##").to_str(),
    "letters, each split": letters_by_each_split,
    "scored pieces": lambda: scored_pieces().to_str(),
    "scored pieces and bytes": lambda: with_byte_pieces(scored_pieces()),
}
