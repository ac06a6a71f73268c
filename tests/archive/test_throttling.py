"""Bytes held and requests a second, under many threads."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from mineral_pipeline.archive.throttling import ByteLimiter, RateLimiter, take_turns_from, wait_for_turn


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
    times: list[float] = []

    def request() -> None:
        for _ in range(5):
            wait_for_turn(200)
            times.append(time.monotonic())

    started = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: request(), range(4)))
    assert len(times) == 20
    assert all(moment >= started + n / 200 for n, moment in enumerate(sorted(times)))


def test_turns_are_reserved_at_the_rate_and_no_later() -> None:
    limiter = RateLimiter()

    delays = [limiter.reserve(20) for _ in range(5)]
    assert all(n / 20 - 1 < delay <= n / 20 for n, delay in enumerate(delays))
    assert delays == sorted(delays)


def test_turns_of_another_process() -> None:
    asked: list[float] = []

    def reserve(per_second: float) -> float:
        asked.append(per_second)
        return 0.0

    take_turns_from(reserve)
    try:
        wait_for_turn(3)
        wait_for_turn(None)
    finally:
        take_turns_from(None)
    wait_for_turn(1000)
    assert asked == [3]
