"""A run without a folder of its own: it works in a temporary one, which goes when its result goes."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path

from prunetext.fitting.finishing import Result
from prunetext.fitting.plan import check_out


def run_in(out: str | Path | None, carry_out: Callable[[Path], Result]) -> Result:
    """Carry out a run in its folder, or in a temporary one if there is none.

        run_in(None, lambda folder: fit(data, out=folder)).model      # in memory

    The temporary folder is removed when the run fails, when nothing holds its result any more, or when Python ends.
    """
    if out is not None:
        return carry_out(check_out(out))
    folder = Path(tempfile.mkdtemp(prefix="prunetext-"))
    try:
        result = carry_out(folder)
        assert result.model  # read while its file is there, for copies that live longer
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(result, shutil.rmtree, folder, ignore_errors=True)
    return result
