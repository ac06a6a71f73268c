"""The one loop of all jobs that submits tasks, collects their results and tries failed ones again.

A job makes its tasks by `submit` (one per call), by `compute` (one per value of a Dask graph) or, where a
library owns the graph, by `make_scheduler`. The key of a task begins with the job's name and the task's, by which the
dashboard groups them. `collect` yields their results as they complete, by the same rules for every job:

- A task whose workers died is tried again `KILLED_RETRIES` times, and at last alone: workers that are preempted at
  random kill tasks that are not to blame, and tasks that waited on a worker died with the one that killed it.
- A task that raised is tried again `RETRIES` times, unless the error is one of ours that says the input is at fault.
- A worker that is unfit for its tasks (`jobs.running.fitness`) is set aside, and they are tried on the others.
- What then still fails ends the job, or is yielded as a result with its error when the job counts failures.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import dask
from dask._task_spec import Task, TaskRef, convert_legacy_graph, cull
from dask.highlevelgraph import HighLevelGraph
from distributed import Client, Future, KilledWorker, as_completed
from distributed.client import FutureCancelledError

import cluster
from jobs.running.dashboard import Marks
from jobs.running.worker import Place, TaskContext, run_task
from jobs.running.workers import set_aside
from mineral_pipeline.errors import ClusterError, LeaseLostError, MineralPipelineError, UnfitWorkerError
from mineral_pipeline.workspace import lock

RETRIES = 2
"""Further attempts of a task that raised an error that may go away."""

KILLED_RETRIES = 8
"""Further attempts of a task whose workers died, each after Dask has given it up.

Dask gives it up when more than `distributed.scheduler.allowed-failures` (3) have died, and then after every death."""

MAX_UNFIT = 20
"""Workers in a row that are set aside before their first task; one more ends the job."""

LARGEST_GRAPH = "100MB"
"""Size from which Dask warns of a graph: the scenes of an archive are 300 bytes each, and are meant to be in it."""

GPU: Mapping[str, float] = {"GPU": 1}
"""Resource of a worker that trains and predicts: one such task at a time."""

Tasks = Mapping[Future, str]
"""Submitted tasks and their names."""


@dataclass(frozen=True)
class TaskResult:
    """How a task ended."""

    name: str
    """Name of the task."""
    value: Any = None
    """What the task returned."""
    error: Exception | None = None
    """Why it failed; None when it did not."""


def submit(
    client: Client,
    job: str,
    function: Callable[..., Any],
    calls: Mapping[str, Sequence[Any]],
    resources: Mapping[str, float] | None = None,
) -> Tasks:
    """Submit one task per call.

    Args:
        client: client of the cluster.
        job: name of the job, with which the tasks' keys begin.
        function: what a worker runs.
        calls: arguments of each call, futures among them, by the name of the task; they start in this order.
        resources: what a worker must offer.
    """
    run, tasks = _new_run(), {}
    for name, arguments in calls.items():
        given = (TaskRef(one.key) if isinstance(one, Future) else one for one in arguments)
        key = f"{job}-{name}-{run}"
        tasks[key] = _NamedTask(key, run_task, TaskContext(job, name, lock.current()), function, *given)
    return _send(client, tasks, calls, **({"resources": dict(resources)} if resources else {}))


def compute(
    client: Client, job: str, values: Sequence[Any], names: Sequence[str], *, workers: Sequence[str] = ()
) -> Tasks:
    """Submit one task per delayed value.

    Args:
        client: client of the cluster.
        job: name of the job, with which the tasks' keys begin.
        values: values of `dask.delayed`, or the partitions of a bag or a frame as such.
        names: one for each value; they start in this order.
        workers: addresses of those that do it first of all, as long as one of them lives; by default any does it.
    """
    if not values:
        return {}
    graph = HighLevelGraph.merge(*(value.__dask_graph__() for value in values))
    where = {"workers": list(workers), "allow_other_workers": True, "priority": 1} if workers else {}
    return _submit_graph(client, job, graph, dict(zip([value.key for value in values], names, strict=True)), **where)


def _submit_graph(client: Client, job: str, graph: Any, names: Mapping[Any, str], **where: Any) -> Tasks:
    """Submit one task for each key of a graph in ``names``: all that leads to the key, fused; ``where`` it may run.

    Dask would name it after the first of its layers, such as ``from_sequence``.
    """
    run, nodes, tasks = _new_run(), convert_legacy_graph(graph), {}
    for graph_key, name in names.items():
        key = f"{job}-{name}-{run}"
        fused = Task.fuse(*cull(nodes, [graph_key]).values(), key=key)
        context = TaskContext(job, name, lock.current())
        tasks[key] = _NamedTask(key, run_task, context, fused.func, *fused.args, **fused.kwargs)
    return _send(client, tasks, names.values(), **where)


def _send(client: Client, tasks: Mapping[str, Task], names: Iterable[str], **where: Any) -> Tasks:
    """Send tasks to the scheduler in one message: one by one, thousands take it and the client many times as long."""
    if not tasks:
        return {}
    # Dask would start tasks that do not depend on each other with the last one.
    order = {key: -number for number, key in enumerate(tasks)}
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": LARGEST_GRAPH}):
        futures = client.get(tasks, list(tasks), sync=False, **{"priority": order.get, **where})
    return dict(zip(futures, names, strict=True))


def share(client: Client, job: str, name: str, value: Any) -> Future:
    """Send a value that many tasks refer to: to each worker once, and not with every task.

    It is the result of a task, and no scattered data, which are lost with the workers that hold them.
    """
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": LARGEST_GRAPH}):
        return client.submit(lambda: value, key=f"{job}-{name}-{_new_run()}")


class _NamedTask(Task):  # type: ignore[misc]  # Dask is untyped
    """A task that its key names. Dask would hash all that it is made of, to name a graph that is submitted once."""

    __slots__ = ()

    def __dask_tokenize__(self) -> str:
        return str(self.key)


def _new_run() -> str:
    """End of the keys of some tasks: a scheduler that remembers those of an earlier run would not run them again."""
    return secrets.token_hex(4)


def collect(tasks: Tasks, on_error: Literal["raise", "yield"] = "raise") -> Iterator[TaskResult]:
    """Yield the results of tasks as they complete; failed tasks are tried again by the rules above.

    Args:
        tasks: submitted tasks and their names.
        on_error: whether a task that failed for good ends the loop, or is a result like any other.

    Raises:
        ClusterError: a task kills its workers, with ``raise``; or no worker is fit.
        FutureCancelledError: the cluster is gone; see `cluster.connect`.
        Exception: what a task raised, with ``raise``.
    """
    completed = as_completed(list(tasks), with_results=True, raise_errors=False)
    attempts: Counter[Any] = Counter()
    suspects: list[Future] = []
    marks, unfit = Marks(), set[str]()
    for future, result in completed:
        error = _raised(result)  # the future's own state may be newer: a worker that dies takes its results with it
        if error is None:
            unfit.clear()
            marks.replace(future, is_last=completed.is_empty())
            yield TaskResult(tasks[future], result)
        elif isinstance(error, FutureCancelledError):
            raise error  # the scheduler is gone, or was started anew and knows nothing of it
        elif isinstance(error, UnfitWorkerError):
            _set_aside(future.client, error, unfit)
            _retry(future)
            completed.add(future)
        elif attempts[future.key] < _allowed_retries(error):
            attempts[future.key] += 1
            _retry(future)
            completed.add(future)
        elif isinstance(error, KilledWorker):
            suspects.append(future)
        else:
            yield _failure(tasks[future], error, on_error)
    yield from _run_alone(tasks, suspects, on_error)


def _set_aside(client: Client, error: UnfitWorkerError, unfit: set[str]) -> None:
    """Set a worker aside, unless it is among those that are already, to which it is added."""
    if error.address not in unfit:
        unfit.add(error.address)
        if len(unfit) > MAX_UNFIT:
            raise ClusterError(f"{MAX_UNFIT} workers in a row were unfit, the last one on {error.host}: {error}")
        set_aside(client, Place(error.host, error.name, error.address), str(error))


def make_scheduler(client: Client, job: str, report: Callable[[Any, Any], None]) -> Callable[..., list[Any]]:
    """A Dask scheduler function that runs another library's graph on GPU workers by the rules of `collect`.

    Args:
        client: client of the cluster.
        job: name of the job, with which the tasks' keys begin.
        report: told the key and the value of every result of the graph.
    """

    def get(graph: Any, keys: Sequence[Any], **_: Any) -> list[Any]:
        by_name = {f"search {number:03d}": key for number, key in enumerate(keys)}
        names = {key: name for name, key in by_name.items()}
        values: dict[Any, Any] = {}
        for result in collect(_submit_graph(client, job, graph, names, resources=dict(GPU))):
            key = by_name[result.name]
            values[key] = result.value
            report(key, result.value)
        return [values[key] for key in keys]

    return get


def _retry(future: Future) -> None:
    """Run a failed task again.

    `Future.retry` fails for a task of an optimised graph, because it looks up futures of the tasks before it as well.
    It also resets the future after the request: a second failure that arrives before is lost.
    """
    client = future.client

    async def reset_and_request() -> None:
        client.futures[future.key].retry()
        await client.scheduler.retry(keys=[future.key], client=client.id)

    client.sync(reset_and_request)


def _allowed_retries(error: BaseException) -> int:
    if isinstance(error, KilledWorker):
        return KILLED_RETRIES
    is_final = isinstance(error, LeaseLostError) or (  # or the input is at fault
        isinstance(error, MineralPipelineError) and isinstance(error, ValueError)
    )
    return RETRIES if isinstance(error, Exception) and not is_final else 0


def _run_alone(tasks: Tasks, suspects: Sequence[Future], on_error: Literal["raise", "yield"]) -> Iterator[TaskResult]:
    """Run tasks whose workers died one at a time, and report those that still kill their worker."""
    killers = []
    for future in suspects:
        _retry(future)
        try:
            yield TaskResult(tasks[future], future.result())
        except KilledWorker:
            killers.append(tasks[future])
    if killers and on_error == "raise":
        raise ClusterError(cluster.killed_message(", ".join(killers)))
    yield from (TaskResult(name, error=ClusterError(cluster.killed_message(name))) for name in killers)


def _failure(name: str, error: BaseException, on_error: Literal["raise", "yield"]) -> TaskResult:
    if on_error == "raise" or not isinstance(error, Exception):  # what is no Exception says that the cluster is gone
        raise error
    return TaskResult(name, error=error)


def _raised(result: Any) -> BaseException | None:
    """What a task raised; Dask hands it over in place of the result, with its type and trace."""
    if isinstance(result, tuple) and len(result) == 3 and isinstance(result[1], BaseException):
        return result[1].with_traceback(result[2])
    return result if isinstance(result, BaseException) else None
