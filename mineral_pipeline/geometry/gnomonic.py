"""The gnomonic projection, to planes that touch the sphere and in which great circles are straight lines."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mineral_pipeline.geometry.vectors import Floats


def tangent_planes(centres: npt.ArrayLike) -> Floats:
    """Return axes (n, 3, 3) of the planes that touch the sphere at ``centres``: two in the plane, then the centre.

    Args:
        centres: (n, 3) vectors of any length but 0.
    """
    up = np.asarray(centres, dtype=np.float64)
    up = up / np.linalg.norm(up, axis=-1, keepdims=True)
    # The coordinate axis farthest from the centre is never parallel to it, so that the poles are no special case.
    away = np.eye(3)[np.abs(up).argmin(axis=-1)]
    right = np.cross(away, up)
    right /= np.linalg.norm(right, axis=-1, keepdims=True)
    return np.stack([right, np.cross(up, right), up], axis=-2)


def to_plane(vectors: Floats, planes: Floats) -> Floats:
    """Project unit vectors (n, v, 3) onto ``planes`` (n, 3, 3), to (n, v, 2).

    Vectors must lie in the hemisphere around their plane's centre.
    """
    local = np.einsum("nax,nvx->nva", planes, vectors)
    return np.asarray(local[..., :2] / local[..., 2:])


def from_plane(flat: Floats, planes: Floats) -> Floats:
    """Return vectors (n, v, 3), not of unit length, of points (n, v, 2) in ``planes`` (n, 3, 3)."""
    return np.asarray(np.einsum("nax,nva->nvx", planes, np.concatenate([flat, np.ones((*flat.shape[:2], 1))], axis=2)))
