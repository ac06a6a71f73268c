"""Parts of footprints as convex polygons and, where they are not convex, as rings.

Around each part lies a convex polygon, whose half-spaces are quick to test. Where the part is convex itself, that is
all. Else its rings decide, in the gnomonic plane that touches the Earth at the part's centre: great circles are
straight there. No vertex is moved or removed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import shapely

from mineral_pipeline.geometry import _numba
from mineral_pipeline.geometry._numba import TOLERANCE, Rings
from mineral_pipeline.geometry.gnomonic import from_plane, tangent_planes, to_plane
from mineral_pipeline.geometry.polygons import HalfSpaces, half_spaces_from_vectors, vertex_array
from mineral_pipeline.geometry.shapes import Shapes
from mineral_pipeline.geometry.vectors import EARTH_RADIUS_KM, Flags, Floats, Integers, normalise, unit_vectors

MAX_EDGES = 32
"""Largest number of edges of a convex polygon around a part; a part with more gets the four of a rectangle."""

MAX_RADIUS = np.radians(89.9)
"""Largest radius of a part that is not convex: its plane ends at 90 degrees."""

SELF_CROSSING_KM = 1e-3
"""Distance by which a ring may cross itself, as rounded coordinates do, without being taken for a bow tie."""

NOT_ON_EARTH = "a vertex is not on the Earth, where latitudes are -90 to 90 degrees"


def convex_parts(parts: Shapes) -> tuple[Floats, HalfSpaces]:
    """Vertices (p, w, 3) and half-spaces of parts; nan and invalid for those that are not convex or have many edges."""
    n_edges = shapely.get_num_coordinates(parts) - 1
    rows = np.flatnonzero((shapely.get_num_interior_rings(parts) == 0) & (n_edges <= MAX_EDGES))
    found = unit_vectors(vertex_array(parts[rows]))
    halves = half_spaces_from_vectors(found)
    if not halves.valid.all():  # the others may have more vertices
        width = n_edges[rows][halves.valid].max(initial=3)
        rows, found = rows[halves.valid], found[halves.valid, :width]
        halves = half_spaces_from_vectors(found)
    vertices, normals = (np.full((len(parts), found.shape[1], 3), np.nan) for _ in range(2))
    valid, centres, radii = np.zeros(len(parts), bool), np.full((len(parts), 3), np.nan), np.full(len(parts), np.nan)
    vertices[rows], normals[rows], centres[rows], radii[rows] = found, halves.normals, halves.centres, halves.radii
    valid[rows] = True
    return vertices, HalfSpaces(normals, valid, centres, radii)


def concave_parts(
    parts: Shapes, rows: Integers, bounds: HalfSpaces, vertices: Floats
) -> tuple[HalfSpaces, Floats, Rings, dict[int, str]]:
    """Give parts that are not convex their rings and convex hulls.

    Args:
        parts: (p,) polygons.
        rows: (r,) those that are not convex, or no polygons.
        bounds: half-spaces of the p parts, to be completed.
        vertices: (p, w, 3) vertices of the half-spaces' polygons, to be completed.

    Returns:
        The half-spaces, their vertices, the rings (r,) of the parts, and why some are no polygons, by part.
    """
    rings, ring_owner = shapely.get_rings(parts[rows], return_index=True)
    corners, ring = shapely.get_coordinates(rings, return_index=True)
    vectors, owner = unit_vectors(corners), ring_owner[ring]
    follows = np.flatnonzero(ring[1:] == ring[:-1])
    centres, radii, longest = _circles(vectors, owner, follows, len(rows))
    unusable = {NOT_ON_EARTH: ~np.isfinite(radii)}
    unusable["it is as wide as a hemisphere"] = ~(radii < MAX_RADIUS) | (longest > 2 - TOLERANCE)
    bad = np.any(list(unusable.values()), axis=0)
    planes = tangent_planes(np.where(bad[:, None], (0.0, 0.0, 1.0), centres))
    vectors = np.where(bad[owner, None], (0.0, 0.0, 1.0), vectors)
    flat = to_plane(vectors[:, None], planes[owner])[:, 0]
    drawn = shapely.set_coordinates(parts[rows].copy(), flat)
    unusable |= _flaws(drawn, radii)
    reasons = {int(rows[row]): why for why, flags in reversed(unusable.items()) for row in np.flatnonzero(flags)}
    hulls = _hulls(drawn)
    around = normalise(from_plane(vertex_array(hulls), planes))
    vertices = _replace_rows(vertices, np.isin(np.arange(len(parts)), rows), around)
    normals = _replace_rows(bounds.normals, np.isin(np.arange(len(parts)), rows), _normals(around, radii))
    bounds.centres[rows], bounds.radii[rows] = centres, radii
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owner[follows], minlength=len(rows)))])
    edges = np.concatenate([flat[follows], flat[follows + 1]], axis=1)
    return replace(bounds, normals=normals), vertices, Rings(offsets, planes, edges), reasons


def _circles(vectors: Floats, owner: Integers, follows: Integers, count: int) -> tuple[Floats, Floats, Floats]:
    """Circles around parts.

    Args:
        vectors: (k, 3) vertices of all rings.
        owner: (k,) part of each vertex, ascending.
        follows: (e,) vertices from which an edge goes to the next one.
        count: number of parts.

    Returns:
        Centres (count, 3), means of the outlines; radii (count,) in radians; chords (count,) of the longest edges.
    """
    start, end = vectors[follows], vectors[follows + 1]
    chords = np.linalg.norm(end - start, axis=1)
    first_vertex, first_edge = (np.searchsorted(parts, np.arange(count)) for parts in (owner, owner[follows]))
    centres = normalise(np.add.reduceat((chords + _numba.EPSILON)[:, None] * (start + end), first_edge))
    farthest = np.maximum.reduceat(np.linalg.norm(vectors - centres[owner], axis=1), first_vertex)
    return centres, 2 * np.arcsin(np.minimum(farthest / 2, 1)), np.maximum.reduceat(chords, first_edge)


def _flaws(drawn: Shapes, radii: Floats) -> dict[str, Flags]:
    """What keeps parts (r,), drawn in their planes, from being polygons: flags (r,) by reason.

    A ring that crosses itself encloses some ground clockwise, which shapely's area subtracts; `make_valid` follows the
    even-odd rule, so that the areas differ.
    """
    length, area = shapely.length(drawn), shapely.area(drawn)
    enclosed = area.copy()
    broken = ~shapely.is_valid(drawn)
    enclosed[broken] = shapely.area(shapely.make_valid(drawn[broken]))
    slack = np.minimum(SELF_CROSSING_KM / EARTH_RADIUS_KM, np.nan_to_num(radii) / 1000)
    empty = np.maximum(enclosed, area) <= 2 * TOLERANCE * length
    distinct = np.array([len(np.unique(shapely.get_coordinates(one), axis=0)) for one in drawn[empty]])
    few = np.zeros(len(drawn), dtype=bool)
    few[empty] = distinct < 3
    return {
        "fewer than three distinct vertices": few,
        "it encloses no ground": empty & ~few,
        "it crosses itself": ~empty & (np.abs(enclosed - area) > length * slack),
    }


def _hulls(drawn: Shapes) -> Shapes:
    """Convex polygons, counter-clockwise and of at most `MAX_EDGES` edges, around parts (r,) in their planes."""
    hulls = shapely.convex_hull(drawn)
    many = shapely.get_num_coordinates(hulls) > MAX_EDGES + 1
    hulls[many] = shapely.oriented_envelope(hulls[many])
    flat = shapely.get_dimensions(hulls) < 2  # of what is no polygon
    hulls[flat] = shapely.box(-1, -1, 1, 1)
    return np.asarray(shapely.orient_polygons(hulls))


def _normals(vertices: Floats, radii: Floats) -> Floats:
    """Inward normals (r, w, 3) of convex polygons (r, w, 3), counter-clockwise.

    Edges too short for a sure direction are left out: without them the polygon around a part is larger.
    """
    following = np.roll(vertices, -1, axis=1)
    chords = np.linalg.norm(following - vertices, axis=2)
    normals = normalise(np.cross(vertices - following, vertices + following))  # 2 a x b, without its cancellation
    normals[chords < 1e-4 * radii[:, None]] = 0
    _numba.repeat_edges(normals)
    return normals


def _replace_rows(arrays: Floats, rows: Flags, new: Floats) -> Floats:
    """Replace rows of (p, w, 3) by ``new`` (r, u, 3), padding the narrower by its last vectors."""
    width = max(arrays.shape[1], new.shape[1])
    widened, inserted = (
        np.concatenate([one, np.repeat(one[:, -1:], width - one.shape[1], axis=1)], axis=1) for one in (arrays, new)
    )
    widened[rows] = inserted
    return widened
