"""A map projection around a point of the sphere: azimuthal equidistant, east and north in kilometres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mineral_pipeline.geometry import EARTH_RADIUS_KM, Floats


@dataclass(frozen=True)
class LocalProjection:
    """An azimuthal equidistant projection: distances and directions from its centre are true.

    Formulae: J. P. Snyder, Map Projections - A Working Manual, USGS Professional Paper 1395 (1987), p. 195.
    """

    longitude: float
    """Longitude of the centre, degrees."""
    latitude: float
    """Latitude of the centre, degrees."""

    def to_local(self, lonlat: Floats) -> Floats:
        """Project positions: (..., 2) lon/lat in degrees to (..., 2) east and north in km."""
        turn = np.radians(lonlat[..., 0] - self.longitude)
        latitude, here = np.radians(lonlat[..., 1]), np.radians(self.latitude)
        east = np.cos(latitude) * np.sin(turn)
        north = np.cos(here) * np.sin(latitude) - np.sin(here) * np.cos(latitude) * np.cos(turn)
        up = np.sin(here) * np.sin(latitude) + np.cos(here) * np.cos(latitude) * np.cos(turn)
        flat = np.hypot(east, north)
        stretch = EARTH_RADIUS_KM * np.arctan2(flat, up) / np.where(flat > 0, flat, 1)
        return np.stack([east * stretch, north * stretch], axis=-1)

    def to_lonlat(self, local: Floats) -> Floats:
        """The inverse of `to_local`; longitudes are continuous around the centre and may pass 180."""
        east, north = local[..., 0], local[..., 1]
        distance = np.hypot(east, north)
        angle = distance / EARTH_RADIUS_KM
        here = np.radians(self.latitude)
        sine_over = np.sin(angle) / np.where(distance > 0, distance, 1)
        latitude = np.arcsin(np.clip(np.cos(angle) * np.sin(here) + north * sine_over * np.cos(here), -1, 1))
        turn = np.arctan2(east * sine_over, np.cos(here) * np.cos(angle) - north * sine_over * np.sin(here))
        return np.stack([self.longitude + np.degrees(turn), np.degrees(latitude)], axis=-1)
