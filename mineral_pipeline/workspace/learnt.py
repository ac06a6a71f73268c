"""Which tasks a workspace knows, by the folders that jobs have made for them."""

from __future__ import annotations

from mineral_pipeline.learning import Task, in_order, is_task
from mineral_pipeline.workspace import artefacts
from mineral_pipeline.workspace.workspace import Workspace


def find_tasks(workspace: Workspace, folder: str) -> list[Task]:
    """Tasks with a folder in ``artefacts.SAMPLES``, ``MODELS`` or ``EVALUATIONS``, those about every deposit first."""
    names = map(artefacts.task_of, workspace.list(folder))
    return in_order(name for name in names if is_task(name))
