"""The files: read back with other libraries, cut at the antimeridian, styled."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from mineral_pipeline import prospecting
from mineral_pipeline.workspace import Workspace, artefacts

# rasterio and rioxarray multiply transforms with *, which affine 3 announces to retire.
pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")


def tilted(lon: float, lat: float, half: float = 0.9) -> shapely.Polygon:
    """A footprint, clockwise so that the right-hand rule has something to do."""
    return shapely.Polygon(
        [(lon - half, lat - 0.7), (lon - 0.6, lat + half), (lon + half, lat + 0.7), (lon + 0.6, lat - half)]
    )


def signed_area(ring: list[list[float]]) -> float:
    """By the trapezoid rule; positive when counter-clockwise."""
    return sum((a[0] - b[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(ring))


def make_prospects(lons: tuple[float, ...] = (20.0, 179.8, -60.0)) -> gpd.GeoDataFrame:
    n = len(lons)
    columns = {
        "chip_id": [f"P{number}" for number in range(n)],
        "scene_id": [f"P{number}" for number in range(n)],
        "chip_index": range(n),
        "location_id": [f"00{number}00{number}" for number in range(n)],
        "lon": lons,
        "lat": 12.3456789,
    }
    chips = gpd.GeoDataFrame(columns, geometry=[tilted(lon, 12.3456789) for lon in lons], crs="EPSG:4326")
    expected = np.linspace(0.8, 0.3, n)
    scores = pd.DataFrame({name: np.nan for name in prospecting.SCORES}, index=columns["location_id"]).assign(
        expected_number=expected, spread=expected / 4, expected_low=0.0, expected_high=np.inf, applicable=True
    )
    return prospecting.rank(prospecting.Candidates(chips, np.zeros(n)), scores, np.array([[0.0, 0.0]]))


@pytest.fixture
def written(workspace: Workspace) -> Workspace:
    prospecting.write(workspace, make_prospects())
    return workspace


def test_geojson_follows_rfc_7946(written: Workspace) -> None:
    document = json.loads(written.read_bytes(artefacts.PROSPECTS_GEOJSON))
    assert set(document) == {"type", "features"}  # no crs member: WGS 84 is the only one
    assert [feature["geometry"]["type"] for feature in document["features"]] == ["Polygon", "MultiPolygon", "Polygon"]
    assert "Infinity" not in written.read_bytes(artefacts.PROSPECTS_GEOJSON).decode()
    assert set(document["features"][0]["properties"]) == set(prospecting.COLUMNS) - {"geometry"}
    for feature in document["features"]:
        shape = feature["geometry"]
        polygons = [shape["coordinates"]] if shape["type"] == "Polygon" else shape["coordinates"]
        for (ring,) in polygons:
            assert ring[0] == ring[-1]
            assert len(ring) >= 4
            assert signed_area(ring) > 0  # counter-clockwise
            assert all(-180 <= lon <= 180 and -90 <= lat <= 90 for lon, lat in ring)
            assert all(value == round(value, 6) for position in ring for value in position)


def test_geojson_and_geoparquet_hold_the_same_locations(written: Workspace) -> None:
    table = written.read_table(artefacts.PROSPECTS)
    mapped = gpd.read_file(written.path(artefacts.PROSPECTS_GEOJSON))
    assert table.crs == mapped.crs == "EPSG:4326"
    assert mapped["location_id"].tolist() == table["location_id"].tolist() == ["000000", "001001", "002002"]
    assert mapped["expected_number"].tolist() == pytest.approx(table["expected_number"].tolist(), abs=1e-4)
    assert mapped.geometry.geom_equals_exact(table.geometry, 1e-6, align=False).all()


@pytest.mark.parametrize(
    ("richness", "classes"), [(np.linspace(0, 1, 50), 5), (np.full(4, 0.5), 1), (np.array([0.1, 0.9]), 5)]
)
def test_the_style_covers_every_value_without_gaps(richness: np.ndarray, classes: int) -> None:
    root = ElementTree.fromstring(prospecting.style(richness, "richness"))
    bounds = [(float(found.attrib["lower"]), float(found.attrib["upper"])) for found in root.iter("range")]
    assert len(bounds) == len(root.findall("renderer-v2/symbols/symbol")) == classes
    assert bounds[0][0] == richness.min()
    assert bounds[-1][1] == richness.max()
    assert all(upper == lower for (_, upper), (lower, _) in pairwise(bounds))


def test_the_table_is_written_last(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("mineral_pipeline.prospecting.files.write_raster", fail)
    with pytest.raises(OSError, match="disk full"):
        prospecting.write(workspace, make_prospects())
    assert not workspace.exists(artefacts.PROSPECTS)
