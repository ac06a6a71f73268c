"""The format version of a workspace: one of another version is refused in one line."""

from __future__ import annotations

import pandas as pd
import pytest

from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.workspace import Workspace, artefacts, layout

MADE_BY_THE_FIRST = r"has format 1, of an older version .*: give another --workspace"


def test_a_new_workspace_is_marked_once(workspace: Workspace) -> None:
    assert layout.read_version(workspace) is None
    layout.check_version(workspace)
    layout.write_version(workspace)
    layout.write_version(workspace)

    assert workspace.read_json(artefacts.WORKSPACE_FILE) == {"format": layout.FORMAT_VERSION}
    layout.check_version(workspace)


@pytest.mark.parametrize("name", ["catalogue.parquet", "runs/20261122T100000Z-ab-simulate.json", "lease/00000001.json"])
def test_a_workspace_of_the_first_format_is_known_by_what_it_holds(workspace: Workspace, name: str) -> None:
    workspace.write_bytes(name, b"{}")

    for refuses in (layout.check_version, layout.write_version):
        with pytest.raises(WorkspaceError, match=MADE_BY_THE_FIRST) as told:
            refuses(workspace)
        assert "mineral-pipeline repair" in str(told.value)
    assert not workspace.exists(artefacts.WORKSPACE_FILE)


def test_what_this_and_earlier_versions_have_marked_is_known(workspace: Workspace) -> None:
    workspace.write_bytes(artefacts.WORKSPACE_FILE, b'{"format": 2}')  # without a digest of itself
    with pytest.raises(WorkspaceError, match=r"has format 2, of an older version .* run all jobs again$"):
        layout.check_version(workspace)
    workspace.write_json(artefacts.WORKSPACE_FILE, {"format": 3})
    layout.check_version(workspace)


def test_a_workspace_of_a_newer_format_is_refused(workspace: Workspace) -> None:
    workspace.write_json(artefacts.WORKSPACE_FILE, {"format": layout.FORMAT_VERSION + 1})
    workspace.write_table(artefacts.CATALOGUE, pd.DataFrame({"scene_id": ["a"]}))

    with pytest.raises(WorkspaceError, match=r"of a newer version .*install the newer version"):
        layout.check_version(workspace)


@pytest.mark.parametrize("content", ["{}", "[2]", '{"format": "2"}'])
def test_a_version_that_cannot_be_read_is_named(workspace: Workspace, content: str) -> None:
    workspace.write_bytes(artefacts.WORKSPACE_FILE, content.encode())

    with pytest.raises(WorkspaceError, match=r"workspace\.json (tells no format version|is damaged)"):
        layout.check_version(workspace)


def test_an_archive_in_the_workspace_is_not_an_old_workspace(workspace: Workspace) -> None:
    workspace.write_bytes("archive/index.csv.gz", b"")

    layout.check_version(workspace)
