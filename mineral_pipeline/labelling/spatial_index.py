"""Which footprints can hold which points: scenes by place, points by cell, and the cells within each place's reach.

Scenes repeat over a few thousand places and deposits crowd in small cells, so that a cell asks once, of a tree of the
places, for all its deposits and all visits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pykdtree.kdtree import KDTree
from scipy.sparse import csr_array

from mineral_pipeline import geometry
from mineral_pipeline.geometry import Floats, HalfSpaces
from mineral_pipeline.labelling import _numba

Integers = npt.NDArray[np.integer[Any]]

PLACE_ROWS = 450
"""Scenes whose centres share a cell of 0.4 degrees (44 km) make a place if none is given."""

CELL_ROWS = 720
"""Points in a cell of 0.25 degrees (28 km) ask together."""

CELL_RADIUS = float(np.radians(180 / CELL_ROWS) / np.sqrt(2)) + geometry.TOLERANCE
"""Farthest that a point lies from the middle of its cell: half the diagonal of a square, in radii of the Earth."""

NEIGHBOURS = 8
"""Places that a cell asks for at first; when they do not hold all within reach, four times as many."""


@dataclass(frozen=True)
class CandidateIndex:
    """Scenes by place, points by cell, and which can meet."""

    scenes: Integers
    """(s,) rows of the valid footprints, place by place."""
    visits: Integers
    """(p + 1,) where each place's scenes start, and the end."""
    normals: Floats
    """(s, v, 3) inward normals of the scenes' edges, place by place."""
    cells: Integers
    """(m,) cell of each point; -1 where the point lies nowhere."""
    middles: Floats
    """(c, 3) middles of the cells; their points lie within `SLACK`."""
    near: Any
    """Sparse (c, p): places within whose reach each cell lies."""

    @classmethod
    def of(cls, halves: HalfSpaces, positions: Floats, place: npt.ArrayLike | None) -> CandidateIndex:
        """Of footprints, points (m, 2) lon/lat, and a number (n,) that neighbouring scenes share."""
        cells, middles = _cells(positions, CELL_ROWS)
        places = _cells(geometry.lonlat(halves.centres), PLACE_ROWS)[0] if place is None else np.asarray(place)
        scenes, visits = _group(places, halves.valid)
        normals = halves.normals[scenes]
        near = _meetings(halves, scenes, visits, normals, middles)
        return cls(scenes, visits, normals, cells, middles, near)


def _cells(positions: Floats, rows: int) -> tuple[Integers, Floats]:
    """Number the cells that hold positions (n, 2) lon/lat.

    A cell is as wide as it is high: its row of latitude has as many cells as its longer edge asks for.

    Returns:
        Cell (n,) of each position, -1 for what is not on the Earth; the cells' middles (c, 3), unit vectors.
    """
    edges = np.linspace(-90, 90, rows + 1)
    longer = np.cos(np.radians(np.minimum(np.abs(edges[:-1]), np.abs(edges[1:]))))
    counts = np.ceil(2 * rows * longer).astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(counts)])
    cells, occupied = _numba.number_cells(positions, starts)
    row = np.searchsorted(starts, occupied, side="right") - 1
    lon, lat = (occupied - starts[row] + 0.5) * 360 / counts[row], (row + 0.5) * 180 / rows - 90
    return cells, geometry.unit_vectors(np.column_stack([lon, lat]))


def _group(keys: Integers, wanted: npt.NDArray[np.bool_]) -> tuple[Integers, Integers]:
    """The wanted rows sorted by key, and where each key's rows start, and the end; no keys, no starts."""
    rows = np.flatnonzero(wanted)
    sorted_already = bool(np.all(keys[rows[:-1]] <= keys[rows[1:]]))
    rows = rows if sorted_already else rows[np.argsort(keys[rows], kind="stable")]
    changes = np.flatnonzero(np.diff(keys[rows])) + 1
    return rows, np.concatenate([[0], changes, [len(rows)]])[: len(rows) + 1]


def _meetings(halves: HalfSpaces, scenes: Integers, visits: Integers, normals: Floats, middles: Floats) -> Any:
    """Places within whose reach each cell lies, as a sparse (cell, place) array.

    A place's reach is the circle around its first scene's centre that holds all its scenes, less what is outside of
    that scene by more than they differ. Places of like reach share a tree, so that one huge footprint does not make
    every cell ask for half the world.
    """
    shape = (len(middles), len(visits[1:]))
    if not all(shape):
        return csr_array(shape, dtype=np.int8)
    chords, spreads = _numba.extents(scenes, visits, halves.centres, halves.radii, normals)
    chords, margins = chords + CELL_RADIUS, spreads + CELL_RADIUS + geometry.TOLERANCE
    firsts = halves.centres[scenes[visits[:-1]]]
    octaves = np.floor(np.log2(chords))
    pairs = []
    for octave in np.unique(octaves):
        members = np.flatnonzero(octaves == octave)
        for cells, near, distances in _nearest(firsts[members], middles, chords[members].max()):
            places = members[near]
            meets = distances <= chords[places]
            meets &= _numba.can_meet(middles, cells, normals, visits[places], margins[places])
            pairs.append((cells[meets], places[meets]))
    cell, place = (np.concatenate(column) for column in zip(*pairs, strict=True))
    return csr_array((np.ones(len(cell), dtype=np.int8), (cell, place)), shape=shape)


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
