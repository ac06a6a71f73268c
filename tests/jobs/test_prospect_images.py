"""The images of the first prospects are those of their chips, and their outlines lie on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from pyproj import CRS, Geod
from small_demo import demo_settings

from jobs.prospecting.images import metres_per_pixel, read_views
from mineral_pipeline.workspace import Workspace, artefacts


def test_views_show_the_pixels_of_the_ledger(planet: Path) -> None:
    workspace = Workspace(demo_settings(planet).workspace)
    chips = workspace.read_table(artefacts.LEDGER)
    first = chips.head(2).assign(rank=[2, 1], lon=1.0, lat=2.0)
    first.loc[first.index[1], "chip_id"] = "no such chip"
    absent, view = read_views(workspace, first, chips, 5)
    assert absent.image is None
    assert "no such chip" in absent.missing
    assert (view.rank, view.band) == (2, "B7")
    assert view.image is not None
    assert view.outline is not None
    height, width = view.image.shape
    inside = (view.outline > -2).all() and (view.outline < [width + 1, height + 1]).all()
    assert inside, view.outline
    rows, columns = np.nonzero(view.image)
    # The valid pixels and the outline have one extent, and the scene is some 185 km wide.
    assert view.outline.min(axis=0) == pytest.approx([columns.min(), rows.min()], abs=2)
    assert view.outline.max(axis=0) == pytest.approx([columns.max(), rows.max()], abs=2)
    assert 150_000 < np.ptp(columns) * view.metres < 260_000
    assert len(read_views(workspace, first, chips, 1)) == 1
    assert read_views(workspace, None, chips, 5) == []


@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:3031", "EPSG:4326"])
def test_pixels_are_measured_on_the_ground(crs: str) -> None:
    """In the middle of a zone 0.9996, near the pole by the scale of the projection, on a parallel by its length."""
    x, y, edge, expected = {
        "EPSG:32633": (500_000 - 5000, 5_000_000, 100.0, 100 / 0.9996),
        "EPSG:3031": (1_000_000 - 5000, 1_000_000, 100.0, None),
        "EPSG:4326": (10.0, 60.0, 0.001, Geod(ellps="WGS84").inv(10, 59.95, 10.001, 59.95)[2]),
    }[crs]
    found = metres_per_pixel((100, 100), Affine(edge, 0, x, 0, -edge, y), CRS(crs).to_wkt())
    if expected is None:
        assert found == pytest.approx(100, rel=0.03)
        assert found != pytest.approx(100, rel=1e-3)
    else:
        assert found == pytest.approx(expected, rel=1e-4)
