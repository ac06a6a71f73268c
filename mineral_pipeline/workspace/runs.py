"""Run records: one JSON document for every run of a job, ``runs/<time>-<job>.json``."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from mineral_pipeline.workspace import artefacts
from mineral_pipeline.workspace.workspace import Workspace


def write_run(workspace: Workspace, record: Mapping[str, Any]) -> None:
    """Write the record of one run. It holds at least ``job`` and ``started`` (ISO 8601)."""
    time = re.sub(r"[^0-9TZ]", "", str(record["started"]))
    workspace.write_json(f"{artefacts.RUNS}/{time}-{secrets.token_hex(2)}-{record['job']}.json", record)


def read_runs(workspace: Workspace) -> Sequence[dict[str, Any]]:
    """Records of all runs, oldest first."""
    names = [name for name in workspace.list(artefacts.RUNS) if name.endswith(".json")]
    return [workspace.read_json(f"{artefacts.RUNS}/{name}") for name in names]


def last_run(workspace: Workspace, job: str) -> dict[str, Any] | None:
    """Record of the newest finished run of ``job``; None when it has never run."""
    names = [name for name in workspace.list(artefacts.RUNS) if name.endswith(f"-{job}.json")]
    return workspace.read_json(f"{artefacts.RUNS}/{names[-1]}") if names else None
