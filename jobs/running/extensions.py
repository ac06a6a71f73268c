"""Extensions on the workers: what the user's code registered in the client's process, before it ran the jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from distributed import Client, WorkerPlugin

import cluster
from mineral_pipeline import registry


@dataclass(frozen=True)
class ExtensionsPlugin(WorkerPlugin):  # type: ignore[misc]  # distributed is not annotated
    """Registers extensions on every worker, also on those that start later."""

    extensions: registry.Extensions
    name = "mineral-pipeline-extensions"

    def setup(self, worker: Any) -> None:
        """Register them in the process of a worker."""
        registry.extend(self.extensions)


def share_extensions(client: Client) -> None:
    """Register the extensions of this process on all workers.

    They travel as Dask's tasks do: by value what is defined in the user's script, by name what is defined in a module,
    which the workers must be able to import.
    """
    extensions = registry.extensions()
    if extensions:
        cluster.register(client, ExtensionsPlugin(extensions))
