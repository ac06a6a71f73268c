"""What tasks about a commodity or a group need of the labels, and which of them there are."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from mineral_pipeline.errors import DataError, SettingsError
from mineral_pipeline.labelling import check_task, choose_deposits, count_deposits, finish_labels, holding
from mineral_pipeline.labelling.partitions import summarise_counts
from mineral_pipeline.workspace import ledger
from mineral_pipeline.workspace.ledger import Outcome, State

HELD = ["Gold;Silver", "Gold", "Copper", "", "Silver", "Golden Beryl"]


def table() -> pd.DataFrame:
    """Deposits at 0.1, 0.2, ... degrees on the equator."""
    lon = np.arange(1, len(HELD) + 1) / 10
    return pd.DataFrame({"lon": lon, "lat": 0.0, "commodities": pd.Series(HELD, dtype="str")})


def chips() -> gpd.GeoDataFrame:
    """The first holds all deposits, the second those from 0.25 to 0.45 degrees, the third none."""
    squares = [shapely.box(0, -1, 1, 1), shapely.box(0.25, -1, 0.45, 1), shapely.box(50, -1, 51, 1)]
    return ledger.to_table(
        Outcome(f"c{k}", f"p{k}", f"003{k:03d}", k, f"p{k}", State.OK, geometry=one) for k, one in enumerate(squares)
    )


def test_what_a_task_is_about_is_counted_however_rare_it_is() -> None:
    assert holding(table(), "gold").tolist() == [True, True, False, False, False, False], "golden beryl is none"
    assert holding(table(), "group:precious").tolist() == [True, True, False, False, True, False]
    assert holding(table(), "").all()
    deposits = choose_deposits(table(), 0, (), None, ["gold", "group:precious"])
    counts = count_deposits(chips(), deposits)
    assert counts[["n_gold", "n_group_precious"]].to_numpy().tolist() == [[2, 3], [0, 0], [0, 0]]
    assert summarise_counts(counts, ["", "gold", "group:precious"])[0] == [6, 2, 3]
    assert summarise_counts(counts.iloc[:0], ["", "gold"])[0] == [0, 0]


def test_targets_are_of_the_subject_alone() -> None:
    counts = count_deposits(chips(), choose_deposits(table(), 1, (), None, ["gold", "group:base"]))
    labels = finish_labels(counts, 6, 2, {"gold": 5, "group:base": 1})
    assert labels["has_deposit"].tolist() == [True, True, False]
    assert labels["has_gold"].tolist() == [True, False, False]
    assert labels["richness_gold"].tolist() == pytest.approx([np.log(3) / np.log(6), 0, 0])
    assert labels["is_ambiguous_group_base"].tolist() == [True, True, False], "one copper deposit is too few"
    assert labels["richness"].tolist() == pytest.approx([1, np.log(3) / np.log(7), 0])
    plain = finish_labels(count_deposits(chips(), choose_deposits(table(), 1)), 6, 2)
    pd.testing.assert_frame_equal(labels[plain.columns], plain)


def test_a_subject_that_no_deposit_holds_is_told() -> None:
    with pytest.raises(
        DataError, match=r"tasks: no deposit of label\.deposits holds what tin stands for: choose among"
    ):
        choose_deposits(table(), 3, (), None, ["tin"])


@pytest.mark.parametrize(
    ("task", "says"),
    [
        ("presence:glod", r"^tasks: presence:glod: no commodity 'glod': .*; did you mean presence:gold\?$"),
        ("richness:au", r"did you mean richness:gold\?$"),
        ("presence:rare_earths", r"did you mean presence:ree\?$"),
        ("presence:precious", r"did you mean presence:group:precious\?$"),
        (
            "presence:group:precios",
            r"group 'precios': choose among precious, .*mean presence:group:precious\?$",
        ),
        ("presence:group:gold", r"did you mean presence:gold\?$"),
        ("presence:qqqq", r"list yours in label\.commodities$"),
    ],
)
def test_unknown_subjects_are_refused_with_a_proposal(task: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        check_task(task)


def test_known_subjects_and_those_of_the_settings() -> None:
    for task in ("presence", "presence:gold", "richness:group:base", "presence:barium_barite"):
        check_task(task)
    check_task("presence:lapis_lazuli_blue", ["Lapis Lazuli Blue"])
