"""What every order of samples owes to a stream that holds few chunks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def check_order(draw: Callable[[], np.ndarray], length: int, chunk: int, buffer: int) -> None:
    """Orders that are drawn alike are the same permutation, and each chunk is needed within one buffer's worth."""
    order = draw()
    assert sorted(order) == list(range(length))
    np.testing.assert_array_equal(order, draw())
    for number in range(-(-length // chunk)):
        positions = np.flatnonzero(order // chunk == number)
        assert positions[-1] - positions[0] < buffer * chunk
