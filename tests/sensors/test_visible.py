"""Visible bands by wavelength, whatever a sensor calls them."""

from __future__ import annotations

import pytest

from mineral_pipeline.errors import SettingsError
from mineral_pipeline.sensors import visible_bands


@pytest.mark.parametrize(
    ("bands", "spacecraft", "instruments", "found"),
    [
        (["B1", "B2", "B3"], ["LANDSAT_4"], ["TM"], [0, 1, 2]),
        (["B7", "B3", "B1"], ["LANDSAT_4", "LANDSAT_5"], ["TM"], [1, 2]),
        (["B1", "B2", "B3", "B4", "B8"], ["LANDSAT_8"], ["OLI_TIRS"], [0, 1, 2, 3, 4]),
        (["B4", "B5", "B6"], ["LANDSAT_1"], ["MSS"], [0, 1]),  # green and red of the first scanners
        (["B1", "B3"], [], ["TM", "ETM"], [0, 1]),
    ],
)
def test_by_wavelength(bands: list[str], spacecraft: list[str], instruments: list[str], found: list[int]) -> None:
    assert visible_bands(bands, spacecraft, instruments) == found


@pytest.mark.parametrize(
    ("bands", "spacecraft", "message"),
    [
        (["B7"], ["LANDSAT_4"], r"acquire\.bands: B7 are not two visible bands.*LT04 has B1, B2, B3"),
        (["B1"], ["LANDSAT_4"], "LT04 has B1, B2, B3"),
        (["B4", "B8"], ["LANDSAT_8"], "LC08 has B1, B2, B3, B4, B8"),  # panchromatic light holds the red
        (["B1", "B2"], ["LANDSAT_99"], "no registered sensor is chosen"),
        (["B99", "B1"], ["LANDSAT_4"], "LT04 has"),
        (["B3", "B4"], ["LANDSAT_8", "LANDSAT_4"], "LC08 has B1, B2, B3, B4, B8"),  # red and infrared to the mapper
    ],
)
def test_what_is_missing_is_told(bands: list[str], spacecraft: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        visible_bands(bands, spacecraft, ["TM", "ETM", "OLI_TIRS"])


def test_common_names_are_those_of_the_same_bands() -> None:
    assert visible_bands(["swir2", "red", "blue"], ["LANDSAT_4", "LANDSAT_8"], []) == [1, 2]
