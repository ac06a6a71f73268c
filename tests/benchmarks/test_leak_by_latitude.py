"""The leak by latitude, on places whose shares are known; and on the real catalogue."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from benchmarks import leak


def test_bands_hold_north_and_south() -> None:
    shapes = [shapely.box(0, lat, 1, lat + 1) for lat in (1, -5, 50, 51)]
    found = leak.by_latitude(gpd.GeoDataFrame({"shared": [0.5, 0.0, 1.0, 1.0]}, geometry=shapes, crs="EPSG:4326"))
    assert [(row.band, row.places, row.touched) for row in found] == [("0-15", 2, 0.5), ("45-60", 2, 1.0)]
    assert [row.area for row in found] == pytest.approx([0.25, 1.0], abs=1e-3)


@pytest.mark.slow
def test_the_real_catalogue(data: Path, tmp_path: Path) -> None:
    splits = leak.measure(data)
    assert [(found.split, found.task) for found in splits] == [
        ("buckets", "presence"), ("buckets", "richness"), ("blocks", "presence"), ("blocks", "richness"),
    ]  # fmt: skip
    study, ours = splits[0], splits[2]
    assert study.area > 0.4
    assert study.touched > 0.95
    assert study.rows[0].area < study.rows[3].area  # paths converge towards the poles
    assert (ours.area, ours.touched, ours.deposits) == (0, 0, 0)
    assert ours.dropped < 0.2
    leak.chart(splits).savefig(tmp_path / "chart.png")
    assert leak.table(splits).count("\n") == 14
