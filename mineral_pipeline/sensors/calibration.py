"""From digital numbers to reflectance at the top of the atmosphere, by the coefficients in a product's own metadata.

TM, ETM+ and MSS: to radiance by the extremes in the metadata, and from there by the solar irradiance of Chander,
Markham and Helder 2009 (Summary of current radiometric calibration coefficients for Landsat MSS, TM, ETM+, and EO-1 ALI
sensors, Remote Sensing of Environment 113:893-903, equations 1 and 2, tables 3 to 5). OLI: by the rescaling factors of
reflectance in the metadata (USGS LSDS-1574, Landsat 8 Data Users Handbook, section 5.3). Both are divided by the sine
of the Sun's elevation at the centre of the scene. Both are linear in the digital number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

from mineral_pipeline.errors import MetadataError
from mineral_pipeline.sensors.landsat import SceneMetadata
from mineral_pipeline.sensors.sensor import SENSORS

MIN_SUN_ELEVATION = 5.0
"""Lowest Sun in degrees at which reflectance is taken: below, hardly any light comes from the ground."""

MAX_REFLECTANCE = 10.0
"""Magnitude that neither the reflectance of one digital number nor that at 0 reaches: ten times that of white."""

NEAREST, FARTHEST = 0.98, 1.02
"""Distances between Earth and Sun in astronomical units that occur."""


_EXTREMES = (
    ("RADIANCE_MAXIMUM", "LMAX"),
    ("RADIANCE_MINIMUM", "LMIN"),
    ("QUANTIZE_CAL_MAX", "QCALMAX"),
    ("QUANTIZE_CAL_MIN", "QCALMIN"),
)
"""Names of the radiances of the largest and the smallest digital number, and of these, now and before 2012."""


class UncalibratedError(MetadataError):
    """The reflectance of a scene is not known: the Sun is too low, or its metadata lack coefficients."""


@dataclass(frozen=True)
class Line:
    """A quantity that is linear in the digital number."""

    gain: float
    """Growth with each digital number."""
    offset: float
    """Value at a digital number of 0."""

    def __mul__(self, factor: float) -> Line:
        """The line of a multiple of the quantity."""
        return Line(self.gain * factor, self.offset * factor)


def reflectance_line(metadata: SceneMetadata, code: str, band: str) -> Line:
    """Reflectance at the top of the atmosphere of a band by its digital number.

    Args:
        metadata: metadata of the scene.
        code: code of its sensor, such as ``LT04``.
        band: name of the band, such as ``B7``.

    Raises:
        UncalibratedError: the Sun is lower than `MIN_SUN_ELEVATION` or its elevation unknown, or the metadata lack a
            coefficient or have an impossible one.
    """
    if not metadata.sun_elevation >= MIN_SUN_ELEVATION:
        found = "unknown" if math.isnan(metadata.sun_elevation) else f"{metadata.sun_elevation:.1f} degrees"
        raise UncalibratedError(
            f"{metadata.product_id}: the Sun's elevation is {found}: reflectance needs {MIN_SUN_ELEVATION:g} degrees"
        )
    known = SENSORS[code].band(band)
    sine = math.sin(math.radians(metadata.sun_elevation))
    if known is None or known.irradiance is None:
        line = _rescaling(metadata, "REFLECTANCE", band) * (1 / sine)
    else:
        distance = _earth_sun_distance(metadata)
        line = radiance_line(metadata, band) * (math.pi * distance**2 / (known.irradiance * sine))
    if not (0 < line.gain < MAX_REFLECTANCE and abs(line.offset) < MAX_REFLECTANCE):
        raise UncalibratedError(
            f"{metadata.product_id}: its coefficients of {band} give a reflectance of {line.gain:.3g} for each digital"
            f" number and {line.offset:.3g} at 0, which is impossible"
        )
    return line


def radiance_line(metadata: SceneMetadata, band: str) -> Line:
    """Radiance at the sensor in W/(m2 sr um) by the digital number.

    It is that of the extremes, where the metadata have them, because the rescaling factors are rounded.

    Raises:
        UncalibratedError: the metadata lack a coefficient, or have an impossible one.
    """
    keys = [_keys(metadata, band, *names) for names in _EXTREMES]
    if not all(key in metadata.coefficients for key in keys):
        return _rescaling(metadata, "RADIANCE", band)
    highest, lowest, largest, smallest = (metadata.coefficients[key] for key in keys)
    if not (highest > lowest and largest > smallest):
        raise UncalibratedError(f"{metadata.product_id}: the extremes of {band}, {', '.join(keys)}, are no range")
    gain = (highest - lowest) / (largest - smallest)
    return Line(gain, lowest - gain * smallest)


def _keys(metadata: SceneMetadata, band: str, now: str, then: str) -> str:
    """The key of a coefficient that is there, else that of today."""
    number = band.removeprefix("B")
    earlier = f"{then}_BAND{number}"
    return earlier if earlier in metadata.coefficients else f"{now}_BAND_{number}"


def _rescaling(metadata: SceneMetadata, quantity: str, band: str) -> Line:
    """The line that the metadata give by its gain and offset."""
    keys = [f"{quantity}_{name}_BAND_{band.removeprefix('B')}" for name in ("MULT", "ADD")]
    for key in keys:
        if key not in metadata.coefficients:
            raise UncalibratedError(f"{metadata.product_id}: its metadata have no {key}, which reflectance needs")
    gain, offset = (metadata.coefficients[key] for key in keys)
    if not gain > 0:
        raise UncalibratedError(f"{metadata.product_id}: {keys[0]} = {gain:g} is impossible")
    return Line(gain, offset)


def _earth_sun_distance(metadata: SceneMetadata) -> float:
    """Distance in astronomical units from the metadata, or from the day where they lack it, as those before 2012."""
    distance = metadata.coefficients.get("EARTH_SUN_DISTANCE")
    if distance is None:
        return earth_sun_distance(metadata.acquired)
    if not NEAREST < distance < FARTHEST:
        raise UncalibratedError(f"{metadata.product_id}: EARTH_SUN_DISTANCE = {distance:g} is impossible")
    return distance


def earth_sun_distance(day: date) -> float:
    """Distance between Earth and Sun in astronomical units at noon of a day, to 0.0002.

    Low-precision formula of the Astronomical Almanac (section C, 1950 to 2050).
    """
    anomaly = math.radians(357.528 + 0.9856003 * (day - date(2000, 1, 1)).days)
    return 1.00014 - 0.01671 * math.cos(anomaly) - 0.00014 * math.cos(2 * anomaly)
