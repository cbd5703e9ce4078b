"""What a packed file says of its model last of all, in a room of fixed length."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from prunetext.models.protocol import Packing
from prunetext.statistics.thresholds import THRESHOLD_DIGITS

# Parts of the provenance that are left out, one after the other, until the rest fits.
LEAST_NEEDED = ("baseline", "calibration", "dense_test", "metric", "reason", "versions", "test", "verdict", "recipe")


def found_out(packing: Packing) -> dict[str, str]:
    """The header entries that are known last; together they take the packing's room, however long each is.

    >>> taken(found_out(Packing(temperature=1.25, provenance={"reason": "done"}, room=80)))
    80
    """
    said = dict(packing.provenance)
    entries = {"temperature": repr(packing.temperature), "provenance": compact(said)}
    if packing.reject is not None:
        entries["reject"] = repr(packing.reject)
    for name in LEAST_NEEDED:
        if packing.room and taken(entries) > packing.room:
            packing = packing._replace(
                provenance={key: each for key, each in packing.provenance.items() if key != name}
            )
            entries["provenance"] = compact(packing.provenance)
    entries["provenance"] += " " * (packing.room - taken(entries))
    return entries


def taken(entries: Mapping[str, str]) -> int:
    """Bytes of entries in a header."""
    return len(json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode())


def compact(values: Mapping[str, Any]) -> str:
    """JSON in as few characters as can be, always in the same order."""
    return json.dumps(dict(values), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def threshold_text(value: float) -> str:
    """A threshold in as many characters as any other of its precision.

    >>> threshold_text(0.5), threshold_text(0.1234), threshold_text(0.12345)
    ('0.5000', '0.1234', '0.12345')
    """
    short = f"{value:.{THRESHOLD_DIGITS}f}"
    return short if float(short) == value else repr(float(value))
