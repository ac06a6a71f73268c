"""Shapefiles in zip files, beside other files."""

from __future__ import annotations

import zipfile
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from mineral_pipeline.errors import DataError
from mineral_pipeline.labelling import read_deposits


def write_zip(folder: Path, others: dict[str, bytes]) -> Path:
    """A zip file of a shapefile and others."""
    sites = gpd.GeoDataFrame(
        {"Name": ["Hope", "Glory"]}, geometry=[shapely.Point(15, 47), shapely.Point(16, 48)], crs="EPSG:4326"
    )
    parts = folder / "parts"
    parts.mkdir(exist_ok=True)
    sites.to_file(parts / "own.shp")
    with zipfile.ZipFile(folder / "own.zip", "w") as archive:
        for path in sorted(parts.iterdir()):
            archive.write(path, path.name)
        for name, content in others.items():
            archive.writestr(name, content)
    return folder / "own.zip"


def test_a_shapefile_stays_apart_from_what_lies_beside_it(tmp_path: Path) -> None:
    """Parts of another shapefile, and files of its own name that are no part of it."""
    alone = read_deposits([str(write_zip(tmp_path, {}))]).table
    assert alone["name"].tolist() == ["Hope", "Glory"]
    others = dict.fromkeys(("other.dbf", "other.prj", "other.shx", "own.dbf.xml", "own.txt"), b"something else")
    pd.testing.assert_frame_equal(read_deposits([str(write_zip(tmp_path, others))]).table, alone)


def test_several_shapefiles_are_refused_with_their_names(tmp_path: Path) -> None:
    path = write_zip(tmp_path, {"north/mines.SHP": b""})
    with pytest.raises(DataError, match=r"must hold one shapefile, and holds 2 \(own, mines\)"):
        read_deposits([str(path)])


def test_a_zip_file_in_a_zip_file_is_refused_without_a_shapefile(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "inner.zip", "w") as archive:
        archive.writestr("readme.txt", b"nothing")
    with zipfile.ZipFile(tmp_path / "own.zip", "w") as archive:
        archive.write(tmp_path / "inner.zip", "inner.zip")
    with pytest.raises(DataError, match=r"must hold one shapefile, and holds 0 \(none\)"):
        read_deposits([str(tmp_path / "own.zip")])


def zip_of(folder: Path, members: dict[str, str]) -> str:
    with zipfile.ZipFile(folder / "tables.zip", "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return str(folder / "tables.zip")


TABLE = "site_name,latitude,longitude\nHope,47,15\n"


def test_a_table_is_found_among_what_tells_about_it(tmp_path: Path) -> None:
    others = {
        "__MACOSX/._mines.csv": "x",
        ".DS_Store": "x",
        "about/": "",
        "about/Readme.TXT": "x",
        "mines.csv.xml": "x",
    }
    path = zip_of(tmp_path, {**others, "data/mines.csv": TABLE})
    assert read_deposits([path]).table["name"].tolist() == ["Hope"]


def test_a_table_that_is_a_text_is_read_where_it_is_alone(tmp_path: Path) -> None:
    assert len(read_deposits([zip_of(tmp_path, {"mines.txt": TABLE})]).table) == 1


def test_several_tables_are_refused_with_their_names(tmp_path: Path) -> None:
    path = zip_of(tmp_path, {"north.csv": TABLE, "south.csv": TABLE.replace("Hope", "Glory"), "readme.txt": ""})
    with pytest.raises(
        DataError, match=r"tables\.zip must hold one table, and holds 2 \(north\.csv, south\.csv\): unpack"
    ):
        read_deposits([path])
    with pytest.raises(DataError, match=r"must hold one table, and holds 0 \(none\)"):
        read_deposits([zip_of(tmp_path, {"empty/": ""})])


def test_an_encrypted_table_is_refused(tmp_path: Path) -> None:
    path = Path(zip_of(tmp_path, {"mines.csv": TABLE}))
    content = bytearray(path.read_bytes())
    content[6] |= 1  # the flag in the member's own header (APPNOTE.TXT 4.4.4), and in the directory
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"tables\.zip"):
        read_deposits([str(path)])
