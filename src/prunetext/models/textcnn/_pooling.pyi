from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float32] | npt.NDArray[np.float64]
Columns = Sequence[tuple[int, int, int]]

def forward(
    table: Reals,
    positions: npt.NDArray[np.int64],
    columns: Columns,
    maxima: Reals,
    winners: npt.NDArray[np.int32],
    sums: Reals,
) -> None: ...
def backward(
    gradient: Reals,
    positions: npt.NDArray[np.int64],
    columns: Columns,
    winners: npt.NDArray[np.int32],
    of_maxima: Reals | None,
    of_sums: Reals | None,
) -> None: ...
