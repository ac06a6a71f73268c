"""Where jobs run: one YAML file per kind of cluster, each naming a class and its options, and how to open them.

class: dask.distributed.LocalCluster    # any Dask cluster class, or dask.distributed.Client for an address
options: {n_workers: 2}                 # its keyword arguments; ${NAME} is an environment variable
config: {distributed.comm.retry.count: 3}   # optional: Dask's own configuration
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask
import yaml
from distributed import Client
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mineral_pipeline.errors import ClusterError, SettingsError
from mineral_pipeline.settings import expand

FOLDER = Path(__file__).parent


class ClusterFile(BaseModel):
    """What a file in ``cluster/`` may say."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    class_name: str = Field(alias="class")
    options: dict[str, Any] = {}
    config: dict[str, Any] = {}


def load(name: str) -> ClusterFile:
    """Read a cluster file: a path, or the bare name of one in ``cluster/``.

    Raises:
        SettingsError: no such file, an unknown key, an unset variable.
    """
    bundled = FOLDER / f"{name}.yaml"
    path = bundled if bundled.is_file() else Path(name)
    try:
        content = yaml.safe_load(path.read_text())
        return ClusterFile.model_validate(expand(content, str(path)))
    except OSError as error:
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.yaml")))
        raise SettingsError(f"--cluster {name}: {error.strerror}: give a file or one of {known}") from error
    except (yaml.YAMLError, ValidationError) as error:
        raise SettingsError(f"--cluster {path}: needs class and options: {' '.join(str(error).split())}") from error


@contextmanager
def connect(name: str) -> Iterator[Client]:
    """Open the cluster of a file, as a client; closed at the end of the block.

    Raises:
        ClusterError: the class cannot be imported or the cluster cannot be reached.
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
    with dask.config.set(file.config):
        try:
            cluster = factory(**file.options)
        except (OSError, TimeoutError, TypeError, ValueError, RuntimeError) as error:
            raise ClusterError(
                f"--cluster {name}: {file.class_name} did not start: {error or type(error).__name__}"
            ) from error
        with cluster:
            if isinstance(cluster, Client):
                yield cluster
            else:
                with Client(cluster) as client:
                    yield client


def require(client: Client, resource: str) -> None:
    """Refuse to submit tasks that would wait for ever in silence.

    Raises:
        ClusterError: no worker offers ``resource``.
    """
    # Not client.scheduler_info: the client's own refresh, every two seconds, can empty its answer before it returns.
    workers = client.sync(client.scheduler.identity, n_workers=-1)["workers"].values()
    if not any(worker["resources"].get(resource, 0) >= 1 for worker in workers):
        raise ClusterError(
            f"no worker of {client.scheduler.address} offers {resource}: start one with"
            f" `dask worker --resources {resource}=1`, or give the cluster's class resources: {{{resource}: 1}}"
        )


def _one_thread_per_library() -> None:
    """Workers of this process run many tasks at once: BLAS and OpenMP must not multiply them."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
