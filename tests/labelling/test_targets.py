"""Targets and the steps that make labels: presence, richness, counts per commodity."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from mineral_pipeline import labelling
from mineral_pipeline.errors import DataError
from mineral_pipeline.labelling import Deposits, choose_deposits, column_name, count_deposits, finish_labels, richness
from mineral_pipeline.workspace import Workspace, identities, ledger
from mineral_pipeline.workspace.ledger import Outcome, State


def table(*commodities: str) -> pd.DataFrame:
    numbers = np.arange(len(commodities), dtype=float)
    return pd.DataFrame({"lon": numbers, "lat": numbers, "commodities": pd.Series(commodities, dtype="str")})


def outcome(chip_index: int, geometry: shapely.Polygon, scene_id: str = "", location_id: str = "") -> Outcome:
    """A usable chip; by default the only one of its scene and location."""
    scene_id, location_id = scene_id or f"p{chip_index}", location_id or f"003{chip_index:03d}"
    return Outcome(f"c{chip_index}", scene_id, location_id, chip_index, scene_id, State.OK, geometry=geometry)


def chips(*squares: tuple[float, float]) -> gpd.GeoDataFrame:
    """Square degrees by their lower left corners."""
    return ledger.to_table(outcome(chip, shapely.box(x, y, x + 1, y + 1)) for chip, (x, y) in enumerate(squares))


def test_the_commonest_commodities_are_counted() -> None:
    deposits = choose_deposits(table("Gold;Silver", "Gold", "", "Tin;Silver", "Lead"), 3)
    assert deposits.columns == ("n_gold", "n_silver", "n_lead")  # by name where they are as common
    assert deposits.holds.toarray().tolist() == [[1, 1, 0], [1, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_commodities_by_name() -> None:
    deposits = choose_deposits(table("Gold;Barium-Barite", "Tin"), ["tin", "barium-barite"])
    assert deposits.columns == ("n_tin", "n_barium_barite")
    assert choose_deposits(table("Gold;Barium-Barite", "Tin"), ["Sn", "barite"]).columns == deposits.columns
    assert deposits.holds.toarray().tolist() == [[0, 1], [1, 0]]
    with pytest.raises(
        DataError, match=r"label\.commodities: no deposit holds 'Unobtainium'.*Barium-Barite, Gold, Tin"
    ):
        choose_deposits(table("Gold;Barium-Barite", "Tin"), ["Unobtainium"])


def test_more_commodities_than_there_are() -> None:
    assert choose_deposits(table("Gold", ""), 10).columns == ("n_gold",)
    assert choose_deposits(table("", ""), 10).columns == ()
    assert choose_deposits(table("Gold"), 0).columns == ()


def test_column_names() -> None:
    assert column_name("Niobium (Columbium)") == "n_niobium_columbium"
    assert column_name("Sand and Gravel") == "n_sand_and_gravel"


def test_counts_in_footprints() -> None:
    deposits = choose_deposits(table("Gold;Silver", "Gold", "Tin", "Gold"), 2)
    counts = count_deposits(chips((-0.5, -0.5), (0, 0), (50, 50)), deposits)
    assert counts["n_deposits"].tolist() == [1, 2, 0]
    assert counts["n_gold"].tolist() == [1, 2, 0]
    assert counts["n_silver"].tolist() == [1, 1, 0]
    assert counts["location_id"].tolist() == ["003000", "003001", "003002"]
    assert counts["chip_id"].tolist() == ["c0", "c1", "c2"]
    assert counts["scene_id"].tolist() == ["p0", "p1", "p2"]
    np.testing.assert_allclose(counts[["lon", "lat"]], [[0, 0], [0.5, 0.5], [50.5, 50.5]], atol=2e-3)


def test_only_the_chips_of_some_shards_that_are_ok_are_read(workspace: Workspace) -> None:
    square = shapely.box(0, 0, 1, 1)
    for shard, states in enumerate(([State.OK, State.MISSING], [State.OK], [State.REJECTED])):
        rows = [(2 * shard + number, state) for number, state in enumerate(states)]
        outcomes = [Outcome(f"{n}", f"{n}", "007001", n, f"{n}", state, geometry=square) for n, state in rows]
        ledger.write_part(workspace, shard, outcomes)
    assert labelling.read_chips([0, 1, 2], workspace)["chip_index"].tolist() == [0, 2]
    assert labelling.read_chips([2], workspace).empty
    assert labelling.read_chips([], workspace).columns.tolist() == labelling.EMPTY_CHIPS.columns.tolist()


def test_a_partition_without_chips_has_the_same_columns() -> None:
    deposits = choose_deposits(table("Gold"), 5)
    full, empty = count_deposits(chips((0, 0)), deposits), labelling.empty_counts(deposits)
    pd.testing.assert_series_equal(empty.dtypes, full.dtypes)


def test_labels() -> None:
    counts = count_deposits(chips((-0.5, -0.5), (0, 0), (50, 50)), choose_deposits(table("Gold", "Tin"), 2))
    labels = finish_labels(counts.iloc[::-1], max_deposits=7)
    assert labels["chip_index"].tolist() == [0, 1, 2]
    assert labels["has_deposit"].tolist() == [True, True, False]
    np.testing.assert_allclose(labels["richness"], [1 / 3, np.log(3) / np.log(8), 0])
    assert list(labels.columns) == [
        "chip_id", "scene_id", "location_id", "chip_index", "lon", "lat", "n_deposits", "has_deposit", "richness",
        "max_deposits", "is_ambiguous", "has_open_mine", "is_barren", "n_gold", "n_tin",
    ]  # fmt: skip


def test_every_chip_of_a_scene_has_labels_of_its_own() -> None:
    """Two chips of one scene, one far away in the same location, and one of another location on the same ground."""
    rows = [
        outcome(7, shapely.box(-0.5, -0.5, 0.5, 0.5), "p", "one"),
        outcome(8, shapely.box(0.5, 0.5, 2.5, 2.5), "p", "one"),
        outcome(5, shapely.box(50, 50, 51, 51), "q", "one"),
        outcome(6, shapely.box(-0.5, -0.5, 2.5, 2.5), "r", "other"),
    ]
    deposits = choose_deposits(table("Gold", "Tin", "Tin"), 0)
    labels = finish_labels(count_deposits(ledger.to_table(rows), deposits), max_deposits=3)
    assert labels["chip_id"].tolist() == ["c5", "c6", "c7", "c8"]
    assert labels["scene_id"].tolist() == ["q", "r", "p", "p"]
    assert labels["location_id"].tolist() == ["one", "other", "one", "one"]
    assert labels["n_deposits"].tolist() == [0, 3, 1, 2]


def test_a_chip_with_few_deposits_belongs_to_no_class() -> None:
    counts = count_deposits(chips((-0.5, -0.5), (0, 0), (50, 50)), choose_deposits(table("Gold", "Tin"), 0))
    labels = finish_labels(counts, max_deposits=7, min_deposits=2)
    assert labels["n_deposits"].tolist() == [1, 2, 0]
    assert labels["has_deposit"].tolist() == [False, True, False]
    assert labels["is_ambiguous"].tolist() == [True, False, False]
    assert labels["richness"].tolist() == finish_labels(counts, max_deposits=7)["richness"].tolist()


def test_groups_are_counted_by_deposit() -> None:
    held = table("Gold;Silver", "Copper", "Platinum;Copper", "Unobtainium")
    deposits = choose_deposits(held, ["Gold"], ["precious", "base", "energy"])
    assert deposits.columns == ("n_gold", "n_group_precious", "n_group_base", "n_group_energy")
    assert deposits.holds.toarray().tolist() == [[1, 1, 0, 0], [0, 0, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]


def test_chips_with_an_open_mine_are_marked() -> None:
    deposits = choose_deposits(table("Gold", "Tin").assign(open_mine=[False, True]), 1)
    labels = finish_labels(count_deposits(chips((-0.5, -0.5), (0, 0), (50, 50)), deposits), max_deposits=2)
    assert labels["has_open_mine"].tolist() == [False, True, False]
    assert labels["has_open_mine"].dtype == labels["is_ambiguous"].dtype == bool


def test_a_chip_is_barren_where_a_place_was_explored_and_no_deposit_is_known() -> None:
    explored = pd.DataFrame({"lon": [0.2, 20.2, 20.8, 50.5], "lat": [0.2, 20.2, 20.8, 50.5]})
    ground = chips((-0.5, -0.5), (20, 20), (50, 50), (0.5, 0.5), (70, 70))
    counts = count_deposits(ground, choose_deposits(table("Gold", "Tin"), 0, barren=explored))
    assert counts["n_deposits"].tolist() == [1, 0, 0, 1, 0]
    assert counts["is_barren"].tolist() == [False, True, True, False, False]
    assert finish_labels(counts, max_deposits=1)["is_barren"].tolist() == [False, True, True, False, False]
    known = choose_deposits(table("Gold", "Tin"), 0)
    for deposits in (known, Deposits(known.positions, known.columns, known.holds, known.open_mine)):
        assert not count_deposits(ground, deposits)["is_barren"].any(), "where nothing is known to be explored"


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_richness_is_ordered_and_within_bounds(numbers: list[int]) -> None:
    largest, counts = max(numbers), np.sort(numbers)
    values = richness(counts, largest)
    assert (np.diff(values) >= 0).all()
    assert values[-1] == (1 if largest else 0)
    assert ((values == 0) == (counts == 0)).all()


def test_real_deposits_in_real_footprints(data: Path) -> None:
    """Counted once more by geopandas, planar: so far from the poles a few deposits near an edge differ."""
    found = labelling.read_deposits([str(data / "deposits" / "mrds-complete-records.csv")])
    zipped = f"zip://{data / 'wrs2' / 'WRS2_descending.zip'}"
    wrs2 = gpd.read_file(zipped, bbox=(-120, 30, -105, 42))
    scenes = wrs2[wrs2.geom_type == "Polygon"]
    # Their edges carry vertices that are straight on the plane only.
    scenes = scenes.set_geometry(scenes.simplify(1e-4))
    keys = identities.location_ids(scenes["PATH"], scenes["ROW"])
    rows = [
        outcome(n, polygon, location_id=key) for n, (polygon, key) in enumerate(zip(scenes.geometry, keys, strict=True))
    ]
    counts = count_deposits(ledger.to_table(rows), choose_deposits(found.table, ["Gold", "Copper"]))
    assert (counts["footprint_error"] == "").all()
    joined = gpd.sjoin(found.table, scenes.reset_index(drop=True), predicate="within")
    planar = joined.groupby("index_right").size().reindex(range(len(scenes)), fill_value=0)
    difference = np.abs(counts["n_deposits"] - planar)
    assert planar.sum() > 700
    assert difference.max() <= 3
    assert difference.sum() < 0.02 * planar.sum()
    gold = joined[joined["commodities"].str.split(";").map(lambda names: "Gold" in names)]
    assert abs(counts["n_gold"].sum() - len(gold)) < 0.02 * len(gold) + 2
