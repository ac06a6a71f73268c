"""The orbit against the published WRS-2 grid and against real overflights."""

from __future__ import annotations

import tarfile
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from convex_clipping import intersection_areas

from mineral_pipeline import geometry
from mineral_pipeline.sensors.landsat import parse_product_id, read_metadata
from mineral_pipeline.simulation import orbit
from mineral_pipeline.simulation.swath import Swath


def test_centres_are_those_of_the_published_grid(data: Path) -> None:
    grid = gpd.read_file(data / "wrs2" / "WRS2_descending.zip", columns=["PATH", "ROW"])
    grid = grid[(grid.ROW <= orbit.DAY_ROWS) & (grid.geometry.geom_type == "Polygon")]
    published = shapely.get_coordinates(shapely.centroid(grid.geometry.to_numpy()))  # planar: right off the poles
    apart = geometry.distances_km(orbit.centre(grid.PATH.to_numpy(), grid.ROW.to_numpy()), published)
    assert len(grid) > 28_000
    assert np.max(apart[np.abs(published[:, 1]) < 70]) < 2


def test_overflights_fall_on_the_days_and_under_the_sun_of_real_scenes(data: Path) -> None:
    seen = 0
    with tarfile.open(data / "mtl" / "lt04-collection1.tar.gz") as archive:
        for member in archive:
            name = Path(member.name).name
            if not member.isfile() or hash_of(name) % 40 or parse_product_id(name[:40]).acquired < date(1984, 1, 1):
                continue
            scene = read_metadata(archive.extractfile(member).read(), name)  # type: ignore[union-attr]
            cycle = scene.acquired.toordinal() // orbit.CYCLE_DAYS
            passes = [orbit.overflight(scene.path, scene.row, cycle + step) for step in (-1, 0, 1)]
            match = [overflight for overflight in passes if overflight.day == scene.acquired]
            assert len(match) == 1, name
            assert match[0].sun_elevation == pytest.approx(scene.sun_elevation, abs=8)
            seen += 1
    assert seen > 100


def hash_of(name: str) -> int:
    return sum(name.encode())


@pytest.mark.parametrize("row", [40, 60, 80])
def test_neighbours_overlap_as_in_reality(row: int) -> None:
    here, beside, below = (Swath(*path_row).outline(1) for path_row in ((100, row), (101, row), (100, row + 1)))
    area = geometry.areas(here[None])[0]
    side, end = (intersection_areas(here[None], other[None])[0] / area for other in (beside, below))
    latitude = abs(orbit.centre(100, row)[1])
    # 7 % at the equator and the cosine's growth polewards: Landsat Data Users Handbook, section 2.
    assert side == pytest.approx(1 - 0.93 * np.cos(np.radians(latitude)), abs=0.04)
    assert 0.05 < end < 0.15


def test_tracks_lean_west_and_scans_less() -> None:
    track, scan = np.degrees(orbit.track_azimuth(100, 60)), np.degrees(orbit.scan_azimuth(60))
    assert track == pytest.approx(-168, abs=0.3)  # south, 12 degrees to the west
    assert scan == pytest.approx(98.2, abs=0.01)  # the inclination
    assert np.degrees(orbit.scan_azimuth(20)) > scan


def test_a_cycle_later_the_same_location_is_passed_again() -> None:
    first, second = (orbit.overflight(230, 40, cycle) for cycle in (45_000, 45_001))
    assert (second.day - first.day).days == 16
    assert second.seconds == first.seconds
    assert -180 <= first.sun_azimuth <= 180
