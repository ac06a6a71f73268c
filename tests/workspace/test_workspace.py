"""The workspace: one behaviour on a disk and on an object store; what exists is whole."""

from __future__ import annotations

import os
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from run_records import RECORD

from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.geometry import CRS
from mineral_pipeline.workspace import Workspace, last_run, read_runs, write_run


@pytest.fixture(params=["disk", "object store"])
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    url = str(tmp_path / "w") if request.param == "disk" else f"memory://{tmp_path.name}"
    return Workspace(url)


def test_bytes_round_trip_and_names_are_listed(workspace: Workspace) -> None:
    workspace.write_bytes("folder/b.bin", b"two")
    workspace.write_bytes("folder/a.bin", b"one")

    assert workspace.read_bytes("folder/a.bin") == b"one"
    assert workspace.list("folder") == ["a.bin", "b.bin"]
    assert workspace.list("absent") == []


def test_sizes_are_of_all_files_below_a_folder_but_hidden_ones(workspace: Workspace) -> None:
    for name in ("folder/b/c", "folder/a", "folder/.a.part", "folder/.b/c", "other"):
        workspace.write_bytes(name, name.encode())

    assert workspace.sizes("folder") == {"a": 8, "b/c": 10}
    assert workspace.sizes("other") == workspace.sizes("absent") == {}
    assert [workspace.is_file(name) for name in ("folder", "other", "absent")] == [False, True, False]


def test_a_file_exists_and_so_does_a_folder_that_can_be_known(workspace: Workspace) -> None:
    workspace.write_bytes("folder/a", b"1")
    workspace.write_bytes("runs/a", b"1")
    assert [workspace.exists(name) for name in ("folder/a", "runs", "absent")] == [True, True, False]
    assert workspace.exists("folder") == workspace.is_local, "an object store would have to list it"


def test_a_written_object_replaces_the_old_one(workspace: Workspace) -> None:
    workspace.write_bytes("a", b"long content")
    workspace.write_bytes("a", b"new")

    assert workspace.read_bytes("a") == b"new"


def test_remove_takes_a_folder_and_forgives_absence(workspace: Workspace) -> None:
    workspace.write_bytes("folder/a", b"1")
    workspace.remove("folder")
    workspace.remove("folder")

    assert not workspace.exists("folder/a")


def test_a_folder_that_is_moved_takes_the_place_of_another(workspace: Workspace) -> None:
    for name in ("new/last.json", "new/a.bin", "old/last.json", "old/gone.bin"):
        workspace.write_bytes(name, name.encode())

    workspace.move("new", "old", "last.json")
    assert sorted(workspace.list("old")) == ["a.bin", "last.json"]
    assert workspace.read_bytes("old/last.json") == b"new/last.json"
    assert workspace.list("new") == []
    workspace.move("old", "elsewhere/new", "last.json")
    assert workspace.read_bytes("elsewhere/new/a.bin") == b"new/a.bin"


def test_tables_keep_their_kind(workspace: Workspace) -> None:
    plain = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    shapes = gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.box(179, 0, 181, 1)], crs=CRS)
    workspace.write_table("plain.parquet", plain)
    workspace.write_table("shapes.parquet", shapes)

    pd.testing.assert_frame_equal(workspace.read_table("plain.parquet"), plain)
    assert workspace.read_table("shapes.parquet").geometry.iloc[0].bounds == (179, 0, 181, 1)
    assert workspace.read_table("shapes.parquet", ["a"]).columns.tolist() == ["a"]


def test_parts_are_read_in_the_order_of_their_names(workspace: Workspace) -> None:
    for number in (2, 0, 1):
        workspace.write_table(f"t.parquet/part-{number:05d}.parquet", pd.DataFrame({"a": [number]}))

    assert workspace.read_table("t.parquet")["a"].tolist() == [0, 1, 2]


def test_an_absent_table_says_what_to_do(workspace: Workspace) -> None:
    with pytest.raises(WorkspaceError, match=r"t\.parquet is absent: run the job that makes it"):
        workspace.read_table("t.parquet")


def test_a_truncated_part_is_named(workspace: Workspace) -> None:
    workspace.write_table("t.parquet/part-00000.parquet", pd.DataFrame({"a": [1]}))
    whole = workspace.read_bytes("t.parquet/part-00000.parquet")
    workspace.write_bytes("t.parquet/part-00000.parquet", whole[: len(whole) // 2])

    with pytest.raises(WorkspaceError, match=r"part-00000\.parquet is damaged .*: run `mineral-pipeline repair S"):
        workspace.read_table("t.parquet")


def test_the_newest_run_is_the_last(workspace: Workspace) -> None:
    for started, number in (("2026-11-22T10:00:00.5Z", 2), ("2026-11-22T09:59:59.9Z", 1)):
        write_run(workspace, {**RECORD, "started": started, "number": number})

    newest = last_run(workspace, "label")
    assert newest is not None
    assert newest["number"] == 2
    assert last_run(workspace, "curate") is None
    assert [run["number"] for run in read_runs(workspace)] == [1, 2]


def test_a_failed_write_leaves_the_old_content_and_no_temporary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(str(tmp_path))
    workspace.write_bytes("a", b"old")

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WorkspaceError, match="a cannot be written: No space left on device"):
        workspace.write_bytes("a", b"new")

    assert workspace.read_bytes("a") == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_an_upload_keeps_nothing_when_the_block_fails(workspace: Workspace) -> None:
    def fails() -> None:
        with workspace.upload_from_local("x.tif") as path:
            Path(path).write_bytes(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert not workspace.exists("x.tif")

    with workspace.upload_from_local("x.tif") as path:
        Path(path).write_bytes(b"whole")
    assert workspace.read_bytes("x.tif") == b"whole"


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(WorkspaceError, match=r"workspace nonsense://x: .*nonsense"):
        Workspace("nonsense://x").exists("a")
