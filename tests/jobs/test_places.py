"""The store of chips tells where each of them is, as the ledger does; verify guards it and acquire makes it again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from affine import Affine
from distributed import Client
from own_scenes import SIMULATED, write_product
from rasterio.warp import transform_bounds

from jobs import acquire, catalogue, verify
from jobs.acquisition.store import write_store
from mineral_pipeline import settings as reader
from mineral_pipeline.errors import DataError
from mineral_pipeline.sensors.landsat import band_file
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts, ledger, zarr_store
from mineral_pipeline.workspace.places import NAMES, place_file, read_places, write_places

EIGHT_BITS = [one for one in SIMULATED if one.startswith(("LT", "LE"))]


@pytest.fixture
def settings(data: Path, tmp_path: Path, client: Client) -> Settings:
    """Three scenes in two shards, one of which has no pixels."""
    for product_id in EIGHT_BITS:
        write_product(data, tmp_path / "scenes", product_id)
    (tmp_path / "scenes" / band_file(EIGHT_BITS[1], "B7")).unlink()
    found = reader.parse(
        {
            "workspace": str(tmp_path / "workspace"),
            "jobs": ["catalogue", "acquire"],
            "archive": {"url": str(tmp_path / "scenes"), "reduced": True},
            "catalogue": {"spacecraft": [], "sensors": []},
            "acquire": {"chip_size": 32, "chips_per_shard": 2},
        }
    )
    catalogue.main(found, client)
    acquire.main(found, client)
    return found


def test_a_chip_of_the_store_lies_where_its_scene_does(settings: Settings, tmp_path: Path) -> None:
    workspace = Workspace(settings.workspace)
    store = xr.open_zarr(workspace.path(artefacts.CHIPS))
    assert {"crs", "geo_transform"} <= set(store.image.coords)
    seen = 0
    for row in ledger.read(workspace).to_dict("records"):
        chip = store.image.isel(chip=row["chip_index"])
        if row["status"] != "ok":
            assert str(chip.crs.values) == ""
            assert str(chip.geo_transform.values) == ""
            continue
        path = tmp_path / "scenes" / band_file(row["product_id"], "B7")
        with rasterio.open(path) as file:
            west, south, east, north = file.bounds
            assert rasterio.CRS.from_user_input(str(chip.crs.values)) == file.crs
            cells = 32 * file.width / max(file.shape), 32 * file.height / max(file.shape)
        transform = Affine.from_gdal(*map(float, str(chip.geo_transform.values).split()))
        corners = [transform @ corner for corner in ((0, 0), cells)]
        np.testing.assert_allclose(corners, [(west, north), (east, south)], atol=0.6 * (east - west) / 32)
        lon, lat, *_ = transform_bounds(str(chip.crs.values), "EPSG:4326", west, south, east, north)
        assert np.hypot(*(np.array(row["geometry"].bounds[:2]) - (lon, lat))) < 1
        seen += 1
    assert seen == 2


def overwrite(path: Path) -> None:
    path.write_bytes(b"nonsense" * 4)


@pytest.mark.parametrize("damage", [Path.unlink, overwrite], ids=["absent", "damaged"])
@pytest.mark.parametrize("name", NAMES)
def test_damage_is_named_and_made_again(
    settings: Settings, client: Client, name: str, damage: Callable[[Path], None]
) -> None:
    workspace = Workspace(settings.workspace)
    (shard,) = [shard for shard in (0, 1) if "ok" in set(read_statuses(workspace, shard))][:1]
    before = read_places(workspace, shard)
    assert [*verify.find_faults(workspace)] == []
    damage(Path(workspace.path(place_file(name, shard))))
    (fault,) = verify.find_faults(workspace)
    assert (fault.artefact, fault.shard) == (place_file(name, shard), shard)
    assert fault.reason.startswith("is absent" if damage is Path.unlink else "is damaged")
    workspace.remove(artefacts.ledger_part(shard))  # as repair does
    acquire.main(settings, client)
    assert [*verify.find_faults(workspace)] == []
    pd.testing.assert_frame_equal(read_places(workspace, shard), before)


def read_statuses(workspace: Workspace, shard: int) -> list[str]:
    return list(workspace.read_table(artefacts.ledger_part(shard), ["status"])["status"])


def test_other_places_than_the_ledgers_are_a_fault_and_are_restored(settings: Settings) -> None:
    workspace = Workspace(settings.workspace)
    right = read_places(workspace, 0)
    write_places(workspace, 0, right.assign(crs=right["crs"].to_numpy()[::-1]))
    (fault,) = verify.find_faults(workspace)
    assert str(fault.artefact) == "chips.zarr/crs/c/0"
    write_store(settings, workspace.read_table(artefacts.CATALOGUE), keep_shards=True)
    assert [*verify.find_faults(workspace)] == []
    with pytest.raises(DataError, match="shard 0 has other chips: write whole shards only"):
        write_places(workspace, 0, right[:1])


def test_a_store_of_an_earlier_version_does_without(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(settings.workspace)
    places = read_places(workspace, 0)
    for name in NAMES:
        workspace.remove(f"{artefacts.CHIPS}/{name}")
    with monkeypatch.context() as patch:
        patch.setattr(zarr_store, "create_places", lambda *_: None)
        write_store_without_places(settings)
    write_places(workspace, 0, places)
    assert not {*NAMES} & {*xr.open_zarr(workspace.path(artefacts.CHIPS)).variables}
    assert [*verify.find_faults(workspace)] == []


def write_store_without_places(settings: Settings) -> None:
    write_store(settings, Workspace(settings.workspace).read_table(artefacts.CATALOGUE), keep_shards=True)
