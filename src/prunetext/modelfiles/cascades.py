"""The content of a cascade: both models, and the threshold between them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunetext.modelfiles.encoders import EncoderInspection, inspect_encoder
from prunetext.modelfiles.header import read_header
from prunetext.modelfiles.inspection import Inspection, inspect_packed, provenance_of
from prunetext.modelfiles.prediction import load_packed
from prunetext.runtime.cascade_files import FIRST_FILE, SECOND_FILE

if TYPE_CHECKING:
    from prunetext.runtime.classifier import Classifier


@dataclass(frozen=True)
class CascadeInspection:
    """What the folder of a cascade holds; `size` is the bytes of both models.

    Texts of which `first` is less sure than `threshold` go on to `second`. `confidence` says how sure it is: `top`, by
    the probability of its label, or `margin`, by the label nearest to its threshold.
    """

    path: str
    format: str
    size: int
    labels: list[str]
    confidence: str
    threshold: float
    first: Inspection
    second: EncoderInspection
    provenance: dict[str, Any]

    def fields(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def inspect_cascade(model: Classifier, folder: str, words: int) -> CascadeInspection:
    """The content of a cascade that has been loaded; words: how many of the TextCNN's to list."""
    first, second = Path(folder) / FIRST_FILE, Path(folder) / SECOND_FILE
    metadata = model.metadata
    return CascadeInspection(
        folder,
        metadata["format"],
        model.size,
        model.labels,
        metadata["confidence"],
        float(metadata["threshold"]),
        inspect_packed(first, read_header(first), words),
        inspect_encoder(load_packed(second), str(second)),
        provenance_of(metadata),
    )
