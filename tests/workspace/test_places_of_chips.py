"""Where chips are on the Earth: written and read with their shard, and shown by a chip that is opened."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio.transform
from chips import chip_table, outcome, write_shard

from mineral_pipeline.errors import DataError, WorkspaceError
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store
from mineral_pipeline.workspace.chip import open_chip, read_rows
from mineral_pipeline.workspace.ledger import State
from mineral_pipeline.workspace.places import NAMES, has_places, place_file, read_places, write_places

NORTH_UP, TURNED = "500000 30 0 4600000 0 -30", "500000 30 5 4600000 5 -30"
CHIPS, PER_SHARD = 5, 2


def places(shard: int) -> pd.DataFrame:
    """The last shard is shorter."""
    rows = range(shard * PER_SHARD, min((shard + 1) * PER_SHARD, CHIPS))
    return pd.DataFrame({"crs": [f"EPSG:{32601 + row}" for row in rows], "geo_transform": [f"{row}" for row in rows]})


@pytest.fixture
def store(workspace: Workspace) -> Workspace:
    table = chip_table([f"scene-{number}" for number in range(CHIPS)])
    zarr_store.create_chips(workspace, table, zarr_store.ImageLayout(("B5", "B7"), 4, PER_SHARD))
    return workspace


def test_places_are_read_as_they_are_written(store: Workspace) -> None:
    assert has_places(store)
    assert (read_places(store, 1) == "").all(axis=None), "a chip that is not written is nowhere"
    for shard in (2, 0):
        write_places(store, shard, places(shard))
    for shard in (0, 2):
        pd.testing.assert_frame_equal(read_places(store, shard), places(shard))
    assert (read_places(store, 1) == "").all(axis=None)


def test_places_of_more_or_less_than_a_shard_are_refused(store: Workspace) -> None:
    for shard, other in ((0, 2), (2, 0)):
        with pytest.raises(DataError, match=f"shard {shard} has other chips: write whole shards only"):
            write_places(store, shard, places(other))


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_file_of_places_is_named(store: Workspace, name: str) -> None:
    write_places(store, 0, places(0))
    path = Path(store.path(place_file(name, 0)))
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(WorkspaceError, match=rf"^chips\.zarr/{name}/c/0 is damaged \("):
        read_places(store, 0)
    write_places(store, 0, places(0))
    pd.testing.assert_frame_equal(read_places(store, 0), places(0))


def test_a_disk_that_fails_is_no_damage(store: Workspace) -> None:
    write_places(store, 0, places(0))
    path = Path(store.path(place_file("crs", 0)))
    path.unlink()
    path.symlink_to(path.name)  # which no one can follow to an end
    with pytest.raises(WorkspaceError, match=rf"cannot be read: {os.strerror(40)}"):
        read_places(store, 0)


def write_chips(store: Workspace) -> np.ndarray:
    """Two chips, one of them of a turned raster, and one that is not ok."""
    pixels = np.random.default_rng(0).integers(1, 255, (PER_SHARD, 2, 4, 4), dtype=np.uint8)
    facts = [{"crs": "EPSG:32633", "geo_transform": text} for text in (NORTH_UP, TURNED)]
    write_shard(store, 0, [outcome(number, f"scene-{number}", **facts[number]) for number in range(2)], pixels)
    bad = [outcome(2, "scene-2", State.REJECTED, reason="too cloudy"), outcome(3, "scene-3", State.MISSING)]
    write_shard(store, 1, bad, np.zeros_like(pixels))
    return pixels


def test_a_chip_lies_where_its_transform_says(store: Workspace) -> None:
    pixels = write_chips(store)
    chip = open_chip(store, "scene-0")
    np.testing.assert_array_equal(chip.values, pixels[0])
    transform = rasterio.transform.Affine.from_gdal(*map(float, NORTH_UP.split()))
    x, y = rasterio.transform.xy(transform, range(4), range(4))
    np.testing.assert_allclose(chip["x"], x)
    np.testing.assert_allclose(chip["y"], y)
    assert chip["band"].values.tolist() == ["B5", "B7"]
    assert chip["spatial_ref"].attrs["GeoTransform"] == NORTH_UP
    assert chip["spatial_ref"].attrs["projected_crs_name"] == "WGS 84 / UTM zone 33N"
    assert (chip.name, chip.attrs["product_id"], chip.encoding["grid_mapping"]) == ("scene-0", "scene-0", "spatial_ref")


def test_a_chip_of_a_turned_raster_has_a_transform_alone(store: Workspace) -> None:
    pixels = write_chips(store)
    chip = open_chip(store, "scene-1")
    np.testing.assert_array_equal(chip.values, pixels[1])
    assert set(chip.coords) == {"band", "spatial_ref"}
    assert chip["spatial_ref"].attrs["GeoTransform"] == TURNED


def test_a_ledger_that_does_not_tell_where_chips_are_says_what_to_do(store: Workspace) -> None:
    with pytest.raises(WorkspaceError, match=r"chips\.parquet") as absent:
        read_rows(store)
    assert "acquire them again" not in str(absent.value)
    write_shard(store, 0, [outcome(0, "scene-0"), outcome(1, "scene-1")], np.ones((2, 2, 4, 4), np.uint8))
    assert read_rows(store)["chip_id"].tolist() == ["scene-0", "scene-1"]
    part = artefacts.ledger_part(0)
    store.write_table(part, store.read_table(part).drop(columns="crs"))  # as an earlier version left it
    with pytest.raises(WorkspaceError, match="does not tell where chips are: acquire them again in another workspace"):
        read_rows(store)


def test_a_chip_that_is_absent_or_not_ok_is_refused(store: Workspace) -> None:
    write_chips(store)
    with pytest.raises(DataError, match="chip scene-2 is rejected: too cloudy"):
        open_chip(store, "scene-2")
    with pytest.raises(DataError, match="has no chip scene_1; did you mean scene-1"):
        open_chip(store, "scene_1")
