"""The STAC item against what the core specification requires, and its extent on both sides of the antimeridian."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

import geopandas as gpd
import pytest
import rasterio
import shapely
from prospect_tables import make_prospects

from mineral_pipeline import prospecting
from mineral_pipeline.prospecting.stac import extent, make_item, outline
from mineral_pipeline.workspace import Workspace, artefacts


def check_item(item: dict[str, Any]) -> None:
    """What item-spec.md of STAC 1.1.0 and RFC 7946 require."""
    assert item["type"] == "Feature"
    assert item["stac_version"] == "1.1.0"
    assert all(url.startswith("https://stac-extensions.github.io/") for url in item["stac_extensions"])
    assert isinstance(item["id"], str)
    assert "/" not in item["id"]
    assert shapely.geometry.shape(item["geometry"]).is_valid
    west, south, east, north = item["bbox"]
    assert -90 <= south <= north <= 90
    assert all(-180 <= lon <= 180 for lon in (west, east))
    dates = item["properties"]
    if dates["datetime"] is None:
        dates = [datetime.fromisoformat(dates[key]) for key in ("start_datetime", "end_datetime")]
        assert dates[0] <= dates[1]
    else:
        assert datetime.fromisoformat(dates["datetime"]).tzinfo is not None
    assert isinstance(item["links"], list)
    for asset in item["assets"].values():
        assert isinstance(asset["href"], str)
        assert "/" in asset["type"]


def test_the_item_is_valid_and_its_assets_are_the_files(workspace: Workspace) -> None:
    frozen = prospecting.write(workspace, make_prospects([20.0, 179.8, -60.0]))
    item = json.loads(workspace.read_bytes(artefacts.PROSPECTS_ITEM))
    check_item(item)
    assert item["id"] == f"prospects-{frozen[:12]}"
    for asset in item["assets"].values():
        content = workspace.read_bytes(asset["href"])
        assert asset["file:size"] == len(content)
        assert asset["file:checksum"] == "1220" + hashlib.sha256(content).hexdigest()
    with rasterio.open(workspace.path(artefacts.PROSPECTS_RASTER)) as file:
        raster = item["assets"]["tif"]
        assert raster["proj:shape"] == list(file.shape)
        assert raster["proj:transform"] == pytest.approx(list(file.transform)[:6])
        assert raster["proj:bbox"] == pytest.approx(list(file.bounds))
        assert [band["name"] for band in raster["bands"]] == list(file.descriptions)


def test_its_time_is_that_of_the_images() -> None:
    item = make_item(make_prospects([20.0]), {}, ["1988-07-02", "1983-02-28", "1991-12-31"], "ab" * 32)
    check_item(item)
    assert item["properties"]["start_datetime"] == "1983-02-28T00:00:00Z"
    assert item["properties"]["end_datetime"] == "1991-12-31T23:59:59Z"


@pytest.mark.parametrize(
    ("lons", "west", "east"),
    [
        ([20.0], 19.2, 20.8),
        ([-60.0, 20.0], -60.8, 20.8),
        ([179.9], 179.1, -179.3),
        ([170.0, -170.0], 169.2, -169.2),
        ([170.0, 179.9, -170.0], 169.2, -169.2),
        ([float(lon) for lon in range(-180, 180)], -180.0, 180.0),
        ([179.2], 178.4, 180.0),
    ],
)
def test_the_extent_is_the_shortest(lons: list[float], west: float, east: float) -> None:
    found = extent(make_prospects(lons).geometry)
    assert found == pytest.approx((west, 11.2, east, 12.8))
    assert outline(found).area == pytest.approx((east - west) % 360 * 1.6 or 360 * 1.6)


def test_the_extent_of_a_polar_cap() -> None:
    cap = gpd.GeoSeries([shapely.box(-180, 85, 180, 90)], crs="EPSG:4326")
    assert extent(cap) == (-180, 85, 180, 90)


def test_pystac_validates_the_item_against_the_core_schema_that_it_ships(workspace: Workspace) -> None:
    pystac = pytest.importorskip("pystac", reason="pystac is not installed: pip install pystac jsonschema")
    from pystac.validation.stac_validator import JsonSchemaSTACValidator

    prospecting.write(workspace, make_prospects([20.0, 179.8, -60.0]))
    item = json.loads(workspace.read_bytes(artefacts.PROSPECTS_ITEM))
    validator = JsonSchemaSTACValidator()
    validator.validate_core(item, pystac.STACObjectType.ITEM, item["stac_version"])
    with pytest.raises(pystac.errors.STACValidationError):
        validator.validate_core(item | {"bbox": "everywhere"}, pystac.STACObjectType.ITEM, item["stac_version"])
