"""Reflectance against the published equations, against USGS's own factors, and over all real metadata."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from mineral_pipeline.errors import SettingsError
from mineral_pipeline.sensors import SENSORS, check_bands
from mineral_pipeline.sensors.calibration import UncalibratedError, earth_sun_distance, reflectance_line
from mineral_pipeline.sensors.landsat import SceneMetadata, read_metadata

USGS_IRRADIANCE = {"B1": 1943, "B2": 1758, "B3": 1485, "B4": 1033, "B5": 221.7, "B7": 83.24}
"""Irradiances by which USGS has made the factors of reflectance in the metadata of Landsat 4, which do not tell them:
the same to four digits from any scene."""


def oracle(text: str, band: str, irradiance: float | None, number: float) -> float:
    """Reflectance of a digital number by the published equations, from the text of an MTL."""

    def value(*keys: str) -> float:
        return float(next(match[1] for key in keys if (match := re.search(rf"\b{key} = ([-+.\dE]+)", text))))

    n = band[1:]
    zenith = math.radians(90 - value("SUN_ELEVATION"))
    if irradiance is None:
        prime = value(f"REFLECTANCE_MULT_BAND_{n}") * number + value(f"REFLECTANCE_ADD_BAND_{n}")
        return prime / math.cos(zenith)
    top, bottom = (value(f"RADIANCE_{one}IMUM_BAND_{n}", f"L{one}_BAND{n}") for one in ("MAX", "MIN"))
    last, first = (value(f"QUANTIZE_CAL_{one}_BAND_{n}", f"QCAL{one}_BAND{n}") for one in ("MAX", "MIN"))
    radiance = np.interp(number, [first, last], [bottom, top])
    day = date.fromisoformat(re.search(r"(?:DATE_ACQUIRED|ACQUISITION_DATE) = (\S+)", text)[1])  # type: ignore[index]
    try:
        distance = value("EARTH_SUN_DISTANCE")
    except StopIteration:  # the approximation of the Landsat 7 handbook
        distance = 1 - 0.01672 * math.cos(math.radians(0.9856 * (day.timetuple().tm_yday - 4)))
    return math.pi * float(radiance) * distance**2 / (irradiance * math.cos(zenith))


REAL = [
    ("LT05_L1TP_047027_20101006_20160512_01_T1_MTL.txt", "LT05", {"B1": 1983, "B4": 1031, "B7": 83.44}),
    ("LE07_L1TP_112066_20020218_20170221_01_T1_MTL.txt", "LE07", {"B2": 1812, "B7": 84.90, "B8": 1362}),
    ("LE07_L1TP_107068_20220310_20220405_02_T1_MTL.txt", "LE07", {"B3": 1533, "B5": 230.8, "B7": 84.90}),
    ("L71090081_08120090415_MTL.txt", "LE07", {"B4": 1039, "B7": 84.90}),
    ("L5090081_08120090407_MTL.txt", "LT05", {"B3": 1536, "B5": 220.0, "B7": 83.44}),
    ("LC08_L1TP_204030_20180226_20180226_02_T1_MTL.txt", "LC08", dict.fromkeys(["B1", "B5", "B7", "B8", "B9"])),
    ("LC08_L2SP_098084_20210503_20210508_02_T1_MTL.txt", "LC08", dict.fromkeys(["B2", "B7"])),
    ("LC08_L1TP_195025_20130707_20170503_01_T1_MTL.txt", "LC08", dict.fromkeys(["B6", "B7"])),
    ("LO80900842013284ASA00_MTL.txt", "LO08", dict.fromkeys(["B7"])),
]


@pytest.mark.parametrize(("name", "code", "irradiances"), REAL, ids=[name for name, *_ in REAL])
def test_reflectance_is_that_of_the_equations(
    data: Path, name: str, code: str, irradiances: dict[str, float | None]
) -> None:
    content = (data / "mtl/other" / name).read_bytes()
    text = content.partition(b"\0")[0].decode()
    head, mark, tail = text.partition("GROUP = LEVEL1_MIN_MAX_RADIANCE")
    if mark:  # Level 2 has factors of its own, of the same names, before
        text = re.sub(r"REFLECTANCE_M\w+|REFLECTANCE_A\w+", "", head) + tail
    tolerance = 3e-4 if "EARTH_SUN_DISTANCE" in text else 2e-3  # the handbook's distance is off by 0.0007 at worst
    for band, irradiance in irradiances.items():
        line = reflectance_line(read_metadata(content, name), code, band)
        for number in (1, 77, 255, 65_535 if SENSORS[code].dtype == "uint16" else 128):
            expected = oracle(text, band, irradiance, number)
            assert line.gain * number + line.offset == pytest.approx(expected, rel=tolerance, abs=1e-6), (band, number)


def test_of_all_real_scenes_those_of_a_low_sun_are_refused(collection_1: list[tuple[str, SceneMetadata]]) -> None:
    """USGS's factors are of the same equation and of other irradiances: their ratio is the same in every scene."""
    ratios: dict[str, list[float]] = {band: [] for band in USGS_IRRADIANCE}
    dark = [metadata for _, metadata in collection_1 if metadata.sun_elevation < 5]
    assert len(dark) == 117
    assert sum(metadata.sun_elevation < 0 for metadata in dark) == 76, "by night"
    for metadata in dark:
        with pytest.raises(UncalibratedError, match=f"elevation is {metadata.sun_elevation:.1f} degrees: reflectance"):
            reflectance_line(metadata, "LT04", "B7")
    for _, metadata in collection_1:
        for band in USGS_IRRADIANCE if metadata.sun_elevation >= 5 else ():
            line, theirs = reflectance_line(metadata, "LT04", band), f"REFLECTANCE_MULT_BAND_{band[1:]}"
            prime = line.gain * math.cos(math.radians(90 - metadata.sun_elevation))
            ratios[band].append(metadata.coefficients[theirs] / prime)
    assert len(ratios["B7"]) == 8_223 - 117
    for band, found in ratios.items():
        irradiance = SENSORS["LT04"].band(band).irradiance  # type: ignore[union-attr]
        np.testing.assert_allclose(np.array(found) * USGS_IRRADIANCE[band], irradiance, rtol=6e-4, err_msg=band)


def test_the_distance_of_the_sun_is_that_in_the_metadata(collection_1: list[tuple[str, SceneMetadata]]) -> None:
    found = np.array(
        [(earth_sun_distance(one.acquired), one.coefficients["EARTH_SUN_DISTANCE"]) for _, one in collection_1]
    )
    np.testing.assert_allclose(found[:, 0], found[:, 1], atol=2e-4)
    days = [earth_sun_distance(date(2021, 1, 1) + timedelta(day)) for day in range(365)]
    assert abs(np.argmin(days) - 1) <= 1, "perihelion on 2 January 2021"
    assert abs(np.argmax(days) - 185) <= 1, "aphelion on 5 July 2021"


METADATA = read_metadata(
    """GROUP = L1_METADATA_FILE
GROUP = PRODUCT_METADATA
LANDSAT_SCENE_ID = "LT41810531988030XXX04"
SPACECRAFT_ID = "LANDSAT_4"
SENSOR_ID = "TM"
WRS_PATH = 181
WRS_ROW = 53
DATE_ACQUIRED = 1988-01-30
"""
    + "".join(f"CORNER_{corner}_{axis}_PRODUCT = 1\n" for corner in ("UL", "UR", "LL", "LR") for axis in ("LON", "LAT"))
    + """END_GROUP = PRODUCT_METADATA
GROUP = IMAGE_ATTRIBUTES
SUN_ELEVATION = 5.0
END_GROUP = IMAGE_ATTRIBUTES
GROUP = RADIOMETRIC_RESCALING
RADIANCE_MULT_BAND_7 = 0.065551
RADIANCE_ADD_BAND_7 = -0.21555
RADIANCE_MULT_BAND_5 = oops
RADIANCE_ADD_BAND_5 = 0
END_GROUP = RADIOMETRIC_RESCALING
END_GROUP = L1_METADATA_FILE
END
"""
)


@pytest.mark.parametrize(
    ("change", "band", "says"),
    [
        ({"sun_elevation": 4.99}, "B7", "the Sun's elevation is 5.0 degrees: reflectance needs 5 degrees"),
        ({"sun_elevation": -12.3}, "B7", "-12.3 degrees"),
        ({"sun_elevation": math.nan}, "B7", "the Sun's elevation is unknown"),
        ({}, "B4", "its metadata have no RADIANCE_MULT_BAND_4"),
        ({}, "B5", "its metadata have no RADIANCE_MULT_BAND_5"),
        ({"coefficients": {"RADIANCE_MULT_BAND_7": 0.0, "RADIANCE_ADD_BAND_7": 0.0}}, "B7", "= 0 is impossible"),
        ({"coefficients": {"RADIANCE_MULT_BAND_7": 1.0, "RADIANCE_ADD_BAND_7": 0.0, "EARTH_SUN_DISTANCE": 149.6}},
         "B7", "EARTH_SUN_DISTANCE = 149.6 is impossible"),
        ({"coefficients": {"RADIANCE_MULT_BAND_7": 1e300, "RADIANCE_ADD_BAND_7": 0.0}}, "B7", "which is impossible"),
        ({"coefficients": {"LMAX_BAND7": 1.7e308, "LMIN_BAND7": -1.7e308, "QCALMAX_BAND7": 2.0, "QCALMIN_BAND7": 1.0}},
         "B7", "a reflectance of inf for each"),
        ({"coefficients": dict.fromkeys(
            ("LMAX_BAND7", "LMIN_BAND7", "QCALMAX_BAND7", "QCALMIN_BAND7"), 1.0)}, "B7", "are no range"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_refused(change: dict[str, object], band: str, says: str) -> None:
    with pytest.raises(UncalibratedError, match=f"LT41810531988030XXX04.*{re.escape(says)}"):
        reflectance_line(replace(METADATA, **change), "LT04", band)  # type: ignore[arg-type]


def test_rescaling_factors_do_where_there_are_no_extremes() -> None:
    line = reflectance_line(METADATA, "LT04", "B7")
    distance = 1 - 0.01672 * math.cos(math.radians(0.9856 * 26))
    expected = math.pi * (0.065551 * 100 - 0.21555) * distance**2 / (83.49 * math.cos(math.radians(85)))
    assert line.gain * 100 + line.offset == pytest.approx(expected, rel=2e-3)


def test_every_reflective_band_has_its_coefficients_and_no_other() -> None:
    for code, sensor in SENSORS.items():
        thermal = {band.name for band in sensor.bands if not band.is_reflective}
        assert thermal == {band.name for band in sensor.bands if band.common_name.startswith("lwir")}
        lit = {band.name for band in sensor.bands if band.irradiance is not None}
        assert lit == (set() if code[2:] in ("08", "09") else {band.name for band in sensor.bands} - thermal), code


def test_a_thermal_band_has_no_reflectance() -> None:
    check_bands(["lwir"], ["LT04", "LT05"])
    with pytest.raises(SettingsError, match=r"lwir of LT05 is thermal \(lwir\) .*radiometry: dn"):
        check_bands(["B7", "lwir"], ["LT05"], "reflectance")
