"""Definition of a sensor: its names in identifiers and indexes, its bands, and the data type and fill of its pixels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mineral_pipeline.errors import SettingsError
from mineral_pipeline.registry import Registry


@dataclass(frozen=True)
class Band:
    """One band of a sensor."""

    name: str
    """Name in file names and in ``acquire.bands``, such as ``B7``."""
    common_name: str
    """Common name of STAC's eo extension, such as ``swir22``."""
    wavelength_um: tuple[float, float]
    """Shortest and longest wavelength in micrometres."""


@dataclass(frozen=True)
class Sensor:
    """One instrument of one spacecraft."""

    code: str
    """First part of the identifiers of its products, such as ``LT04``."""
    spacecraft: str
    """SPACECRAFT_ID in the archive's index, such as ``LANDSAT_4``."""
    instrument: str
    """SENSOR_ID in the archive's index, such as ``TM``."""
    bands: tuple[Band, ...]
    """Bands in the order of their numbers."""
    dtype: str = "uint8"
    """Type of the pixels: ``uint8`` or ``uint16``. Only sensors of one type share an array (`check_radiometry`)."""
    fill: int = 0
    """Value of pixels outside the image, unless the file's nodata tag gives another."""

    def band(self, name: str) -> Band | None:
        """The first band with a name or common name; None when there is none."""
        return next((band for band in self.bands if name in (band.name, band.common_name)), None)


SENSORS: Registry[Sensor] = Registry("sensor")
"""All sensors by code."""


def register(sensor: Sensor) -> Sensor:
    """Add a sensor to `SENSORS`, and return it."""
    return SENSORS.register(sensor.code, sensor)


def check_bands(names: Iterable[str], codes: Iterable[str]) -> None:
    """Refuse bands that one of some sensors lacks.

    Args:
        names: names of bands, as in ``acquire.bands``.
        codes: codes of the sensors.

    Raises:
        SettingsError: a sensor is unknown or lacks a band.
    """
    for code in codes:
        known = [band.name for band in SENSORS[code].bands]
        for name in names:
            if name not in known:
                raise SettingsError(f"acquire.bands: {code} has no band {name}: choose among {', '.join(known)}")
