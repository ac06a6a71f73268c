"""Which rows are one deposit: names, distances, chains, and the order of the rows."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_pipeline.labelling.deduplication import PRIORITY, deduplicate
from mineral_pipeline.labelling.site_names import VAGUE, site_names

DEGREE_KM = math.pi / 180 * 6371.0088


def deposits(*rows: tuple[str, float, float], ids: list[str] | None = None) -> pd.DataFrame:
    """Rows of name and kilometres east and north of 0, 0."""
    names, east, north = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "id": ids or [f"{number:06d}" for number in range(len(rows))],
            "name": names,
            "lon": np.array(east) / DEGREE_KM,
            "lat": np.array(north) / DEGREE_KM,
        }
    )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Kara Oba", ["karaoba"]),
        ("KARA-OBA (Deposit)", ["karaoba"]),
        ("Karaoba mine", ["karaoba"]),
        ("Mine of the King's Crown", ["kingscrown"]),
        ("Peñasquito", ["penasquito"]),
        ("Halibut Bay No. 47", ["halibutbay47"]),
        ("Xerolivado (SE)", ["xerolivadose"]),
        ("Golden Top; Gold Top", ["goldentopgoldtop", "goldentop", "goldtop"]),
        ("Smith, J. and Co", ["smithjco", "smith"]),
        ("Copper King", ["copperking"]),
        ("Ruby mine", ["ruby"]),
        ("Unnamed (north of Slope Creek)", ["northslopecreek"]),
        ("Unnamed prospect", [VAGUE + "unnamedprospect"]),
        ("Gold mine", [VAGUE + "goldmine"]),
        ("Sand and gravel pit 12", [VAGUE + "sandandgravelpit12"]),
        (" - ", []),
        ("", []),
    ],
)
def test_names(text: str, names: list[str]) -> None:
    assert list(site_names([text])[text]) == names


def test_the_name_of_a_parent_is_not_that_of_its_parts() -> None:
    texts = ["Low Gap Mine, Collins Group", "Sunny Slope; Collins", "Hyder Lead; Texas Comstock"]
    found = site_names(texts)
    assert "collins" not in found[texts[0]] + found[texts[1]]
    assert "texascomstock" in found[texts[2]]


def test_the_name_of_a_parent_is_found_far_away() -> None:
    near = [("Alpha; Collins", 0, 0), ("Collins", 0, 0.1)]
    assert deduplicate(deposits(*near), 1.5).tolist() == [0, 0]
    assert deduplicate(deposits(*near, ("Beta; Collins", 500, 0)), 1.5).tolist() == [0, 1, 2], "Collins is no site"


def test_the_same_name_is_merged_by_distance() -> None:
    rows = deposits(("Hyde Mine", 0, 0), ("Hyde", 1.4, 0), ("Hyde", 0, 1.6), ("Jekyll", 0, 0.1), ("", 0, 0), ("", 0, 0))
    assert deduplicate(rows, 1.5).tolist() == [0, 0, 2, 3, 4, 5]
    assert deduplicate(rows, 0).tolist() == [0, 1, 2, 3, 4, 5]
    assert deduplicate(rows, 2).tolist() == [0, 0, 0, 3, 4, 5]


def test_a_vague_name_counts_at_the_same_position_only() -> None:
    rows = deposits(("Gold mine", 0, 0), ("gold  Mine", 0, 0), ("Gold mine", 0.01, 0), ("Mine", 0, 0))
    assert deduplicate(rows, 1.5).tolist() == [0, 0, 2, 3]


def test_the_same_identifier_is_one_deposit_however_far() -> None:
    rows = deposits(("A", 0, 0), ("Bee", 100, 0), ("Bee", 100.5, 0), ids=["x", "x", "y"])
    # what the second row is called and where it lies counts no more
    assert deduplicate(rows, 1.5).tolist() == [0, 0, 2]


def test_names_link_through_a_third_deposit() -> None:
    rows = deposits(("Alpha", 0, 0), ("Gamma", 0, 1), ("Alpha; Gamma", 0, 0.5))
    assert deduplicate(rows, 1.5).tolist() == [0, 0, 0]


def test_a_chain_does_not_cross_the_country() -> None:
    """One name every kilometre: nothing moves farther than the limit."""
    rows = deposits(*[("Chain", float(km), 0.0) for km in range(100)])
    assert deduplicate(rows, 1.5).tolist() == [2 * (km // 2) for km in range(100)]


def test_across_the_antimeridian_and_at_the_pole() -> None:
    rows = pd.DataFrame(
        {"id": list("abcd"), "name": ["Date", "Date", "Pole", "Pole"], "lon": [179.999, -179.999, 0, 180],
         "lat": [52, 52, 89.999, 89.999]}
    )  # fmt: skip
    assert deduplicate(rows, 1.5).tolist() == [0, 0, 2, 2]


def test_many_coincident_deposits() -> None:
    rows = deposits(*[("Heap", 0.0, 0.0)] * 20_000, *[("Heap", 0.3, 0.0)] * 20_000)
    assert not deduplicate(rows, 1.5).any()


def naive(rows: pd.DataFrame, merge_km: float) -> list[int]:
    """Apply the rule in plain Python, by haversines and flood filling."""
    names_of = [set(site_names(rows["name"])[name]) for name in rows["name"]]
    lonlat = np.radians(rows[["lon", "lat"]].to_numpy()).tolist()

    def apart(a: int, b: int) -> float:
        (lon, lat), (other_lon, other_lat) = lonlat[a], lonlat[b]
        half = math.sin((lat - other_lat) / 2) ** 2
        half += math.cos(lat) * math.cos(other_lat) * math.sin((lon - other_lon) / 2) ** 2
        return 2 * 6371.0088 * math.asin(math.sqrt(half))

    left, leader = list(range(len(rows))), list(range(len(rows)))
    while left:
        linked, edge = {left[0]}, [left[0]]
        while edge:
            one = edge.pop()
            new = {k for k in left if k not in linked and names_of[one] & names_of[k] and apart(one, k) <= merge_km}
            linked |= new
            edge += new
        left = [k for k in left if k not in linked]
        group = sorted(linked)
        while group:
            near = [k for k in group if apart(k, group[0]) <= merge_km]
            for k in near:
                leader[k] = near[0]
            group = [k for k in group if k not in near]
    return leader


NAMES = st.sampled_from(["North Star", "North Star; Polaris", "Polaris mine", "Lucky", "Lucky, Strike it", "Strike it"])
SITES = st.tuples(NAMES, st.floats(0, 6), st.floats(0, 4))


@given(st.lists(SITES, min_size=1, max_size=25))
@settings(deadline=None)
def test_against_a_naive_oracle(rows: list[tuple[str, float, float]]) -> None:
    table = deposits(*rows)
    found = deduplicate(table, 1.5)
    assert found.tolist() == naive(table, 1.5)
    assert (found <= np.arange(len(rows))).all()
    assert (found[found] == found).all()


@given(st.lists(SITES, min_size=2, max_size=12), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_the_order_of_rows_does_not_matter(rows: list[tuple[str, float, float]], seed: int) -> None:
    table = deposits(*rows).assign(rank=0, commodities="", sources="")
    shuffled = table.sample(frac=1, random_state=seed)
    kept = []
    for one in (table, shuffled):
        ordered = one.sort_values(PRIORITY)
        kept.append(dict(zip(ordered["id"], ordered["id"].to_numpy()[deduplicate(ordered, 1.5)], strict=True)))
    assert kept[0] == kept[1]
