"""Which parts of a packed transformer get int8: as many as dev allows, and always those that it allows."""

import functools
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from helpers.encoders import encoder_folder
from prunetext.data.dataset import Examples
from prunetext.data.task import Task
from prunetext.judging.calibrating import Chosen, SplitTexts, calibrated, packed_by
from prunetext.judging.choosing_numbers import ALL, ROUNDING_DOUBT, NumbersRule, choose_numbers
from prunetext.models.encoded import labelled
from prunetext.models.protocol import Trained
from prunetext.models.transformer.folder import read_pretrained
from prunetext.models.transformer.model import TextEncoder
from prunetext.models.transformer.numbers import NUMBER_FORMATS
from prunetext.models.transformer.reading import TokenReader
from prunetext.statistics.answers import Answers
from prunetext.statistics.expected import expected_drop
from prunetext.statistics.metrics import Measure, measure_of

WORDS = ("a", "great", "film", "funny", "dull", "start", "story", "liked", "waste", "time", "best", "bad", "end", "not")
LABELS = ["neg", "pos"]


def tokenizer_of_words() -> str:
    """A tokenizer with a token for each word; one that is trained can have others each time."""
    vocabulary = {word: at for at, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    return str(made.to_str())


class Made:
    """A tiny BERT, texts whose labels it gives itself, and what judges its files."""

    def __init__(self, folder: Path, *, spoilt: bool = False) -> None:
        encoder_folder(folder)
        found = read_pretrained(folder)
        torch.manual_seed(0)
        head = {"head.weight": torch.randn(2, 32), "head.bias": torch.zeros(2)}
        tensors = {**found.tensors, **head}
        if spoilt:  # large weights, of values that are always 0, leave the others no step of int8
            for kind in ("weight", "bias"):
                name = f"layers.0.value.{kind}"
                tensors[name] = 10 * tensors[name]
                tensors[name][::2] = 0
            tensors["layers.0.out.weight"] = tensors["layers.0.out.weight"].clone()
            tensors["layers.0.out.weight"][:, ::2] *= 10_000
        model = TextEncoder(tensors, found.layout).eval()
        reader = TokenReader(tokenizer_of_words(), 24, model.words.num_embeddings, 2)
        self.trained = Trained("transformer", model, LABELS, Task(), reader)
        random = Random(1)
        texts = [" ".join(random.choices(WORDS, k=random.randint(2, 9))) for _ in range(120)]
        with torch.no_grad():
            logits = model(reader.encode(texts).take(np.arange(len(texts))))
            model.head.bias.sub_(logits.median(0).values)  # each label has about half of the texts
        numbers = (logits - logits.median(0).values).argmax(1).tolist()
        examples = Examples(texts, [LABELS[at] for at in numbers])
        self.dev = SplitTexts(examples, labelled(reader.encode(texts), examples, LABELS))
        self.measure: Measure = measure_of("accuracy", examples, labels=LABELS)

    def choose(self, scratch: Path, limit: float, numbers: str = "auto", **more: Any) -> Chosen:
        """What is chosen within this limit."""
        return choose_numbers(self.trained, self.dev, scratch, self.measure, NumbersRule(limit, numbers), **more)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("bert"))


def test_all_parts_have_int8_where_little_is_lost(made: Made, tmp_path: Path) -> None:
    agreement = made.choose(tmp_path / "scratch", 100.0).agreement
    assert set(agreement.numbers.values()) == {"int8"}
    (row,) = agreement.tried
    assert (row.part, row.format, row.texts, row.held) == (ALL, "int8", 120, True)
    assert row.bytes == (tmp_path / "scratch").stat().st_size
    assert agreement.fields()["tried"] == [row._asdict()]


def test_no_part_has_int8_where_nothing_may_be_lost(made: Made, tmp_path: Path) -> None:
    agreement = made.choose(tmp_path / "scratch", -1.0).agreement
    assert set(agreement.numbers.values()) == {"float32"}
    assert not any(each.held for each in agreement.tried)
    alone = [each for each in agreement.tried if each.part in agreement.numbers]
    assert [each.part for each in alone] == list(agreement.numbers), "each part is asked about alone, once"
    assert {each.format for each in alone} == {"int8"}


@pytest.mark.parametrize("limit", [0.2, 5.0, 100.0])
def test_what_is_chosen_holds(tmp_path: Path, limit: float) -> None:
    hard = Made(tmp_path / "model", spoilt=True)
    found = hard.choose(tmp_path / "scratch", limit)
    numbers = found.agreement.numbers
    exact = packed_by(hard.trained, found.agreement.packing()._replace(table="float32", numbers={}), tmp_path / "exact")
    again = packed_by(hard.trained, found.agreement.packing(), tmp_path / "again")
    before, now = (Answers(*each.answers(hard.dev.inputs)) for each in (exact, again))
    np.testing.assert_array_equal(now.probabilities, found.on_dev.probabilities)
    drop, error = expected_drop(hard.measure, before, now)
    assert drop + ROUNDING_DOUBT * error <= limit or set(numbers.values()) == {"float32"}
    assert found.agreement.equal == (before.chosen == now.chosen).all(1).mean()
    if limit == 100.0:
        assert set(numbers.values()) == {"int8"}
    if limit == 5.0:
        assert numbers["layers.0.attention"] == "float16"
        assert "int8" in numbers.values()
        assert not found.agreement.tried[0].held


@pytest.mark.parametrize("kind", NUMBER_FORMATS)
def test_numbers_that_are_asked_for_are_taken(made: Made, tmp_path: Path, kind: str) -> None:
    agreement = made.choose(tmp_path / "scratch", -1.0, kind).agreement
    assert set(agreement.numbers.values()) == {kind}
    assert agreement.tried == ()


def test_a_model_can_have_the_numbers_of_another(made: Made, tmp_path: Path) -> None:
    first = made.choose(tmp_path / "scratch", -1.0).agreement
    like = first._replace(table="int8", numbers={**first.numbers, "words": "int8"})
    again = made.choose(tmp_path / "scratch", 100.0, like=like).agreement
    assert again.numbers == like.numbers
    assert again.tried == first.tried


def test_there_is_no_time_for_each_part(tmp_path: Path) -> None:
    hard = Made(tmp_path / "model", spoilt=True)
    rule = NumbersRule(5.0, deadline=0.0)
    agreement = choose_numbers(hard.trained, hard.dev, tmp_path / "scratch", hard.measure, rule).agreement
    assert set(agreement.numbers.values()) == {"float16"}
    assert [each.part for each in agreement.tried] == [ALL, ALL]


def test_the_packed_file_has_the_chosen_numbers(made: Made, tmp_path: Path) -> None:
    chosen = made.choose(tmp_path / "scratch", 100.0)
    mixed = chosen._replace(
        agreement=chosen.agreement._replace(numbers={**chosen.agreement.numbers, "words": "float16"})
    )
    found = calibrated(chosen.trained, mixed, tmp_path / "scratch", made.dev, made.dev, None)
    assert found.packing.numbers["words"] == "float16"
    assert '"words":"float16"' in packed_by(found.trained, found.packing, tmp_path / "file").metadata["numbers"]


def test_a_metric_is_judged_by_all_its_rows(made: Made, tmp_path: Path) -> None:
    macro = functools.partial(measure_of, "macro-f1", labels=LABELS)(made.dev.examples)
    found = choose_numbers(made.trained, made.dev, tmp_path / "scratch", macro, NumbersRule(100.0))
    assert found.agreement.tried[0].held
