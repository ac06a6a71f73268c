"""Which deposits lie inside which footprint, exactly, on the sphere.

The study asks a tree of deposits, scene by scene, for those in the scene's enclosing circle. Here the question
is turned round: scenes repeat over a few thousand places and deposits crowd in small cells, so every cell asks
once, of a tree over the places, which can reach it. Compiled loops then decide cell against scene where that
settles all deposits of the cell, and deposit against scene where it does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from pykdtree.kdtree import KDTree
from scipy.sparse import csr_array

from mineral_pipeline import sphere
from mineral_pipeline.errors import DataError
from mineral_pipeline.labelling import kernel
from mineral_pipeline.sphere import Floats

Integers = npt.NDArray[np.integer[Any]]

PLACES_PER_RADIUS = 160
"""Scenes whose centres share a cube of 1/160 of the Earth's radius (40 km) make a place if none is given."""

CELLS_PER_RADIUS = 256
"""Deposits in a cube of 1/256 of the Earth's radius (25 km) ask together."""

SLACK = float(np.sqrt(3) / 2 / CELLS_PER_RADIUS) + sphere.TOLERANCE
"""Farthest that a deposit lies from the middle of its cell."""

NEIGHBOURS = 8
"""Places that a cell asks for at first; when they do not hold all within reach, four times as many."""


def membership(footprints: npt.ArrayLike, points: npt.ArrayLike, place: npt.ArrayLike | None = None) -> Any:
    """Find the points inside each footprint: on the inner side of every great-circle edge, or on it.

    Args:
        footprints: (n, v, 2) lon/lat in degrees, convex, in either winding; shorter ones repeat their last
            vertex. What is no such polygon (`sphere.HalfSpaces.valid`) holds nothing.
        points: (m, 2) lon/lat in degrees; what is not on the Earth (nan, latitude beyond 90) lies nowhere.
        place: (n,) a number that neighbouring scenes share, such as path/row; only the speed depends on it.

    Returns:
        Sparse ``csr_array`` (n, m) int8, 1 where the point lies inside, with sorted indices.

    Raises:
        DataError: shapes that do not fit.
    """
    outlines, positions = _checked(footprints, points, place)
    halves, vectors = sphere.half_spaces(outlines), sphere.unit_vectors(positions)
    places = _cubes(halves.centres, PLACES_PER_RADIUS) if place is None else np.asarray(place)
    scenes, visits = _group(places, halves.valid)
    deposits, crowds = _group(_cubes(vectors, CELLS_PER_RADIUS), ~np.isnan(vectors[:, 2]))
    if not len(scenes) or not len(deposits):
        return csr_array((len(outlines), len(positions)), dtype=np.int8)
    middles = (np.floor(vectors[deposits[crowds[:-1]]] * CELLS_PER_RADIUS) + 0.5) / CELLS_PER_RADIUS
    cells = np.full(len(positions), len(middles))  # one more cell, for points that lie nowhere
    cells[deposits] = np.repeat(np.arange(len(middles)), np.diff(crowds))
    near = _candidates(halves, scenes, visits, middles)[cells].tocsc()
    return _refine(vectors, near, visits, scenes, halves.normals)


def _checked(footprints: npt.ArrayLike, points: npt.ArrayLike, place: npt.ArrayLike | None) -> tuple[Floats, Floats]:
    outlines, positions = np.asarray(footprints, dtype=np.float64), np.asarray(points, dtype=np.float64)
    outlines = outlines if outlines.size else np.full((len(outlines), 1, 2), np.nan)
    positions = positions if positions.size else np.empty((0, 2))
    if outlines.ndim != 3 or outlines.shape[2] != 2:
        raise DataError(f"footprints must be (n, v, 2) lon/lat, not {outlines.shape}")
    if positions.ndim != 2 or positions.shape[1] != 2:
        raise DataError(f"points must be (m, 2) lon/lat, not {positions.shape}")
    if place is not None and np.shape(place) != (len(outlines),):
        raise DataError(f"place must be one number for each of {len(outlines)} footprints, not {np.shape(place)}")
    return outlines, positions


def _cubes(vectors: Floats, per_radius: int) -> Integers:
    """Number of the cube that each vector lies in."""
    steps = np.floor(np.nan_to_num(vectors) * per_radius).astype(np.int64) + per_radius
    side = 2 * per_radius + 1
    return np.asarray((steps[:, 0] * side + steps[:, 1]) * side + steps[:, 2])


def _group(keys: Integers, wanted: npt.NDArray[np.bool_]) -> tuple[Integers, Integers]:
    """The wanted rows sorted by key, and where each key's rows start (and the end)."""
    rows = np.flatnonzero(wanted)
    sorted_already = bool(np.all(keys[rows[:-1]] <= keys[rows[1:]]))
    rows = rows if sorted_already else rows[np.argsort(keys[rows])]
    changes = np.flatnonzero(np.diff(keys[rows])) + 1
    return rows, np.concatenate([[0], changes, [len(rows)]])


def _candidates(halves: sphere.HalfSpaces, scenes: Integers, visits: Integers, middles: Floats) -> Any:
    """Places within whose reach each cell lies, as a sparse (cell, place) array.

    A place is the circle around its first scene's centre that holds all its scenes. Places of like reach share a
    tree, so that one huge footprint does not make every cell ask for half the world.
    """
    middle = halves.centres[scenes[visits[:-1]]]
    apart = sphere.angles(halves.centres[scenes], np.repeat(middle, np.diff(visits), axis=0))
    reach = np.maximum.reduceat(apart + halves.radii[scenes], visits[:-1])
    chords = 2 * np.sin(np.minimum(reach, np.pi) / 2) + SLACK
    octaves = np.floor(np.log2(chords))
    pairs = []
    for octave in np.unique(octaves):
        members = np.flatnonzero(octaves == octave)
        for cells, near, distances in _nearest(middle[members], middles, chords[members].max()):
            within = distances <= chords[members[near]]
            pairs.append((cells[within], members[near[within]]))
    cell, place = (np.concatenate(column) for column in zip(*pairs, strict=True))
    return csr_array((np.ones(len(cell), dtype=np.int8), (cell, place)), shape=(len(middles) + 1, len(middle)))


def _nearest(places: Floats, cells: Floats, reach: float) -> Iterator[tuple[Integers, Integers, Floats]]:
    """Yield pairs (cell, place, distance) of all places within reach of each cell.

    pykdtree finds the k nearest only: what gets k of them asks again for more. Its bound is strict and scalar,
    a missing neighbour has an index beyond the last.
    """
    tree, asking, k = KDTree(places), np.arange(len(cells)), NEIGHBOURS
    while len(asking):
        k = min(k, len(places))
        distances, indices = tree.query(cells[asking], k=k, distance_upper_bound=reach * (1 + 1e-9))
        distances, indices = distances.reshape(-1, k), indices.reshape(-1, k)
        found = indices < len(places)
        complete = ~found[:, -1] | (k == len(places))
        found &= complete[:, None]
        row, _ = np.nonzero(found)
        yield asking[row], indices[found].astype(np.int64), distances[found]
        asking, k = asking[~complete], 4 * k


def _refine(points: Floats, near: Any, visits: Integers, scenes: Integers, normals: Floats) -> Any:
    """Decide the points near each place against its scenes, and put the scenes back into their order."""
    starts, members = kernel.refine(points, near.indptr, near.indices, visits, normals[scenes])
    index = np.result_type(members, np.min_scalar_type(-len(members)))
    ones = np.ones(len(members), dtype=np.int8)
    found = csr_array((ones, members.astype(index, copy=False), starts.astype(index)), shape=(len(scenes), len(points)))
    if not np.array_equal(scenes, np.arange(len(normals))):
        rows = np.full(len(normals), len(scenes))
        rows[scenes] = np.arange(len(scenes))
        found.resize(len(scenes) + 1, len(points))  # one more row, without members, for what is no footprint
        found = found[rows]
    found.has_sorted_indices = True
    return found
