"""Deposit tables: real ones, and what becomes of rows that are wrong or repeated."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pandas as pd
import pytest

from mineral_pipeline.errors import DataError
from mineral_pipeline.labelling import read_deposits
from mineral_pipeline.labelling.formats import DEPOSIT_FORMATS, DepositFormat, register
from mineral_pipeline.settings import DepositFile

HEADER = "site_name,latitude,longitude,commod1,commod2,commod3\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deposits.csv"


def test_real_complete_records(data: Path) -> None:
    found = read_deposits([str(data / "deposits" / "mrds-complete-records.csv")])
    assert len(found.table) + found.merged + sum(found.rejected.values()) == 3125
    assert found.merged == 8
    assert found.rejected == {"whose country contradicts the sign of the latitude": 1}  # La Granja in Peru
    red_dog = found.table.iloc[0]
    assert (red_dog["name"], red_dog["lon"], red_dog["lat"]) == ("Red Dog mine", -162.83, 68.07)
    assert red_dog["commodities"] == "Zinc;Silver;Lead;Barium-Barite;Gold;Copper"
    assert (red_dog.geometry.x, red_dog.geometry.y) == (-162.83, 68.07)
    assert found.table["id"].is_unique
    assert set(found.table["source"]) == {"mrds-complete-records.csv"}


def test_real_partial_records(data: Path) -> None:
    found = read_deposits([str(data / "deposits" / "mrds-partial.csv.gz")])
    assert len(found.table) + found.merged + sum(found.rejected.values()) == 54_752
    assert found.table["id"].is_unique
    assert found.table["records"].sum() == len(found.table) + found.merged
    by_id = found.table.set_index("id")
    assert by_id.loc["10000156", "commodities"] == "Copper;Lead;Zinc"
    # two records of Double Anchor, 0.2 km apart; the other one has molybdenum too
    assert by_id.loc["10000154", "commodities"] == "Silver;Gold;Copper;Lead;Zinc;Molybdenum"
    assert not by_id["commodities"].str.contains("copper").any()


def test_rows_without_a_position_are_counted_by_reason(file: Path) -> None:
    rows = ["a,,1,,,", "b,1,  ,,,", "c,north,1,,,", "d,1,2 E,,,", "e,nan,1,,,", "f,91,1,,,", "g,1,181,,,", "h,inf,1,,,"]
    file.write_text(HEADER + "\n".join([*rows, "i,0,0.0,,,", "j,0,1,,,", "k,-90,180,,,"]))
    found = read_deposits([str(file)])
    assert found.table["name"].tolist() == ["j", "k"]
    assert found.rejected == {
        "without coordinates": 2,
        "with coordinates that are not numbers": 3,
        "with a latitude beyond 90 (exchanged with the longitude?)": 1,
        "with coordinates out of range": 2,
        "at 0, 0": 1,
    }
    assert [example["name"] for example in found.examples["with coordinates that are not numbers"]] == ["c", "d", "e"]
    assert found.examples["at 0, 0"] == [
        {"file": "deposits.csv", "row": "10", "id": "", "name": "i", "latitude": "0", "longitude": "0.0", "crs": "",
         "country": ""}
    ]  # fmt: skip
    assert found.rows == {"deposits.csv": 11}


def test_exact_repetitions_become_one(file: Path, tmp_path: Path) -> None:
    file.write_text(HEADER + "Mine,1,2,Gold,,\nMine,1.0,2.0,Tin,Gold,\nMine,1,3,Lead,,\n,5,5,Iron,,\n,5,5,Zinc,,\n")
    other = tmp_path / "other.csv"
    other.write_text(
        "dep_id,site_name,latitude,longitude,commodities\n7,Pit,8,8,Gold\n7,Pit mine,8.1,8,Silver\n8,Mine,1,2,Copper\n"
        "9,,6,6,Iron\n10,,6,6,Zinc\n"
    )
    found = read_deposits([str(file), str(other)])
    rows = found.table[["name", "lon", "commodities"]].to_numpy().tolist()
    assert rows == [
        ["Mine", 2, "Gold;Tin;Copper"], ["Mine", 3, "Lead"], ["", 5, "Iron;Zinc"], ["Pit", 8, "Gold;Silver"],
        ["", 6, "Iron"], ["", 6, "Zinc"],
    ]  # fmt: skip
    assert found.merged == 4
    assert found.table["source"].tolist() == ["deposits.csv"] * 3 + ["other.csv"] * 3
    assert found.table["sources"].tolist()[0] == "deposits.csv;other.csv"
    assert found.table["records"].tolist() == [3, 1, 2, 2, 1, 1]


def test_ids_are_stable(file: Path) -> None:
    file.write_text(HEADER + "Mine,1,2,Gold,,\nPit,3,4,,,\n")
    before = read_deposits([str(file)]).table["id"].tolist()
    file.write_text(HEADER + "New,9,9,,,\nPit,3,4,Iron,,\nMine,1.0,2,,,\n")
    assert read_deposits([str(file)]).table["id"].tolist()[1:] == before[::-1]


def test_record_numbers_hold_within_a_data_set(file: Path) -> None:
    file.write_text("dataset,record_id,name,latitude,longitude\nA,1,x,1,1\nB,1,y,2,2\nA,,z,3,3\n")
    ids = read_deposits([str(file)]).table["id"].tolist()
    assert ids[:2] == ["A/1", "B/1"]
    assert len(ids[2]) == 16


def test_tables_are_read_from_anywhere_and_compressed(tmp_path: Path) -> None:
    content = ("\ufeff" + HEADER.upper() + "Mine, 1 , 2 ,Gold,,\n").encode()
    packed = tmp_path / "packed.csv.gz"
    packed.write_bytes(gzip.compress(content))
    with fsspec.open("memory://tables/plain.csv", "wb") as file:
        file.write(content)
    for url in (str(packed), "memory://tables/plain.csv"):
        assert read_deposits([url]).table[["name", "lon", "commodities"]].to_numpy().tolist() == [["Mine", 2, "Gold"]]


def test_record_numbers_without_a_data_set_hold_within_their_file(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    file.write_text("record_id,latitude,longitude\n1,1,1\n")
    other.write_text("record_id,latitude,longitude\n1,2,2\n")
    assert read_deposits([str(file), str(other)]).table["id"].tolist() == ["deposits.csv/1", "other.csv/1"]


@pytest.mark.parametrize("header", ["site_id", "Deposit ID", "OBJECTID", f"site{72 * '_'}id"])
def test_a_column_that_seems_to_hold_identifiers_is_told_whole(file: Path, header: str) -> None:
    file.write_text(f"{header},latitude,longitude\n1,1,1\n1,50,50\n")
    found = read_deposits([str(file)])
    assert len(found.table) == 2
    assert f"column {header!r} repeats values and is not read as identifiers" in found.remarks["deposits.csv"][0]


def test_rows_of_one_record_number_are_one_deposit(file: Path) -> None:
    file.write_text("record_id,latitude,longitude\n1,1,1\n1,50,50\n")
    assert len(read_deposits([str(file)]).table) == 1


def test_the_position_of_the_first_table_is_kept_and_lists_are_united(file: Path, tmp_path: Path) -> None:
    header = "dep_id,site_name,latitude,longitude,commodities,prod_size,oper_type\n"
    file.write_text(header + "9,Hope Mine,40.01,-110,Gold,,\n8,Despair,40,-110,Tin,L,Underground\n")
    other = tmp_path / "other.csv"
    other.write_text(header + '1,HOPE,40,-110,"Ag, Au",L,Surface\n2,Hope (mine),40,-110,Cu,S,Surface\n')
    for paths, lat in (([file, other], 40.01), ([other, file], 40.0)):
        found = read_deposits([str(path) for path in paths])
        hope = found.table[found.table["records"] == 3].iloc[0]
        assert (hope["lat"], hope["open_mine"]) == (lat, True)
        assert sorted(hope["commodities"].split(";")) == ["Copper", "Gold", "Silver"]
        assert sorted(hope["sources"].split(";")) == ["deposits.csv", "other.csv"]
        assert found.table["open_mine"].sum() == 1  # an underground mine leaves no pit
    assert len(read_deposits([str(file), str(other)], merge_km=1).table) == 3


@pytest.mark.parametrize(
    ("size", "operation", "expected"),
    [
        ("L", "Surface", True), ("l", "Surface-Underground", True), ("Large", "Open Pit", True), ("L", "quarry", True),
        ("M", "Surface", False), ("", "Surface", False), ("L", "Underground", False), ("L", "", False),
    ],
)  # fmt: skip
def test_large_open_mines(file: Path, size: str, operation: str, expected: bool) -> None:
    file.write_text(f"latitude,longitude,prod_size,oper_type\n1,1,{size},{operation}\n")
    assert read_deposits([str(file)]).table["open_mine"].tolist() == [expected]


def test_the_order_of_rows_changes_nothing_but_the_order(file: Path) -> None:
    rows = [
        "a,Hope,1,1,Gold,",
        "a,Hope,1.001,1,Tin,",
        "b,Hope,1.002,1,Tin,Gold",
        ",Hope,1.003,1,Lead,",
        ",,7,7,,",
        "c,x,9,9,,",
    ]
    file.write_text("dep_id," + HEADER + "\n".join(row + "," for row in rows))
    before = read_deposits([str(file)]).table
    file.write_text("dep_id," + HEADER + "\n".join(row + "," for row in reversed(rows)))
    after = read_deposits([str(file)]).table.iloc[::-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(before, after)
    assert len(before) == 3


def test_other_reference_systems_are_converted(file: Path) -> None:
    file.write_text("name,latitude,longitude,crs\na,65,-150,EPSG:4267\nb,65,-150,EPSG:4326\nc,65,-150,\n")
    found = read_deposits([str(file)])
    lon = found.table["lon"].to_numpy()
    assert lon[0] == pytest.approx(-150.00253, abs=1e-5)
    assert lon[1:].tolist() == [-150, -150]
    assert found.conversions[0].rows == 1


def test_the_report_is_data(file: Path) -> None:
    rows = ['One,1,1,"Au, Cu",unobtainium', "Two,2,2,Pt,", "Two,2,2,Gold,", "Lost,,,Iron,", "Void,3,3,,"]
    file.write_text(HEADER + "\n".join(row + "," for row in rows))
    report = json.loads(json.dumps(read_deposits([str(file)]).report()))
    assert report["rows"] == {"deposits.csv": 5}
    assert (report["deposits"], report["merged"], report["rejected"]) == (3, 1, {"without coordinates": 1})
    assert report["examples"]["without coordinates"][0]["name"] == "Lost"
    assert report["commodities"] == {"Gold": 2, "Copper": 1, "Platinum": 1}
    assert report["unknown_commodities"] == {"Unobtainium": 1}
    assert (report["groups"]["precious"]["deposits"], report["groups"]["base"]["deposits"]) == (2, 1)
    assert "World Mining Data" in report["groups"]["precious"]["follows"]
    assert report["without_commodity"] == 1


def test_three_real_sources_together(data: Path) -> None:
    """A third of the real rows repeats another one; most of those come from the same compilation of MRDS."""
    folder = data / "deposits"
    files = ("mrds-complete-records.csv", "mrds-partial.csv.gz", "other-sources.csv.gz")
    found = read_deposits([str(folder / name) for name in files])
    table = found.table
    assert sum(found.rows.values()) == len(table) + found.merged + sum(found.rejected.values()) == 168_582
    assert 50_000 < found.merged < 60_000
    assert table["id"].is_unique
    assert table["open_mine"].sum() == 8
    # Red Dog is in four of the tables, under its name, two kilometres apart
    red_dog = table[table["name"].str.fullmatch("Red Dog(?: mine)?", case=False)]
    assert red_dog.iloc[0]["records"] > 1
    assert {"Zinc", "Silver", "Lead"} <= set(red_dog.iloc[0]["commodities"].split(";"))
    # Merged rows have the position of the first table
    assert (table["source"] == files[0]).sum() > 3_090


def read_geojson(file: DepositFile) -> pd.DataFrame:
    """Rows of points with a name and minerals; other columns are left to their defaults."""
    with fsspec.open(file.path, "rb", compression="infer") as opened:
        features = json.load(opened)["features"]
    lon, lat = zip(*(feature["geometry"]["coordinates"] for feature in features), strict=True)
    facts = pd.DataFrame([feature["properties"] for feature in features])
    return facts.rename(columns={"title": "name", "mineral": "commodities"}).assign(lon=lon, lat=lat)


@pytest.fixture
def geojson() -> Iterator[None]:
    """A deposit format that is registered from outside of the package."""
    register(DepositFormat("geojson", lambda path, header: b"FeatureCollection" in header, read_geojson))
    yield
    DEPOSIT_FORMATS.unregister("geojson")


def feature(title: str, mineral: str, lon: float | None, lat: float) -> dict[str, object]:
    return {"properties": {"title": title, "mineral": mineral}, "geometry": {"coordinates": [lon, lat]}}


@pytest.mark.usefixtures("geojson")
def test_a_format_of_ones_own_beside_the_default(file: Path, tmp_path: Path) -> None:
    features = [feature("Hope", "Gold;Tin", 2.25, 1), feature("Lost", "", None, 1), feature("Far", "Iron", 120, 95)]
    other = tmp_path / "deposits.json.gz"  # it is the content that decides
    other.write_bytes(gzip.compress(json.dumps({"type": "FeatureCollection", "features": features}).encode()))
    file.write_text(HEADER + "Hope mine,1,2.25,Copper,,\n")
    found = read_deposits([str(other), str(file)])
    assert found.table[["name", "lon", "lat", "commodities", "sources", "records"]].to_numpy().tolist() == [
        ["Hope", 2.25, 1, "Gold;Tin;Copper", "deposits.json.gz;deposits.csv", 2]
    ]
    assert not found.table["open_mine"].any()
    assert found.rows == {"deposits.json.gz": 3, "deposits.csv": 1}
    assert found.rejected == {"without coordinates": 1, "with coordinates out of range": 1}
    assert found.examples["with coordinates out of range"] == [
        {"file": "deposits.json.gz", "row": "3", "id": "", "name": "Far", "latitude": "95", "longitude": "120.0",
         "crs": "", "country": ""}
    ]  # fmt: skip


@pytest.mark.usefixtures("geojson")
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"type": "FeatureCollection", "features": [', "Expecting value.*"),
        ('{"type": "FeatureCollection"}', "'features'"),
    ],
)
def test_a_file_that_a_format_cannot_read_is_named(file: Path, content: str, reason: str) -> None:
    file.write_text(content)
    with pytest.raises(
        DataError, match=rf"deposits\.csv cannot be read \({reason}\): give a table in one of the known"
    ):
        read_deposits([str(file)])


def test_a_column_of_something_else_is_not_taken_for_reference_systems(file: Path) -> None:
    """PROJ looks for every name that it does not know, a tenth of a second each: hours, in a table of names."""
    file.write_text("latitude,longitude,crs\n" + "".join(f"10,20,Mine {number}\n" for number in range(1000)))
    with pytest.raises(DataError, match=r"deposits\.csv: .* none of 6 .*, such as Mine 5: correct the column crs"):
        read_deposits([str(file)])


def test_surplus_fields_are_refused_with_the_number_of_their_row(file: Path) -> None:
    """A comma at the end of every row would make the name the index, and the number of the row the latitude."""
    for rows, number in (("Mine,10,20,,,,\n", 2), ("Mine,10,20,,,\n\n Hope, the,1,2,Gold,,\n", 4)):
        file.write_text(HEADER + rows)
        with pytest.raises(DataError, match=rf"deposits\.csv has 7 fields in row {number} and 6 in its header"):
            read_deposits([str(file)])
    file.write_text(HEADER.strip() + ",\nMine,10,20,Gold,,,\nPit,11,21\n")
    found = read_deposits([str(file)]).table
    assert found[["name", "lat", "lon", "commodities"]].to_numpy().tolist() == [
        ["Mine", 10, 20, "Gold"],
        ["Pit", 11, 21, ""],
    ]


def test_rows_are_numbered_as_in_the_file(file: Path) -> None:
    file.write_text("\n" + HEADER + "\n \nMine,,,,,\n")
    with pytest.raises(DataError, match="1 without coordinates"):
        read_deposits([str(file)])
    file.write_text("\n" + HEADER + "\n \nMine,,,,,\nPit,1,1,,,\n")
    assert read_deposits([str(file)]).examples["without coordinates"][0]["row"] == "5"


def test_encodings_are_found_or_given(file: Path) -> None:
    for content, encoding, used in (
        ("Mine \u2013 Gr\u00fcn".encode(), None, "utf-8"),
        ("Mine \u2013 Gr\u00fcn".encode("cp1252"), None, "cp1252"),
        ("Mine \u2013 Gr\u00fcn".encode("cp850", "replace"), "cp850", "cp850"),
    ):
        file.write_bytes(HEADER.encode() + content + b",1,2,,,\n")
        found = read_deposits([str(file)], encoding=encoding)
        assert found.table["name"].tolist() == [content.decode(used)]
        assert found.encodings == found.report()["encodings"] == {"deposits.csv": used}
    for content, encoding in ((b"\x81", None), (b"\x81", "ascii")):
        file.write_bytes(HEADER.encode() + content + b",1,2,,,\n")
        with pytest.raises(DataError, match=rf"deposits\.csv is not text in {encoding or 'utf-8 or cp1252'}: give"):
            read_deposits([str(file)], encoding=encoding)


def test_quotation_marks_that_are_not_closed_are_refused_with_their_line(file: Path) -> None:
    for name in ('"Mine', '"Mine" Hope'):
        file.write_text(HEADER + f"Pit,1,1,,,\n{name},1,2,,,\n")
        with pytest.raises(DataError, match=r"deposits\.csv cannot be read \(line 3: "):
            read_deposits([str(file)])


def test_a_column_that_is_not_there_is_named_as_far_as_it_can_be_read(file: Path) -> None:
    file.write_text(HEADER + "Mine,1,2,,,\n")
    for name, shown in (("site", "site"), ("s" * 80, "s" * 80), ("s" * 81, "s" * 80 + r" \.\.\.")):
        chosen = DepositFile.model_validate({"path": str(file), "columns": {"name": name}})
        with pytest.raises(DataError, match=rf"deposits\.csv has no column {shown}: "):
            read_deposits([chosen])


def test_every_refusal_names_the_file(file: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.csv cannot be read \(No such file"):
        read_deposits([str(tmp_path / "absent.csv")])
    for content, why in (
        (b"", "cannot be read"),
        (b"site_name,latitude\nMine,1\n", "has no column longitude"),
        (HEADER.encode(), "no rows"),
        ((HEADER + "Mine,0,0,,,\n").encode(), "1 at 0, 0"),
    ):
        file.write_bytes(content)
        with pytest.raises(DataError, match=rf"deposits\.csv.*{why}"):
            read_deposits([str(file)])
    packed = tmp_path / "broken.csv.gz"
    packed.write_bytes(b"no gzip")
    with pytest.raises(DataError, match=r"broken\.csv\.gz cannot be read"):
        read_deposits([str(packed)])
