"""Fine-tuning a transformer on labelled texts by the Trainer of transformers: done once, and resumed if killed."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from prunetext.data.dataset import Examples
from prunetext.errors import require
from prunetext.models.encoded import targets_of
from prunetext.teaching.cache import alone
from prunetext.teaching.transformer import WEIGHTS, Folder, Transformer, fast_bfloat16, padded_tokens, quiet

TUNING_VERSION = 1  # of the fine-tuning: what another version has tuned is not used again
TUNING_STEPS = 4_000  # of fine-tuning, about: large data are seen twice, small ones up to ten times
TUNING_EPOCHS = (2, 10)
TUNING_BATCH = 32
LEAST_TUNING_BATCH = 8
EPOCH_STEPS = 40  # an epoch of small data has about as many steps, of smaller batches
RATE, HEAD_RATE, WARM_UP, DECAY = 5e-5, 1e-3, 0.1, 0.01
SAVE_STEPS = 200


def fine_tune(
    folder: Folder,
    examples: Examples,
    labels: Sequence[str],
    target: Path,
    *,
    tokens: int,
    epochs: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Transformer:
    """Fine-tune an encoder on labelled texts, or take what an earlier call has left in `target`.

        teacher = fine_tune(find_folder("sample:minilm"), data.train, data.labels, Path("cache/0123"), tokens=128)
        teacher.logits(["great film"])       # array([[-1.9, 2.0]], dtype=float32)

    `target` is a folder of this call's own: it holds checkpoints, from which a call that was killed goes on, and at the
    end the weights alone. The training is `transformers.Trainer`'s: AdamW, a linear rate with a warm-up, in bfloat16
    where the processor has products of them.
    """
    with undrawn(), alone(target):
        torch.manual_seed(0)
        made = Transformer(folder, tokens, len(labels))
        try:
            made.model.load_state_dict(load_file(target / WEIGHTS))
            return made
        except (OSError, SafetensorError, RuntimeError):  # there are none, or they are damaged
            (target / WEIGHTS).unlink(missing_ok=True)
        train(made, examples, labels, target, epochs, progress)
        part = target / f"{WEIGHTS}.part"
        save_file({name: value.contiguous().cpu() for name, value in made.model.state_dict().items()}, part)
        part.replace(target / WEIGHTS)
        for each in target.glob("checkpoint-*"):
            shutil.rmtree(each)
    return made


@contextmanager
def undrawn() -> Iterator[None]:
    """Leave the process's generators as they are: the Trainer seeds all of them."""
    before = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])


def train(
    made: Transformer,
    examples: Examples,
    labels: Sequence[str],
    target: Path,
    epochs: float | None,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Run the Trainer."""
    require("accelerate", extra="teacher")
    from transformers import PrinterCallback, Trainer, TrainerCallback
    from transformers.trainer_utils import get_last_checkpoint

    class Tell(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if progress is not None:
                progress(state.global_step, state.max_steps)

    targets = targets_of(examples, labels)
    tokens = made.encode(examples.inputs)
    # The Trainer looks for the length of a row under the name of its ids.
    rows = [
        {"input_ids": each.ids, "tokens": each, "labels": target} for each, target in zip(tokens, targets, strict=True)
    ]
    padding = made.tokenizer.pad_token_id or 0

    def collate(batch: list[dict[str, Any]]) -> dict[str, Tensor]:
        given = padded_tokens([row["tokens"] for row in batch], padding)
        return {**given, "labels": torch.stack([row["labels"] for row in batch])}

    # Half of a small encoder's weights; few of them are in a batch, yet all would be updated.
    made.model.encoder.get_input_embeddings().requires_grad_(False)
    head = list(made.model.head.parameters())
    body = [parameter for parameter in made.model.encoder.parameters() if parameter.requires_grad]
    groups: list[dict[str, Any]] = [{"params": body}, {"params": head, "lr": HEAD_RATE}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, weight_decay=DECAY, fused=True)
    for each in target.glob("checkpoint-*"):
        if not (each / "trainer_state.json").exists():  # it is written last: killed before, the checkpoint is not whole
            shutil.rmtree(each)
    with quiet():
        trainer = Trainer(
            made.model,
            arguments_of(made, target, len(rows), epochs),
            data_collator=collate,
            train_dataset=rows,
            callbacks=[Tell()],
            optimizers=(optimizer, None),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train(resume_from_checkpoint=get_last_checkpoint(str(target)))


def arguments_of(made: Transformer, target: Path, texts: int, epochs: float | None) -> Any:
    """How the Trainer is to train on so many texts."""
    from transformers import TrainingArguments

    size = min(max(texts // EPOCH_STEPS, LEAST_TUNING_BATCH), TUNING_BATCH)
    return TrainingArguments(
        output_dir=str(target),
        num_train_epochs=epochs or min(max(TUNING_STEPS * size / texts, TUNING_EPOCHS[0]), TUNING_EPOCHS[1]),
        per_device_train_batch_size=size,
        learning_rate=RATE,
        weight_decay=DECAY,
        warmup_steps=WARM_UP,  # below 1, a share of all steps
        bf16=fast_bfloat16(),
        use_cpu=made.device.type == "cpu",
        train_sampling_strategy="group_by_length",
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        save_steps=SAVE_STEPS,
        save_total_limit=1,
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        seed=0,
    )
