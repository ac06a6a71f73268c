"""Landsat 4's orbit and its WRS-2 grid: position and orientation of a path/row, and times of its overflights.

The Worldwide Reference System 2 counts 233 paths (orbits of a 16-day cycle, westwards from 64.6 W at the descending
node) and 248 rows (steps along an orbit, row 60 at the descending node). Rows 1 to 122 descend, by day.
Source: Landsat Data Users Handbook, appendix C; *measured* against the 28,892 published WRS-2 polygons and 8,223 MTLs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

PATHS, ROWS, DAY_ROWS = 233, 248, 122
CYCLE_DAYS = 16
INCLINATION = np.radians(98.2)
FIRST_NODE = -64.6  # longitude of path 1 at row 60, degrees
EQUATOR_ROW = 60
MEAN_LOCAL_TIME = 9.67  # hours, at the descending node
ORBITS_A_DAY = PATHS / CYCLE_DAYS
FLATTENING = 1 / 298.257223563
CYCLE_PHASE = 2  # path 0 was overflown on days whose proleptic ordinal is 2 modulo 16


def _angle(row: np.ndarray | int) -> np.ndarray:
    """Angle along the orbit from the descending node, radians; negative in the north."""
    return np.radians((np.asarray(row) - EQUATOR_ROW) * 360 / ROWS)


def centre(path: np.ndarray | int, row: np.ndarray | int) -> np.ndarray:
    """Nominal scene centres, (..., 2) lon/lat in degrees (geodetic)."""
    return _ground_point(np.asarray(path), _angle(row))


def _ground_point(path: np.ndarray, angle: np.ndarray) -> np.ndarray:
    geocentric = np.arcsin(-np.sin(angle) * np.sin(INCLINATION))
    latitude = np.arctan(np.tan(geocentric) / (1 - FLATTENING) ** 2)
    along = np.arctan2(np.sin(angle) * np.cos(INCLINATION), np.cos(angle))
    turned = angle / ORBITS_A_DAY  # the Earth rotates below the orbit
    longitude = FIRST_NODE - (path - 1) * 360 / PATHS + np.degrees(along - turned)
    return np.stack(np.broadcast_arrays((longitude + 180) % 360 - 180, np.degrees(latitude)), axis=-1)


def track_azimuth(path: int, row: int) -> float:
    """Direction of the ground track at a scene's centre, radians clockwise from north."""
    before, after = _ground_point(np.asarray(path), _angle(row) + np.array([[-1e-4], [1e-4]]))[:, 0]
    east = ((after[0] - before[0] + 180) % 360 - 180) * np.cos(np.radians((before[1] + after[1]) / 2))
    return float(np.arctan2(east, after[1] - before[1]))


def scan_azimuth(row: int) -> float:
    """Direction of a scan line from west to east, radians clockwise from north.

    It is perpendicular to the orbit in space, not to the ground track.
    """
    geocentric = np.arcsin(-np.sin(_angle(row)) * np.sin(INCLINATION))
    heading = np.pi - np.arcsin(np.clip(np.cos(INCLINATION) / np.cos(geocentric), -1, 1))
    return float(heading - np.pi / 2)


@dataclass(frozen=True)
class Pass:
    """One overflight of a path/row."""

    day: date
    """Date of acquisition, UTC."""
    seconds: float
    """Seconds of that day at the scene's centre."""
    sun_elevation: float
    """Degrees above the horizon."""
    sun_azimuth: float
    """Degrees clockwise from north."""


def overflight(path: int, row: int, cycle: int) -> Pass:
    """Landsat 4's overflight of a path/row in a 16-day cycle; cycles are counted from the year 1."""
    # Continuous from path 1 westwards round the Earth, so that midnight UTC falls where it does in the archive.
    hours = MEAN_LOCAL_TIME - (FIRST_NODE - (path - 1) * 360 / PATHS) / 15
    seconds = hours * 3600 + float(_angle(row)) / (2 * np.pi) * 86400 / ORBITS_A_DAY
    start = date.fromordinal(cycle * CYCLE_DAYS + (7 * path + CYCLE_PHASE) % CYCLE_DAYS)
    day = start + timedelta(days=int(seconds // 86400))
    longitude, latitude = centre(path, row)
    solar_hour = (seconds / 3600 + longitude / 15) % 24
    elevation, azimuth = _sun(day, solar_hour, latitude)
    return Pass(day, seconds % 86400, elevation, azimuth)


def _sun(day: date, solar_hour: float, latitude: float) -> tuple[float, float]:
    """Elevation and azimuth of the sun in degrees, to about a degree (no equation of time)."""
    declination = np.radians(23.44) * np.sin(2 * np.pi * (day.timetuple().tm_yday - 81) / 365.25)
    hour, lat = np.radians((solar_hour - 12) * 15), np.radians(latitude)
    up = np.sin(lat) * np.sin(declination) + np.cos(lat) * np.cos(declination) * np.cos(hour)
    north = np.cos(lat) * np.sin(declination) - np.sin(lat) * np.cos(declination) * np.cos(hour)
    east = -np.cos(declination) * np.sin(hour)
    return float(np.degrees(np.arcsin(up))), float(np.degrees(np.arctan2(east, north)))
