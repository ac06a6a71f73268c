"""The compiled loops over footprints: which places meet, and which points lie inside the footprints of a place.

Footprints are convex polygons, of which ``vertices`` and inward ``normals`` (n, v, 3) are given as unit vectors. The
footprints of place p are ``chips[starts[p]:starts[p + 1]]``.
"""

from __future__ import annotations

import numpy as np

from mineral_pipeline.geometry import TOLERANCE
from mineral_pipeline.jit import njit


@njit
def places_meet(
    pairs: np.ndarray,
    starts: np.ndarray,
    chips: np.ndarray,
    vertices: np.ndarray,
    normals: np.ndarray,
    outlines: np.ndarray,
    outline_normals: np.ndarray,
) -> np.ndarray:
    """Whether any two footprints of pairs of places have a point in common, their edges included.

    Args:
        pairs: (k, 2) numbers of places.
        starts: (p + 1,) see above.
        chips: (n,) see above.
        vertices: (n, v, 3) of the footprints.
        normals: (n, v, 3) of the footprints.
        outlines: (p, w, 3) vertices of the hull of all footprints of a place.
        outline_normals: (p, w, 3) likewise.

    Returns:
        (k,) flags.
    """
    met = np.zeros(len(pairs), dtype=np.bool_)
    for number in range(len(pairs)):
        a, b = pairs[number, 0], pairs[number, 1]
        if _apart(outlines[a], outline_normals[a], outlines[b], outline_normals[b]):
            continue
        for one in chips[starts[a] : starts[a + 1]]:
            if met[number]:
                break
            # Those that do not reach the other place's outline need not be compared with each of its footprints.
            if _apart(vertices[one], normals[one], outlines[b], outline_normals[b]):
                continue
            for other in chips[starts[b] : starts[b + 1]]:
                if not _apart(vertices[one], normals[one], vertices[other], normals[other]):
                    met[number] = True
                    break
    return met


@njit
def mark_contained(
    held: np.ndarray, points: np.ndarray, names: np.ndarray, of_place: np.ndarray, normals: np.ndarray
) -> None:
    """Mark the points inside any footprint of a place.

    Args:
        held: (m,) flags, which are written; points that are marked already are not looked at.
        points: (m, 3) unit vectors.
        names: numbers of the points near the place.
        of_place: numbers of its footprints.
        normals: (n, v, 3) of the footprints.
    """
    for name in names:
        for chip in of_place:
            if held[name]:
                break
            held[name] = _inside(points[name], normals[chip])


@njit
def _apart(a: np.ndarray, a_normals: np.ndarray, b: np.ndarray, b_normals: np.ndarray) -> bool:
    """Whether an edge of one polygon has all of the other on its outer side."""
    apart: bool = _outside(a_normals, b) or _outside(b_normals, a)
    return apart


@njit
def _outside(normals: np.ndarray, vertices: np.ndarray) -> bool:
    for edge in range(len(normals)):
        separates = True
        for vertex in range(len(vertices)):
            if _height(vertices[vertex], normals[edge]) >= -TOLERANCE:
                separates = False
                break
        if separates:
            return True
    return False


@njit
def _inside(point: np.ndarray, normals: np.ndarray) -> bool:
    for edge in range(len(normals)):  # noqa: SIM110 - numba knows no generators here
        if not _height(point, normals[edge]) >= -TOLERANCE:  # nan is nowhere
            return False
    return True


@njit
def _height(point: np.ndarray, normal: np.ndarray) -> float:
    height: float = point[0] * normal[0] + point[1] * normal[1] + point[2] * normal[2]
    return height
