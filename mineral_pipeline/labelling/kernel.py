"""The compiled inner loop of membership: the points near a place against all scenes of that place."""

from __future__ import annotations

import numpy as np
from numba import njit

from mineral_pipeline.sphere import TOLERANCE


@njit(cache=True)  # type: ignore[untyped-decorator]
def refine(
    points: np.ndarray, starts: np.ndarray, near: np.ndarray, visits: np.ndarray, normals: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Find the points inside each scene.

    Args:
        points: (m, 3) unit vectors.
        starts: (p + 1,) where in ``near`` each place's points start.
        near: points near each place, sorted.
        visits: (p + 1,) where in ``normals`` each place's scenes start.
        normals: (s, v, 3) of the edges of the scenes, place by place.

    Returns:
        Where each scene's members start, and the end, (s + 1,); the members, sorted within each scene.
    """
    ends = np.zeros(len(normals) + 1, dtype=np.int64)
    members = np.empty(len(near), dtype=near.dtype)
    end = 0
    for place in range(len(starts) - 1):
        names = near[starts[place] : starts[place + 1]]
        local = _gather(points, names)
        heights = np.empty(len(names))
        for scene in range(visits[place], visits[place + 1]):
            _measure(local, normals[scene], heights)
            if end + len(names) > len(members):
                members = _grown(members, end + len(names))
            for i in range(len(names)):  # without a branch: what is outside is written over by the next
                members[end] = names[i]
                end += heights[i] >= -TOLERANCE
            ends[scene + 1] = end
    return ends, members[:end]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _gather(points: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Points by component, (3, k), so that loops over them run in vector registers."""
    local = np.empty((3, len(names)))
    for i in range(len(names)):
        for axis in range(3):
            local[axis, i] = points[names[i], axis]
    return local


@njit(cache=True)  # type: ignore[untyped-decorator]
def _measure(local: np.ndarray, normals: np.ndarray, heights: np.ndarray) -> None:
    """Write the least height of every point above the edges of one scene."""
    x, y, z = local[0], local[1], local[2]
    heights[:] = np.inf
    for edge in range(len(normals)):
        a, b, c = normals[edge, 0], normals[edge, 1], normals[edge, 2]
        for i in range(len(heights)):
            height = a * x[i] + b * y[i] + c * z[i]
            heights[i] = height if height < heights[i] else heights[i]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _grown(members: np.ndarray, least: int) -> np.ndarray:
    """A copy with room for twice as many, or ``least`` if that is more."""
    larger = np.empty(max(2 * len(members), least), dtype=members.dtype)
    larger[: len(members)] = members
    return larger
