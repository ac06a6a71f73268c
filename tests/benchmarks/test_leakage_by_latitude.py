"""The leakage by latitude: at locations whose shares are known, on a simulated catalogue, on the real one."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from benchmarks import leakage

SPLITS_AND_TASKS = [
    ("buckets", "presence"),
    ("buckets", "richness"),
    ("blocks", "presence"),
    ("blocks", "richness"),
]


def test_bands_hold_north_and_south() -> None:
    shapes = [shapely.box(0, lat, 1, lat + 1) for lat in (1, -5, 50, 51)]
    found = leakage.by_latitude(gpd.GeoDataFrame({"shared": [0.5, 0.0, 1.0, 1.0]}, geometry=shapes, crs="EPSG:4326"))
    assert [(row.band, row.locations, row.touched) for row in found] == [("0-15", 2, 0.5), ("45-60", 2, 1.0)]
    assert [row.area for row in found] == pytest.approx([0.25, 1.0], abs=1e-3)


def test_a_small_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, picture = tmp_path / "leakage.json", tmp_path / "chart.png"
    assert leakage.main(["--small", "--check", "--json", str(file), "--chart", str(picture)]) == 0
    found = json.loads(file.read_text())
    assert [(result["split"], result["task"]) for result in found] == SPLITS_AND_TASKS
    assert found[0]["area"] > 0
    assert "| `blocks` | richness |" in capsys.readouterr().out
    assert picture.stat().st_size > 1000


@pytest.mark.slow
def test_the_real_catalogue(data: Path, tmp_path: Path) -> None:
    results = leakage.measure(data)
    assert [(found.split, found.task) for found in results] == SPLITS_AND_TASKS
    study, ours = results[0], results[2]
    assert study.area > 0.4
    assert study.touched > 0.95
    assert study.bands[0].area < study.bands[3].area  # paths converge towards the poles
    assert (ours.area, ours.touched, ours.deposits) == (0, 0, 0)
    assert ours.dropped < 0.2
    leakage.chart(results).savefig(tmp_path / "chart.png")
    assert leakage.table(results).count("\n") == 14
