"""Folders of tiny, random transformers of each architecture, as their users have them."""

import logging
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

TEXTS = (
    "a great film, and a funny one",
    "dull from start to end",
    "I liked the story",
    "what a waste of time",
    "the best film of the year",
    "not good, not bad",
    "a slow start but a great end",
    "bad story, bad end",
)
SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 40,
    "max_position_embeddings": 48,
}
ARCHITECTURES = ("bert", "roberta", "xlm-roberta", "electra", "distilbert", "modernbert")


def word_pieces() -> Tokenizer:
    """A WordPiece tokenizer of `TEXTS`, as BERT has one."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    made.train_from_iterator(TEXTS, trainers.WordPieceTrainer(vocab_size=90, special_tokens=special))
    made.post_processor = processors.TemplateProcessing(
        "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", [("[CLS]", 2), ("[SEP]", 3)]
    )
    return made


def byte_pairs() -> Tokenizer:
    """A byte-level BPE tokenizer of `TEXTS`, as RoBERTa has one."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(TEXTS, trainer)
    made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return made


def unigrams() -> Tokenizer:
    """A Unigram tokenizer of `TEXTS`, as XLM-R has one."""
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(vocab_size=80, special_tokens=special, unk_token="<unk>", show_progress=False)
    made.train_from_iterator(TEXTS, trainer)
    made.post_processor = processors.TemplateProcessing(
        "<s> $A </s>", "<s> $A </s> </s> $B </s>", [("<s>", 0), ("</s>", 2)]
    )
    return made


def encoder_folder(path: Path, architecture: str = "bert", seed: int = 0, **changes: Any) -> Any:
    """Write a folder with config.json, model.safetensors and tokenizer.json; give transformers' own model."""
    import transformers
    from transformers.utils import logging as hub

    hub.set_verbosity(logging.ERROR)
    hub.disable_progress_bar()
    tokenizer = {"roberta": byte_pairs, "xlm-roberta": unigrams}.get(architecture, word_pieces)()
    sizes = {"vocab_size": tokenizer.get_vocab_size(), **SIZES, **changes}
    if architecture in ("roberta", "xlm-roberta"):
        sizes["pad_token_id"] = 1
    if architecture == "electra":
        sizes["embedding_size"] = 16
    if architecture == "distilbert":
        names = {"hidden_size": "dim", "num_hidden_layers": "n_layers", "num_attention_heads": "n_heads"}
        names |= {"intermediate_size": "hidden_dim"}
        sizes = {names.get(name, name): value for name, value in sizes.items()}
    if architecture == "modernbert":
        sizes |= {"num_hidden_layers": 4, "local_attention": 4, "pad_token_id": 0}
        sizes |= dict.fromkeys(("cls_token_id", "bos_token_id"), 2) | dict.fromkeys(("sep_token_id", "eos_token_id"), 3)
    torch.manual_seed(seed)
    model = transformers.AutoModel.from_config(transformers.AutoConfig.for_model(architecture, **sizes))
    with torch.no_grad():  # as first made, norms and biases are all the same
        for each in model.parameters():
            each.add_(0.05 * torch.randn(each.shape))
    model.save_pretrained(path)
    (path / "tokenizer.json").write_text(tokenizer.to_str(), "utf-8")
    return model.eval()
