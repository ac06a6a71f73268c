"""Geometry on the unit sphere: vectors, polygons of great circles, projections, areas, the antimeridian."""

from mineral_pipeline.geometry._numba import TOLERANCE, Rings, is_in_rings
from mineral_pipeline.geometry.antimeridian import cut_at_antimeridian
from mineral_pipeline.geometry.polygon_area import areas
from mineral_pipeline.geometry.polygons import HalfSpaces, enclosing_circles, half_spaces, vertex_array
from mineral_pipeline.geometry.shapes import (
    REPAIR_OR_REMOVE,
    Footprints,
    Invalid,
    Points,
    Shapes,
    find_geometry,
    refuse,
    to_positions,
    to_shapes,
    wrong_types,
)
from mineral_pipeline.geometry.spherical_polygons import SphericalPolygons, checked
from mineral_pipeline.geometry.vectors import (
    CRS,
    EARTH_RADIUS_KM,
    Flags,
    Floats,
    Integers,
    angles,
    chord,
    chord_length,
    distances_km,
    is_on_earth,
    lonlat,
    unit_vectors,
)

__all__ = [
    "CRS",
    "EARTH_RADIUS_KM",
    "REPAIR_OR_REMOVE",
    "TOLERANCE",
    "Flags",
    "Floats",
    "Footprints",
    "HalfSpaces",
    "Integers",
    "Invalid",
    "Points",
    "Rings",
    "Shapes",
    "SphericalPolygons",
    "angles",
    "areas",
    "checked",
    "chord",
    "chord_length",
    "cut_at_antimeridian",
    "distances_km",
    "enclosing_circles",
    "find_geometry",
    "half_spaces",
    "is_in_rings",
    "is_on_earth",
    "lonlat",
    "refuse",
    "to_positions",
    "to_shapes",
    "unit_vectors",
    "vertex_array",
    "wrong_types",
]
