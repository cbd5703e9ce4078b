"""Packed transformers beside the dense one in PyTorch, and beside int8 alone, on the same texts and threads.

    python benchmarks/encoders.py runs/sst2 runs/sst2-half >> benchmarks/results/encoders.jsonl
    python benchmarks/encoders.py runs/sst2 --vocabulary >> benchmarks/results/encoders.jsonl

The first run is a `prunetext fit DATA --model …`; others are made of it by `prunetext prune`, or are other runs of the
same data, packed files or cascades. Each subject labels all test texts, sorted by length, 32 at a time; its tokenizer
works on the same clock. Subjects take turns, and each pass is held against PyTorch's of the same pass. int8 alone is
ONNX Runtime's own `quantize_dynamic` of the dense file, by channel. With --vocabulary, other tokens and numbers of the
table of words stand beside all tokens in float32: bytes, and how many labels differ. All else is float32 there.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import onnxruntime
import torch
from common import machine, spread
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer

import prunetext
from prunetext.data.dataset import Data
from prunetext.fitting.earlier import read_earlier
from prunetext.fitting.parts import DENSE_MODEL
from prunetext.judging.speed import speed_rows as spread_rows
from prunetext.modelfiles.exporting import packed_file
from prunetext.models.protocol import Packing, Trained, load_family
from prunetext.models.transformer.family import with_tokens_of
from prunetext.models.transformer.folder import Pretrained, read_pretrained
from prunetext.models.transformer.model import TextEncoder
from prunetext.models.transformer.reading import TokenReader
from prunetext.models.transformer.rounded import rounded_encoder
from prunetext.runtime.classifier import cascade_folder
from prunetext.statistics.evaluation import verdict

BATCH, TURN_BATCHES = 32, 4
INSTRUCTIONS = ("avx2", "avx512_f", "avx512_vnni", "amx_int8")  # on which the speed of whole numbers depends
# Tokens, numbers, and ranks of the table of words; 0 for a table that is no product.
WORDS_TRIED = (
    ("all", "float32", 0),
    ("all", "int8", 0),
    ("scripts", "int8", 0),
    ("scripts", "int8", 352),
    ("seen", "float32", 0),
    ("seen", "int8", 0),
)
Label = Callable[[Sequence[str]], "np.ndarray[Any, Any]"]


class Subject(NamedTuple):
    """What labels texts: the number of each one's label."""

    name: str
    size: int
    label: Label


def torch_subject(name: str, trained: Trained, size: int) -> Subject:
    """The float model in PyTorch, in float32."""
    reader, model = trained.reader, trained.model.eval()

    @torch.inference_mode()
    def label(texts: Sequence[str]) -> np.ndarray[Any, Any]:
        found: np.ndarray[Any, Any] = model(reader.encode(list(texts)).take(np.arange(len(texts)))).argmax(1).numpy()
        return found

    return Subject(name, size, label)


def session_subject(name: str, path: Path, threads: int) -> Subject:
    """An ONNX file in ONNX Runtime, with the tokenizer in its metadata."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    tokenizer = Tokenizer.from_str(metadata["tokenizer.json"])
    tokenizer.enable_truncation(int(metadata["longest"]))
    tokenizer.enable_padding()
    wanted = {each.name for each in session.get_inputs()}

    def label(texts: Sequence[str]) -> np.ndarray[Any, Any]:
        read = tokenizer.encode_batch(list(texts))
        given = {
            "input_ids": [each.ids for each in read],
            "attention_mask": [each.attention_mask for each in read],
            "token_type_ids": [each.type_ids for each in read],
        }
        fed = {key: np.array(value, np.int64) for key, value in given.items() if key in wanted}
        found: np.ndarray[Any, Any] = session.run(["logits"], fed)[0].argmax(1)
        return found

    return Subject(name, path.stat().st_size, label)


def packed_subject(name: str, path: Path, threads: int) -> Subject:
    """A packed file, of any kind."""
    model = prunetext.load(path)
    numbers = {label: at for at, label in enumerate(model.labels)}

    def label(texts: Sequence[str]) -> np.ndarray[Any, Any]:
        return np.array([numbers[each] for each in model.predict(texts, threads=threads)])

    return Subject(name, model.size, label)


def timed(subjects: Sequence[Subject], texts: Sequence[str], passes: int) -> dict[str, list[float]]:
    """Texts a second of each subject in each pass.

    They take turns after every few batches: a machine shared with others is fast in one minute and slow in the next.
    """
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    batches = [[texts[at] for at in order[begin : begin + BATCH]] for begin in range(0, len(order), BATCH)]
    speeds: dict[str, list[float]] = {each.name: [] for each in subjects}
    for turn in range(passes + 1):
        seconds = dict.fromkeys(speeds, 0.0)
        for begin in range(0, len(batches), TURN_BATCHES):
            for subject in subjects:
                began = time.perf_counter()
                for batch in batches[begin : begin + TURN_BATCHES]:
                    subject.label(batch)
                seconds[subject.name] += time.perf_counter() - began
        if turn:  # the first one warms up
            for name, taken in seconds.items():
                speeds[name].append(len(texts) / taken)
    return speeds


def speed_rows(
    subjects: list[Subject], texts: Sequence[str], truth: np.ndarray[Any, Any], passes: int, few: int | None
) -> None:
    """Print a row for each subject: accuracy, its verdict against dense, bytes, and speed against PyTorch.

    few: texts whose time is measured, evenly spread; all if not given.
    """
    some = np.arange(len(texts)) if few is None else spread_rows(len(texts), few)
    speeds = timed(subjects, [texts[at] for at in some.tolist()], passes)
    right = {}
    for each in subjects:
        said = np.concatenate([each.label(texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)])
        right[each.name] = said == truth
    first, alone = subjects[0].name, speeds.get("int8 alone", [])
    for each in subjects:
        own, found = speeds[each.name], verdict(right[first], right[each.name], 1.0)
        row = {"subject": each.name, "bytes": each.size, "accuracy": round(100 * right[each.name].mean(), 2)}
        row |= {"drop": round(found.drop, 2), "low": round(found.low, 2), "high": round(found.high, 2)}
        row |= {"texts_per_second": spread(own)}
        row["against_torch"] = spread([one / other for one, other in zip(own, speeds[first], strict=True)], 2)
        row["against_int8"] = spread([one / other for one, other in zip(own, alone, strict=True)], 2) if alone else {}
        row["instructions"] = " ".join(name for name in INSTRUCTIONS if torch.cpu.get_capabilities().get(name))
        print(json.dumps({**row, **machine("torch", "onnxruntime", "tokenizers")}), flush=True)


def with_tokens(dense: Trained, found: Pretrained) -> Trained:
    """The dense model with the tokens of an encoder that it began from: their vectors were never trained."""
    model, reader = dense.model, dense.reader
    assert isinstance(model, TextEncoder)
    tensors = {**model.tensors(), "words.weight": found.tensors["words.weight"]}
    kinds = 0 if model.token_kinds is None else model.token_kinds.num_embeddings
    whole = TokenReader(found.tokenizer, reader.longest, len(tensors["words.weight"]), kinds)
    return dense._replace(model=model.rebuild(tensors), reader=whole)


def with_ranks(trained: Trained, texts: list[str], ranks: int) -> Trained:
    """The model with the first ranks of its table of words, by how often these texts have each token."""
    model = cast(TextEncoder, trained.model)
    usage = trained.reader.encode(texts)
    whole = cast(TextEncoder, model.canonical(usage, ["ranks"])(model))
    words, spread = whole.words_and_spread()
    assert spread is not None
    fewer = {"words.weight": words[:, :ranks].clone(), "spread.weight": spread[:, :ranks].clone()}
    return trained._replace(model=whole.rebuild({**whole.tensors(), **fewer}))


def vocabulary_rows(dense: Trained, place: str, data: Data, truth: np.ndarray[Any, Any]) -> None:
    """Print a row for each way to have fewer bytes of words: how many labels differ from all tokens in float32."""
    assert data.test is not None
    texts, found, family = data.test.texts, read_pretrained(place), load_family("transformer")
    first: np.ndarray[Any, Any] | None = None
    for which, numbers, ranks in WORDS_TRIED:
        one = with_tokens(dense, with_tokens_of(found, data.train.texts, dense.reader.longest, which))
        one = with_ranks(one, data.train.texts, ranks) if ranks else one
        size = family.size(one, Packing(table="float32", numbers={"words": numbers}))
        model = rounded_encoder(cast(TextEncoder, one.model), {"words": numbers})
        subject = torch_subject("", one._replace(model=model), size)
        said = np.concatenate([subject.label(texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)])
        first = said if first is None else first
        row = {"subject": f"tokens: {which}, {numbers}", "ranks": ranks, "tokens": one.reader.words, "bytes": size}
        row |= {"changed": int((said != first).sum()), "texts": len(texts)}
        row |= {"accuracy": round(100 * float((said == truth).mean()), 2)}
        print(json.dumps({**row, **machine("torch", "tokenizers")}), flush=True)


def main() -> None:
    """Measure, and print rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path, help="folder of a fit")
    parser.add_argument("others", type=Path, nargs="*", help="folders of runs or cascades, or packed files")
    parser.add_argument("--data", help="if the data have moved")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--passes", type=int, default=7)
    parser.add_argument("--texts", type=int, help="time so many of the texts alone; all are judged")
    parser.add_argument(
        "--vocabulary", action="store_true", help="bytes and changed labels of smaller tables of words, and no speed"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    family, earlier = load_family("transformer"), read_earlier(options.run, {})
    dense = family.read(options.run / DENSE_MODEL)
    data = prunetext.read(options.data or earlier.source["data"])
    if (test := data.test) is None:
        raise SystemExit("The data have no test split: give a folder with train.* and test.*.")
    truth = test.targets(dense.labels)
    if options.vocabulary:
        vocabulary_rows(dense, str(earlier.source["vectors"]), data, truth)
        return
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        exact, rounded = scratch / "float32.onnx", scratch / "int8.onnx"
        family.pack(dense, exact, Packing(table="float32"))
        quantize_dynamic(exact, rounded, per_channel=True, weight_type=QuantType.QInt8)
        subjects = [
            torch_subject("PyTorch float32", dense, (options.run / DENSE_MODEL).stat().st_size),
            session_subject("ONNX Runtime float32", exact, options.threads),
            session_subject("int8 alone", rounded, options.threads),
        ]
        for each in (options.run, *options.others):
            path = each if cascade_folder(each) else packed_file(each)
            subjects.append(packed_subject(each.name, path, options.threads))
        speed_rows(subjects, test.texts, truth, options.passes, options.texts)


if __name__ == "__main__":
    main()
