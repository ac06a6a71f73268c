"""Version of a workspace's layout: the names of its artefacts and columns.

A workspace of another version is refused before anything is read from it: columns have other names there.
"""

from __future__ import annotations

from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.workspace import artefacts
from mineral_pipeline.workspace.workspace import REPAIR, Workspace

FORMAT_VERSION = 3
"""Raised when artefacts or columns change their names. Version 1 had no ``workspace.json``."""

VERSION_1 = (artefacts.CATALOGUE, artefacts.RUNS, artefacts.CHIPS, artefacts.LEDGER, "lease")
"""Artefacts by one of which a workspace of version 1 is known."""


def read_version(workspace: Workspace) -> int | None:
    """Format version of a workspace; None when it holds nothing yet.

    Raises:
        WorkspaceError: ``workspace.json`` cannot be read or does not tell a version.
    """
    if workspace.exists(artefacts.WORKSPACE_FILE):
        version = workspace.read_json(artefacts.WORKSPACE_FILE, with_digest=False).get("format")
        if not isinstance(version, int):
            raise WorkspaceError(f"{workspace.uri(artefacts.WORKSPACE_FILE)} tells no format version: {REPAIR}")
        return version
    return 1 if any(workspace.exists(name) for name in VERSION_1) else None


def check_version(workspace: Workspace) -> None:
    """Refuse a workspace that this program cannot read.

    Raises:
        WorkspaceError: the workspace has another format version.
    """
    version = read_version(workspace)
    if version is None or version == FORMAT_VERSION:
        return
    made_by, remedy = "an older", "give another --workspace and run all jobs again"
    if version == 1:
        remedy += f", or, if it has lost no more than {artefacts.WORKSPACE_FILE}, {REPAIR}"
    if version > FORMAT_VERSION:
        made_by, remedy = "a newer", "install the newer version, or give another --workspace"
    raise WorkspaceError(
        f"workspace {workspace.url} has format {version}, of {made_by} version of this program, which reads format"
        f" {FORMAT_VERSION}: {remedy}"
    )


def write_version(workspace: Workspace) -> None:
    """Mark a workspace with this program's format version, once.

    Raises:
        WorkspaceError: the workspace has another format version, or cannot be written.
    """
    check_version(workspace)
    if not workspace.exists(artefacts.WORKSPACE_FILE):
        restore_version(workspace)


def restore_version(workspace: Workspace) -> None:
    """Write ``workspace.json`` again, of a workspace that is known to be of this format."""
    workspace.write_json(artefacts.WORKSPACE_FILE, {"format": FORMAT_VERSION})
