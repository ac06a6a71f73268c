"""Geometry on the unit sphere: vectors, polygons of great circles, projections, areas, the antimeridian."""

from mineral_pipeline.geometry._numba import TOLERANCE
from mineral_pipeline.geometry.antimeridian import cut_at_antimeridian
from mineral_pipeline.geometry.polygon_area import Shapes, areas, intersection_areas
from mineral_pipeline.geometry.polygons import HalfSpaces, enclosing_circles, half_spaces, vertex_array
from mineral_pipeline.geometry.vectors import (
    CRS,
    EARTH_RADIUS_KM,
    Flags,
    Floats,
    Integers,
    angles,
    chord,
    distances_km,
    is_on_earth,
    lonlat,
    unit_vectors,
)

__all__ = [
    "CRS",
    "EARTH_RADIUS_KM",
    "TOLERANCE",
    "Flags",
    "Floats",
    "HalfSpaces",
    "Integers",
    "Shapes",
    "angles",
    "areas",
    "chord",
    "cut_at_antimeridian",
    "distances_km",
    "enclosing_circles",
    "half_spaces",
    "intersection_areas",
    "is_on_earth",
    "lonlat",
    "unit_vectors",
    "vertex_array",
]
