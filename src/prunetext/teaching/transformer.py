"""A transformer as teacher: a Hugging Face folder, fine-tuned on the labelled texts if its head does not fit."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from prunetext.data.dataset import Input
from prunetext.data.samples import sample_folder
from prunetext.errors import InputError, require
from prunetext.models.transformer.folder import CONFIG, ENCODER_FOLDERS, WEIGHTS
from prunetext.models.transformer.pacing import multiplies_bfloat16

ANSWERED_TOKENS = 1 << 13  # padded tokens in one batch without gradients


class Folder(NamedTuple):
    """A checked Hugging Face folder: its path, and the labels of its classification head, if it has one."""

    path: Path
    labels: list[str] | None
    answer: str = "label"  # the head's kind of answer, as in a task: one label, or several


def find_folder(spec: str, samples: Mapping[str, tuple[str, str]] = ENCODER_FOLDERS) -> Folder:
    """Find and check the folder that a teacher's name stands for.

    find_folder("sample:minilm").labels      # None: an encoder without a head
    """
    path = Path(spec)
    if spec.startswith("sample:"):
        path = sample_folder(spec, *samples[spec.removeprefix("sample:")], flags="--no-deps ")
    try:
        config = json.loads((path / CONFIG).read_text("utf-8"))
        headed = any("SequenceClassification" in str(each) for each in config.get("architectures") or [])
        names = config.get("id2label") or {}
        labels = [str(names[key]) for key in sorted(names, key=int)]
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise InputError(
            f"{path / CONFIG}: this is not the configuration of a transformer ({error}). Give a folder written by "
            "transformers' save_pretrained."
        ) from None
    if not (path / WEIGHTS).is_file():
        raise InputError(
            f"{path}: the folder has no {WEIGHTS}. Save the model with save_pretrained, which writes safetensors; "
            "checkpoints of other kinds can run code and are not read."
        )
    several = headed and config.get("problem_type") == "multi_label_classification"
    return Folder(path, labels if headed else None, "labels" if several else "label")


class Tokens(NamedTuple):
    """The ids of a text or of both texts of a pair, with the text that each belongs to if the model needs it."""

    ids: list[int]
    kinds: list[int] | None = None


class MeanPooled(nn.Module):
    """An encoder, mean pooling of its last layer over a text's tokens, and a linear head."""

    def __init__(self, encoder: Any, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.config.hidden_size, classes)
        nn.init.zeros_(self.head.weight)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **kinds: Tensor) -> dict[str, Tensor]:
        """Logits (batch, classes), under the name that transformers' own heads use."""
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **kinds).last_hidden_state
        mask = attention_mask[:, :, None].to(hidden.dtype)
        pooled = functional.dropout((hidden * mask).sum(1) / mask.sum(1), 0.1, self.training)
        return {"logits": self.head(pooled).float()}


class Transformer:
    """A model and its tokenizer; texts are truncated to so many tokens."""

    def __init__(self, folder: Folder, tokens: int, classes: int | None = None) -> None:
        require("transformers", extra="teacher")
        from transformers import AutoModel, AutoModelForSequenceClassification

        kind = AutoModelForSequenceClassification if classes is None else AutoModel
        self.tokenizer = tokenizer_of(folder.path)
        model = load_part(folder.path, kind, use_safetensors=True)
        self.model: Any = model if classes is None else MeanPooled(model, classes)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        # RoBERTa's positions begin at 2; its tokenizer takes that into account.
        longest = getattr(model.config, "max_position_embeddings", tokens)
        self.tokens = min(tokens, longest, self.tokenizer.model_max_length)

    def encode(self, inputs: Sequence[Input]) -> list[Tokens]:
        """Tokens of each text; both texts of a pair are read together."""
        if not inputs:
            return []
        sides = [list(inputs)] if isinstance(inputs[0], str) else [list(side) for side in zip(*inputs, strict=True)]
        found = self.tokenizer(
            *sides, truncation=True, max_length=self.tokens, return_attention_mask=False, verbose=False
        )
        kinds = found.get("token_type_ids") if len(sides) > 1 else None
        return [Tokens(ids, None if kinds is None else kinds[at]) for at, ids in enumerate(found["input_ids"])]

    @torch.inference_mode()
    def logits(self, inputs: Sequence[Input]) -> npt.NDArray[np.float32]:
        """Logits (n, classes), in the order of the head's classes."""
        ids = self.encode(inputs)
        model = self.model.to(self.device).eval()
        rows: list[npt.NDArray[np.float32]] = [np.zeros(0, np.float32)] * len(ids)
        lengths = [len(each.ids) for each in ids]
        for batch in batched(sorted(range(len(ids)), key=lambda at: lengths[at]), lengths):
            given = padded_tokens([ids[at] for at in batch], self.tokenizer.pad_token_id or 0)
            with autocast(self.device):
                answer = model(**{name: value.to(self.device) for name, value in given.items()})["logits"]
            for at, row in zip(batch, answer.float().cpu().numpy(), strict=True):
                rows[at] = row
        return np.stack(rows) if rows else np.zeros((0, 1), np.float32)


def tokenizer_of(path: Path) -> Any:
    """The tokenizer of a folder."""
    require("transformers", extra="teacher")
    from transformers import AutoTokenizer

    return load_part(path, AutoTokenizer)


def load_part(path: Path, kind: Any, **how: Any) -> Any:
    """Load a part of a folder; no code of its own is run, and nothing is fetched."""
    with quiet():
        try:
            return kind.from_pretrained(str(path), local_files_only=True, trust_remote_code=False, **how)
        except Exception as error:  # the folder can hold anything, and transformers documents no errors
            said = str(error).partition("\n")[0]
            raise InputError(
                f"{path}: transformers cannot load this model ({said}). Give a folder written by save_pretrained, with "
                "its tokenizer."
            ) from None


def padded_tokens(texts: Sequence[Tokens], padding: int) -> dict[str, Tensor]:
    """Ids of some texts (batch, longest), their mask, and the text of a pair that each belongs to."""
    longest = max(len(each.ids) for each in texts)

    def filled(rows: Sequence[Sequence[int]], value: int) -> Tensor:
        return torch.tensor([[*row, *[value] * (longest - len(row))] for row in rows])

    given = {
        "input_ids": filled([each.ids for each in texts], padding),
        "attention_mask": filled([[1] * len(each.ids) for each in texts], 0),
    }
    kinds = [each.kinds for each in texts if each.kinds is not None]
    return {**given, "token_type_ids": filled(kinds, 0)} if kinds else given


def batched(order: Sequence[int], lengths: Sequence[int], most: int = ANSWERED_TOKENS) -> Iterator[list[int]]:
    """Batches of rows of rising length, under a bound on padded tokens."""
    batch: list[int] = []
    for at in order:
        if batch and (len(batch) + 1) * lengths[at] > most:
            yield batch
            batch = []
        batch.append(at)
    if batch:
        yield batch


def autocast(device: torch.device) -> torch.autocast:
    """Compute in bfloat16 within this context, if that is faster."""
    return torch.autocast(device.type, torch.bfloat16, enabled=multiplies_bfloat16(device.type))


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from printing bars and advice, and from fetching anything from a hub."""
    from transformers.utils import logging as hub

    before, bars, offline = hub.get_verbosity(), hub.is_progress_bar_enabled(), os.environ.get("HF_HUB_OFFLINE")
    os.environ["HF_HUB_OFFLINE"] = "1"
    hub.set_verbosity(logging.ERROR)
    hub.disable_progress_bar()
    try:
        yield
    finally:
        hub.set_verbosity(before)
        os.environ.pop("HF_HUB_OFFLINE")
        if offline is not None:
            os.environ["HF_HUB_OFFLINE"] = offline
        if bars:
            hub.enable_progress_bar()
