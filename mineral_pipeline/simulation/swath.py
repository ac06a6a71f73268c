"""The ground that Landsat 4 images of a path/row: a slanting quadrilateral with stepped corners.

The ends of a scene lie along the scan lines, its sides along the ground track. The rotation of the Earth makes the
angle between the two differ from a right angle. The first and last sweeps of the mirror are shortened in steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mineral_pipeline.geometry import Floats
from mineral_pipeline.simulation import orbit
from mineral_pipeline.simulation.local_projection import LocalProjection

WIDTH_KM, LENGTH_KM = 185.0, 180.0
"""Width of a scene along a scan line, and its length along the ground track."""

REACH_KM = 140.0
"""No ground of a scene is farther from its centre."""

STEPS, STEP_KM, CUT_KM = 6, 2.0, 5.5
"""Number of steps at two opposite corners, length of each along the track, and how much each takes off the scan."""


@dataclass(frozen=True)
class Swath:
    """The ground of one path/row."""

    path: int
    """WRS-2 path."""
    row: int
    """WRS-2 row."""

    @cached_property
    def projection(self) -> LocalProjection:
        """Map projection around the scene's centre."""
        longitude, latitude = orbit.centre(self.path, self.row)
        return LocalProjection(float(longitude), float(latitude))

    @cached_property
    def _axes(self) -> Floats:
        """(2, 2) unit vectors, each east and north: along a scan line, and along the track."""
        azimuths = np.array([orbit.scan_azimuth(self.row), orbit.track_azimuth(self.path, self.row)])
        return np.column_stack([np.sin(azimuths), np.cos(azimuths)])

    def oblique(self, lonlat: Floats) -> Floats:
        """Transform positions: (..., 2) lon/lat in degrees to (..., 2) km along the scan line and along the track."""
        return np.asarray(self.projection.to_local(lonlat) @ np.linalg.inv(self._axes))

    def lonlat(self, oblique: Floats) -> Floats:
        """The inverse of `oblique`."""
        return self.projection.to_lonlat(oblique @ self._axes)

    def contains(self, lonlat: Floats, margin_km: float = 0.0) -> np.ndarray:
        """Where positions (..., 2) lie at least ``margin_km`` inside the scene; its steps are outside."""
        across, along = np.moveaxis(self.oblique(lonlat), -1, 0)
        return seen(across, along, margin_km)

    def outline(self, points: int = 16) -> Floats:
        """(4 * points, 2) lon/lat along the four sides, without the steps."""
        side = np.linspace(-1, 1, points, endpoint=False)
        edge = np.ones_like(side)
        ring = [(side, -edge), (edge, side), (-side, edge), (-edge, -side)]
        return self.lonlat(np.concatenate([np.column_stack(xy) for xy in ring]) * [WIDTH_KM / 2, LENGTH_KM / 2])


def seen(across: np.ndarray, along: np.ndarray, margin_km: float = 0.0) -> np.ndarray:
    """Where points, given as km along the scan line and along the track, lie at least ``margin_km`` inside a scene.

    The scan is shortened in the east at the northern end and in the west at the southern end.
    """
    sweep = np.ceil((np.abs(along) - LENGTH_KM / 2 + margin_km) / STEP_KM + STEPS).clip(0, STEPS)
    end = WIDTH_KM / 2 - margin_km - CUT_KM * sweep
    within = (np.abs(along) <= LENGTH_KM / 2 - margin_km) & (np.abs(across) <= WIDTH_KM / 2 - margin_km)
    return within & (across * np.sign(-along) <= end)  # type: ignore[no-any-return]
