"""The processor, on which measured times depend."""

from __future__ import annotations

import platform
from pathlib import Path


def cpu() -> str:
    """Name the processor, if the system tells."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
