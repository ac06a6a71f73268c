"""The cells of points, which are searched as far as their points may lie from their centres."""

from __future__ import annotations

import numpy as np

from mineral_pipeline import geometry
from mineral_pipeline.labelling import _numba
from mineral_pipeline.labelling.spatial_index import CELL_RADIUS, CELL_ROWS, CandidateIndex


def test_the_points_of_a_cell_are_within_its_radius() -> None:
    """Points on both sides of the edges of all rows, where the cells are widest."""
    random = np.random.default_rng(0)
    edges = np.linspace(-90, 90, CELL_ROWS + 1)
    lat = np.clip(np.concatenate([edges - 1e-9, edges + 1e-9]).repeat(25), -90, 90)
    positions = np.column_stack([random.uniform(-180, 180, len(lat)), lat])
    index = CandidateIndex.build(geometry.half_spaces([[(10, 40), (12, 40), (12, 42), (10, 42)]]), positions, None)
    distances = geometry.vectors.angles(geometry.unit_vectors(positions), index.cell_centres[index.cells])
    assert distances.max() <= CELL_RADIUS
    assert distances.max() > 0.999 * CELL_RADIUS


def test_how_far_the_scenes_of_a_location_extend_and_differ() -> None:
    squares = [[(x, 40), (x + 2, 40), (x + 2, 42), (x, 42)] for x in (10, 10.5, 30)]
    halves = geometry.half_spaces(squares)
    scenes = _numba.LocationScenes(np.array([0, 2, 3]), halves.normals)
    chords, spreads = _numba.extents(scenes, np.arange(3), halves.centres, halves.radii)
    radii = 2 * np.sin(halves.radii / 2)
    apart = np.sqrt(2 - 2 * (halves.centres[0] @ halves.centres[1]))
    np.testing.assert_allclose(chords, [apart + radii[1], radii[2]], rtol=1e-9)
    turned = np.sqrt(np.maximum(2 - 2 * np.einsum("ij,ij->i", *halves.normals[:2]), 0)).max()
    np.testing.assert_allclose(spreads, [turned, 0], rtol=1e-7)


def test_a_point_that_is_not_on_the_earth_has_no_cell() -> None:
    positions = np.array([[11, 41], [np.nan, 0], [0, 91], [11, 41.001]])
    index = CandidateIndex.build(geometry.half_spaces([[(10, 40), (12, 40), (12, 42), (10, 42)]]), positions, None)
    assert index.cells.tolist() == [0, -1, -1, 0]
    assert index.candidates.toarray().tolist() == [[1]]
