"""How an encoder is fine-tuned: by the number of texts, on what the machine has."""

from __future__ import annotations

from typing import Any

import torch

TOKENS_AT_MOST = 8192  # of a text
_STEPS = 1_000  # of fine-tuning, about: large data are seen twice, small data up to ten times
_LEAST_EPOCHS, _MOST_EPOCHS = 2.0, 10.0
_BATCH, _LEAST_BATCH = 32, 8
_EPOCH_STEPS = 40  # an epoch of small data has about so many steps, with smaller batches
_RATE, _HEAD_RATE, _WARM_UP, _DECAY, _CLIP = 5e-5, 1e-3, 0.1, 0.01, 1.0
# A recovery has this share of the dense model's epochs, at its full rate: what is left must learn what has gone.
# `states` weighs the dense model's hidden states beside its answers: after a few hundred steps, none of 1, 2, 5 and 10
# was better than 0 on dev (MiniLM on SST-2, with 40 % and 25 % of its multiplications).
RECOVERY = {"epochs": 0.5, "rate": 1.0, "batch": 1, "states": 0.0}
_CHECKPOINT_SECONDS = 60.0  # large: it has the moments of all weights


def encoder_pace(texts: int) -> dict[str, Any]:
    """What differs in the settings of a training on so many texts.

    >>> encoder_pace(1_000)["batch_size"], encoder_pace(1_000)["epochs"], encoder_pace(100_000)["epochs"]
    (25, 10.0, 2.0)

    AdamW, with a rate that rises and then falls to zero, in bfloat16 where the processor multiplies it faster.
    """
    size = min(max(texts // _EPOCH_STEPS, _LEAST_BATCH), _BATCH)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return {
        "epochs": min(max(_STEPS * size / texts, _LEAST_EPOCHS), _MOST_EPOCHS),
        "batch_size": size,
        "learning_rate": _RATE,
        "embedding_rate": _RATE,
        "head_rate": _HEAD_RATE,
        "final_rate": 0.0,
        "weight_decay": _DECAY,
        "averaging": 0.0,
        "warmup": _WARM_UP,
        "clip": _CLIP,
        "word_dropout": 0.0,
        "window": TOKENS_AT_MOST,  # what is read of a text is read whole: its first token has a meaning of its own
        "device": device,
        "precision": "bfloat16" if multiplies_bfloat16(device) else "float32",
        "checkpoint_seconds": _CHECKPOINT_SECONDS,
    }


def multiplies_bfloat16(device: str) -> bool:
    """Whether products of bfloat16 are faster on this device than those of float32."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    has = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(has.get("amx_bf16") or has.get("avx512_bf16"))
