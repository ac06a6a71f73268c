"""What a sensor is: the bands of its products, their data type and fill, and by which identifiers it is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mineral_pipeline.registry import Registry


@dataclass(frozen=True)
class Band:
    """One band of a sensor."""

    name: str
    """As in file names and in ``acquire.bands``, such as ``B7``."""
    common_name: str
    """Common name of STAC's eo extension, such as ``swir22``."""
    wavelength_um: tuple[float, float]
    """Shortest and longest wavelength in micrometres."""


@dataclass(frozen=True)
class Sensor:
    """One instrument of one spacecraft."""

    code: str
    """Beginning of its products' identifiers, such as ``LT04``."""
    spacecraft: str
    """SPACECRAFT_ID of the archive's index, such as ``LANDSAT_4``."""
    instrument: str
    """SENSOR_ID of the archive's index, such as ``TM``."""
    bands: tuple[Band, ...]
    """Bands in the order of their numbers."""
    dtype: str = "uint8"
    """Type of the pixels: ``uint8`` or ``uint16``."""
    fill: int = 0
    """Value of pixels outside of the image, where the file's own nodata tag does not say otherwise."""

    def band(self, name: str) -> Band | None:
        """The band of a name or common name; None when the sensor has none."""
        return next((band for band in self.bands if name in (band.name, band.common_name)), None)


SENSORS: Registry[Sensor] = Registry("sensor")
"""All sensors by code."""


def register(sensor: Sensor) -> Sensor:
    """Make a sensor known, and return it."""
    return SENSORS.register(sensor.code, sensor)


def common_dtype(codes: Iterable[str]) -> str:
    """Smallest type that holds the pixels of all these sensors, by their codes.

    Raises:
        SettingsError: there is no such sensor.
    """
    return np.result_type(*(SENSORS[code].dtype for code in codes)).name
