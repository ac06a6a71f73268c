"""Definition of a sensor: its names in identifiers and indexes, its bands, and the data type and fill of its pixels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from mineral_pipeline.errors import SettingsError
from mineral_pipeline.registry import Registry

ALIASES = {"swir1": "swir16", "swir2": "swir22", "nir": "nir08"}
"""Other common names in use, by which bands are found as well."""


PANCHROMATIC = "pan"
"""Common name of the bands with pixels of 15 m."""

LONGEST_SUNLIGHT_UM = 3.0
"""Wavelength in micrometres beyond which the Earth's own radiation outshines reflected sunlight."""


@dataclass(frozen=True)
class Band:
    """One band of a sensor."""

    name: str
    """Name in file names and in ``acquire.bands``, such as ``B7``."""
    common_name: str
    """Common name of STAC's eo extension, such as ``swir22``."""
    wavelength_um: tuple[float, float]
    """Shortest and longest wavelength in micrometres."""
    irradiance: float | None = None
    """Solar irradiance outside the atmosphere in W/(m2 um), by which radiance becomes reflectance; None where the
    metadata give reflectance, or where the band is thermal."""

    @property
    def is_reflective(self) -> bool:
        """Whether what it sees is sunlight."""
        return self.wavelength_um[0] < LONGEST_SUNLIGHT_UM

    @property
    def is_panchromatic(self) -> bool:
        """Whether it has the finer grid of panchromatic bands."""
        return self.common_name == PANCHROMATIC


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
    wrs: int = 2
    """The Worldwide Reference System of its paths and rows: 1 for Landsat 1 to 3, on another orbit than all others."""

    def band(self, name: str) -> Band | None:
        """The first band with a name, or with a common name or one of its `ALIASES`; None when there is none."""
        names = {name, ALIASES.get(name, name)}
        return next((band for band in self.bands if not names.isdisjoint((band.name, band.common_name))), None)


SENSORS: Registry[Sensor] = Registry("sensor")
"""All sensors by code."""


def register(sensor: Sensor) -> Sensor:
    """Add a sensor to `SENSORS`, and return it."""
    return SENSORS.register(sensor.code, sensor)


def any_panchromatic(names: Iterable[str]) -> bool:
    """Whether one of some bands is panchromatic on one of the sensors, so that its raster has four times the pixels."""
    found = (sensor.band(name) for sensor in SENSORS.values() for name in names)
    return any(band is not None and band.is_panchromatic for band in found)


def check_bands(names: Iterable[str], codes: Iterable[str], radiometry: str = "dn") -> None:
    """Refuse bands that one of some sensors lacks, or that are not the same on all of them.

    Args:
        names: names or common names of bands, as in ``acquire.bands``.
        codes: codes of the sensors.
        radiometry: as in ``acquire.radiometry``.

    Raises:
        SettingsError: a sensor is unknown or lacks a band, or a name means different wavelengths on two of them, or two
            names one band; or a panchromatic band stands beside others; or a band is thermal, of which reflectance is
            asked for.
    """
    names, codes = list(names), list(codes)
    for code in codes:
        resolve_bands(names, code)
    for name in names:
        meanings: dict[str, str] = {}
        for code in codes:
            if band := SENSORS[code].band(name):
                low, high = band.wavelength_um
                meaning = f"{band.common_name} ({low:.2f} to {high:.2f} µm) on {code}"
                meanings.setdefault(band.common_name, meaning)
        if len(meanings) > 1:
            raise SettingsError(
                f"acquire.bands: {name} is {' and '.join(meanings.values())}: name the band that you mean by its common"
                f" name, {' or '.join(meanings)}, or choose one sensor by catalogue.spacecraft and catalogue.sensors"
            )
    _check_grids(names, codes)
    if radiometry == "reflectance":
        _check_reflective(names, codes)


def _check_grids(names: Sequence[str], codes: Iterable[str]) -> None:
    """Refuse a panchromatic band beside others, since the bands of a chip share one grid."""
    for code, name in product(codes, names):
        band = SENSORS[code].band(name)
        if band is not None and band.is_panchromatic and len(names) > 1:
            raise SettingsError(
                f"acquire.bands: {name} of {code} is panchromatic and has a grid of its own, of 15 m, while the bands"
                f" of a chip share one: acquire it alone, as bands: [{name}], or remove it"
            )


def _check_reflective(names: Iterable[str], codes: Iterable[str]) -> None:
    for code, name in product(codes, names):
        band = SENSORS[code].band(name)
        if band is not None and not band.is_reflective:
            raise SettingsError(
                f"acquire.bands: {name} of {code} is thermal ({band.common_name}) and has no reflectance: remove it, or"
                " set acquire.radiometry: dn"
            )


def resolve_bands(names: Iterable[str], code: str) -> tuple[str, ...]:
    """Names in file names of the bands of one sensor, such as ``B7``.

    Args:
        names: names or common names of bands, as in ``acquire.bands``.
        code: code of the sensor.

    Raises:
        SettingsError: the sensor is unknown or lacks a band, or two names are of one band.
    """
    sensor, found = SENSORS[code], dict[str, str]()
    for name in names:
        band = sensor.band(name)
        if band is None:
            known = ", ".join(f"{band.name} ({band.common_name})" for band in sensor.bands)
            raise SettingsError(f"acquire.bands: {code} has no band {name}: choose among {known}")
        if band.name in found:
            twice = f"{found[band.name]} and {name} are one band of {code}, {band.name}"
            raise SettingsError(f"acquire.bands: {twice}: remove one of them")
        found[band.name] = name
    return tuple(found)
