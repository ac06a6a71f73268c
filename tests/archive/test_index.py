"""Reading the index: filters, columns, and what cannot be read."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from small_archive import listing

from mineral_pipeline import settings
from mineral_pipeline.archive import MissingError, index, rows
from mineral_pipeline.archive.index import read_index
from mineral_pipeline.errors import ArchiveError, DataError, SettingsError

Write = Callable[[pd.DataFrame], settings.Archive]
EVERYTHING = settings.Catalogue(spacecraft=[], sensors=[])
ROWS = listing(
    "LT04_L1TP_181053_19880130_20170209_01_T1",
    "LT04_L1GS_181054_19890130_20170209_01_T2",
    "LT05_L1TP_181055_19900130_20170209_01_T1",
    "LM04_L1TP_181056_19910130_20170209_01_T1",
    "LE07_L1TP_181057_20000130_20170209_01_RT",
    CLOUD_COVER=[0.0, 50.0, -1.0, 100.0, np.nan],
    WEST_LON=[10.0, 20.0, 30.0, 40.0, 179.0],
    EAST_LON=[12.0, 22.0, 32.0, 42.0, -179.0],
)


def products(archive: settings.Archive, config: settings.Catalogue = EVERYTHING) -> list[str]:
    found: list[str] = read_index(archive, config).rows["PRODUCT_ID"].tolist()
    return found


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"spacecraft": ["LANDSAT_4"]}, [0, 1, 3]),
        ({"spacecraft": ["LANDSAT_4"], "sensors": ["TM"]}, [0, 1]),
        ({"tiers": ["T2", "RT"]}, [1, 4]),
        ({"levels": ["L1GS"]}, [1]),
        ({"start": date(1989, 1, 30), "end": date(1991, 1, 30)}, [1, 2, 3]),
        ({"max_cloud_cover": 50}, [0, 1, 2, 4]),
        ({"bounds": (12, -90, 30, 90)}, [0, 1, 2]),
        ({"bounds": (12.5, 11.5, 30, 90)}, []),
        ({"bounds": (170, 0, -170, 10)}, [4]),
        ({"bounds": (-179.5, 0, -170, 10)}, [4]),
        ({"bounds": (-180, -90, 180, 90)}, [0, 1, 2, 3, 4]),
    ],
)
def test_every_filter(write_index: Write, filters: dict[str, Any], expected: list[int]) -> None:
    archive = write_index(ROWS)
    config = settings.Catalogue(**{"spacecraft": [], "sensors": [], **filters})
    if not expected:
        with pytest.raises(DataError, match=r"none of 5 scenes is left by catalogue\.bounds"):
            read_index(archive, config)
        return
    assert products(archive, config) == ROWS["PRODUCT_ID"][expected].tolist()


@given(
    boxes=st.lists(st.tuples(st.integers(-180, 180), st.integers(1, 30)), min_size=1, max_size=5),
    west=st.integers(-180, 180),
    east=st.integers(-180, 180),
    swapped=st.booleans(),
)
def test_boxes_meet_on_the_circle_of_longitudes(
    boxes: list[tuple[int, int]], west: int, east: int, swapped: bool
) -> None:
    def wrap(longitude: float) -> float:
        return (longitude + 180) % 360 - 180

    edges = [(float(w), wrap(w + width)) for w, width in boxes]
    if swapped:  # as an index does that takes the smallest and largest longitude of the corners
        edges = [(min(pair), max(pair)) for pair in edges]
    batch = pa.record_batch(
        {
            "WEST_LON": [str(w) for w, _ in edges],
            "EAST_LON": [str(e) for _, e in edges],
            "SOUTH_LAT": ["0"] * len(edges),
            "NORTH_LAT": ["1"] * len(edges),
        }
    )
    bounds = shapely.box(west, 0, east if east >= west else east + 360, 1)
    expected = [
        any(shapely.box(w + turn, 0, w + width + turn, 1).intersects(bounds) for turn in (-720, -360, 0, 360, 720))
        for w, width in boxes
    ]
    assert rows.intersects(batch, (west, 0, east, 1)).tolist() == expected


def test_odd_values_are_unknown_numbers(write_index: Write) -> None:
    odd = ROWS.astype({"WRS_PATH": object, "CLOUD_COVER": object})
    odd.loc[1, "WRS_PATH"] = "one"
    odd.loc[2, "CLOUD_COVER"] = "few"
    found = read_index(write_index(odd), EVERYTHING)
    assert found.dropped == {
        "no product identifier": 0,
        "mismatched identifier": 1,
        "mismatched folder": 0,
        "no bounds": 0,
    }
    assert found.matched == 5
    assert found.is_index
    assert found.rows["CLOUD_COVER"].isna().tolist() == [False, True, False, True]
    assert found.rows["WEST_LON"].tolist() == [10, 30, 40, 179]
    assert found.rows.columns.tolist() == ["PRODUCT_ID", *rows.INDEX_ONLY]


def test_blocks_are_joined(write_index: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(index, "BATCHES_PER_RELEASE", 3)
    monkeypatch.setattr(rows, "MIN_ROWS_PER_CHECK", 7)
    many = pd.concat([ROWS] * 50, ignore_index=True)
    assert products(write_index(many)) == many["PRODUCT_ID"].tolist()


def test_progress_counts_rows_and_those_that_the_filters_keep(
    write_index: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "BLOCK_BYTES", 1000)
    seen: list[tuple[int, int]] = []
    many = pd.concat([ROWS] * 50, ignore_index=True)
    read_index(
        write_index(many), settings.Catalogue(spacecraft=["LANDSAT_4"], sensors=[]), lambda *counts: seen.append(counts)
    )
    assert seen[-1] == (250, 150)
    assert len(seen) > 10
    assert seen == sorted(seen)


def test_memory_does_not_grow_with_the_rows_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "BLOCK_BYTES", 2**19)  # on a busy machine Arrow reads 40 blocks ahead
    header, kept, *others = listing(*ROWS["PRODUCT_ID"]).to_csv(index=False).splitlines(keepends=True)
    size = 80e6
    text = "".join(others)
    (tmp_path / "index.csv").write_text(header + kept + text * int(size / len(text)) + kept)
    before, peak = pa.total_allocated_bytes(), 0

    def measure(read: int, matched: int) -> None:
        nonlocal peak
        peak = max(peak, pa.total_allocated_bytes() - before)

    archive = settings.Archive(url=str(tmp_path), index=str(tmp_path / "index.csv"))
    found = read_index(archive, settings.Catalogue(spacecraft=["LANDSAT_4"], sensors=["TM"], tiers=["T1"]), measure)
    assert (found.matched, len(found.rows)) == (2, 2)
    assert 0 < peak < size / 2


def test_the_real_index(data: Path) -> None:
    archive = settings.Archive(url=str(data / "archive"), index=str(data / "index/lt04-8223.csv.gz"))
    unfiltered = read_index(archive, settings.Catalogue())
    assert unfiltered.matched == len(unfiltered.rows) == 8223
    table = pd.read_csv(data / "index/lt04-8223.csv.gz")
    pd.testing.assert_frame_equal(unfiltered.rows, table[unfiltered.rows.columns.tolist()], check_dtype=False)
    keep = (table["COLLECTION_CATEGORY"] == "T1") & (table["CLOUD_COVER"] <= 10) & (table["DATE_ACQUIRED"] >= "1988")
    config = settings.Catalogue(tiers=["T1"], max_cloud_cover=10, start=date(1988, 1, 1))
    assert products(archive, config) == table["PRODUCT_ID"][keep].tolist()


def members(text: bytes) -> bytes:
    """Several gzip members, as `cat a.gz b.gz` makes them."""
    return b"".join(gzip.compress(text[start : start + 400]) for start in range(0, len(text), 400))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("plain.csv", lambda text: text),
        ("members.csv.gz", members),
        ("crlf.csv", lambda text: text.replace(b"\n", b"\r\n")),
        ("bom.csv", lambda text: b"\xef\xbb\xbf" + text),
        ("quotes.csv", lambda text: re.sub(rb"[^,\n]+", rb'"\g<0>"', text)),
        ("no-last-newline.csv", lambda text: text.rstrip(b"\n")),
        ("more-columns.csv", lambda text: re.sub(rb"(?m)^(?=.)", b"MORE,", text)),
        ("latin-1-elsewhere.csv", lambda text: text.replace(b",,", b",\xe9,", 1)),
    ],
)
def test_the_same_rows_in_other_bytes(
    tmp_path: Path, write_index: Write, name: str, change: Callable[[bytes], bytes]
) -> None:
    archive = write_index(ROWS)
    text = gzip.decompress((tmp_path / "index.csv.gz").read_bytes())
    (tmp_path / name).write_bytes(change(text))
    other = archive.model_copy(update={"index": str(tmp_path / name)})
    pd.testing.assert_frame_equal(read_index(archive, EVERYTHING).rows, read_index(other, EVERYTHING).rows)


def test_columns_in_any_order(tmp_path: Path, write_index: Write) -> None:
    archive = write_index(ROWS)
    ROWS[ROWS.columns[::-1]].to_csv(tmp_path / "reversed.csv", index=False)
    other = archive.model_copy(update={"index": f"file://{tmp_path}/reversed.csv"})
    pd.testing.assert_frame_equal(read_index(archive, EVERYTHING).rows, read_index(other, EVERYTHING).rows)


def test_nothing_matches(write_index: Write) -> None:
    with pytest.raises(DataError, match=r"none of 5 scenes is left by catalogue\.tiers: \['RT'\]: loosen"):
        read_index(write_index(ROWS), settings.Catalogue(tiers=["RT"]))
    with pytest.raises(DataError, match=r"index\.csv\.gz holds no scene"):
        read_index(write_index(ROWS.head(0)), EVERYTHING)


def test_an_index_that_cannot_be_read(tmp_path: Path, write_index: Write) -> None:
    archive = write_index(ROWS)
    whole = (tmp_path / "index.csv.gz").read_bytes()
    text = gzip.decompress(whole)
    for content, reason in [
        (whole[:-30], "Truncated|truncated"),
        (whole[:-3], "Truncated|truncated"),
        (whole[:-8] + bytes(8), "data check"),
        (members(text)[:-20], "Truncated|truncated"),
        (b"<html>Not found</html>", "header"),
        (gzip.compress(text[:-120]), "Expected 17 columns"),
        (gzip.compress(text.replace(b"PRODUCT_ID", b"ID")), "PRODUCT_ID"),
        (gzip.compress(text.replace(b"LANDSAT_4", b"LANDSAT_\xe9")), "UTF8"),
        (b"", "mpty"),
    ]:
        (tmp_path / "index.csv.gz").write_bytes(content)
        with pytest.raises(ArchiveError, match=reason) as caught:
            read_index(archive, EVERYTHING)
        assert str(caught.value).startswith(f"index {tmp_path}/index.csv.gz")
        assert "\n" not in str(caught.value)


def test_an_index_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"absent\.csv cannot be read: not there: fix archive\.index"):
        read_index(settings.Archive(url=str(tmp_path), index=f"{tmp_path}/absent.csv"), EVERYTHING)


@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        ({"start": "2001-01-01", "end": "2000-12-31"}, "start 2001-01-01 is after end 2000-12-31"),
        ({"bounds": (0, 10, 20, 10)}, "10.0 is not south of 10.0"),
        ({"bounds": (0, -91, 20, 10)}, "catalogue.bounds.1"),
    ],
)
def test_settings_that_no_scene_can_match(filters: dict[str, Any], reason: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(reason)):
        settings.parse({"workspace": "w", "jobs": ["catalogue"], "archive": {"url": "a"}, "catalogue": filters})
