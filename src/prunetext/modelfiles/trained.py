"""The float32 models of runs, of any family."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prunetext.modelfiles.header import read_header
from prunetext.models.protocol import Trained, load_family

OLDEST = "textcnn"  # the family of old files, which name none


def read_trained(path: Path) -> Trained:
    """Read a float32 model of a run; ModelFileError if it is not whole.

    trained = read_trained(Path("runs/reviews/dense.safetensors"))
    """
    return load_family(read_header(path).metadata.get("family", OLDEST)).read(path)


def recipe_in(path: Path) -> dict[str, Any]:
    """What a run's float32 model says of how it was made; ModelFileError if it is not whole."""
    try:
        found = json.loads(read_header(path).metadata.get("recipe", "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def write_trained(trained: Trained, path: Path, recipe: Mapping[str, Any]) -> None:
    """Write a float32 model to a file that can be pruned again; recipe: how the model was made."""
    load_family(trained.family).write(trained, path, recipe)
