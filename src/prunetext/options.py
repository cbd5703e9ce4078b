"""The options of each command: one dataclass gives the API's keywords, the flags, the TOML keys and the messages."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from typing import Any, get_args, get_type_hints

from prunetext.errors import InputError, brief


def option(default: Any, sentence: str) -> Any:
    """Declare a dataclass field with the one sentence that explains it."""
    return field(default=default, metadata={"help": sentence})


@dataclass(frozen=True)
class ReadOptions:
    """How a labelled source is read."""

    text: str | None = option(
        None, "Column of the text, or of the first text of a pair. Needed only if its name is unusual."
    )
    text_b: str | None = option(
        None,
        "Column of the second text of a pair. Needed only if its name is unusual, or if --text is given: with --text "
        "alone, DATA are single texts.",
    )
    label: str | None = option(None, "Column of the label. Needed only if its name is unusual.")
    score: str | None = option(None, "Column of a score, a number: with it, the model gives scores instead of labels.")
    label_separator: str | None = option(
        None, "Separator of the labels in a cell, such as ; if texts can have several labels."
    )
    encoding: str = option("utf-8", "Encoding of text files.")
    skip_empty: bool = option(False, "Drop rows whose text or label is empty, instead of stopping at the first one.")
    format: str | None = option(
        None, "Format of the files: text, csv, tsv, jsonl, parquet or excel. If not given: by their endings."
    )
    quoting: str = option(
        "auto",
        "Quotes in a table: csv, where they enclose fields; none, where they are letters; auto takes them for letters "
        "in a table with tabs that cannot be read otherwise.",
    )


@dataclass(frozen=True)
class ModelOptions:
    """The size of a dense TextCNN."""

    dimensions: int | None = option(
        None,
        "Dimensions of the word vectors; 0 for one-hot words. If not given: those of --vectors, else 32, or 16 by "
        "pairs/4.",
    )
    widths: str = option("2,3,4", "Widths of the convolutions, in words.")
    filters: int = option(32, "Filters of each width.")
    pooling: str = option("max+mean", "Pooling over the text: max, or max+mean.")
    channels: str = option("non-static", "Word vectors: non-static (trained), static, or both side by side.")
    max_words: int = option(
        20_000,
        "Largest vocabulary of the dense model; the most frequent words stay. Where auto takes pairs/4: by the number "
        "of texts.",
    )
    tokenizer: str = option(
        "auto",
        "How texts are cut into words: bert/1 (without accents), words/2 (marks and symbols kept, letters one by one "
        "in scripts without spaces), pieces/3 (the same, with the parts of words), pairs/4 (words/2, with any two such "
        "letters in a row), or auto, which takes the one that suits the train texts.",
    )
    bigrams: int | None = option(
        None,
        "Two words in a row, at most so many, that have weights of their own beside the convolution: those that tell "
        "most about the labels. Not for pairs of texts, nor with pieces/3; 0 for none. If not given: by the number of "
        "texts and of labels, and none where a label has fewer than 50 texts.",
    )
    min_count: int = option(2, "Occurrences in train and unlabelled texts that a word needs to enter the vocabulary.")


@dataclass(frozen=True)
class DenseOptions(ModelOptions):
    """The kind of the dense model, and its size."""

    model: str = option(
        "textcnn", "Model: textcnn, or a transformer: sample:minilm, or a Hugging Face folder of BERT or its kin."
    )
    max_tokens: int = option(128, "For a transformer: tokens of a text that it reads.")
    features: str = option("mean", "For a transformer: features of a text, the mean of its tokens, or its first one.")
    keep_tokens: str = option(
        "seen",
        "For a transformer: tokens that it keeps: seen, those of train and unlabelled texts; scripts, all of the "
        "scripts that these are written in; or all.",
    )
    numbers: str = option("auto", "For a transformer: int8, float16 or float32; auto takes int8 where dev allows it.")


@dataclass(frozen=True)
class VectorOptions:
    """How word vectors are trained, if no file gives them."""

    train_vectors: str | None = option(
        None, "Train word vectors on the train and unlabelled texts first, with gensim: word2vec or fasttext."
    )


@dataclass(frozen=True)
class PruneOptions:
    """What pruning should reach, and how."""

    max_drop: float | None = option(
        None, "Largest loss of accuracy, or of --metric, in points; 0.5 if no budget is given."
    )
    metric: str | None = option(
        None,
        "Metric for max_drop, the best epoch and the verdict: macro-f1, micro-f1, f1, map or mrr; of scores spearman, "
        "pearson, mae, rmse, within-one or auc:3. If not given: accuracy, or spearman.",
    )
    positive: str | None = option(
        None, "Positive label of f1, map and mrr. Needed only if its name is unusual, not 1, yes, relevant or the like."
    )
    max_size: str | None = option(None, "Largest packed file, such as 64kB or 64KiB.")
    min_speed: str | None = option(None, "Least speed in texts a second on one thread of this machine, such as 300k.")
    max_time: str | None = option(
        None, "Longest time for the whole run, such as 10m; the work of a teacher that you name does not count."
    )
    criterion: str | None = option(
        None,
        "What scores the units to prune: fisher, gradient, lasso, magnitude, movement, obs, random, snip or taylor; "
        "parameters follow a colon, as in lasso:strength=0.3. If not given: magnitude, of a transformer taylor.",
    )
    schedule: str = option("local", "How pruning proceeds: global, incremental, local, lottery or oneshot.")
    groups: str | None = option(
        None,
        "What can be pruned: any of vocabulary, bigrams, dimensions, filters, taps, weights and bits, with commas; the "
        "first four if not given. Of a transformer: layers, heads, neurons, hidden and ranks; else heads and neurons.",
    )
    precision: float | None = option(
        None, "Share of right labels to reach, such as 0.95: the threshold below which texts are rejected is stored."
    )
    hidden_states: float | None = option(
        None,
        "For a transformer: weight of the dense model's hidden states, which recoveries then learn beside its answers. "
        "If not given: 0.",
    )
    refit: bool | None = option(
        None, "Whether the final models learn most of dev, too. If not given: if fit took it from DATA, without a file."
    )


@dataclass(frozen=True)
class FitOptions(PruneOptions):
    """What a run should reach, and how."""

    epochs: float | None = option(None, "Epochs of training the dense model. If not given: by the number of texts.")
    ranking: float = option(
        0.1, "For pairs: weight of the extra loss that pulls the vectors of matching texts together (0 turns it off)."
    )
    seed: int = option(0, "Seed of everything drawn at random.")
    class_weights: str = option(
        "none",
        "Weights of labels in training: none, or balanced, with which rare classes count as much as frequent ones.",
    )


NONE = "none"  # instead of a teacher


@dataclass(frozen=True)
class TeachOptions:
    """What the model learns from beyond the labels."""

    teacher: str | None = option(
        "auto",
        "Teacher: sample:minilm, a Hugging Face folder, an earlier run, a model file that evaluate takes, tf-idf, "
        "ngrams or ensemble; several, with commas, teach by their mean. auto trains some of the last three on the same "
        "texts, by their number; none leaves the model alone with the labels.",
    )
    unlabelled: str | None = option(
        None,
        "Files of texts without labels, with commas: one text a line, or a table with a column of texts; rest stands "
        "for the texts that labels_per_class leaves out.",
    )
    augment: float | None = option(
        None, "Texts to make for the teacher to label, as a multiple of the train texts. If not given: by their number."
    )
    labels_per_class: int | None = option(
        None, "Learn from only so many labels of each class, to see what labels are worth."
    )
    teacher_share: float = option(0.9, "The teacher's share of the loss of a labelled text; the label has the rest.")
    teacher_temperature: float = option(1.0, "Temperature that softens the teacher's probabilities.")
    teacher_tokens: int = option(128, "Tokens of a text that a transformer reads.")
    teacher_epochs: float | None = option(
        None, "Epochs of fine-tuning a transformer. If not given: by the number of texts."
    )


def refuse_broken(rules: list[tuple[str, object, bool, str]]) -> None:
    """Raise `InputError` for the first value whose rule does not hold."""
    for name, value, holds, rule in rules:
        if not holds:
            raise InputError(f"{name} is {value}: it must be {rule}.")


def take(kind: type, values: dict[str, Any]) -> Any:
    """Make a dataclass of options from keywords, and check that each has the type of its field.

    >>> take(ModelOptions, {"dimensions": 8, "widths": (1, 2)}).widths
    '1,2'

    An int is accepted for a float, a number for a size, speed or time, and a list for widths; any other type raises
    `InputError`.
    """
    optional = {each.name for each in fields(kind) if each.default is None} | {"teacher"}
    types = option_types(kind)
    taken = {}
    for name, value in values.items():
        if (wanted := types.get(name)) is None:
            raise InputError(f"{name!r} is not an option.")
        if isinstance(value, (list, tuple)) and name == "widths":
            value = ",".join(map(str, value))
        elif wanted is not bool and isinstance(value, Real) and not isinstance(value, bool):
            if wanted is int and isinstance(value, Integral):
                value = int(value)
            elif wanted is float:
                value = float(value)
            elif name in ("max_size", "min_speed", "max_time"):
                value = repr(int(value) if isinstance(value, Integral) else float(value))
        if not (type(value) is wanted or (value is None and name in optional)):
            raise InputError(f"{name} is {brief(value)}: it must be {TYPE_NAMES[wanted]}.")
        taken[name] = value
    return kind(**taken)


def chosen(options: Any) -> dict[str, Any]:
    """The options that differ from their defaults.

    >>> chosen(FitOptions(seed=3))
    {'seed': 3}
    """
    return {each.name: value for each in fields(options) if (value := getattr(options, each.name)) != each.default}


TYPE_NAMES = {str: 'text in quotes, such as "64kB"', int: "a whole number", float: "a number", bool: "true or false"}


def option_types(*groups: type) -> dict[str, type]:
    """Name and type of each option of some dataclasses, without the None of optional ones.

    >>> option_types(ReadOptions)["text"]
    <class 'str'>
    """
    types = {}
    for group in groups:
        for name, kind in get_type_hints(group).items():
            types[name] = next((each for each in get_args(kind) if each is not type(None)), kind)
    return types
