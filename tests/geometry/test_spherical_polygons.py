"""Centres of footprints of one part and of many."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from rings import ring

from mineral_pipeline import geometry
from mineral_pipeline.geometry import SphericalPolygons


def test_the_centre_of_several_parts_is_their_mean_by_the_squares_of_their_radii() -> None:
    """Parts about the equator, where the mean of the vectors is that of nearby longitudes."""
    small, large = (
        shapely.Polygon(ring((lon, 0), radius, 45 + 90.0 * np.arange(4))) for lon, radius in ((20, 50), (21, 100))
    )
    shapes = [shapely.MultiPolygon([small, large]), large, shapely.Point(0, 0), small]
    centres = geometry.lonlat(SphericalPolygons.of(shapes).centres)
    np.testing.assert_allclose(centres[[0, 1, 3]], [[(20 + 4 * 21) / 5, 0], [21, 0], [20, 0]], atol=1e-3)
    assert np.isnan(centres[2]).all()


def test_the_centre_of_parts_on_both_sides_of_the_antimeridian_lies_between_them() -> None:
    cut = shapely.MultiPolygon([shapely.box(178, 10, 180, 12), shapely.box(-180, 10, -178, 12)])
    whole = shapely.box(178, 10, 182, 12)
    lon, lat = geometry.lonlat(SphericalPolygons.of([cut, whole]).centres).T
    assert np.abs(lon) == pytest.approx(180, abs=1e-9)
    assert lat == pytest.approx(11, abs=0.02)


def test_centres_are_unit_vectors_also_of_convex_arrays() -> None:
    corners = np.array([ring((lon, 60), 300, [0, 90, 180, 270]) for lon in (0, 100, 175)])
    centres = SphericalPolygons.of(corners).centres
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 1, atol=1e-15)
    np.testing.assert_allclose(geometry.lonlat(centres), [[0, 60], [100, 60], [175, 60]], atol=1e-2)
