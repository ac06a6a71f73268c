"""Which bands of a chip show visible light."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from mineral_pipeline.errors import SettingsError
from mineral_pipeline.sensors.sensor import SENSORS, Band

VISIBLE_UM = (0.4, 0.7)
"""Shortest and longest wavelength in micrometres that the eye sees."""


def visible_bands(names: Sequence[str], spacecraft: Sequence[str], instruments: Sequence[str]) -> list[int]:
    """Positions in ``names`` of the bands that are visible to every sensor that has all of these bands.

    Args:
        names: names of bands, as in ``acquire.bands``.
        spacecraft: those that count, as in ``catalogue.spacecraft``; empty for all.
        instruments: those that count, as in ``catalogue.sensors``; empty for all.

    Raises:
        SettingsError: there are no two of them apart in wavelength, which tell white from colours; the message says
            which bands would.
    """
    chosen = [
        sensor
        for sensor in SENSORS.values()
        if (not spacecraft or sensor.spacecraft in spacecraft) and (not instruments or sensor.instrument in instruments)
    ]
    able = [sensor for sensor in chosen if all(sensor.band(name) for name in names)]
    found = [
        number for number, name in enumerate(names) if able and all(_is_visible(sensor.band(name)) for sensor in able)
    ]
    if not all(_differ([sensor.band(names[number]) for number in found]) for sensor in able) or not found:
        known = {sensor.code: [band.name for band in sensor.bands if _is_visible(band)] for sensor in chosen}
        choices = "; ".join(f"{code} has {', '.join(bands) or 'none'}" for code, bands in known.items())
        raise SettingsError(
            f"acquire.bands: {', '.join(names)} are not two visible bands, by which white is told from colours: add two"
            f" ({choices or 'no registered sensor is chosen by catalogue.spacecraft and catalogue.sensors'})"
        )
    return found


def _is_visible(band: Band | None) -> bool:
    return band is not None and VISIBLE_UM[0] <= band.wavelength_um[0] and band.wavelength_um[1] <= VISIBLE_UM[1]


def _differ(bands: Sequence[Band | None]) -> bool:
    """Whether two of the bands have no wavelength in common; a panchromatic one has with all others."""
    ranges = [band.wavelength_um for band in bands if band]
    return any(a[1] <= b[0] or b[1] <= a[0] for a, b in combinations(ranges, 2))
