"""Bytes held and requests a second, under many threads."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from mineral_pipeline.archive.throttling import ByteLimiter, RateLimiter


@pytest.mark.parametrize("sizes", [[10] * 40, [60, 1, 99, 100, 3] * 8, [100] * 20])
def test_no_more_bytes_than_the_limit(sizes: list[int]) -> None:
    limiter, held, peak, lock = ByteLimiter(100), [0], [0], threading.Lock()

    def hold(size: int) -> None:
        with limiter.reservation() as reservation:
            reservation.reserve(size)
            with lock:
                held[0] += size
                peak[0] = max(peak[0], held[0])
            time.sleep(0.001)
            with lock:
                held[0] -= size

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(hold, sizes, timeout=30))
    assert max(sizes) <= peak[0] <= 100
    assert limiter.held == 0


def test_a_scene_larger_than_the_limit_is_held_alone() -> None:
    limiter, alone = ByteLimiter(100), []

    def hold(size: int) -> None:
        with limiter.reservation() as reservation:
            reservation.reserve(size)
            time.sleep(0.002)
            alone.append(limiter.held == size)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(hold, [1000, 2000, 3000, 400], timeout=30))
    assert alone == [True] * 4


def test_two_that_hold_some_never_wait_for_each_other() -> None:
    limiter, both = ByteLimiter(100), threading.Barrier(2)

    def grow() -> None:
        with limiter.reservation() as reservation:
            reservation.reserve(50)
            both.wait(10)
            reservation.reserve(90)  # more than is left: the limit is exceeded rather than the run blocked
            assert reservation.bytes == 90
            both.wait(10)
            reservation.reserve(10)
            assert reservation.bytes == 90, "a reservation never shrinks"

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: grow(), range(2), timeout=30))
    assert limiter.held == 0


def test_requests_are_even_and_the_limit_is_shared() -> None:
    limiter = RateLimiter(200)
    times: list[float] = []

    def request() -> None:
        for _ in range(5):
            limiter.wait()
            times.append(time.monotonic())

    started = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: request(), range(4)))
    assert len(times) == 20
    assert all(moment >= started + n / 200 for n, moment in enumerate(sorted(times)))
