"""How an encoder is fine-tuned: by the number of texts, on what the machine has."""

from __future__ import annotations

from typing import Any

import torch

STEPS = 1_000  # of fine-tuning, about: large data are seen twice, small data up to ten times
LEAST_EPOCHS, MOST_EPOCHS = 2.0, 10.0
BATCH, LEAST_BATCH = 32, 8
EPOCH_STEPS = 40  # an epoch of small data has about so many steps, with smaller batches
RATE, HEAD_RATE, WARM_UP, DECAY, CLIP = 5e-5, 1e-3, 0.1, 0.01, 1.0
# A recovery has this share of the dense model's epochs, at its full rate: what is left must learn what has gone.
RECOVERY = {"epochs": 0.5, "rate": 1.0, "batch": 1}
CHECKPOINT_SECONDS = 60.0  # large: it has the moments of all weights


def encoder_pace(texts: int) -> dict[str, Any]:
    """What differs in the settings of a training on so many texts.

    >>> encoder_pace(1_000)["batch_size"], encoder_pace(1_000)["epochs"], encoder_pace(100_000)["epochs"]
    (25, 10.0, 2.0)

    AdamW, with a rate that rises and then falls to zero, in bfloat16 where the processor multiplies it faster.
    """
    size = min(max(texts // EPOCH_STEPS, LEAST_BATCH), BATCH)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return {
        "epochs": min(max(STEPS * size / texts, LEAST_EPOCHS), MOST_EPOCHS),
        "batch_size": size,
        "learning_rate": RATE,
        "embedding_rate": RATE,
        "head_rate": HEAD_RATE,
        "final_rate": 0.0,
        "weight_decay": DECAY,
        "averaging": 0.0,
        "warmup": WARM_UP,
        "clip": CLIP,
        "word_dropout": 0.0,
        "device": device,
        "precision": "bfloat16" if multiplies_bfloat16(device) else "float32",
        "checkpoint_seconds": CHECKPOINT_SECONDS,
    }


def multiplies_bfloat16(device: str) -> bool:
    """Whether products of bfloat16 are faster on this device than those of float32."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu.get_capabilities().get("amx_bf16")) if hasattr(torch.cpu, "get_capabilities") else False
