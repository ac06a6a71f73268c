"""Footprints in the form of published files: longitudes in -180..180, cut at the antimeridian, right-hand rule."""

from __future__ import annotations

import numpy as np
import shapely


def cut_at_antimeridian(footprints: np.ndarray) -> np.ndarray:
    """Cut footprints whose longitudes continue beyond 180 degrees, as RFC 7946 section 3.1.9 asks.

    Args:
        footprints: (n,) simple shapely polygons in lon/lat degrees, with longitudes continuous across the antimeridian.

    Returns:
        (n,) polygons and, where one was cut, multipolygons, with longitudes in -180 to 180 and exterior rings
        counter-clockwise (section 3.1.6). Footprints within that range keep their vertices.
    """
    if len(footprints) == 0:
        return footprints
    bounds = shapely.bounds(footprints)
    turns = np.arange(np.floor((np.nanmin(bounds[:, 0]) + 180) / 360), np.ceil((np.nanmax(bounds[:, 2]) + 180) / 360))
    pieces = np.stack([_piece(footprints, 360 * turn) for turn in turns])
    whole = (bounds[:, 0] >= -180) & (bounds[:, 2] <= 180)
    cut = np.where(whole, footprints, shapely.union_all(pieces, axis=0))
    return np.asarray(shapely.orient_polygons(cut, exterior_cw=False))


def _piece(footprints: np.ndarray, east: float) -> np.ndarray:
    """Return the part within 180 degrees of the longitude ``east``, shifted by ``-east``."""
    piece = shapely.intersection(footprints, shapely.box(east - 180, -90, east + 180, 90))
    piece = np.where(shapely.get_dimensions(piece) == 2, piece, shapely.Polygon())  # where the footprint only touches
    return np.asarray(shapely.transform(piece, lambda corners: corners - [east, 0]))
