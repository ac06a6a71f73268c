"""Tables as people have them: any kind of file, any reference system, any names of columns; and hostile ones."""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_pipeline.errors import DataError
from mineral_pipeline.labelling import read_barren, read_deposits
from mineral_pipeline.labelling.deposits import DepositTable
from mineral_pipeline.labelling.formats import content, workbook
from mineral_pipeline.settings import DepositColumns, DepositFile

UTM_33N = "EPSG:32633"
LONLAT = np.array([[15.25, 47.5], [16.0, 48.125], [13.5, 46.75]])
FACTS = pd.DataFrame(
    {
        "Name": ["Hütte", "Süd", "Alm"],
        "Commodity": ["Gold, Silver", "Cu; Zn", ""],
        "Year": [1987, 1990, None],
        "Size": ["L", "", "S"],
        "Status": ["Prospect", "Mine", ""],
        "Position error": [25.0, None, 100.5],
    }
)
Write = Callable[[gpd.GeoDataFrame, Path], Path]


def points(crs: str = UTM_33N) -> gpd.GeoDataFrame:
    """Three deposits in Austria as points."""
    return gpd.GeoDataFrame(FACTS, geometry=gpd.points_from_xy(*LONLAT.T), crs="EPSG:4326").to_crs(crs)


def with_columns(table: gpd.GeoDataFrame) -> pd.DataFrame:
    """The points in columns of their own."""
    return pd.DataFrame(table.drop(columns="geometry")).assign(Easting=table.geometry.x, Northing=table.geometry.y)


def gpkg(table: gpd.GeoDataFrame, folder: Path) -> Path:
    table.to_file(folder / "own.gpkg", layer="sites")
    return folder / "own.gpkg"


def shapefile(table: gpd.GeoDataFrame, folder: Path) -> Path:
    table.rename(columns={"Position error": "PosErrM"}).to_file(folder / "own.shp", encoding="utf-8")
    return folder / "own.shp"


def zipped(table: gpd.GeoDataFrame, folder: Path) -> Path:
    (folder / "parts").mkdir()
    shapefile(table, folder / "parts")
    return Path(shutil.make_archive(str(folder / "own"), "zip", folder / "parts"))


def geojson(table: gpd.GeoDataFrame, folder: Path) -> Path:
    table.to_crs("EPSG:4326").to_file(folder / "own.geojson")
    return folder / "own.geojson"


def geoparquet(table: gpd.GeoDataFrame, folder: Path) -> Path:
    table.to_parquet(folder / "own.parquet")
    return folder / "own.parquet"


def excel(table: gpd.GeoDataFrame, folder: Path) -> Path:
    with_columns(table).to_excel(folder / "own.xlsx", index=False)
    return folder / "own.xlsx"


def semicolons(table: gpd.GeoDataFrame, folder: Path) -> Path:
    with_columns(table).to_csv(folder / "own.csv", index=False, sep=";", decimal=",", encoding="utf-16")
    return folder / "own.csv"


def tabs(table: gpd.GeoDataFrame, folder: Path) -> Path:
    with_columns(table).to_csv(folder / "own.txt.gz", index=False, sep="\t", encoding="cp1252")
    return folder / "own.txt.gz"


KINDS: list[Write] = [gpkg, shapefile, zipped, geojson, geoparquet, excel, semicolons, tabs]
IN_COLUMNS = (excel, semicolons, tabs)


def read(path: Path, **facts: Any) -> DepositTable:
    return read_deposits([DepositFile(path=str(path), **facts)])


@pytest.mark.parametrize("write", KINDS)
def test_every_kind_of_file_gives_the_same_deposits(tmp_path: Path, write: Write) -> None:
    columns = {"position_error": "PosErrM"} if write in (shapefile, zipped) else {}
    path = write(points(), tmp_path)
    found = read(path, crs=UTM_33N if write in IN_COLUMNS else None, columns=columns)
    table = found.table
    np.testing.assert_allclose(table[["lon", "lat"]], LONLAT, atol=1e-7)
    assert table["name"].tolist() == ["Hütte", "Süd", "Alm"]
    assert table["commodities"].tolist() == ["Gold;Silver", "Copper;Zinc", ""]
    assert table["year"].fillna(0).tolist() == [1987, 1990, 0]
    assert table["size"].tolist() == ["L", "", "S"]
    assert table["status"].tolist() == ["Prospect", "Mine", ""]
    assert table["position_error_m"].fillna(-1).tolist() == [25.0, -1, 100.5]
    assert found.rows == {path.name: 3}
    assert found.remarks == {}
    if write is not geojson:
        assert [conversion.crs for conversion in found.conversions] == [UTM_33N]
    pd.testing.assert_frame_equal(
        read(path, crs=UTM_33N if write in IN_COLUMNS else None, columns=columns).table, table
    )


def test_real_records_are_the_same_in_every_kind_of_file(data: Path, tmp_path: Path) -> None:
    """Complete records of MRDS, some of them merged, written in other kinds of files."""
    records = pd.read_csv(data / "deposits" / "mrds-complete-records.csv", dtype="str", keep_default_na=False)[:1000]
    records.to_csv(tmp_path / "own.csv", index=False)
    expected = read(tmp_path / "own.csv")
    lonlat = records[["longitude", "latitude"]].astype(float)
    points = gpd.points_from_xy(lonlat["longitude"], lonlat["latitude"])
    table = gpd.GeoDataFrame(records.drop(columns=list(lonlat)), geometry=points, crs="EPSG:4326")
    table.to_file(tmp_path / "own.gpkg")
    table.to_parquet(tmp_path / "own.parquet")
    records.assign(**lonlat).to_excel(tmp_path / "own.xlsx", index=False)
    with_commas = records[list(lonlat)].apply(lambda column: column.str.replace(".", ","))
    records.assign(**with_commas).to_csv(tmp_path / "own.tsv", sep="\t", index=False, encoding="utf-16")
    for name in ("own.gpkg", "own.parquet", "own.xlsx", "own.tsv"):
        found, own = read(tmp_path / name), ["source", "sources", "id"]
        pd.testing.assert_frame_equal(found.table.drop(columns=own), expected.table.drop(columns=own), check_exact=True)
        assert (found.merged, found.rejected, found.remarks) == (expected.merged, expected.rejected, {})
    assert len(expected.table) > 900


@pytest.mark.parametrize(
    ("lon", "lat"),
    [
        ("Longitude", "Latitude"), ("LON", "LAT"), ("long", "lat"), ("Long_DD", "Lat_DD"), ("X", "Y"),
        ("Longitud", "Latitud"), ("Längengrad", "Breitengrad"), ("x_coord", "y_coord"),
        ("Longitude (WGS84)", "Latitude (WGS84)"),
    ],
)  # fmt: skip
def test_common_names_of_coordinates(tmp_path: Path, lon: str, lat: str) -> None:
    path = tmp_path / "own.csv"
    path.write_text(f"Site Name,{lat},{lon},Mineral\nHope,10.5,20.25,Gold\n")
    table = read(path).table
    assert table[["name", "lon", "lat", "commodities"]].to_numpy().tolist() == [["Hope", 20.25, 10.5, "Gold"]]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Commodity", ["Gold"]), ("COMMODITY_1,Commodity 2", ["Gold", "Tin"]), ("Main commodity", ["Gold"]),
        ("Primary_Commodities,Secondary_Commodities", ["Gold", "Tin"]), ("Metals", ["Gold"]), ("Element", ["Gold"]),
        ("commod1,commod2", ["Gold", "Tin"]), ("commodities,mineral", ["Gold"]),
    ],
)  # fmt: skip
def test_common_names_of_commodities(tmp_path: Path, header: str, expected: list[str]) -> None:
    path = tmp_path / "own.csv"
    path.write_text(f"lat,lon,{header}\n1,2,Gold,Tin\n" if "," in header else f"lat,lon,{header}\n1,2,Gold\n")
    assert read(path).table["commodities"].tolist() == [";".join(expected)]


def test_names_that_a_shapefile_has_cut_are_recognised(tmp_path: Path) -> None:
    """A shapefile keeps ten characters of a name, and a table exported from one has no more."""
    cut = {"deposit_na": "Name", "commoditie": "Commodity", "position_e": "Position error", "discovery_": "Year"}
    table = points().rename(columns={old: new for new, old in cut.items()})
    table[[*cut, "geometry"]].to_file(tmp_path / "own.shp", encoding="utf-8")
    exported = pd.DataFrame(table[[*cut]]).assign(decimallon=LONLAT[:, 0], decimallat=LONLAT[:, 1])
    exported.to_csv(tmp_path / "own.csv", index=False)
    for file in ("own.shp", "own.csv"):
        found = read(tmp_path / file)
        assert found.table["name"].tolist() == ["Hütte", "Süd", "Alm"]
        assert found.table["commodities"].tolist() == ["Gold;Silver", "Copper;Zinc", ""]
        assert found.table["position_error_m"].tolist()[::2] == [25.0, 100.5]
        assert found.table["year"].tolist()[:2] == [1987, 1990]


@pytest.mark.parametrize("header", ["coordinate", "secondary_", "primary_ro", "commoditi", "commodities_of_old"])
def test_other_names_of_ten_characters_are_no_cut_ones(tmp_path: Path, header: str) -> None:
    (tmp_path / "own.csv").write_text(f"lon,lat,{header}\n15,47,gold\n")
    assert read(tmp_path / "own.csv").table["commodities"].tolist() == [""]


def test_a_column_that_seems_to_hold_commodities_is_told(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    rows = "1,1,Gold,Copper and Zinc,NA,Pyrite\n2,2,Tin,Lead,NA,Quartz\n"
    path.write_text(f"lat,lon,Commodity,What,Region,Mineralogy\n{rows}")
    told = read(path).remarks["own.csv"]
    assert [text.split("'")[1] for text in told] == ["What", "Mineralogy"]
    assert "columns: {commodities: [NAME, ...]}" in told[0]
    assert read(path).report()["remarks"] == {"own.csv": told}
    found = read(path, columns={"commodities": ["What", "commodity"]})
    assert found.table["commodities"].tolist() == ["Copper;Zinc;Gold", "Lead;Tin"]


def test_columns_are_named_in_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("a;b;c;d;e;id\n500000;5200000;Hope;1954-03-01;12,5;7\n")
    columns = {"x": "A", "y": " b ", "name": "c", "year": "d", "position_error": "e", "id": "id"}
    found = read(path, crs=UTM_33N, columns=columns).table.iloc[0]
    assert (found["name"], found["year"], found["position_error_m"], found["id"]) == ("Hope", 1954, 12.5, "own.csv/7")
    assert found[["lon", "lat"]].astype(float).round(1).tolist() == [15.0, 47.0]


def test_an_error_lists_the_columns_and_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("Lattitude,where,lon\n1,2,3\n")
    with pytest.raises(DataError, match=r"no column latitude: its columns are 'Lattitude', 'where', 'lon', of which"
                       r" 'Lattitude' is nearest; name its coordinates in the settings"):  # fmt: skip
        read(path)
    for header, absent, near in (
        ("Rechtwert,Hochwert,Commodity", "x", "Rechtwert"),
        ("Commodity,Longtiude,Where", "longitude", "Longtiude"),
        ("Commodity,UTM_Est,UTM_Nrth", "longitude", "UTM_Est"),
    ):
        path.write_text(f"{header}\n1,2,3\n")
        with pytest.raises(DataError, match=rf"no column {absent}: .*, of which '{near}' is nearest"):
            read(path)
    path.write_text("Lattitude,where,lon\n1,2,3\n")
    with pytest.raises(DataError, match=r"no column Latitute: .*, of which 'Lattitude' is nearest"):
        read(path, columns={"lat": "Latitute", "lon": "lon"})


def test_metres_need_a_reference_system_and_degrees_must_not_have_one_of_metres(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("Easting,Northing\n500000,5200000\n")
    with pytest.raises(DataError, match=r"no degrees \(500000, 5200000\) and no reference system: give it, as .*crs"):
        read(path)
    path.write_text("X,Y\n15,47\n16,47\n-9999,-9999\n")
    assert read(path).rejected == {"with coordinates out of range": 1}
    path.write_text("Easting,Northing\n500000,5200000\n")
    with pytest.raises(DataError, match=r"PROJ knows no reference system 'EPSG:0': correct its crs"):
        read(path, crs="EPSG:0")
    path.write_text("lon,lat\n15,47\n")
    with pytest.raises(
        DataError, match=r"coordinates in degrees, and its reference system EPSG:32633 is one of metres"
    ):
        read(path, crs=UTM_33N)
    path.write_text("lon,lat,easting,northing\n15,47,500000,5200000\n")
    assert read(path, crs=UTM_33N).table["lat"].round(1).tolist() == [47.0]
    assert read(path).table["lat"].tolist() == [47.0]
    bare = gpd.GeoDataFrame(geometry=gpd.points_from_xy([500000], [5200000]), crs=UTM_33N)
    bare.to_file(tmp_path / "bare.shp")
    (tmp_path / "bare.prj").unlink()
    with pytest.raises(DataError, match="no degrees"):
        read(tmp_path / "bare.shp")
    assert read(tmp_path / "bare.shp", crs=UTM_33N).table["lon"].round(9).tolist() == [15.0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("47,125", 47.125), ("-47,5", -47.5), ("+47.5", 47.5), ("5.200.000,5", None), ("5,200,000.5", None),
        ("1,2,3", None), ("47,", 47),
    ],
)  # fmt: skip
def test_decimal_commas(tmp_path: Path, text: str, expected: float | None) -> None:
    path = tmp_path / "own.csv"
    path.write_text(f"lat;lon\n{text};1\n1;1\n")
    found = read(path)
    assert found.table["lat"].tolist() == ([1] if expected is None else [expected, 1])


def test_separators_of_thousands(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    for easting, northing in (("500,000.0", "5,200,000.0"), ("500.000,0", "5.200.000,0"), ("500000,0", "5200000")):
        path.write_text(f"x;y\n{easting};{northing}\n")
        assert read(path, crs=UTM_33N).table["lon"].round(9).tolist() == [15.0]
    path.write_text("x;y\n500,000;5,200,000\n")  # thousands, or a decimal comma
    with pytest.raises(DataError, match="1 with coordinates that are not numbers"):
        read(path, crs=UTM_33N)


@settings(max_examples=25)
@given(lon=st.floats(-180, 180), lat=st.floats(-89, 89), separator=st.sampled_from(";\t|^~"))
def test_a_position_survives_any_notation(lon: float, lat: float, separator: str) -> None:
    text = f"name{separator}lon{separator}lat\na, b{separator}{lon!r}{separator}{lat!r}\nc{separator}1{separator}2\n"
    with fsspec.open("memory://own/notation.csv", "w") as file:
        file.write(text.replace(".", ","))
    found = read_deposits([DepositFile(path="memory://own/notation.csv")]).table
    expected = [[1.0, 2.0]] if lon == lat == 0 else [[lon, lat], [1.0, 2.0]]
    np.testing.assert_allclose(found[["lon", "lat"]], expected, rtol=1e-14)


def test_layers_and_sheets_are_chosen(tmp_path: Path) -> None:
    path = gpkg(points(), tmp_path)
    points().iloc[:1].to_file(path, layer="other")
    with pytest.raises(DataError, match="has 2 layers: name one in layer; it has sites, other"):
        read(path)
    with pytest.raises(DataError, match="has no layer 'third': it has sites, other"):
        read(path, layer="third")
    assert len(read(path, layer="other").table) == 1
    with pd.ExcelWriter(tmp_path / "two.xlsx") as writer:
        FACTS.to_excel(writer, sheet_name="notes", index=False)
        with_columns(points()).to_excel(writer, sheet_name="sites", index=False, startrow=2)
    with pytest.raises(DataError, match=r"has 2 layers: .* notes, sites"):
        read(tmp_path / "two.xlsx", crs=UTM_33N)
    assert len(read(tmp_path / "two.xlsx", layer="sites", crs=UTM_33N).table) == 3


def test_tables_without_points_in_a_geopackage_and_in_parquet(tmp_path: Path) -> None:
    pyogrio.write_dataframe(with_columns(points()), tmp_path / "plain.gpkg", layer="t", driver="GPKG")
    with_columns(points()).to_parquet(tmp_path / "plain.parquet")
    for name in ("plain.gpkg", "plain.parquet"):
        np.testing.assert_allclose(read(tmp_path / name, crs=UTM_33N).table[["lon", "lat"]], LONLAT, atol=1e-7)


def test_only_points_are_deposits(tmp_path: Path) -> None:
    shapes = [shapely.Point(1, 1), shapely.MultiPoint([(2, 2)]), None, shapely.Point()]
    gpd.GeoDataFrame(geometry=shapes, crs="EPSG:4326").to_parquet(tmp_path / "own.parquet")
    found = read(tmp_path / "own.parquet")
    assert found.table["lon"].tolist() == [1, 2]
    assert found.rejected == {"without coordinates": 2}
    assert found.examples["without coordinates"][0]["row"] == "3"
    gpd.GeoDataFrame(geometry=[*shapes, shapely.box(0, 0, 1, 1)], crs="EPSG:4326").to_file(tmp_path / "own.gpkg")
    with pytest.raises(DataError, match="has a Polygon in row 5, not a point: give points, such as centroids"):
        read(tmp_path / "own.gpkg")


def test_repeated_values_are_no_identifiers_unless_they_are_named(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("id,lat,lon\n1,1,1\n1,50,50\n")
    found = read(path)
    assert len(found.table) == 2
    assert "column 'id' repeats values and is not read as identifiers" in found.remarks["own.csv"][0]
    assert len(read(path, columns={"id": "id"}).table) == 1
    path.write_text("id,lat,lon\n1,1,1\n2,50,50\n")
    assert read(path).table["id"].tolist() == ["own.csv/1", "own.csv/2"]


def test_what_is_known_of_a_deposit_is_that_of_its_first_row_that_has_it(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    rows = "a,Hope,1,1,,Prospect,5\nb,Hope,1,1,1960,Mine,1\nc,Hope,1,1,1950,,\n"
    path.write_text(f"dep_id,name,lat,lon,disc_yr,dev_stat,position_error\n{rows}")
    table = read(path).table
    assert table[["year", "status", "position_error_m"]].to_numpy().tolist() == [[1960, "Prospect", 5.0]]


def test_barren_places_are_read_like_deposits(tmp_path: Path) -> None:
    path = gpkg(pd.concat([points(), points()]), tmp_path)
    found = read_barren([str(path)])
    np.testing.assert_allclose(found.table[["lon", "lat"]], LONLAT, atol=1e-7)
    assert (list(found.table), found.merged) == (["id", "name", "lon", "lat", "source", "geometry"], 3)
    with pytest.raises(DataError, match=r"^label\.barren: .*absent\.csv cannot be read \(No such file"):
        read_barren([str(tmp_path / "absent.csv")])


def test_surplus_cells_are_refused_with_the_number_of_their_row(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in ([], ["lat", "lon"], [1, 2, None, ""], [], [3, 4, "what?"]):
        book.active.append(row)
    book.save(tmp_path / "own.xlsx")
    with pytest.raises(DataError, match="has 3 fields in row 5 and 2 in its header: remove the cells"):
        read(tmp_path / "own.xlsx")


@pytest.mark.parametrize("write", [gpkg, shapefile, zipped, geojson, geoparquet, excel])
def test_damaged_files_are_named_in_one_line(tmp_path: Path, write: Write) -> None:
    path = write(points(), tmp_path)
    whole = path.read_bytes()
    for size in (20, 100, len(whole) // 2):
        path.write_bytes(whole[:size])
        with pytest.raises(DataError, match=rf"^label\.deposits: .*{path.name}") as caught:
            read(path)
        assert str(caught.value).isprintable()


def test_formats_that_refer_to_other_files_are_not_opened(tmp_path: Path) -> None:
    secret = geojson(points(), tmp_path)
    layer = f'<OGRVRTLayer name="own"><SrcDataSource>{secret}</SrcDataSource></OGRVRTLayer>'
    (tmp_path / "own.vrt").write_text(f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>")
    (tmp_path / "own.json").write_text('{"type": "Topology", "objects": {}, "arcs": []}')
    with sqlite3.connect(tmp_path / "own.sqlite") as database:
        database.execute("CREATE TABLE own (lat, lon)")
    with zipfile.ZipFile(tmp_path / "own.zip", "w") as archive:
        archive.write(tmp_path / "own.vrt", "own.vrt")
        archive.writestr("own.shp", b"none")
    for name in ("own.vrt", "own.json", "own.sqlite", "own.zip"):
        with pytest.raises(DataError, match=rf"{name} "):
            read(tmp_path / name)


def test_pipes_and_devices_and_large_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", Path("/dev/zero"), tmp_path):
        for scheme in ("", "file://", "local://"):
            with pytest.raises(DataError, match="is no regular file: give a table of deposits"):
                read_deposits([f"{scheme}{path}"])
    written = [excel(points(), tmp_path), zipped(points(), tmp_path), geoparquet(points(), tmp_path)]
    written.append(semicolons(points(), tmp_path))
    monkeypatch.setattr(content, "MAX_BYTES", 100)
    for path in written:
        with pytest.raises(DataError, match=rf"{path.name} has more than 100 bytes"):
            read(path, crs=UTM_33N)


def test_a_zip_file_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "MAX_BYTES", 100_000)
    for name in ("own.xlsx", "own.zip"):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("own.shp", bytes(1_000_000))
        assert (tmp_path / name).stat().st_size < 10_000
        with pytest.raises(DataError, match=rf"{name} has more than 100,000 bytes, unpacked"):
            read(tmp_path / name)


def test_a_cell_beyond_the_sheets_of_excel_is_refused(tmp_path: Path) -> None:
    """A row of a high number would otherwise be preceded by as many empty ones."""
    path, packed = excel(points(), tmp_path), io.BytesIO()
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(packed, "w") as target:
        for name in source.namelist():
            member = source.read(name)
            target.writestr(name, member.replace(b'<row r="4"', b'<row r="400000000000"'))
    path.write_bytes(packed.getvalue())
    with pytest.raises(DataError, match="row 1048577 is beyond the sheets of Excel"):
        read(path, crs=UTM_33N)


def test_old_workbooks_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "own.xls").write_bytes(workbook.OLD_MAGIC + bytes(500))
    with pytest.raises(DataError, match=r"own\.xls is an old workbook, or has a password: save it as \.xlsx"):
        read(tmp_path / "own.xls")


def test_an_encoding_of_all_tables_is_no_harm_to_files_that_tell_theirs(tmp_path: Path) -> None:
    for write in (gpkg, geojson, geoparquet):
        assert read(write(points(), tmp_path), encoding="cp1250").table["name"].tolist() == ["Hütte", "Süd", "Alm"]
    path = tmp_path / "own.csv"
    path.write_bytes("lat;lon;name\n1;1;Žula\n".encode("cp1250"))
    assert read_deposits([str(path)], encoding="cp1250").table["name"].tolist() == ["Žula"]
    points()[["Name", "geometry"]].to_file(tmp_path / "own.shp", encoding="cp1250")
    (tmp_path / "own.cpg").unlink()
    assert read(tmp_path / "own.shp", encoding="cp1250").table["name"].tolist() == ["Hütte", "Süd", "Alm"]
    with pytest.raises(DataError, match=r"own\.csv is not text in utf-16: give its encoding"):
        read(path, encoding="utf-16")


def test_settings_of_a_table_are_written_as_they_are_given() -> None:
    assert DepositFile(path="/a.csv").model_dump() == "/a.csv"
    given = {"path": "/a.gpkg", "layer": "b", "columns": {"name": "c"}}
    table = DepositFile.model_validate(given)
    assert table.model_dump() == given
    assert DepositFile.model_validate(given) == table
    with pytest.raises(ValueError, match="give lon and lat, or x and y"):
        DepositColumns(lon="a")
