"""Scenes of several kinds are refused with what they are, how many, and which settings keep one kind."""

from __future__ import annotations

import itertools

import pytest

from mineral_pipeline.errors import SettingsError
from mineral_pipeline.sensors import SENSORS, check_radiometry

BITS = {"LM": 8, "LT": 8, "LE": 8, "LC": 16, "LO": 16}
"""Bits of a Level-1 pixel by the sensor's letters, from the data format control books; TIRS alone is left out."""


def test_every_pair_of_sensors_is_judged_by_its_bits() -> None:
    codes = [code for code in SENSORS if code[2:] not in ("08", "09") or not code.startswith("LT")]
    assert len(codes) == 12
    for pair in itertools.product(codes, repeat=2):
        if len({BITS[code[:2]] for code in pair}) == 1:
            check_radiometry(pair, ["L1TP", "L1GS"])
        else:
            with pytest.raises(SettingsError, match=f"{pair[0]} .*{pair[1]} "):
                check_radiometry(pair, ["L1TP", "L1GS"])


def test_the_message_says_how_many_of_what_and_what_to_set() -> None:
    codes = ["LE07"] * 1200 + ["LC08"] * 88 + ["LT05", "LE07"]
    with pytest.raises(SettingsError) as caught:
        check_radiometry(codes, ["L1TP"] * 1000 + ["L1GT"] * 290)
    assert str(caught.value) == (
        "the scenes have pixels of several data types, which in one array would be scaled alike: uint8 of LE07 (1,201"
        " scenes), LT05 (1 scene); uint16 of LC08 (88 scenes): convert them by acquire.radiometry: reflectance, or"
        " choose one by catalogue.spacecraft: [LANDSAT_7, LANDSAT_5] and catalogue.sensors: [ETM, TM], or"
        " catalogue.spacecraft: [LANDSAT_8] and catalogue.sensors: [OLI_TIRS]"
    )


def test_levels_of_one_sensor_are_not_mixed() -> None:
    with pytest.raises(SettingsError) as caught:
        check_radiometry(["LT05", "LT05", "LT05", "LE07"], ["L2SP", "L1TP", "L1GS", "L1TP"])
    assert str(caught.value) == (
        "the scenes are of several levels, digital numbers and surface reflectance, which in one array would be scaled"
        " alike: L1 of LT05 L1TP (1 scene), LT05 L1GS (1 scene), LE07 L1TP (1 scene); L2 of LT05 L2SP (1 scene): keep"
        " Level 1 by catalogue.levels: [L1GS, L1TP]"
    )
    check_radiometry(["LT05"] * 3, ["L1TP", "L1GS", "L1GT"])


def test_surface_reflectance_is_not_read() -> None:
    says = (
        r"surface reflectance: L2 of LC08 L2SP \(2 scenes\), LC08 L2SR \(1 scene\): only Level 1 is read: get the same"
    )
    with pytest.raises(SettingsError, match=says):
        check_radiometry(["LC08"] * 3, ["L2SP", "L2SR", "L2SP"])


def test_a_sensor_that_is_not_registered_is_named() -> None:
    with pytest.raises(SettingsError, match="unknown sensor 'LT99'"):
        check_radiometry(["LT05", "LT99"], ["L1TP", "L1TP"])
    check_radiometry([], [])
