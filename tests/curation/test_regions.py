"""Continents and regions of the user's: every location is in one, and is told which."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from mineral_pipeline import curation, settings
from mineral_pipeline.curation.regions import CONTINENTS, find_regions
from mineral_pipeline.errors import DataError, SettingsError

CITIES = {
    "Africa": {
        "Cairo": (31.24, 30.04), "Suez": (32.53, 29.97), "Tunis": (10.17, 36.80), "Tangier": (-5.80, 35.77),
        "Las Palmas": (-15.43, 28.12), "Djibouti": (43.15, 11.59), "Antananarivo": (47.51, -18.88),
        "Praia": (-23.51, 14.92), "Port Louis": (57.50, -20.16), "Jamestown": (-5.72, -15.92),
        "Cape Town": (18.42, -33.92),
    },
    "Antarctica": {"McMurdo": (166.67, -77.85), "Esperanza": (-57.0, -63.40), "South Pole": (0.0, -90.0)},
    "Asia": {
        "Sharm el-Sheikh, Sinai": (34.33, 27.91), "Kadikoy, Istanbul": (29.03, 40.99), "Tbilisi": (44.79, 41.72),
        "Baku": (49.87, 40.41), "Aden": (45.03, 12.79), "Nicosia": (33.38, 35.17), "Jakarta": (106.85, -6.21),
        "Dili": (125.58, -8.56), "Ambon": (128.18, -3.70), "Anadyr": (177.51, 64.73), "Uelen": (-169.81, 66.16),
        "Male": (73.51, 4.18), "Yekaterinburg": (60.61, 56.84), "Tokyo": (139.69, 35.69), "Salekhard": (66.60, 66.53),
    },
    "Europe": {
        "Fatih, Istanbul": (28.95, 41.01), "Reykjavik": (-21.90, 64.15), "Longyearbyen": (15.64, 78.22),
        "Gibraltar": (-5.35, 36.14), "Valletta": (14.51, 35.90), "Heraklion": (25.13, 35.34), "Sochi": (39.73, 43.60),
        "Perm": (56.25, 58.01), "Ponta Delgada": (-25.67, 37.74), "Rhodes": (28.22, 36.43),
    },
    "North America": {
        "Nuuk": (-51.72, 64.18), "Adak": (-176.64, 51.88), "Attu": (173.0, 52.9), "Panama City": (-79.52, 8.98),
        "Bridgetown": (-59.62, 13.10), "Gambell": (-171.73, 63.78),
    },
    "Oceania": {
        "Honolulu": (-157.86, 21.31), "Suva": (178.44, -18.14), "Apia": (-171.76, -13.83), "Noumea": (166.46, -22.27),
        "Port Moresby": (147.19, -9.48), "Jayapura": (140.70, -2.53), "Sorong": (131.25, -0.88),
        "Koror": (134.48, 7.34),
        "Darwin": (130.84, -12.46), "Hagatna": (144.75, 13.47), "Hobart": (147.33, -42.88),
    },
    "South America": {
        "Ushuaia": (-68.30, -54.81), "Quibdo": (-76.66, 5.69), "Puerto Ayora": (-90.31, -0.74),
        "Port of Spain": (-61.51, 10.66), "Stanley": (-57.85, -51.70), "Recife": (-34.88, -8.05),
    },
}  # fmt: skip


def curate(**changes: Any) -> settings.Curate:
    return settings.Curate.model_validate({"land": "-", **changes})


@pytest.fixture(scope="module")
def continents() -> gpd.GeoDataFrame:
    return curation.read_regions(curate())


def chips(points: list[tuple[float, float]], drop_reason: str = "") -> gpd.GeoDataFrame:
    lon, lat = np.array(points).T
    return gpd.GeoDataFrame(
        {"location_id": np.char.mod("%03d", np.arange(len(lon))), "lon": lon, "lat": lat, "drop_reason": drop_reason},
        geometry=shapely.box(lon - 0.9, lat - 0.9, lon + 0.9, lat + 0.9), crs="EPSG:4326",
    )  # fmt: skip


def test_the_continents_part_the_earth(continents: gpd.GeoDataFrame) -> None:
    assert sorted(continents["name"]) == sorted(CITIES)
    assert continents.is_valid.all()
    assert shapely.area(np.asarray(continents.geometry)).sum() == pytest.approx(360 * 180, rel=1e-12)
    assert continents.union_all().area == pytest.approx(360 * 180, rel=1e-12)
    assert (np.abs(continents.get_coordinates().to_numpy()) <= (180, 90)).all()
    assert CONTINENTS.stat().st_size < 10_000


@pytest.mark.parametrize("continent", CITIES)
def test_cities(continents: gpd.GeoDataFrame, continent: str) -> None:
    names, several = find_regions(list(CITIES[continent].values()), continents)
    assert dict(zip(CITIES[continent], names, strict=True)) == dict.fromkeys(CITIES[continent], continent)
    assert not several.any()


def test_all_real_land(continents: gpd.GeoDataFrame, data: Path) -> None:
    """Of 1,421 polygons of land none but the mainlands and an islet lies across a boundary."""
    land = curation.read_land(str(data / "land/ne_50m_land.geojson")).explode(ignore_index=True).make_valid()
    points = shapely.get_coordinates(land.representative_point())
    names, several = find_regions(points, continents)
    assert len(names) > 1400
    assert (names != curation.NOWHERE).all()
    assert not several.any()
    assert set(names) == set(CITIES)
    crossed = [part for part in land if sum(shapely.intersection(part, continents.geometry).area > 0) > 1]
    assert len(crossed) <= 3


def test_all_real_places(continents: gpd.GeoDataFrame, data: Path) -> None:
    """Every path/row of the study's listing, at sea too, lies in exactly one continent."""
    with gzip.open(data / "index/product-ids-32371.txt.gz", "rt") as file:
        visited = {match[1] for line in file if (match := re.match(r"LT04_L1\w\w_(\d{6})_", line))}
    grid = gpd.read_file(data / "wrs2/WRS2_descending.zip", columns=["PATH", "ROW"])
    keys = grid["PATH"].astype(int).map("{:03d}".format) + grid["ROW"].astype(int).map("{:03d}".format)
    corners = grid[keys.isin(visited)].get_coordinates()
    radians = np.radians(corners.to_numpy())
    lon, lat = radians.T
    vectors = pd.DataFrame({"x": np.cos(lat) * np.cos(lon), "y": np.cos(lat) * np.sin(lon), "z": np.sin(lat)})
    x, y, z = vectors.groupby(corners.index.to_numpy()).mean().to_numpy().T
    centres = np.degrees(np.column_stack([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))]))
    names, several = find_regions(centres, continents)
    assert len(names) > 5000
    assert (names != curation.NOWHERE).all()
    assert not several.any()


def test_regions_of_the_user(tmp_path: Path) -> None:
    """Another reference system and column; rows of one name are one region; a location in none has none."""
    boxes = [shapely.box(0, 0, 10, 10), shapely.box(20, 0, 30, 10), shapely.box(170, 0, 180, 10)]
    table = gpd.GeoDataFrame({"belt": [" West", "West", "Pacific"], "name": [1, 2, 3]}, geometry=boxes, crs="EPSG:4326")
    table.to_crs("EPSG:3857").to_file(tmp_path / "belts.gpkg")
    config = curate(regions=str(tmp_path / "belts.gpkg"), region_column="belt")
    found = curation.assign_regions(chips([(5, 5), (25, 5), (175, 5), (15, 5)]), curation.read_regions(config))
    assert found["region"].tolist() == ["West", "West", "Pacific", ""]
    assert set(curation.read_regions(curate(regions=config.regions))["name"]) == {"1", "2", "3"}


def test_a_location_in_several_regions_is_in_the_first(tmp_path: Path) -> None:
    boxes = [shapely.box(0, 0, 10, 10), shapely.box(5, 0, 15, 10), shapely.box(5, 0, 15, 10)]
    gpd.GeoDataFrame({"name": ["b", "a", "a"]}, geometry=boxes, crs="EPSG:4326").to_file(tmp_path / "regions.geojson")
    regions = curation.read_regions(curate(regions=str(tmp_path / "regions.geojson")))
    with pytest.warns(UserWarning, match=r"curate\.regions: 1 of 3 locations lie in several regions, such as 001"):
        found = curation.assign_regions(chips([(1, 1), (7, 7), (12, 7)]), regions)
    assert found["region"].tolist() == ["b", "b", "a"]


def test_chips_without_a_footprint_are_nowhere(continents: gpd.GeoDataFrame) -> None:
    table = chips([(10, 50), (20, 50)])
    table["drop_reason"] = ["", "no footprint"]
    assert curation.assign_regions(table, continents)["region"].tolist() == ["Europe", ""]


def test_what_is_wrong_with_a_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "regions.geojson"
    table = gpd.GeoDataFrame({"name": ["a", None, " "]}, geometry=[shapely.box(0, 0, 1, 1)] * 3, crs="EPSG:4326")
    table.to_file(path)
    for changes, kind, message in (
        ({}, SettingsError, r"curate\.regions: rows \[1, 2\] of .*regions\.geojson have no name in name"),
        ({"region_column": "nam"}, SettingsError, r"curate\.region_column: .* has no column nam: choose among name"),
        ({"region_column": "geometry"}, SettingsError, "has no column geometry"),
        ({"regions": str(tmp_path / "absent.gpkg")}, SettingsError, r"curate\.regions: .*absent\.gpkg cannot be read"),
    ):
        with pytest.raises(kind, match=message):
            curation.read_regions(curate(**{"regions": str(path), **changes}))
    gpd.GeoDataFrame({"name": ["a"]}, geometry=[shapely.Point(0, 0)], crs="EPSG:4326").to_file(path)
    with pytest.raises(DataError, match=r"curate\.regions: .* holds no polygons"):
        curation.read_regions(curate(regions=str(path)))


def test_unknown_test_regions_list_those_there_are() -> None:
    curation.check_test_regions(curate(split="regions", test_regions=["Asia", "Africa"]))
    curation.check_test_regions(curate())
    with pytest.raises(SettingsError, match=r"curate\.test_regions: unknown 'Atlantis', '': choose among Africa, Ant"):
        curation.check_test_regions(curate(split="regions", test_regions=["Asia", "Atlantis", ""]))
    for nonsense in ({"test_regions": ["Asia"]}, {"split": "regions", "test_regions": []},
                     {"split": "regions", "test_regions": ["Asia", "Asia"]}, {"region_column": ""}):  # fmt: skip
        with pytest.raises(SettingsError, match="curate"):
            settings.parse({"workspace": "w", "archive": {"url": "."}, "curate": {"land": "-", **nonsense}})
