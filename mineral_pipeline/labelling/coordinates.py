"""Where the rows of deposit tables lie on the Earth, and why some lie nowhere.

Positions become WGS 84 longitude and latitude with PROJ's best transformation that needs no grid file. A row is
rejected when its coordinates are absent, no numbers, out of range or 0, 0, and when its country gives it away
(`blunders`).
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
from mineral_pipeline.geometry import CRS, Floats
from mineral_pipeline.labelling.coordinate_errors import coordinate_errors

DEGREES_MINUTES = r"[°º'′\"″]|^\s*[-+]?\d+[\s:d-]+\d+(?:[\s:m-]+\d+(?:\.\d*)?)?\s*[NSEWnsew]?\s*$"
"""``41° 2' 58" N``, ``41 02 58N``, ``41-02-58``, ``41:02.97``: degrees, minutes and perhaps seconds."""


@dataclass(frozen=True)
class Conversion:
    """What converting the positions of one reference system to WGS 84 came to."""

    crs: str
    """As the table gives it."""
    rows: int
    """How many."""
    moved_m: tuple[float, float] | None
    """By how many metres, median and largest; None for coordinates that were no degrees."""
    accuracy_m: float | None
    """Of the worst transformation that was used; None if none was."""
    ballpark: int
    """Rows outside the area of use of every transformation: they stay as they are."""

    def __str__(self) -> str:
        """In one line."""
        moved = f", moved by {self.moved_m[0]:.0f} m (at most {self.moved_m[1]:.0f})" if self.moved_m else ""
        accuracy = f", accurate to {self.accuracy_m:.0f} m" if self.accuracy_m is not None else ""
        left = f"; {self.ballpark:,} lie where no transformation holds and stay as they are" if self.ballpark else ""
        return f"{self.rows:,} rows converted from {self.crs} to WGS 84{moved}{accuracy}{left}"


@dataclass(frozen=True)
class ResolvedCoordinates:
    """Where rows lie."""

    lonlat: Floats
    """(n, 2) degrees, WGS 84; nan where the row is rejected."""
    reasons: npt.NDArray[np.object_]
    """(n,) why each row is rejected; empty text where it is not."""
    conversions: tuple[Conversion, ...]
    """Of all reference systems but WGS 84."""


def to_wgs84(rows: pd.DataFrame) -> ResolvedCoordinates:
    """Find out where rows lie.

    Args:
        rows: text columns ``lon``, ``lat``, ``crs`` (empty: WGS 84) and ``country`` (may be empty).
    """
    lonlat = np.column_stack([_numbers(rows["lon"]), _numbers(rows["lat"])])
    reasons = _unreadable(rows, lonlat)
    conversions = []
    for text in rows["crs"].unique():
        members = np.flatnonzero((rows["crs"] == text).to_numpy() & (reasons == ""))
        system = _reference_system(text)
        if system is None:
            reasons[members] = "in an unknown reference system"
            continue
        if system.is_geographic:
            reasons[members] = _out_of_range(lonlat[members])
        members = members[reasons[members] == ""]
        if len(members) and not system.equals(pyproj.CRS(CRS), ignore_axis_order=True):
            lonlat[members], conversion = _to_wgs84(system, text, lonlat[members])
            conversions.append(conversion)
            reasons[members] = _out_of_range(lonlat[members])
    placed = np.flatnonzero(reasons == "")
    reasons[placed] = coordinate_errors(lonlat[placed], rows["country"].iloc[placed])
    lonlat[reasons != ""] = np.nan
    return ResolvedCoordinates(lonlat, reasons, tuple(conversions))


def _numbers(texts: pd.Series[str]) -> Floats:
    return np.asarray(pd.to_numeric(texts, errors="coerce"), dtype=np.float64)


def _unreadable(rows: pd.DataFrame, lonlat: Floats) -> npt.NDArray[np.object_]:
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
    try:
        return pyproj.CRS.from_user_input(text or CRS)
    except CRSError:
        return None


def _to_wgs84(system: pyproj.CRS, text: str, positions: Floats) -> tuple[Floats, Conversion]:
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
    """Accuracy (n,) in metres of what PROJ uses at each position, the best that needs no absent grid; nan if none."""
    with warnings.catch_warnings():  # that grids are absent is what this is about
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
