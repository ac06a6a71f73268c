"""Where jobs run: one YAML file per kind of cluster, which names a class and its options, and how to open it.

class: dask.distributed.LocalCluster    # any Dask cluster class, or dask.distributed.Client for an address
options: {n_workers: 2}                 # its keyword arguments; ${NAME} is an environment variable
adapt: {minimum: 2, maximum: 2}         # optional: arguments of the cluster's `adapt`, which replaces workers that end
config: {distributed.comm.retry.count: 3}   # optional: Dask's own configuration
"""

from __future__ import annotations

import importlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import dask
from distributed import CancelledError, Client, KilledWorker, WorkerPlugin
from distributed.comm import CommClosedError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cluster.freed_memory import TrimFreedMemory
from cluster.walltime import with_lifetime
from mineral_pipeline.errors import ClusterError, MineralPipelineError, SettingsError, did_you_mean, one_line
from mineral_pipeline.settings import document, expand

FOLDER = Path(__file__).parent
PATIENCE_S = 300.0
"""Seconds that a job waits for new workers after the last one is gone."""
POLL_S = 5.0
"""Seconds between two queries of the number of workers."""
RETRY_S = 0.1
"""Seconds between two attempts to reach every worker."""
IGNORE_CTRL_C = """
import signal, threading
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
"""
"""Preload of workers that ignore Ctrl-C, which a terminal sends to all its processes: the client ends the workers."""
RESUME_HINT = "what is done is kept: run the same command again to go on"


class ClusterFile(BaseModel):
    """Content of a file in ``cluster/``."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    class_name: str = Field(alias="class")
    options: dict[str, Any] = {}
    adapt: dict[str, Any] = {}
    config: dict[str, Any] = {}


def load(name: str) -> ClusterFile:
    """Read a cluster file: a path, or the bare name of one in ``cluster/``.

    Raises:
        SettingsError: no such file, an unknown key, an unset variable.
    """
    bundled = FOLDER / f"{name}.yaml"
    path = bundled if bundled.is_file() else Path(name)
    try:
        return ClusterFile.model_validate(expand(document.read(str(path)), str(path)))
    except OSError as error:
        known = sorted(file.stem for file in FOLDER.glob("*.yaml"))
        hint = did_you_mean(name, known)
        raise SettingsError(
            f"--cluster {name}: {error.strerror}: give a file or one of {', '.join(known)}{hint}"
        ) from error
    except ValidationError as error:
        raise SettingsError(f"--cluster {path}: needs class and options: {one_line(error)}") from error


@contextmanager
def connect(name: str, stop: Callable[[ClusterError], None] | None = None) -> Iterator[Client]:
    """Open the cluster of a file, as a client; closed at the end of the block.

    Args:
        name: of the file.
        stop: called, from another thread, when the last worker has been gone for `PATIENCE_S`: the block must end. A
            cluster that replaces its workers is waited for, because its jobs may be long in a queue.

    Raises:
        ClusterError: the class cannot be imported, the cluster cannot be reached, or it is lost during the block.
    """
    file = load(name)
    module, _, attribute = file.class_name.rpartition(".")
    try:
        factory = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ClusterError(
            f"--cluster {name}: {file.class_name} cannot be imported ({error}): install its package"
        ) from error
    _one_thread_per_library()
    _one_line_per_error()
    with dask.config.set({"distributed.worker.preload": [IGNORE_CTRL_C], **file.config}):
        try:
            cluster = factory(**with_lifetime(file.options))
        except (OSError, TimeoutError, TypeError, ValueError, RuntimeError) as error:
            raise ClusterError(
                f"--cluster {name}: {file.class_name} did not start: {error or type(error).__name__}"
            ) from error
        with ExitStack() as stack:
            stack.enter_context(_closing_quietly(name, cluster))
            client = cluster if isinstance(cluster, Client) else stack.enter_context(Client(cluster))
            stack.enter_context(_translating_losses(client))
            register(client, TrimFreedMemory())
            if file.adapt:
                _adapt(name, cluster, file.adapt)
                stop = stop and _say_that_it_waits
            if stop is not None:
                done = threading.Event()
                stack.callback(done.set)
                threading.Thread(target=_watch_workers, args=(client, stop, done), daemon=True, name="workers").start()
            yield client


def register(client: Client, plugin: WorkerPlugin) -> None:
    """Register a plugin on all workers, also on those that start later, while others end.

    Dask's scheduler asks all workers at once and raises when one dies before it answers, though it keeps the plugin for
    those to come. So it is asked again, until it knows of the death.

    Raises:
        ClusterError: a worker has not answered for `PATIENCE_S`.
        Exception: what the plugin raised on a worker.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            client.register_plugin(plugin)
        except OSError as error:
            time.sleep(RETRY_S)  # by then the client knows whether it is the scheduler that is gone
            # The system's errors have a number, those of Dask's connections have none: this one is the plugin's.
            if error.errno is not None or client.status != "running":
                raise
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"a worker of {client.scheduler.address} does not answer: stop it: {error}"
                ) from error
        else:
            return


def _adapt(name: str, cluster: Any, options: dict[str, Any]) -> None:
    """Let a cluster replace the workers that end.

    Raises:
        SettingsError: it cannot, or not with these options.
    """
    try:
        cluster.adapt(**options)
    except (AttributeError, TypeError, ValueError) as error:
        raise SettingsError(f"--cluster {name}: adapt: {error}: correct it, or leave it out") from error


def _say_that_it_waits(error: ClusterError) -> None:
    logging.getLogger(__name__).warning("%s; those of the cluster file are waited for", error)


@contextmanager
def _closing_quietly(name: str, cluster: Any) -> Iterator[None]:
    """Enter a cluster. An error while it closes is logged in one line, because the work is done by then."""
    with ExitStack() as stack:
        stack.enter_context(cluster)
        try:
            yield
        finally:
            try:
                stack.close()
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                logging.getLogger(__name__).warning(
                    "--cluster %s was not closed as it should (%s): see that none of its workers still runs",
                    name,
                    reason,
                )


@contextmanager
def _translating_losses(client: Client) -> Iterator[None]:
    """Turn what Dask raises when a scheduler or too many workers die into a `ClusterError` that says what to do."""
    address = client.scheduler.address
    try:
        yield
    except KilledWorker as error:
        raise ClusterError(killed_message(f"task {error.task}")) from error
    except MineralPipelineError:
        raise
    except Exception as error:
        if isinstance(error, CancelledError | CommClosedError) or client.status != "running":
            raise ClusterError(f"the cluster at {address} is gone: {RESUME_HINT}") from error
        raise


def killed_message(what: str) -> str:
    """Message about a task whose workers die one after the other."""
    return (
        f"{what} has killed every worker that tried it, most likely for lack of memory: give workers more memory,"
        f" or a task less to do; {RESUME_HINT}"
    )


def _watch_workers(client: Client, stop: Callable[[ClusterError], None], done: threading.Event) -> None:
    """Call ``stop`` when the last worker has been gone for `PATIENCE_S`; a first worker is waited for without limit."""
    last_seen = None
    while not done.wait(POLL_S):
        try:
            workers = client.sync(client.scheduler.identity, n_workers=0)["n_workers"]
        except Exception:
            return  # the scheduler is gone: that ends the futures themselves
        if workers:
            last_seen = time.monotonic()
        elif last_seen is not None and time.monotonic() - last_seen > PATIENCE_S:
            stop(
                ClusterError(
                    f"{client.scheduler.address} has had no worker for {PATIENCE_S:.0f} s: start some; {RESUME_HINT}"
                )
            )
            last_seen = None


def require(client: Client, resource: str) -> None:
    """Refuse to submit tasks that would wait for ever without a message.

    Where the cluster of the file has no worker yet, or for the moment, one is waited for.

    Raises:
        ClusterError: no worker offers ``resource``.
    """
    if client.cluster is not None and not workers(client):
        logging.getLogger(__name__).warning("waiting for a worker of %s", client.scheduler.address)
        client.wait_for_workers(1)
    if not any(worker["resources"].get(resource, 0) >= 1 for worker in workers(client).values()):
        raise ClusterError(
            f"no worker of {client.scheduler.address} offers {resource}: start one with"
            f" `dask worker --resources {resource}=1`, or give the cluster's class resources: {{{resource}: 1}}"
        )


def workers(client: Client) -> dict[str, dict[str, Any]]:
    """What the scheduler tells of each worker, by address."""
    # Not client.scheduler_info: the client's own refresh, every two seconds, can empty its answer before it returns.
    return dict(client.sync(client.scheduler.identity, n_workers=-1)["workers"])


def _one_line_per_error() -> None:
    """Silence logs of errors that are raised here as well: what a task raises, and a lost scheduler."""
    levels = {
        "distributed.client": "CRITICAL",
        "distributed.worker": "CRITICAL",
        "distributed.worker.memory": "WARNING",
    }
    os.environ.setdefault("DASK_LOGGING", str(levels))
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    for name in ("distributed.scheduler", "distributed.nanny"):
        logging.getLogger(name).addFilter(_is_relevant)
    # A client that is stopped closes its connections while results are on their way: tornado logs a traceback of each.
    logging.getLogger("tornado.application").setLevel("CRITICAL")


def _is_relevant(record: logging.LogRecord) -> bool:
    """Drop records of harmless events.

    These are results that a stopped client drops while it fetches them, or that were lost with a worker and are
    computed again; and workers that the nanny ends, because TensorFlow takes seconds to leave its process.
    """
    return not record.getMessage().startswith(("Couldn't gather keys", "Worker process still alive"))


def _one_thread_per_library() -> None:
    """Hold BLAS and OpenMP to one thread, because workers of this process run many tasks at the same time."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
