"""Deposit tables: real ones, and every way in which a row can be wrong."""

from __future__ import annotations

import gzip
from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mineral_pipeline.errors import DataError
from mineral_pipeline.labelling import read_deposits
from mineral_pipeline.labelling.deposits import split_commodities

HEADER = "site_name,latitude,longitude,commod1,commod2,commod3\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deposits.csv"


def test_real_complete_records(data: Path) -> None:
    found = read_deposits([str(data / "deposits" / "mrds-complete-records.csv")])
    assert len(found.table) == 3121
    assert (found.rejected, found.merged) == ({}, 4)
    red_dog = found.table.iloc[0]
    assert (red_dog["name"], red_dog["lon"], red_dog["lat"]) == ("Red Dog mine", -162.83, 68.07)
    assert red_dog["commodities"] == "Zinc;Silver;Lead;Barium-Barite;Gold;Copper"
    assert (red_dog.geometry.x, red_dog.geometry.y) == (-162.83, 68.07)
    assert found.table["id"].is_unique
    assert set(found.table["source"]) == {"mrds-complete-records.csv"}


def test_real_partial_records(data: Path) -> None:
    found = read_deposits([str(data / "deposits" / "mrds-partial.csv.gz")])
    assert len(found.table) + found.merged == 54_752
    assert found.table["id"].is_unique
    by_id = found.table.set_index("id")
    assert by_id.loc["10000154", "commodities"] == "Silver;Gold;Copper;Lead;Zinc"
    assert not by_id["commodities"].str.contains("copper").any()


def test_rows_without_a_place_are_counted_by_reason(file: Path) -> None:
    rows = ["a,,1,,,", "b,1,  ,,,", "c,north,1,,,", "d,1,2 E,,,", "e,nan,1,,,", "f,91,1,,,", "g,1,181,,,", "h,inf,1,,,"]
    file.write_text(HEADER + "\n".join([*rows, "i,0,0.0,,,", "j,0,1,,,", "k,-90,180,,,"]))
    found = read_deposits([str(file)])
    assert found.table["name"].tolist() == ["j", "k"]
    assert found.rejected == {
        "without coordinates": 2,
        "with coordinates that are not numbers": 3,
        "with coordinates out of range": 3,
        "at 0, 0": 1,
    }


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


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Zinc, Silver, Lead", ["Zinc", "Silver", "Lead"]),
        ("gold, GOLD ,Gold", ["Gold"]),
        ("Barium-Barite,REE, pge", ["Barium-Barite", "REE", "PGE"]),
        ("Sand and Gravel, Construction", ["Sand and Gravel"]),
        ("Stone, Crushed/Broken;sand  AND gravel", ["Stone", "Sand and Gravel"]),
        ("Niobium (Columbium),,", ["Niobium (Columbium)"]),
        (" , ", []),
    ],
)
def test_commodities_are_spelt_alike(text: str, names: list[str]) -> None:
    assert split_commodities(text) == names


@given(st.text(max_size=60))
def test_splitting_twice_changes_nothing(text: str) -> None:
    once = split_commodities(text)
    assert len(set(once)) == len(once)
    assert all(name == name.strip() and "," not in name and ";" not in name for name in once)


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
