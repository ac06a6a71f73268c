"""Geometry on the unit sphere: vectors, polygons of great circles, enclosing circles, areas, the antimeridian."""

from mineral_pipeline.geometry.antimeridian import cut_at_antimeridian
from mineral_pipeline.geometry.areas import areas, intersection_areas
from mineral_pipeline.geometry.polygons import TOLERANCE, HalfSpaces, enclosing_circles, half_spaces, vertex_array
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
