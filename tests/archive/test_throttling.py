"""Bytes in flight and requests a second, under many threads."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from mineral_pipeline.archive.throttling import ByteLimiter, RateLimiter


@pytest.mark.parametrize("sizes", [[10] * 40, [60, 1, 99, 100, 3] * 8, [100] * 20])
def test_no_more_bytes_than_the_budget(sizes: list[int]) -> None:
    budget, held, most, lock = ByteLimiter(100), [0], [0], threading.Lock()

    def hold(size: int) -> None:
        with budget.reservation() as share:
            share.reserve(size)
            with lock:
                held[0] += size
                most[0] = max(most[0], held[0])
            time.sleep(0.001)
            with lock:
                held[0] -= size

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(hold, sizes, timeout=30))
    assert max(sizes) <= most[0] <= 100
    assert budget.held == 0


def test_what_is_larger_than_the_budget_goes_alone() -> None:
    budget, alone = ByteLimiter(100), []

    def hold(size: int) -> None:
        with budget.reservation() as share:
            share.reserve(size)
            time.sleep(0.002)
            alone.append(budget.held == size)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(hold, [1000, 2000, 3000, 400], timeout=30))
    assert alone == [True] * 4


def test_two_that_hold_some_never_wait_for_each_other() -> None:
    budget, both = ByteLimiter(100), threading.Barrier(2)

    def grow() -> None:
        with budget.reservation() as share:
            share.reserve(50)
            both.wait(10)
            share.reserve(90)  # more than is left: the bound gives way, not the run
            assert share.bytes == 90
            both.wait(10)
            share.reserve(10)
            assert share.bytes == 90, "a share never shrinks"

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: grow(), range(2), timeout=30))
    assert budget.held == 0


def test_a_pace_is_even_and_shared() -> None:
    pace = RateLimiter(200)
    passages: list[float] = []

    def walk() -> None:
        for _ in range(5):
            pace.wait()
            passages.append(time.monotonic())

    started = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: walk(), range(4)))
    assert len(passages) == 20
    assert all(passage >= started + n / 200 for n, passage in enumerate(sorted(passages)))
