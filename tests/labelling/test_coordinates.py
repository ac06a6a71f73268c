"""Coordinates of deposit tables: reference systems, and every way in which a position can be wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_pipeline.labelling.coordinates import Conversion, to_wgs84


def rows(*positions: tuple[str, str], crs: str = "", country: str = "") -> pd.DataFrame:
    """Rows of (lat, lon) texts."""
    lat, lon = zip(*positions, strict=True)
    return pd.DataFrame({"lat": lat, "lon": lon, "crs": crs, "country": country}, dtype="str")


@pytest.mark.parametrize(
    ("lat", "lon", "reason"),
    [
        ("40.5", "-110.25", ""),
        ("-90", "180", ""),
        ("1e1", "+5", ""),
        ("0", "20.5", ""),
        ("", "1", "without coordinates"),
        ("north", "1", "with coordinates that are not numbers"),
        ("40,5", "1", "with coordinates that are not numbers"),
        ("nan", "1", "with coordinates that are not numbers"),
        ("1", "2 E", "with coordinates that are not numbers"),
        ("40° 30' 15\" N", "110° W", "with coordinates in degrees and minutes"),
        ("40 30 15", "-110", "with coordinates in degrees and minutes"),
        ("40-30-15N", "110-15-00W", "with coordinates in degrees and minutes"),
        ("40:30.5", "110:15", "with coordinates in degrees and minutes"),
        ("-110.25", "40.5", "with a latitude beyond 90 (exchanged with the longitude?)"),
        ("180", "90", "with a latitude beyond 90 (exchanged with the longitude?)"),
        ("180.1", "90", "with coordinates out of range"),
        ("180", "90.1", "with coordinates out of range"),
        ("95", "120", "with coordinates out of range"),
        ("10", "181", "with coordinates out of range"),
        ("inf", "1", "with coordinates out of range"),
        ("4512345", "512345", "with coordinates out of range"),
        ("0.0", "-0.0", "at 0, 0"),
    ],
)
def test_wrong_positions_are_rejected(lat: str, lon: str, reason: str) -> None:
    found = to_wgs84(rows((lat, lon)))
    assert found.reasons.tolist() == [reason]
    assert np.isnan(found.lonlat).all() == bool(reason)


@given(st.floats(-90, 90), st.floats(-180, 180))
@settings(max_examples=20, deadline=None)  # pyproj looks reference systems up
def test_wgs84_is_left_as_it_is(lat: float, lon: float) -> None:
    found = to_wgs84(rows(*[(repr(lat), repr(lon))] * 4).assign(crs=["", "EPSG:4326", "WGS84", "OGC:CRS84"]))
    assert found.conversions == ()
    assert len(set(found.reasons)) == 1
    if not found.reasons[0]:
        assert found.lonlat.tolist() == [[lon, lat]] * 4


def test_a_conversion_in_words() -> None:
    some = Conversion(rows=1234, crs="EPSG:4267", moved_m=(130.4, 250.6), accuracy_m=12.0, ballpark=0)
    moved = "1,234 rows converted from EPSG:4267 to WGS 84, moved by 130 m (at most 251), accurate to 12 m"
    assert str(some) == moved
    assert str(replace(some, ballpark=7)) == f"{moved}; 7 lie where no transformation holds and stay as they are"
    assert str(replace(some, moved_m=None, accuracy_m=None)) == "1,234 rows converted from EPSG:4267 to WGS 84"


def test_north_american_datum_of_1927() -> None:
    """Oracle: geocentric translation by the parameters of EPSG:1176 (Alaska), from the Clarke 1866 ellipsoid."""
    lon, lat = -150.0, 65.0
    ellipsoids = [{"proj": "latlong", "a": 6378206.4, "b": 6356583.8}, {"proj": "latlong", "ellps": "WGS84"}]
    to_xyz, from_xyz = (pyproj.Transformer.from_crs(e, {**e, "proj": "geocent"}, always_xy=True) for e in ellipsoids)
    x, y, z = to_xyz.transform(lon, lat, 0.0)
    expected = from_xyz.transform(x - 5, y + 135, z + 172, direction="INVERSE")[:2]
    found = to_wgs84(rows((str(lat), str(lon)), crs="EPSG:4267"))
    np.testing.assert_allclose(found.lonlat[0], expected, atol=1e-7)
    (conversion,) = found.conversions
    assert (conversion.rows, conversion.accuracy_m, conversion.ballpark) == (1, 12.0, 0)
    assert conversion.moved_m == pytest.approx((130.5, 130.5), abs=0.5)
    assert "1 rows converted from EPSG:4267 to WGS 84, moved by 130 m" in str(conversion)


def test_where_no_transformation_holds_positions_stay_and_are_counted() -> None:
    found = to_wgs84(rows(("65", "-150"), ("50", "10"), crs="EPSG:4267"))  # the second lies in Germany
    assert found.lonlat[1].tolist() == [10, 50]
    assert found.conversions[0].ballpark == 1
    assert "1 lie where no transformation holds" in str(found.conversions[0])


@pytest.mark.parametrize(("lat", "lon"), [("89", "-150"), ("-89", "-150"), ("89", "-60"), ("65", "0"), ("10", "120")])
def test_a_transformation_of_north_america_holds_on_no_other_side_of_it(lat: str, lon: str) -> None:
    conversion = to_wgs84(rows((lat, lon), crs="EPSG:4267")).conversions[0]
    assert (conversion.ballpark, conversion.accuracy_m, conversion.moved_m) == (1, None, (0, 0))


def test_the_antimeridian_is_crossed() -> None:
    found = to_wgs84(rows(("52", "-179.9999"), ("52", "179.9999"), crs="EPSG:4267"))
    assert (np.abs(found.lonlat[:, 0]) <= 180).all()
    assert (np.abs(np.abs(found.lonlat[:, 0]) - 180) < 0.01).all()


def test_projected_coordinates_and_unknown_systems() -> None:
    table = pd.concat([rows(("4512345", "500000"), crs="EPSG:32612"), rows(("1", "2"), crs="my own grid")])
    found = to_wgs84(table.reset_index(drop=True))
    assert found.lonlat[0] == pytest.approx([-111, 40.76], abs=0.01)
    assert found.conversions[0].moved_m is None
    assert found.reasons.tolist() == ["", "in an unknown reference system"]


def chilean(extra: tuple[str, str], name: str = "Chile") -> pd.DataFrame:
    """Twelve mines from north to south, and one more row."""
    mines = [(f"{lat:.2f}", "-70.1") for lat in np.linspace(-18.5, -33, 12)]
    return pd.concat([rows(*mines, country="CHILE"), rows(extra, country=name)], ignore_index=True)


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        (("33.1", "-70.2"), "whose country contradicts the sign of the latitude"),
        (("-33.1", "70.2"), "whose country contradicts the sign of the longitude"),
        (("33.1", "70.2"), "whose country contradicts both signs"),
        (("-70.2", "-33.1"), "whose country shows latitude and longitude exchanged"),
        (("70.2", "33.1"), "whose country shows latitude and longitude exchanged and a wrong sign"),
        (("-53.2", "-70.9"), ""),  # far from the others, but no correction would bring it to them
        (("-27.1", "-109.4"), ""),  # Easter Island
    ],
)
def test_a_country_reveals_coordinate_errors(extra: tuple[str, str], reason: str) -> None:
    assert to_wgs84(chilean(extra)).reasons.tolist() == [""] * 12 + [reason]
    assert to_wgs84(chilean(extra, "")).reasons.tolist() == [""] * 13


def test_repeated_errors_do_not_confirm_each_other() -> None:
    table = pd.concat([chilean(("33.1", "-70.2")), rows(("33.1", "-70.2"), country="chile")], ignore_index=True)
    assert (to_wgs84(table).reasons != "").sum() == 2


def test_a_country_with_few_rows_is_skipped() -> None:
    few = rows(("33.1", "-70.2"), ("-33.1", "-70.2"), ("-33.2", "-70.3"), country="Chile")
    assert to_wgs84(few).reasons.tolist() == [""] * 3


def test_spellings_of_a_country() -> None:
    mines = rows(*[(f"{40 + n / 10}", "-120") for n in range(12)], country="United States")
    odd = rows(("40.55", "120"), country="U.S.A.")
    assert to_wgs84(pd.concat([mines, odd], ignore_index=True)).reasons[-1].endswith("the sign of the longitude")


def test_real_tables(data: Path) -> None:
    """Errors known from a map: Red Dog and Pebble lie in Alaska, Niblack on its islands, Teghout in Armenia."""
    table = pd.read_csv(data / "deposits" / "other-sources.csv.gz", dtype=str, na_filter=False)
    table = table.rename(columns={"latitude": "lat", "longitude": "lon"})
    found = to_wgs84(table)
    reasons = pd.Series(found.reasons)
    assert (reasons == "at 0, 0").sum() == 37
    rejected = table["name"].where(reasons.str.startswith("whose country")).dropna()
    assert 30 < len(rejected) < 60
    assert {"Red Dog Mine", "Pebble Project", "Niblack", "Mrima Hill", "Font Sante"} <= set(rejected)
    exchanged = reasons[table["name"] == "Teghout Copper-Molybdenum Project"]
    assert "whose country shows latitude and longitude exchanged" in set(exchanged)
    # The Near Islands are in the eastern hemisphere, near other positions of their country.
    ardf = (table["crs"] == "EPSG:4267").to_numpy()
    assert not (found.reasons[ardf] != "").any()
    (conversion,) = found.conversions
    assert (conversion.crs, conversion.rows) == ("EPSG:4267", 7720)
    assert conversion.ballpark < 40
    assert conversion.accuracy_m is not None
    assert conversion.accuracy_m <= 20
