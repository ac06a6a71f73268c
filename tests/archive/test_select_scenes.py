"""Mismatched rows, reprocessings, order, and the catalogue's columns."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_archive import listing

from mineral_pipeline import settings
from mineral_pipeline.archive import Selection, build_catalogue, find_products, select_scenes
from mineral_pipeline.archive import index as archive_index
from mineral_pipeline.archive import rows as archive_rows
from mineral_pipeline.errors import DataError
from mineral_pipeline.sensors import landsat

GOOD = "LT04_L1TP_181053_19880130_20170209_01_T1"
OTHER = "LT04_L1TP_002026_19880130_20170209_01_T1"
EVERYTHING = settings.Catalogue(spacecraft=[], sensors=[])

Select = Callable[..., Selection]


@pytest.fixture
def select(write_index: Callable[[pd.DataFrame], settings.Archive]) -> Select:
    """Select from rows of an index."""

    def choose(rows: pd.DataFrame, limit: int | None = None) -> Selection:
        return select_scenes(find_products(write_index(rows), EVERYTHING), limit)

    return choose


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("PRODUCT_ID", None, "no product identifier"),
        ("PRODUCT_ID", "LT41810531988030XXX04", "no product identifier"),
        ("PRODUCT_ID", f"../{GOOD}", "no product identifier"),
        ("SPACECRAFT_ID", "LANDSAT_5", "mismatched identifier"),
        ("SENSOR_ID", "MSS", "mismatched identifier"),
        ("WRS_PATH", 182.0, "mismatched identifier"),
        ("WRS_ROW", np.nan, "mismatched identifier"),
        ("DATE_ACQUIRED", "1988-01-31", "mismatched identifier"),
        ("DATA_TYPE", "L1GS", "mismatched identifier"),
        ("COLLECTION_CATEGORY", "T2", "mismatched identifier"),
        ("BASE_URL", f"gs://other/{landsat.product_folder(GOOD)}", "mismatched folder"),
        ("BASE_URL", None, "mismatched folder"),
        ("NORTH_LAT", 8.0, "no bounds"),
        ("EAST_LON", np.nan, "no bounds"),
        ("WEST_LON", -200.0, "no bounds"),
    ],
)
def test_what_contradicts_itself_is_dropped(select: Select, column: str, value: object, reason: str) -> None:
    rows = pd.concat([listing(GOOD, **{column: [value]}), listing(OTHER)], ignore_index=True)
    selection = select(rows)
    assert selection.scenes["PRODUCT_ID"].tolist() == [OTHER]
    assert selection.dropped == {reason: 1}


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("LT04_L1TP_181053_19880130_20160209_01_T1", "LT04_L1TP_181053_19880130_20170209_01_T1"),
        ("LT04_L1TP_181053_19880130_20160209_01_T1", "LT04_L1GS_181053_19880130_20170209_01_T2"),
        ("LT04_L1TP_181053_19880130_20180209_01_RT", "LT04_L1TP_181053_19880130_20170209_01_T2"),
        ("LT04_L1TP_181053_19880130_20170209_01_T2", "LT04_L1TP_181053_19880130_20170209_01_T1"),
        ("LT04_L1TP_181053_19880130_20180209_01_T1", "LT04_L1TP_181053_19880130_20180209_02_T1"),
    ],
)
def test_the_newest_processing_is_kept(select: Select, older: str, newer: str) -> None:
    for rows in (listing(older, newer), listing(newer, older, newer)):
        selection = select(rows)
        assert selection.scenes["PRODUCT_ID"].tolist() == [newer]
        assert selection.dropped == {"older processing": len(rows) - 1}


def test_a_product_of_another_level_is_no_processing(select: Select) -> None:
    level_2 = "LT04_L2SP_181053_19880130_20200918_02_T1"
    older = "LT04_L1TP_181053_19880130_20160209_01_T1"
    selection = select(listing(older, level_2, GOOD))
    assert set(selection.scenes["PRODUCT_ID"]) == {GOOD, level_2}
    assert selection.dropped == {"older processing": 1}


def test_other_scenes_are_not_reprocessings(select: Select) -> None:
    scenes = [
        GOOD,
        "LM04_L1TP_181053_19880130_20170209_01_T1",
        "LT05_L1TP_181053_19880130_20170209_01_T1",
        "LT04_L1TP_181053_19880131_20170209_01_T1",
        "LT04_L1TP_181054_19880130_20170209_01_T1",
    ]
    assert select(listing(*scenes)).dropped == {}


def test_nothing_left_says_why(select: Select) -> None:
    with pytest.raises(
        DataError, match="2 scenes that match is usable \\(1 no product identifier, 1 mismatched identifier\\)"
    ):
        select(listing(GOOD, OTHER, PRODUCT_ID=["", OTHER], SPACECRAFT_ID="LANDSAT_5"))


def test_the_order_of_the_index_does_not_matter(data: Path) -> None:
    archive = settings.Archive(url=str(data / "archive"), index=str(data / "index/lt04-8223.csv.gz"))
    found = find_products(archive, settings.Catalogue(max_cloud_cover=20))
    first = build_catalogue(select_scenes(found).scenes, archive.url, 16)
    shuffled = replace(found, rows=found.rows.sample(frac=1, random_state=0, ignore_index=True))
    pd.testing.assert_frame_equal(first, build_catalogue(select_scenes(shuffled).scenes, archive.url, 16))
    assert first[["path", "row", "acquired"]].apply(tuple, axis=1).is_monotonic_increasing


def test_real_identifiers_of_another_satellite(select: Select, data: Path) -> None:
    texts = pd.read_csv(data / "index/product-ids-32371.txt.gz", header=None)[0].tolist()[::8]
    mismatched = sum(text.startswith("LT05") for text in texts)
    assert mismatched > 100
    selection = select(listing(*texts, SPACECRAFT_ID="LANDSAT_4"))

    newest: dict[tuple[object, ...], str] = {}
    for text in sorted(texts, key=lambda text: (landsat.parse_product_id(text).processed, text)):
        if text.startswith("LT04"):
            newest[tuple(text.split("_")[i] for i in (0, 2, 3))] = text
    assert selection.dropped["mismatched identifier"] == mismatched
    assert selection.dropped.get("older processing", 0) == len(texts) - mismatched - len(newest)
    assert set(selection.scenes["PRODUCT_ID"]) == set(newest.values())


def test_limit_takes_the_first_by_path_and_row(select: Select) -> None:
    selection = select(listing(GOOD, OTHER), limit=1)
    assert selection.scenes["PRODUCT_ID"].tolist() == [OTHER]
    assert selection.dropped == {"beyond the limit": 1}


def test_columns(data: Path) -> None:
    archive = settings.Archive(url=f"{data}/archive/")
    table = build_catalogue(select_scenes(find_products(archive, EVERYTHING)).scenes, archive.url, chips_per_shard=2)
    assert table["product_id"].str[:4].tolist() == ["LE07", "LE07", "LT05"]
    assert table["path"].tolist() == [92, 92, 92]
    assert table["row"].tolist() == [84, 84, 91]
    assert table["acquired"].tolist() == ["1999-09-25", "2011-08-09", "1991-05-06"]
    assert table["cloud_cover"].tolist() == [1, 19, 43]
    assert (table["tier"] + table["level"]).tolist() == ["T1L1TP", "T1L1TP", "T2L1GS"]
    assert table["shard"].tolist() == [0, 0, 1]
    assert table["slot"].tolist() == [0, 1, 0]
    assert table.crs == "EPSG:4326"
    assert table.bounds.loc[0].tolist() == [145.3858, -35.56339, 148.0174, -33.63408]
    assert all(Path(url).is_dir() for url in table["base_url"])
    assert table["base_url"].str.split("/").str[-1].tolist() == table["product_id"].tolist()


def test_boxes_are_continuous_across_the_antimeridian(select: Select) -> None:
    scenes = select(listing(GOOD, OTHER, WEST_LON=[179.0, -179.0], EAST_LON=[-179.5, 178.0])).scenes
    assert build_catalogue(scenes, "x", 1).bounds[["minx", "maxx"]].to_numpy().tolist() == [[178, 181], [179, 180.5]]


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"limit": 300},
        {"start": "1989-01-01", "max_cloud_cover": 30},
        {"tiers": ["T1"], "levels": ["L1TP"], "bounds": (0, 0, 40, 60)},
    ],
)
def test_visits_are_the_days_of_the_whole_listing(data: Path, filters: dict[str, object]) -> None:
    index = data / "index/lt04-8223.csv.gz"
    archive = settings.Archive(url=str(data / "archive"), index=str(index))
    config = settings.Catalogue.model_validate(filters)
    table = build_catalogue(select_scenes(find_products(archive, config), config.limit).scenes, "x", 16)
    days: dict[tuple[int, int], set[str]] = {}
    with gzip.open(index, "rt") as file:
        for row in csv.DictReader(file):
            days.setdefault((int(float(row["WRS_PATH"])), int(float(row["WRS_ROW"]))), set()).add(row["DATE_ACQUIRED"])
    expected = [len(days[place]) for place in zip(table["path"], table["row"], strict=True)]
    assert table["visits"].tolist() == expected
    assert max(expected) > 1


def test_visits_are_of_the_sensors_of_the_settings_and_once_a_day(
    write_index: Callable[[pd.DataFrame], settings.Archive], monkeypatch: pytest.MonkeyPatch
) -> None:
    visits = [
        GOOD,
        GOOD.replace("20170209_01_T1", "20200209_02_T1"),  # another processing
        GOOD.replace("L1TP", "L2SP").replace("20170209_01", "20200918_02"),
        GOOD.replace("19880130", "19890130"),
        GOOD.replace("LT04", "LT05").replace("19880130", "19900130"),
        OTHER,
    ]
    odd = listing(*[GOOD] * 6, WRS_PATH=["one", "181.5", "1e300", "-1", "inf", ""], DATE_ACQUIRED="1991-01-30")
    archive = write_index(pd.concat([listing(*visits), odd], ignore_index=True).sample(frac=1, random_state=0))
    for merged_at in (1, 2**16):
        monkeypatch.setattr(archive_rows, "MIN_VISITS_PER_MERGE", merged_at)
        monkeypatch.setattr(archive_index, "BLOCK_BYTES", 700)
        found = find_products(archive, settings.Catalogue(levels=["L1TP"], start="1989-01-01"))
        assert found.visits.to_dict() == {"181053": 2, "002026": 1}
        assert select_scenes(found).scenes["visits"].tolist() == [2]


def test_a_path_and_row_of_landsat_1_to_3_is_another_place(
    write_index: Callable[[pd.DataFrame], settings.Archive],
) -> None:
    early, late = (f"LM0{number}_L1TP_034033_19{year}0130_20180426_01_T2" for number, year in ((2, 75), (5, 85)))
    archive = write_index(listing(early, early.replace("19750130", "19760130"), early.replace("LM02", "LM03"), late))
    found = find_products(archive, EVERYTHING)
    assert found.visits.to_dict() == {"034033": 1, "wrs1-034033": 2}
    table = build_catalogue(select_scenes(found).scenes, "x", 16)
    assert dict(zip(table["product_id"], table["location_id"], strict=True))[late] == "034033"
    assert table["location_id"].value_counts().to_dict() == {"wrs1-034033": 3, "034033": 1}
    assert table["visits"].tolist() == [2, 2, 2, 1]


def test_unknown_cloud_cover(write_index: Callable[[pd.DataFrame], settings.Archive]) -> None:
    archive = write_index(listing(GOOD, OTHER, CLOUD_COVER=["", -1]))
    scenes = select_scenes(find_products(archive, settings.Catalogue(max_cloud_cover=0))).scenes
    assert build_catalogue(scenes, "x", 1)["cloud_cover"].isna().all()
