"""Fine-tuning a transformer on labelled texts: done once, and resumed if killed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from prunetext.data.dataset import Examples
from prunetext.errors import DamagedError
from prunetext.models.tensors import load_tensors, save_tensors
from prunetext.models.transformer.folder import WEIGHTS
from prunetext.models.transformer.pacing import multiplies_bfloat16
from prunetext.runtime.states import discard, reason_of
from prunetext.teaching.cache import alone
from prunetext.teaching.learner import learning
from prunetext.teaching.transformer import Folder, Transformer
from prunetext.training.loop import train_model
from prunetext.training.settings import Settings

TUNING_VERSION = 2  # of the fine-tuning: models tuned by another version are not used
TUNING_STEPS = 4_000  # of fine-tuning, about: large data are seen twice, small data up to ten times
TUNING_EPOCHS = (2, 10)
TUNING_BATCH = 32
LEAST_TUNING_BATCH = 8
EPOCH_STEPS = 40  # an epoch of small data has about so many steps, with smaller batches
RATE, HEAD_RATE, WARM_UP, DECAY = 5e-5, 1e-3, 0.1, 0.01
CLIP = 1.0
CHECKPOINT, CHECKPOINT_SECONDS = "checkpoint.safetensors", 60.0  # large: it has the moments of all weights


def fine_tune(
    folder: Folder,
    examples: Examples,
    labels: Sequence[str],
    target: Path,
    *,
    tokens: int,
    epochs: float | None = None,
    progress: Callable[[int, int], None] | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> Transformer:
    """Fine-tune an encoder on labelled texts, or take the result of an earlier call from `target`.

        teacher = fine_tune(find_folder("sample:minilm"), data.train, data.labels, Path("cache/0123"), tokens=128)
        teacher.logits(["great film"])       # array([[-1.9, 2.0]], dtype=float32)

    `target` is a folder of this call's own: it holds a checkpoint, from which a killed call resumes, and at the end
    only the weights. The one training loop trains it: AdamW, a linear learning rate with warm-up, in bfloat16 if the
    processor has products for it. The process's random generators stay as they are.
    """
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())), alone(target):
        torch.manual_seed(0)
        made = Transformer(folder, tokens, len(labels))
        try:
            made.model.load_state_dict(load_tensors(target / WEIGHTS)[0])
            return made
        except FileNotFoundError:
            pass
        except (DamagedError, RuntimeError) as error:
            discard(target / WEIGHTS, reason_of(error))
        learner, texts = learning(made, examples, labels)
        checkpoint = target / CHECKPOINT
        train_model(
            learner,
            texts,
            None,
            settings_of(made, len(texts), epochs, checkpoint_seconds),
            checkpoint=checkpoint,
            progress=None if progress is None else lambda now: progress(now.done, now.total),
        )
        save_tensors(target / WEIGHTS, made.model.state_dict(), {})
        checkpoint.unlink(missing_ok=True)
    return made


def settings_of(made: Transformer, texts: int, epochs: float | None, checkpoint_seconds: float) -> Settings:
    """Settings for training on so many texts."""
    size = min(max(texts // EPOCH_STEPS, LEAST_TUNING_BATCH), TUNING_BATCH)
    return Settings(
        epochs=epochs or min(max(TUNING_STEPS * size / texts, TUNING_EPOCHS[0]), TUNING_EPOCHS[1]),
        batch_size=size,
        learning_rate=RATE,
        head_rate=HEAD_RATE,
        final_rate=0.0,
        weight_decay=DECAY,
        averaging=0.0,
        warmup=WARM_UP,
        clip=CLIP,
        window=made.tokens,
        device=made.device.type,
        precision="bfloat16" if multiplies_bfloat16(made.device.type) else "float32",
        checkpoint_seconds=checkpoint_seconds,
    )
