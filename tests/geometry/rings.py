"""Polygons whose vertices lie at one distance from a centre, and strategies for positions."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from mineral_pipeline import geometry
from mineral_pipeline.geometry import EARTH_RADIUS_KM

OCTANT = [[0, 0], [90, 0], [0, 90], [0, 90]]
SQUARE = [[10, 40], [12, 40], [12, 42], [10, 42]]

lons, lats = st.floats(-180, 180), st.floats(-90, 90)
positions = st.tuples(lons, lats)


def ring(centre: tuple[float, float], radius_km: float, bearings: ArrayLike) -> np.ndarray:
    """Return positions (v, 2) lon/lat at one distance from a centre."""
    centre_vector, bearing = geometry.unit_vectors(centre), np.radians(bearings)[:, None]
    lon, lat = np.radians(centre)
    east = np.array([-math.sin(lon), math.cos(lon), 0])
    north = np.array([-math.sin(lat) * math.cos(lon), -math.sin(lat) * math.sin(lon), math.cos(lat)])
    arc = radius_km / EARTH_RADIUS_KM
    direction = np.cos(bearing) * north + np.sin(bearing) * east
    return geometry.lonlat(math.cos(arc) * centre_vector + math.sin(arc) * direction)
