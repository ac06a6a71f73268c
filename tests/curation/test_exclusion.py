"""Excluded ground: polygons of the user's, and snow by an oracle that looks at one pixel at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mineral_pipeline import curation, settings
from mineral_pipeline.curation.snow import snow_share
from mineral_pipeline.errors import DataError, SettingsError

PIXELS = st.tuples(st.just(3), st.integers(1, 6), st.integers(1, 6))


def chips() -> gpd.GeoDataFrame:
    lon = np.array([0.0, 0.2, 20.0, 40.0])
    table = {"location_id": ["a", "a", "b", "c"], "chip_index": range(4), "lon": lon, "lat": 0.0, "drop_reason": ""}
    return gpd.GeoDataFrame(table, geometry=shapely.box(lon - 1, -1, lon + 1, 1), crs="EPSG:4326")


def test_locations_inside_polygons_are_left_out() -> None:
    area = gpd.GeoDataFrame(geometry=[shapely.box(-5, -5, 0.15, 5), shapely.box(39, -1, 39.9, 1)], crs="EPSG:4326")
    found = curation.drop_inside(chips(), area)  # the centre of a is at 0.1, that of c outside
    assert found["drop_reason"].tolist() == ["inside an excluded area"] * 2 + ["", ""]
    with pytest.raises(DataError, match=r"no location is left: .*curate\.exclude"):
        curation.drop_inside(found, gpd.GeoDataFrame(geometry=[shapely.box(10, -5, 50, 5)], crs="EPSG:4326"))


def test_chips_under_snow_are_left_out_one_by_one() -> None:
    shares = pd.Series([0.5, 0.49, 1.0], index=[0, 1, 3])  # chip 2 was dropped before
    table = chips().assign(drop_reason=["", "", "over the ocean", ""])
    found = curation.drop_snow(table, shares, 0.5)
    assert found["drop_reason"].tolist() == ["snow or ice", "", "over the ocean", "snow or ice"]


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@given(data=st.data())
def test_the_share_of_snow(dtype: str, data: Any) -> None:
    largest = np.iinfo(dtype).max
    values = st.sampled_from([0, 1, int(0.69 * largest), int(0.71 * largest), int(0.78 * largest), largest])
    image = data.draw(hnp.arrays(dtype, PIXELS, elements=values))
    white = valid = 0
    for y in range(image.shape[1]):
        for x in range(image.shape[2]):
            pixel = [int(value) for value in image[:, y, x]]
            if 0 not in pixel:
                valid += 1
                white += min(pixel) >= 0.7 * largest and max(pixel) - min(pixel) <= 0.1 * max(pixel)
    assert snow_share(image) == (white / valid if valid else 0)


def test_ice_and_bright_ground() -> None:
    """Medians of red, green and blue in the real composite that docs/science.md tells of."""
    colours = {
        "Greenland": (252, 254, 253), "Severnaya Zemlya": (218, 221, 221), "Great Western Erg": (199, 161, 114),
        "White Desert": (201, 175, 135), "White Sands": (166, 141, 110), "Bonneville": (181, 174, 156),
    }  # fmt: skip
    snow = {name for name, colour in colours.items() if snow_share(np.array(colour, np.uint8)[:, None, None]) == 1}
    assert snow == {"Greenland", "Severnaya Zemlya"}


@pytest.mark.parametrize("entry", [{}, {"snow": 0.5, "polygons": "x"}, {"snow": 0}, {"snow": 1.5}, {"ice": 1}, 3, None])
def test_nonsense_is_refused(entry: Any) -> None:
    curate = {"land": "-", "exclude": [entry]}
    with pytest.raises(SettingsError, match=r"curate\.exclude\.0"):
        settings.parse({"workspace": "w", "archive": {"url": "."}, "curate": curate})


def test_paths_become_absolute() -> None:
    config = settings.Curate.model_validate({"land": "-", "exclude": [{"polygons": "parks.gpkg"}, {"snow": 0.3}]})
    assert config.exclude is not None
    assert config.exclude[0].polygons == str(Path("parks.gpkg").absolute())
    assert config.exclude[1].snow == 0.3
