"""What every benchmark needs to say of itself: spreads, versions, the processor."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from prunetext.judging.machine import cpu


def spread(values: Sequence[float], digits: int = 0) -> dict[str, float]:
    """Give minimum, median and maximum."""
    middle = statistics.median(values)
    return {"min": round(min(values), digits), "median": round(middle, digits), "max": round(max(values), digits)}


def machine(*packages: str) -> dict[str, object]:
    """Name the processor, its cores, Python and the versions of packages; part of every row."""
    versions = {package: installed(package) for package in ("prunetext", *packages)}
    return {"cpu": cpu(), "cores": os.cpu_count(), "python": platform.python_version(), **versions}


def installed(package: str) -> str:
    """Give a package's version; sources on PYTHONPATH have none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
