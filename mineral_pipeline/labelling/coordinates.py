"""Coordinates of deposit tables: conversion to WGS 84, and rejection of wrong ones.

Positions are converted to WGS 84 longitude and latitude with PROJ's best transformation that needs no grid file. A row
is rejected when its coordinates are absent, not numbers, out of range or 0, 0, and when its country reveals an error
(`coordinate_errors`).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
from pyproj.exceptions import CRSError
from pyproj.transformer import TransformerGroup

from mineral_pipeline import geometry
from mineral_pipeline.errors import DataError, one_line
from mineral_pipeline.geometry import CRS, Floats
from mineral_pipeline.labelling.coordinate_errors import coordinate_errors

DEGREES_MINUTES = r"[°º'′\"″]|^\s*[-+]?\d+[\s:d-]+\d+(?:[\s:m-]+\d+(?:\.\d*)?)?\s*[NSEWnsew]?\s*$"
"""Coordinates in degrees, minutes and perhaps seconds: ``41° 2' 58" N``, ``41 02 58N``, ``41-02-58``, ``41:02.97``."""


MAX_UNKNOWN = 5
"""Largest number of reference systems that PROJ does not know: it looks for each for a tenth of a second."""


@dataclass(frozen=True)
class Conversion:
    """Result of the conversion of positions from one reference system to WGS 84."""

    crs: str
    """Reference system, as the table names it."""
    rows: int
    """Number of rows converted."""
    moved_m: tuple[float, float] | None
    """Median and largest displacement in metres; None for coordinates that were not in degrees."""
    accuracy_m: float | None
    """Accuracy in metres of the worst transformation that was used; None if none was."""
    ballpark: int
    """Number of rows outside the area of use of every transformation, which are not moved."""

    def __str__(self) -> str:
        """Return the result in one line."""
        moved = f", moved by {self.moved_m[0]:.0f} m (at most {self.moved_m[1]:.0f})" if self.moved_m else ""
        accuracy = f", accurate to {self.accuracy_m:.0f} m" if self.accuracy_m is not None else ""
        left = f"; {self.ballpark:,} lie where no transformation holds and stay as they are" if self.ballpark else ""
        return f"{self.rows:,} rows converted from {one_line(self.crs, 80)} to WGS 84{moved}{accuracy}{left}"


@dataclass(frozen=True)
class ResolvedCoordinates:
    """Positions of rows in WGS 84."""

    lonlat: Floats
    """(n, 2) degrees, WGS 84; nan where the row is rejected."""
    reasons: npt.NDArray[np.object_]
    """(n,) reason why each row is rejected; empty text where it is not."""
    conversions: tuple[Conversion, ...]
    """One for each reference system other than WGS 84."""


def to_wgs84(rows: pd.DataFrame) -> ResolvedCoordinates:
    """Convert the coordinates of rows to WGS 84.

    Args:
        rows: text columns ``lon``, ``lat``, ``crs`` (empty: WGS 84), ``country`` (may be empty) and ``source`` (name of
            the file).

    Raises:
        DataError: the rows name many reference systems that do not exist.
    """
    lonlat = np.column_stack([_numbers(rows["lon"]), _numbers(rows["lat"])])
    reasons = _unreadable(rows, lonlat)
    conversions, unknown = [], 0
    for text in rows["crs"].unique():
        members = np.flatnonzero((rows["crs"] == text).to_numpy() & (reasons == ""))
        system = _reference_system(text)
        if system is None:
            unknown += 1
            if unknown > MAX_UNKNOWN:
                file = rows["source"][rows["crs"] == text].iloc[0]
                raise DataError(
                    f"{file}: PROJ knows none of {unknown} reference systems, such as"
                    f" {one_line(text, 80)}: correct the column crs"
                )
            reasons[members] = "in an unknown reference system"
            continue
        if system.is_geographic:
            reasons[members] = _out_of_range(lonlat[members])
        members = members[reasons[members] == ""]
        if len(members) and not system.equals(pyproj.CRS(CRS), ignore_axis_order=True):
            lonlat[members], conversion = _convert(system, text, lonlat[members])
            conversions.append(conversion)
            reasons[members] = _out_of_range(lonlat[members])
    located = np.flatnonzero(reasons == "")
    reasons[located] = coordinate_errors(lonlat[located], rows["country"].iloc[located])
    lonlat[reasons != ""] = np.nan
    return ResolvedCoordinates(lonlat, reasons, tuple(conversions))


def _numbers(texts: pd.Series[str]) -> Floats:
    """Parse numbers (n,); nan where a text is not a number."""
    return np.asarray(pd.to_numeric(texts, errors="coerce"), dtype=np.float64)


def _unreadable(rows: pd.DataFrame, lonlat: Floats) -> npt.NDArray[np.object_]:
    """Return the reasons (n,) of rows without numbers."""
    reasons = np.full(len(rows), "", dtype=object)
    bad = np.flatnonzero(np.isnan(lonlat).any(axis=1))
    texts = rows[["lon", "lat"]].iloc[bad]
    in_minutes = texts["lon"].str.contains(DEGREES_MINUTES) | texts["lat"].str.contains(DEGREES_MINUTES)
    absent = (texts == "").any(axis=1)
    reasons[bad] = np.select(
        [absent, in_minutes],
        ["without coordinates", "with coordinates in degrees and minutes"],
        "with coordinates that are not numbers",
    )
    return reasons


def _out_of_range(lonlat: Floats) -> npt.NDArray[np.object_]:
    """Return the reasons (n,) of positions (n, 2) that are not on the Earth, or at 0, 0."""
    lon, lat = np.abs(lonlat).T
    conditions = [
        (lat > 90) & (lat <= 180) & (lon <= 90),
        ~((lon <= 180) & (lat <= 90)),
        (lon == 0) & (lat == 0),
    ]
    outcomes = [
        "with a latitude beyond 90 (exchanged with the longitude?)",
        "with coordinates out of range",
        "at 0, 0",
    ]
    return np.select(conditions, outcomes, "").astype(object)


def _reference_system(text: str) -> pyproj.CRS | None:
    """Return the reference system of a name, WGS 84 for an empty one; None if PROJ knows none of positions on Earth."""
    try:
        system = pyproj.CRS.from_user_input(text or CRS)
    except CRSError:
        return None
    return system if system.is_geographic or system.is_projected else None


def _convert(system: pyproj.CRS, text: str, positions: Floats) -> tuple[Floats, Conversion]:
    """Convert positions (n, 2) of the reference system that a table calls ``text``."""
    transformer = pyproj.Transformer.from_crs(system, CRS, always_xy=True, only_best=False)
    found = np.column_stack(transformer.transform(*positions.T))
    accuracy = _accuracies(system, found)
    exact = accuracy[~np.isnan(accuracy)]
    moved = None
    if system.is_geographic:
        metres = 1000 * geometry.distances_km(positions, found)
        moved = (float(np.median(metres)), float(np.max(metres)))
    worst = float(exact.max()) if len(exact) else None
    return found, Conversion(text, len(found), moved, worst, len(found) - len(exact))


def _accuracies(system: pyproj.CRS, positions: Floats) -> Floats:
    """Return the accuracy (n,) in metres of the best transformation at each position (n, 2) that needs no absent grid.

    nan where a position is outside the area of use of every transformation.
    """
    with warnings.catch_warnings():  # PROJ warns of absent grids, which are expected here
        warnings.simplefilter("ignore", UserWarning)
        transformers = TransformerGroup(system, CRS, always_xy=True).transformers
    best = np.full(len(positions), np.nan)
    for transformer in transformers:
        area = transformer.area_of_use
        if area is not None and transformer.accuracy >= 0:
            east, width = (positions[:, 0] - area.west) % 360, (area.east - area.west) % 360 or 360
            inside = (east <= width) & (positions[:, 1] >= area.south) & (positions[:, 1] <= area.north)
            best[inside] = np.fmin(best[inside], transformer.accuracy)
    return best
