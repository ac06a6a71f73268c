"""The one loop of the jobs: results as they complete, and what is tried again, how often."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import dask
import dask.bag as db
import dask.dataframe as dd
import pandas as pd
import pytest
from dask.utils import key_split
from distributed import Client, LocalCluster, Scheduler, wait

import cluster
from jobs.running import dashboard, tasks
from jobs.running.tasks import TaskResult
from mineral_pipeline.errors import ClusterError, DataError, WorkspaceError


def square(number: int) -> int:
    return number * number


def test_results_come_by_the_names_of_their_tasks(client: Client) -> None:
    submitted = tasks.submit(client, "label", square, {f"part {n}": (n,) for n in range(4)})

    assert all(future.key.startswith(f"label-{name}-") for future, name in submitted.items())
    found = {result.name: result.value for result in tasks.collect(submitted)}
    assert found == {"part 0": 0, "part 1": 1, "part 2": 4, "part 3": 9}
    assert list(tasks.collect({})) == []


def test_the_same_tasks_run_again_in_another_run(client: Client) -> None:
    first, second = (tasks.submit(client, "label", square, {"a": (3,)}) for _ in range(2))

    assert {future.key for future in first}.isdisjoint(future.key for future in second)
    for submitted in (first, second):
        assert [result.value for result in tasks.collect(submitted)] == [9]


def add(numbers: pd.Series, more: int) -> pd.Series:
    return numbers + more


def scheduler_keys(client: Client) -> list[str]:
    """Keys of all that the scheduler remembers."""
    return list(client.run_on_scheduler(lambda dask_scheduler: [str(key) for key in dask_scheduler.tasks]))


def test_a_value_of_a_graph_is_one_task(client: Client) -> None:
    deposits = client.scatter(10)
    before = set(scheduler_keys(client))
    bag = db.from_sequence([2, 3], partition_size=1).map(square).map(square)
    frame = dd.from_map(pd.Series, [[1, 2], [3]], meta=pd.Series([0])).map_partitions(
        add, deposits, meta=pd.Series([0])
    )
    submitted = {
        **tasks.compute(client, "acquire", bag.to_delayed(), ["shard 0", "shard 1"]),
        **tasks.compute(client, "label", frame.to_delayed(), ["count-0", "count-1"]),
    }
    wait(list(submitted))

    assert len(set(scheduler_keys(client)) - before) == len(submitted)
    assert [key_split(future.key) for future in submitted] == ["acquire"] * 2 + ["label-count"] * 2
    found = {result.name: list(result.value) for result in tasks.collect(submitted)}
    assert found == {"shard 0": [16], "shard 1": [81], "count-0": [11, 12], "count-1": [13]}


def add_one(shared: int, number: int) -> int:
    return shared + number


@pytest.mark.parametrize("on_error", ["raise", "yield"])
def test_tasks_that_the_scheduler_has_forgotten_are_not_tried_again(on_error: Literal["raise", "yield"]) -> None:
    def run() -> None:
        with cluster.connect("threads") as client:
            submitted = tasks.submit(client, "label", time.sleep, {"a": (1,), "b": (1,)})
            client.cancel(list(submitted))
            list(tasks.collect(submitted, on_error))

    with pytest.raises(ClusterError, match=r"the cluster at .* is gone: .* run the same command again"):
        run()


def test_a_shared_value_outlives_the_worker_that_holds_it() -> None:
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0") as one, Client(one) as client:
        shared = tasks.share(client, "curate", "land", 10)
        wait(shared)
        assert key_split(shared.key) == "curate-land"
        (first,) = client.run(os.getpid).values()
        os.kill(first, signal.SIGKILL)
        submitted = tasks.submit(client, "curate", add_one, {f"part {n}": (shared, n) for n in range(3)})
        assert sorted(result.value for result in tasks.collect(submitted)) == [10, 11, 12]
        (second,) = client.run(os.getpid).values()
    assert second != first


def test_the_values_of_a_graph_start_in_their_order(client: Client) -> None:
    numbers = [3, 1, 2, *range(4, 20)]
    values = db.from_sequence(numbers, partition_size=1).map(square).to_delayed()
    submitted = tasks.compute(client, "acquire", values, [f"shard {number:05d}" for number in numbers])
    wait(list(submitted))

    def by_priority(dask_scheduler: Any) -> list[str]:
        found = [dask_scheduler.tasks[key] for key in keys]
        return [task.key for task in sorted(found, key=lambda task: task.priority)]

    keys = [future.key for future in submitted]
    assert client.run_on_scheduler(by_priority) == keys
    assert [result.value for result in sorted(tasks.collect(submitted), key=lambda result: result.name)][:3] == [
        [1], [4], [9],
    ]  # fmt: skip


def fail(counter: str, times: int, error: type[Exception]) -> str:
    """Raise an error at the first ``times`` calls."""
    with open(counter, "ab+") as file:
        file.write(b"x")
        file.flush()
        calls = file.tell()
    if calls <= times:
        raise error(f"call {calls}")
    return "done"


@pytest.mark.parametrize("error", [WorkspaceError, RuntimeError])
def test_an_error_that_may_go_away_is_tried_again(client: Client, tmp_path: Path, error: type[Exception]) -> None:
    submitted = tasks.submit(client, "curate", fail, {"a": (str(tmp_path / "calls"), tasks.RETRIES, error)})

    assert list(tasks.collect(submitted)) == [TaskResult("a", "done")]
    assert (tmp_path / "calls").stat().st_size == 1 + tasks.RETRIES


def test_a_task_of_an_optimised_graph_is_tried_again(client: Client, tmp_path: Path) -> None:
    bag = db.from_sequence([str(tmp_path / "calls")], partition_size=1).map(fail, 1, RuntimeError)
    submitted = tasks.compute(client, "acquire", bag.to_delayed(), ["a"])

    assert [result.value for result in tasks.collect(submitted)] == [["done"]]


@pytest.mark.parametrize(("error", "calls"), [(WorkspaceError, 1 + tasks.RETRIES), (DataError, 1)])
def test_a_task_that_fails_for_good_ends_the_loop(
    client: Client, tmp_path: Path, error: type[Exception], calls: int
) -> None:
    submitted = tasks.submit(client, "curate", fail, {"a": (str(tmp_path / "calls"), 99, error)})

    with pytest.raises(error, match=f"call {calls}"):
        list(tasks.collect(submitted))
    assert (tmp_path / "calls").stat().st_size == calls


def test_a_task_that_fails_for_good_can_be_a_result(client: Client, tmp_path: Path) -> None:
    calls = {"good": (str(tmp_path / "good"), 0, DataError), "bad": (str(tmp_path / "bad"), 99, DataError)}
    found = {result.name: result for result in tasks.collect(tasks.submit(client, "train", fail, calls), "yield")}

    assert found["good"].value == "done"
    assert isinstance(found["bad"].error, DataError)
    assert found["bad"].value is None


def test_the_graph_of_another_library_runs_by_the_same_rules(client: Client, tmp_path: Path) -> None:
    graph = {("fit", 0): (square, 3), ("fit", 1): (fail, str(tmp_path / "calls"), 1, RuntimeError)}
    told: list[tuple[object, object]] = []
    get = tasks.make_scheduler(client, "tune", lambda key, value: told.append((key, value)))

    assert get(graph, [("fit", 0), ("fit", 1)], num_workers=3) == [9, "done"]
    assert sorted(told) == [(("fit", 0), 9), (("fit", 1), "done")]


@dataclass(frozen=True)
class Costly:
    """A part of a graph that takes long to hash."""

    number: int

    def __dask_tokenize__(self) -> object:
        raise AssertionError("is hashed")


def number_of(part: Costly) -> int:
    return part.number


def test_what_a_graph_is_made_of_is_not_hashed(client: Client) -> None:
    get = tasks.make_scheduler(client, "tune", lambda key, value: None)
    assert get({"a": (number_of, Costly(3)), "b": (number_of, Costly(4))}, ["a", "b"]) == [3, 4]


@dataclass(frozen=True)
class Lost:
    """A future whose result was fetched before its worker died."""

    client: Client
    key: str = "task"
    status: str = "lost"

    def release(self) -> None:
        """Nothing is left to release."""


class Completed(list[tuple[Lost, int]]):
    """What `as_completed` returns for futures whose results have all arrived."""

    def __init__(self, futures: Sequence[Lost], **options: object) -> None:
        super().__init__((future, 42) for future in futures)

    def is_empty(self) -> bool:
        return True


def test_a_result_that_has_arrived_outlives_its_worker(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "as_completed", Completed)
    assert list(tasks.collect({Lost(client): "a"})) == [TaskResult("a", 42)]  # type: ignore[dict-item]


def die(counter: str, times: int) -> str:
    """End the worker's process, the first ``times`` times that this is called."""
    with open(counter, "ab+") as file:
        file.write(b"x")
        file.flush()
        if file.tell() <= times:
            time.sleep(1)  # a worker that dies while its nanny still starts it may not be started again
            os._exit(1)
    return counter


@pytest.mark.slow
def test_a_task_outlives_its_workers_but_not_if_it_kills_them_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "KILLED_RETRIES", 1)
    done: list[str] = []

    def collect(calls: dict[str, Sequence[object]], on_error: str = "raise") -> None:
        for result in tasks.collect(tasks.submit(client, "acquire", die, calls), on_error):  # type: ignore[arg-type]
            done.append(result.value or str(result.error))  # noqa: PERF401 - those before the error count

    with (
        dask.config.set(
            # the second as in cluster/local.yaml
            {"distributed.scheduler.allowed-failures": 0, "distributed.deploy.lost-worker-timeout": "1h"}
        ),
        LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs="CRITICAL"
        ) as workers,
        Client(workers) as client,
    ):
        unlucky, deadly, calm = (str(tmp_path / name) for name in ("unlucky", "deadly", "calm"))
        collect({"shard 3": (unlucky, 1), "shard 4": (calm, 0)})
        assert sorted(done) == sorted([unlucky, calm])
        with pytest.raises(ClusterError, match=r"^shard 5 has killed every worker that tried it, most likely for lack"):
            collect({"shard 5": (deadly, 99), "shard 6": (calm, 0)})
        assert done[2:] == [calm]
        collect({"model a": (deadly, 99), "model b": (calm, 0)}, "yield")
    assert done[3] == calm
    assert "model a has killed every worker that tried it" in done[4]


def bar(client: Client, prefix: str) -> dict[str, int]:
    """What the dashboard's bar of some tasks is drawn from: how many of them are in which state."""
    states = client.run_on_scheduler(lambda dask_scheduler: dict(dask_scheduler.task_prefixes[prefix].states))
    return {state: number for state, number in states.items() if number and state != "forgotten"}


def wait_for_bar(client: Client, prefix: str, states: dict[str, int]) -> None:
    """Wait until a bar shows this: what a client releases, its scheduler forgets a little later."""
    while bar(client, prefix) != states:
        time.sleep(0.01)


@pytest.mark.timeout(60)
def test_the_bar_of_a_job_stays_full_until_the_run_ends(client: Client) -> None:
    with dashboard.keeping_marks():
        submitted = tasks.submit(client, "prospect", square, {f"fill-{n:03d}": (n,) for n in range(30)})
        assert len(list(tasks.collect(submitted))) == 30
        wait_for_bar(client, "prospect-fill", {"memory": 30})
        del submitted
        assert bar(client, "prospect-fill") == {"memory": 30}
    wait_for_bar(client, "prospect-fill", {})


@pytest.mark.parametrize("hangs", [True, False])
def test_results_do_not_wait_for_the_bars(client: Client, monkeypatch: pytest.MonkeyPatch, hangs: bool) -> None:
    asked: list[int] = []

    async def scatter(marks: dict[str, None], **options: object) -> None:
        if hangs:
            await asyncio.sleep(999)
        asked.append(len(marks))
        raise OSError("a worker is gone")

    monkeypatch.setattr(client, "scatter", scatter)
    monkeypatch.setattr(dashboard, "TIMEOUT_S", 0.1 if hangs else 60.0)
    monkeypatch.setattr(dashboard, "SECONDS_BETWEEN_MARKS", -1.0)  # at once
    submitted = tasks.submit(client, "train", square, {f"model {n}": (n,) for n in range(20)})

    assert len(list(tasks.collect(submitted))) == 20
    assert asked == ([] if hangs else [1, 20]), "after one that fails, only the last result of all asks again"


async def lose_a_worker(dask_scheduler: Scheduler) -> None:
    await dask_scheduler.remove_worker(next(iter(dask_scheduler.workers)), stimulus_id="lost")


@pytest.mark.timeout(60)
def test_a_finished_task_does_not_run_again_when_its_worker_is_lost(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    with (
        LocalCluster(processes=False, n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as workers,
        Client(workers) as client,
        dashboard.keeping_marks(),
    ):
        submitted = tasks.submit(client, "train", fail, {f"model {n}": (str(calls), 0, DataError) for n in range(8)})
        assert len(list(tasks.collect(submitted))) == 8
        wait_for_bar(client, "train", {"memory": 8})
        client.run_on_scheduler(lose_a_worker)
        assert client.submit(square, 3).result() == 9
    assert calls.stat().st_size == 8
