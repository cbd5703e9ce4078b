"""Finished runs that a test may change."""

from __future__ import annotations

import shutil
from pathlib import Path

from prunetext.fitting.folder import SOURCE


def copy_run(folder: Path, target: Path) -> Path:
    """Copy a folder that holds `data` and a `run` on them; the copied run knows its own data. Returns the target."""
    shutil.copytree(folder, target)
    source = target / "run" / SOURCE
    source.write_text(source.read_text("utf-8").replace(str(folder), str(target)), "utf-8")
    return target
