"""The registered sensors: their bands and data types are those of real products; another one is added in one line."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from mineral_pipeline.errors import MetadataError, SettingsError
from mineral_pipeline.sensors import SENSORS, Band, Sensor, check_bands, register, resolve_bands
from mineral_pipeline.sensors.landsat import parse_product_id, read_metadata

ALL = ["LM01", "LM02", "LM03", "LM04", "LM05", "LT04", "LT05", "LE07", "LC08", "LC09", "LO08", "LO09", "LT08", "LT09"]
COMMON_NAMES = {"coastal", "blue", "green", "red", "pan", "nir08", "nir09", "cirrus", "swir16", "swir22"} | {
    "lwir", "lwir11", "lwir12",
}  # fmt: skip
"""Those common names of STAC's eo extension that a Landsat has."""


def test_every_landsat_is_registered() -> None:
    assert [code for code, sensor in SENSORS.items() if sensor.spacecraft.startswith("LANDSAT_")] == ALL
    for code in ALL:
        sensor = SENSORS[code]
        assert sensor.code == code
        assert sensor.spacecraft == f"LANDSAT_{code[3]}"
        assert sensor.dtype == ("uint16" if code[3] in "89" else "uint8")
        assert sensor.fill == 0


@pytest.mark.parametrize("code", ALL)
def test_bands_are_named_once_and_in_order(code: str) -> None:
    bands = SENSORS[code].bands
    numbers = [int(re.sub(r"B(\d+).*", r"\1", band.name)) for band in bands]
    assert numbers == sorted(numbers)
    assert len({band.name for band in bands}) == len(bands)
    assert {band.common_name for band in bands} <= COMMON_NAMES
    assert all(0.4 < band.wavelength_um[0] < band.wavelength_um[1] < 13 for band in bands)


@pytest.mark.parametrize("name", ["pan", "B8"])
def test_a_panchromatic_band_stands_alone(name: str) -> None:
    check_bands([name], ["LE07", "LC08"])
    with pytest.raises(SettingsError, match=rf"{name} of LE07 is panchromatic .*alone, as bands: \[{name}\]"):
        check_bands(["red", name], ["LE07"])


@pytest.mark.parametrize(("code", "band"), [("LT04", "B7"), ("LE07", "B7"), ("LC08", "B7")])
def test_the_band_that_shows_altered_rock(code: str, band: str) -> None:
    found = SENSORS[code].band("swir22")
    assert found is not None
    assert found.name == band
    assert found == SENSORS[code].band(band)
    assert found.wavelength_um[0] < 2.2 < found.wavelength_um[1]


def test_a_band_that_a_sensor_lacks() -> None:
    assert SENSORS["LM04"].band("swir22") is None
    assert SENSORS["LM01"].band("B1") is None
    assert SENSORS["LT04"].band("B8") is None


@pytest.mark.parametrize(
    ("names", "code", "bands"),
    [
        (["swir22"], "LT04", ("B7",)),
        (["swir2", "nir", "red"], "LT05", ("B7", "B4", "B3")),
        (["swir2", "nir", "red"], "LC09", ("B7", "B5", "B4")),
        (["swir1", "B7"], "LC08", ("B6", "B7")),
        (["lwir", "B6_VCID_2"], "LE07", ("B6_VCID_1", "B6_VCID_2")),
        (["lwir"], "LT04", ("B6",)),
    ],
)
def test_bands_are_found_by_number_and_by_common_name(names: list[str], code: str, bands: tuple[str, ...]) -> None:
    assert resolve_bands(names, code) == bands
    check_bands(names, [code])


def test_a_name_of_one_band_on_every_sensor_is_allowed() -> None:
    check_bands(["B7", "swir1", "blue"], ["LT04", "LT05", "LE07"])
    check_bands(["B7"], ["LT04", "LC08"])
    check_bands(["swir2", "nir", "B3"], ["LT04", "LE07"])


@pytest.mark.parametrize(
    ("names", "codes", "says"),
    [
        (
            ["B7", "B5"],
            ["LT05", "LC08"],
            r"B5 is swir16 \(1\.55 to 1\.75 µm\) on LT05 and nir08 \(0\.85 to 0\.88 µm\) on LC08: name the band that"
            r" you mean by its common name, swir16 or nir08, or choose one sensor by catalogue\.spacecraft",
        ),
        (
            ["B4"],
            ["LT05", "LM05"],
            r"B4 is nir08 \(0\.76 to 0\.90 µm\) on LT05 and nir09 \(0\.80 to 1\.10 µm\) on LM05",
        ),
        (["B6"], ["LT05", "LE07"], r"LE07 has no band B6: choose among B1 \(blue\).*B6_VCID_1 \(lwir\), B6_VCID_2"),
        (["cirrus"], ["LC08", "LT05"], r"LT05 has no band cirrus"),
        (["B7", "swir2"], ["LT05"], r"B7 and swir2 are one band of LT05, B7: remove one of them"),
        (["B1", "B1"], ["LT05"], r"B1 and B1 are one band"),
    ],
)
def test_bands_that_are_not_one_thing_are_refused(names: list[str], codes: list[str], says: str) -> None:
    with pytest.raises(SettingsError, match=f"^acquire.bands: {says}"):
        check_bands(names, codes)


def test_bands_and_types_are_those_of_real_products(data: Path) -> None:
    """Every Level-1 metadata file names the files of its bands and, by their largest value, the type of the pixels."""
    checked = set()
    for file in sorted((data / "mtl/other").iterdir()):
        try:
            metadata = read_metadata(file.read_bytes(), file.name)
        except MetadataError:
            continue
        if not metadata.band_files or re.match(r"L\w\d\d_L2", metadata.product_id):
            continue
        (sensor,) = (
            one
            for one in SENSORS.values()
            if (one.spacecraft, one.instrument) == (metadata.spacecraft, metadata.sensor)
        )
        assert {band.name for band in sensor.bands} == set(metadata.band_files) - {"BQUALITY"}, file.name
        largest = set(re.findall(r"QUANTIZE_CAL_MAX_BAND_\w+[ =>\"]+(\d+)", file.read_text(errors="replace")))
        assert largest == {{"uint8": "255", "uint16": "65535"}[sensor.dtype]}, file.name
        checked.add(sensor.code)
    assert checked == {"LM01", "LM03", "LM05", "LT05", "LE07", "LC08", "LC09", "LO08"}


def test_a_sensor_that_is_not_registered() -> None:
    with pytest.raises(SettingsError, match=r"unknown sensor 'LT99': choose among LM01, LM02"):
        check_bands(["B7"], ["LT04", "LT99"])
    with pytest.raises(MetadataError, match="no sensor is called LT99"):
        parse_product_id("LT99_L1TP_181053_19880130_20170209_01_T1")


def test_a_new_sensor_is_registered_in_one_line() -> None:
    toy = register(Sensor("XX01", "TOY_1", "XX", (Band("B1", "red", (0.6, 0.7)),), "uint16"))
    try:
        assert SENSORS["XX01"] is toy
        assert parse_product_id("XX01_L1TP_181053_19880130_20170209_01_T1").sensor == "XX01"
        with pytest.raises(ValueError, match="sensor 'XX01' is registered already"):
            register(dataclasses.replace(toy, dtype="uint8"))
    finally:
        SENSORS.unregister("XX01")
