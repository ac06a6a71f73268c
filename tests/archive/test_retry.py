"""Pauses between attempts, and how a verdict of corrupt is confirmed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mineral_pipeline.archive import CorruptError, FetchedObject, confirm_corrupt, retry, validating
from mineral_pipeline.errors import RasterError


@given(st.integers(1, 60), st.floats(0, 1))
def test_pauses_grow_and_are_bounded(attempts: int, jitter: float) -> None:
    assert 0 < retry.pause(attempts, jitter) <= retry.MAX_PAUSE_S
    assert retry.pause(attempts, jitter) <= retry.pause(attempts, 0) <= retry.pause(attempts + 1, 0)
    assert retry.pause(attempts, 1) >= retry.pause(attempts, 0) / 2


def readings(*results: bytes | str) -> Callable[[], str]:
    """Function that reads an object repeatedly, with these results: damaged bytes, or a good result."""
    turn = iter(results)

    def read() -> str:
        result = next(turn)
        if isinstance(result, str):
            return result
        with validating(FetchedObject(result, checksum_verified=result == b"verified")):
            raise RasterError("x is damaged")

    return read


def test_a_verdict_of_corrupt_is_confirmed() -> None:
    assert confirm_corrupt(readings(b"a", b"b", "good"), retries=2) == "good"
    for results, retries, attempts in (
        ((b"a", b"a", "too late"), 9, 2),
        ((b"a", b"b", b"b", "too late"), 9, 3),
        ((b"verified", "too late"), 9, 1),
        ((b"a", b"b", b"c", "too late"), 2, 3),
        ((b"a", "too late"), 0, 1),
    ):
        with pytest.raises(CorruptError, match=r"^x is damaged$") as caught:
            confirm_corrupt(readings(*results), retries)
        assert caught.value.attempts == attempts
