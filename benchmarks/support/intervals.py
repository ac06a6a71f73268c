"""Intervals of means over planets, draws or pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats


def half_width(deviation: Any, count: Any) -> Any:
    """Half of the 95 % interval of Student's t of means of ``count`` values; nan where the deviation is, as of one."""
    return stats.t.ppf(0.975, np.maximum(count - 1, 1)) * deviation / np.sqrt(count)
