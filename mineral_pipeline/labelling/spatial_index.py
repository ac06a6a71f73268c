"""Spatial index of scenes and points: scenes by location, points by grid cell, and the cells near each location.

Scenes repeat over a few thousand locations and deposits cluster in small cells. Each cell therefore queries the k-d
tree of the locations once, for all of its points and all scenes of a location.
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
from mineral_pipeline.geometry import Flags, Floats, HalfSpaces
from mineral_pipeline.labelling import _numba
from mineral_pipeline.labelling._numba import LocationScenes

AnyIntegers = npt.NDArray[np.integer[Any]]

LOCATION_ROWS = 450
"""Rows of the grid that groups scenes into locations where none are given; its cells measure 0.4 degrees (44 km)."""

CELL_ROWS = 720
"""Rows of the grid that groups points; its cells measure 0.25 degrees (28 km)."""

CELL_RADIUS = float(np.radians(180 / CELL_ROWS) / np.sqrt(2)) + geometry.TOLERANCE
"""Largest distance of a point from the centre of its cell in radians: half the diagonal of a square."""

NEIGHBOURS = 8
"""Locations in the first query of a cell; a cell that has more within the radius queries for four times as many."""


@dataclass(frozen=True)
class CandidateIndex:
    """Scenes by location, points by cell, and which of them can meet."""

    rows: AnyIntegers
    """(s,) rows of the valid footprints, location by location."""
    scenes: LocationScenes
    """The s scenes of these rows, by p locations."""
    cells: AnyIntegers
    """(m,) cell of each point; -1 where the point is not on the Earth."""
    cell_centres: Floats
    """(c, 3) unit vectors of the cells' centres; a cell's points are within `CELL_RADIUS` of it."""
    candidates: Any
    """Sparse (c, p) int8, 1 where points of the cell can be inside scenes of the location."""

    @classmethod
    def build(cls, halves: HalfSpaces, positions: Floats, locations: npt.ArrayLike | None) -> CandidateIndex:
        """Index footprints and points.

        Args:
            halves: half-spaces of n footprints.
            positions: (m, 2) lon/lat of the points in degrees.
            locations: (n,) number of each footprint's location; None to group footprints by their centres.
        """
        cells, cell_centres = _cells(positions, CELL_ROWS)
        centres = geometry.lonlat(halves.centres)
        keys = _cells(centres, LOCATION_ROWS)[0] if locations is None else np.asarray(locations)
        rows, scene_offsets = _group(keys, halves.valid)
        scenes = LocationScenes(scene_offsets, halves.normals[rows])
        return cls(rows, scenes, cells, cell_centres, _candidates(halves, rows, scenes, cell_centres))


def _cells(positions: Floats, n_rows: int) -> tuple[AnyIntegers, Floats]:
    """Number the grid cells that hold positions (n, 2) lon/lat.

    Cells are about square: the number of cells in a row of latitude is twice ``n_rows`` times the cosine of the row's
    edge that is nearer to the equator.

    Returns:
        Cell (n,) of each position, -1 where it is not on the Earth; unit vectors (c, 3) of the cells' centres.
    """
    edges = np.linspace(-90, 90, n_rows + 1)
    longer = np.cos(np.radians(np.minimum(np.abs(edges[:-1]), np.abs(edges[1:]))))
    counts = np.ceil(2 * n_rows * longer).astype(np.int64)
    row_offsets = np.concatenate([[0], np.cumsum(counts)])
    cells, occupied = _numba.number_cells(positions, row_offsets)
    row = np.searchsorted(row_offsets, occupied, side="right") - 1
    lon, lat = (occupied - row_offsets[row] + 0.5) * 360 / counts[row], (row + 0.5) * 180 / n_rows - 90
    return cells, geometry.unit_vectors(np.column_stack([lon, lat]))


def _group(keys: AnyIntegers, is_included: Flags) -> tuple[AnyIntegers, AnyIntegers]:
    """Group the included rows by their keys.

    Returns:
        Row numbers (k,), sorted by key; offset of each group, and the end. Without rows there are no offsets.
    """
    rows = np.flatnonzero(is_included)
    is_sorted = bool(np.all(keys[rows[:-1]] <= keys[rows[1:]]))
    rows = rows if is_sorted else rows[np.argsort(keys[rows], kind="stable")]
    changes = np.flatnonzero(np.diff(keys[rows])) + 1
    return rows, np.concatenate([[0], changes, [len(rows)]])[: len(rows) + 1]


def _candidates(halves: HalfSpaces, rows: AnyIntegers, scenes: LocationScenes, cell_centres: Floats) -> Any:
    """Find the cells whose points can be inside scenes of each location, as a sparse (cell, location) array.

    The scenes of a location are inside a circle around the centre of its first scene, and nowhere farther outside of
    that scene than the scenes differ. Locations with circles of like size share a k-d tree, so that one huge footprint
    does not widen the queries of all cells.
    """
    shape = (len(cell_centres), len(scenes.offsets[1:]))
    if not all(shape):
        return csr_array(shape, dtype=np.int8)
    chords, spreads = _numba.extents(scenes, rows, halves.centres, halves.radii)
    chords, margins = chords + CELL_RADIUS, spreads + CELL_RADIUS + geometry.TOLERANCE
    location_centres = halves.centres[rows[scenes.offsets[:-1]]]
    octaves = np.floor(np.log2(chords))
    pairs = []
    for octave in np.unique(octaves):
        members = np.flatnonzero(octaves == octave)
        for cells, neighbours, distances in _neighbours(location_centres[members], cell_centres, chords[members].max()):
            locations = members[neighbours]
            meets = distances <= chords[locations]
            first = scenes.offsets[locations]
            meets &= _numba.can_meet(cell_centres, cells, scenes.normals, first, margins[locations])
            pairs.append((cells[meets], locations[meets]))
    cell, location = (np.concatenate(column) for column in zip(*pairs, strict=True))
    return csr_array((np.ones(len(cell), dtype=np.int8), (cell, location)), shape=shape)


def _neighbours(
    location_centres: Floats, cell_centres: Floats, max_chord: float
) -> Iterator[tuple[AnyIntegers, AnyIntegers, Floats]]:
    """Yield arrays of cell, location and distance for all locations within ``max_chord`` of each cell.

    pykdtree finds the k nearest locations only: a cell that has k of them within the bound repeats its query with a
    larger k. The bound is strict and the same for all cells. The index of a missing neighbour is that after the last.
    """
    tree, pending, k = KDTree(location_centres), np.arange(len(cell_centres)), NEIGHBOURS
    while len(pending):
        k = min(k, len(location_centres))
        distances, indices = tree.query(cell_centres[pending], k=k, distance_upper_bound=max_chord * (1 + 1e-9))
        distances, indices = distances.reshape(-1, k), indices.reshape(-1, k)
        found = indices < len(location_centres)
        complete = ~found[:, -1] | (k == len(location_centres))
        found &= complete[:, None]
        row, _ = np.nonzero(found)
        yield pending[row], indices[found].astype(np.int64), distances[found]
        pending, k = pending[~complete], 4 * k
