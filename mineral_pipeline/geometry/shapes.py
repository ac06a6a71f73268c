"""Footprints in any form: arrays of positions, shapely geometries, series and tables; and what is no polygon."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from mineral_pipeline.errors import DataError
from mineral_pipeline.geometry.vectors import CRS, Floats

Shapes = npt.NDArray[np.object_]
"""Arrays of shapely geometries."""

Footprints: TypeAlias = npt.ArrayLike | gpd.GeoSeries | gpd.GeoDataFrame
"""Polygons in lon/lat: (n, v, 2) degrees, shorter ones repeat their last vertex; or n shapely (multi)polygons."""

Points: TypeAlias = npt.ArrayLike | gpd.GeoSeries | gpd.GeoDataFrame
"""Points (m, 2) lon/lat in degrees, or m shapely points."""

Invalid = Literal["raise", "warn"]
"""What is done with footprints that are no polygon: refused, or empty and named in a warning."""

TAKE_AS_EMPTY = "invalid='warn' takes them as empty"
"""What to do about footprints that are no polygon, where a function has that option."""

REPAIR_OR_REMOVE = "repair them, as by shapely.make_valid, or leave their rows out"
"""What to do about them where it has none."""

ROWS_NAMED = 10
"""Rows that a message lists for each reason."""


@np.errstate(invalid="ignore")  # vertices that are not finite are named, and make GEOS raise a flag
def to_shapes(footprints: Footprints) -> Shapes:
    """Footprints as shapely geometries (n,) in lon/lat, WGS 84; rows of an array that are not finite are None."""
    outlines = as_array(footprints)
    if outlines is None:
        shapes = np.asarray(_in_wgs84(footprints), dtype=object).reshape(-1)
        return np.asarray(shapely.force_2d(shapes)) if shapely.has_z(shapes).any() else shapes
    padding = np.repeat(outlines[:, -1:], max(3 - outlines.shape[1], 0), axis=1)
    rings, finite = np.concatenate([outlines, padding], axis=1), np.isfinite(outlines).all(axis=(1, 2))
    shapes = np.full(len(outlines), None)
    shapes[finite] = shapely.polygons(rings[finite])
    return shapes


def as_array(footprints: Footprints) -> Floats | None:
    """Footprints as an array (n, v, 2); None when they are shapely geometries.

    Raises:
        DataError: they are neither.
    """
    if isinstance(footprints, gpd.GeoDataFrame | gpd.GeoSeries):
        return None
    try:
        array = np.asarray(footprints)
        if array.dtype == object and all(one is None or isinstance(one, shapely.Geometry) for one in array.flat):
            return None if array.size else np.empty((0, 3, 2))
        outlines = np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"footprints must be (n, v, 2) lon/lat or shapely polygons ({error})") from None
    if not outlines.size:
        return np.full((len(outlines), 3, 2), np.nan)
    if outlines.ndim != 3 or outlines.shape[2] != 2:
        raise DataError(f"footprints must be (n, v, 2) lon/lat or shapely polygons, not {outlines.shape}")
    return outlines


def to_positions(points: Points) -> Floats:
    """Points as (m, 2) lon/lat, WGS 84; nan where a shapely point is absent or empty.

    Raises:
        DataError: they are no points, or the table has no geometry.
    """
    array: npt.NDArray[Any] = np.asarray(_in_wgs84(points))
    if array.dtype == object and array.ndim == 1:
        known = shapely.is_valid_input(array).all()
        if not (known and np.isin(shapely.get_type_id(array), (-1, shapely.GeometryType.POINT)).all()):
            raise DataError("points must be (m, 2) lon/lat or shapely points")
        corners, row = shapely.get_coordinates(array, return_index=True)  # an absent or empty point has none
        positions = np.full((len(array), 2), np.nan)
        positions[row] = corners
        return positions
    try:
        positions = array.astype(np.float64) if array.size else np.empty((0, 2))
    except (TypeError, ValueError) as error:
        raise DataError(f"points must be (m, 2) lon/lat or shapely points ({error})") from None
    if positions.ndim != 2 or positions.shape[1] != 2:
        raise DataError(f"points must be (m, 2) lon/lat or shapely points, not {positions.shape}")
    return positions


def wrong_types(shapes: Shapes) -> dict[int, str]:
    """Rows without a polygon, and why."""
    types, empty = shapely.get_type_id(shapes), shapely.is_empty(shapes)
    areal = np.isin(types, (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON))
    errors = {int(row): "no geometry" for row in np.flatnonzero((types < 0) | (areal & empty))}
    return errors | {
        int(row): f"a {shapes[row].geom_type} instead of a polygon" for row in np.flatnonzero((types >= 0) & ~areal)
    }


def refuse(errors: Mapping[int, str], what: str, invalid: Invalid, advice: str = TAKE_AS_EMPTY) -> None:
    """Raise or warn when there are errors.

    Args:
        errors: why rows are no polygons.
        what: what is wrong, as the message begins.
        invalid: what to do.
        advice: what the caller can do, as the message ends.

    Raises:
        DataError: ``invalid`` is ``"raise"``.
    """
    if errors and invalid == "raise":
        raise DataError(f"{what}: {_by_reason(errors)}; {advice}")
    if errors:
        warnings.warn(f"{what} and taken as empty: {_by_reason(errors)}", stacklevel=4)


def find_geometry(table: Any) -> Any:
    """The geometry column of a table; anything else as it is.

    Raises:
        DataError: the table has no geometry.
    """
    if not isinstance(table, gpd.GeoDataFrame):
        return table
    if table.active_geometry_name is None:
        raise DataError("the table has no geometry: name its column by set_geometry")
    return table.geometry


def _in_wgs84(table: Any) -> Any:
    """The geometry column of a table, in WGS 84 if it has a reference system.

    Raises:
        DataError: the table has no geometry.
    """
    table = find_geometry(table)
    if isinstance(table, gpd.GeoSeries) and table.crs is not None and table.crs != CRS:
        table = table.to_crs(CRS)
    return table


def _by_reason(errors: Mapping[int, str]) -> str:
    """Rows reason by reason, of each the first `ROWS_NAMED`."""
    rows: dict[str, list[int]] = {}
    for row, reason in sorted(errors.items()):
        rows.setdefault(reason, []).append(row)
    return "; ".join(
        f"row{'s' if len(found) > 1 else ''} {', '.join(map(str, found[:ROWS_NAMED]))}"
        f"{f' and {len(found) - ROWS_NAMED:,} more' if len(found) > ROWS_NAMED else ''}: {reason}"
        for reason, found in rows.items()
    )
