"""How long to train, by how many texts there are."""

from __future__ import annotations

from prunetext.training.loop import Settings

SEEN = 150_000  # texts that training sees, over all epochs, where the data are small
EPOCHS = (3, 20)
FEW_STEPS = 64  # an epoch of small data has about as many steps, of smaller batches,
SMALLEST_BATCH = 8
SMALL_PATIENCE = 8  # and may stay on the first plateau for longer


def pace(texts: int, epochs: float | None = None, seed: int = 0) -> Settings:
    """Settings of a training from the start: small data are seen more often.

    >>> pace(10_000).epochs, pace(1_000_000).epochs
    (15.0, 3.0)
    """
    epochs = epochs or float(min(max(SEEN / texts, EPOCHS[0]), EPOCHS[1]))
    batch = min(max(texts // FEW_STEPS, SMALLEST_BATCH), Settings.batch_size)
    patience = Settings.patience if batch == Settings.batch_size else SMALL_PATIENCE
    return Settings(epochs=epochs, batch_size=batch, patience=patience, seed=seed)
