"""A workspace on an object store does all that one on a disk does."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr
from chips import chip_table, outcome
from run_records import RECORD

from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.geometry import CRS
from mineral_pipeline.workspace import Workspace, artefacts, last_run, ledger, read_runs, write_run, zarr_store
from mineral_pipeline.workspace.zarr_store import ImageLayout


def test_bytes_and_names(workspace: Workspace) -> None:
    for name in ("folder/b.bin", "folder/a.bin", "folder/deeper/c d.bin"):
        workspace.write_bytes(name, name.encode())
    workspace.write_bytes("folder/a.bin", b"new")
    assert workspace.read_bytes("folder/a.bin") == b"new"
    assert workspace.read_bytes("folder/deeper/c d.bin") == b"folder/deeper/c d.bin"
    assert workspace.list("folder") == ["a.bin", "b.bin", "deeper"]
    assert workspace.list("absent") == []
    assert [workspace.exists(name) for name in ("folder/a.bin", "folder", "folder/a", "folder/c.bin")] == [1, 0, 0, 0]
    assert not workspace.exists(artefacts.LEDGER)
    workspace.write_bytes(artefacts.ledger_part(0), b"1")
    assert workspace.exists(artefacts.LEDGER)
    workspace.remove(artefacts.LEDGER)
    assert not workspace.is_local
    assert workspace.uri("folder/a.bin") == f"{workspace.url}/folder/a.bin"


def test_remove_takes_a_folder_and_nothing_beside_it(workspace: Workspace) -> None:
    for name in ("folder/a", "folder/deeper/b", "folder2/c"):
        workspace.write_bytes(name, b"1")
    workspace.remove("folder")
    workspace.remove("folder")
    assert workspace.sizes("folder") == {}
    assert workspace.list("") == ["folder2"]


def test_a_folder_takes_the_place_of_another(workspace: Workspace) -> None:
    for file in ("a", "last", "z"):
        workspace.write_bytes(f"made/{file}", file.encode())
    workspace.write_bytes("models/one/old", b"old")
    workspace.write_bytes("models/one-more/a", b"another")
    workspace.move("made", "models/one", last="last")
    assert workspace.list("models/one") == ["a", "last", "z"]
    assert workspace.read_bytes("models/one/z") == b"z"
    assert workspace.list("models") == ["one", "one-more"]
    assert workspace.list("made") == []


def test_what_another_process_wrote_is_seen(workspace: Workspace) -> None:
    assert workspace.list("t.parquet") == []
    assert not workspace.exists("t.parquet/part-00000.parquet")
    other = Workspace(f"{workspace.url}/")  # a file system of its own
    other.write_table("t.parquet/part-00000.parquet", pd.DataFrame({"a": [1]}))
    assert workspace.exists("t.parquet/part-00000.parquet")
    assert workspace.read_table("t.parquet")["a"].tolist() == [1]
    other.write_table("t.parquet/part-00001.parquet", pd.DataFrame({"a": [2]}))
    assert workspace.read_table("t.parquet")["a"].tolist() == [1, 2]


def test_tables_and_documents(workspace: Workspace) -> None:
    plain = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    shapes = gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.box(179, 0, 181, 1)], crs=CRS)
    workspace.write_table("plain.parquet", plain)
    workspace.write_table("shapes.parquet", shapes)
    workspace.write_json("runs/x.json", {"a": [1, 2]})
    pd.testing.assert_frame_equal(workspace.read_table("plain.parquet"), plain)
    assert workspace.read_table("shapes.parquet").geometry.iloc[0].bounds == (179, 0, 181, 1)
    assert workspace.read_json("runs/x.json") == {"a": [1, 2]}
    with pytest.raises(WorkspaceError, match=r"://.*/absent\.parquet is absent: run the job that makes it"):
        workspace.read_table("absent.parquet")
    with pytest.raises(WorkspaceError, match=r"://.*/absent cannot be read: .*: run the job that makes it"):
        workspace.read_bytes("absent")


# gcsfs hands large bodies to aiohttp as bytes, which says that it would rather have a file
@pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")
def test_an_object_of_many_parts(workspace: Workspace) -> None:
    size = 12 if workspace.url.startswith("gs://") else 51  # beyond one request of either client
    content = np.random.default_rng(0).bytes(size * 2**20)
    workspace.write_bytes("models/big", content)
    assert workspace.read_bytes("models/big") == content


def test_a_local_file_is_uploaded(workspace: Workspace) -> None:
    with workspace.upload_from_local("models/a/model.keras") as path:
        Path(path).write_bytes(b"whole")
    assert workspace.read_bytes("models/a/model.keras") == b"whole"


def test_exactly_one_of_many_creates(workspace: Workspace) -> None:
    barrier = threading.Barrier(8)

    def create(number: int) -> bool:
        barrier.wait()
        return workspace.create_bytes("lock/1", str(number).encode())

    with ThreadPoolExecutor(8) as pool:
        created = list(pool.map(create, range(8)))
    assert sum(created) == 1
    assert workspace.read_bytes("lock/1") == str(created.index(True)).encode()


def test_sizes_of_what_is_in_a_folder(workspace: Workspace) -> None:
    for name in ("folder/b/zarr.json", "folder/b/c/0", "folder/a", "folder.json"):
        workspace.write_bytes(name, name.encode())

    assert workspace.sizes("folder") == {"a": 8, "b/c/0": 12, "b/zarr.json": 18}
    assert workspace.sizes("folder/a") == workspace.sizes("absent") == {}
    assert [workspace.is_file(name) for name in ("folder", "folder/a", "absent")] == [False, True, False]


def test_runs_are_kept_in_their_order(workspace: Workspace) -> None:
    for started, number in (("2026-11-22T10:00:00.5Z", 2), ("2026-11-22T09:59:59.9Z", 1)):
        write_run(workspace, {**RECORD, "started": started, "number": number})
    newest = last_run(workspace, "label")
    assert newest is not None
    assert newest["number"] == 2
    assert [run["number"] for run in read_runs(workspace)] == [1, 2]


def test_chips_and_their_ledger(workspace: Workspace) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (5, 1, 64, 64), "uint8")
    pixels[2:4] = 0  # an all-fill shard leaves no object
    layout = ImageLayout(("B7",), 64, 2)
    zarr_store.create_chips(workspace, chip_table(list("abcde")), layout, {"made_with": {"seed": 1}})
    assert zarr_store.is_complete(workspace)
    for shard in range(3):
        chips = range(2 * shard, min(2 * shard + 2, 5))
        zarr_store.write_shard(workspace, shard, pixels[chips.start : chips.stop])
        ledger.write_part(workspace, shard, [outcome(chip, "abcde"[chip]) for chip in chips])
    assert ledger.finished_shards(workspace) == [0, 1, 2]
    assert workspace.read_table(artefacts.LEDGER)["product_id"].tolist() == list("abcde")
    with zarr_store.open_dataset(workspace) as dataset:
        assert dataset.attrs["made_with"] == {"seed": 1}
        assert dataset["product_id"].to_numpy().tolist() == list("abcde")
        np.testing.assert_array_equal(dataset["image"].to_numpy(), pixels)
    np.testing.assert_array_equal(zarr_store.open_array(workspace)[3:], pixels[3:])
    with xr.open_zarr(workspace.zarr(artefacts.CHIPS)) as dataset:  # with dask, as users open it
        assert int(dataset["image"].sum().compute()) == pixels.sum(dtype=int)


def test_a_store_is_made_anew(workspace: Workspace) -> None:
    for rows in (6, 3):
        name = artefacts.samples_store("presence", "train")
        zarr_store.create_samples(workspace, name, ImageLayout(("B7",), 8, 2), {"label": np.arange(rows) / 2})
        zarr_store.write_batch(workspace, name, 0, np.ones((2, 1, 8, 8), "uint8"))
    with zarr_store.open_dataset(workspace, name) as dataset:
        assert dataset["image"].shape == (3, 1, 8, 8)
        assert dataset["label"].to_numpy().tolist() == [0, 0.5, 1]
        assert int(dataset["image"].sum()) == 128
