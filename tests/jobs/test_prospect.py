"""The prospect job: which locations, which networks, in which order the predictions come back.

Networks are doubles here; the whole demonstration trains real ones.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from chips import outcome
from distributed import Client, LocalCluster

from jobs import prospect, train
from mineral_pipeline import modelling, settings
from mineral_pipeline.errors import ClusterError, DataError, SettingsError
from mineral_pipeline.geometry import CRS
from mineral_pipeline.modelling import Measure
from mineral_pipeline.workspace import Workspace, artefacts, ledger

# rasterio and rioxarray multiply transforms with *, which affine 3 announces to retire.
pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")

DEPOSITS = {"010010": 0, "011010": 3, "012010": 0, "013010": 0, "014010": 0}
"""Known deposits of each location."""
AT_SEA = "014010"
CHIPS_PER_LOCATION = 2
RICHNESS = {0: 0.1, 1: 0.3, 4: 0.6, 5: 0.8, 6: 0.5, 7: 0.5}
"""What the doubles predict by chip index, before each network of the ensemble adds its own."""


@dataclass(frozen=True)
class Member:
    """Double of a model's spec."""

    name: str
    offset: float
    task: str = "richness"


MEMBERS = [Member("member-s0", -0.05), Member("member-s1", 0.0), Member("member-s2", 0.05)]


def fit(workspace: Workspace, member: Member, measure: Measure) -> dict[str, Any]:
    assert not is_done(workspace, member), "a trained member is trained again"
    workspace.write_json(f"fitted/{member.name}.json", {"offset": member.offset})
    return {"collapsed": False}


def is_done(workspace: Workspace, member: Member) -> bool:
    return workspace.exists(f"fitted/{member.name}.json")


def predict(workspace: Workspace, task: str, name: str, chip_index: Sequence[int]) -> np.ndarray:
    assert task == "richness"
    offset = workspace.read_json(f"fitted/{name}.json")["offset"]  # fails unless the member is trained
    return np.array([RICHNESS[number] + offset for number in chip_index])


@pytest.fixture
def made(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> settings.Settings:
    """Five locations on the equator, five degrees apart; the second holds deposits and the last is at sea."""
    outcomes, labels = [], []
    for number in range(len(DEPOSITS) * CHIPS_PER_LOCATION):
        position = number // CHIPS_PER_LOCATION
        location_id, lon = list(DEPOSITS)[position], 5.0 * position
        shape = shapely.box(lon - 1, -1, lon + 1, 1)
        outcomes.append(outcome(number, f"P{number}", geometry=shape, brightness=50.0))
        found = DEPOSITS[location_id]
        labels.append(
            {"chip_id": f"P{number}", "scene_id": f"P{number}", "location_id": location_id, "chip_index": number,
             "lon": lon, "lat": 0.0, "n_deposits": found, "has_deposit": found > 0, "richness": float(found > 0)}
        )  # fmt: skip
    ledger.write_part(workspace, 0, outcomes)
    workspace.write_table(artefacts.labels_part(0), pd.DataFrame(labels))
    deposits = gpd.GeoDataFrame({"lon": [5.0], "lat": [0.0]}, geometry=gpd.points_from_xy([5.0], [0.0]), crs=CRS)
    workspace.write_table(artefacts.DEPOSITS, deposits)
    gpd.GeoDataFrame(geometry=[shapely.box(-2, -2, 17, 2)], crs=CRS).to_file(tmp_path / "land.geojson")
    write_samples(workspace, {"011010": "train"})
    for module, name, double in (
        (train, "fit", fit),
        (train, "is_done", is_done),
        (modelling, "predict", predict),
        (modelling, "ensemble_specs", lambda *_: MEMBERS),
        (modelling, "ensemble_members", lambda *_: [file.removesuffix(".json") for file in workspace.list("fitted")]),
    ):
        monkeypatch.setattr(module, name, double)
    monkeypatch.setattr(prospect, "CHIPS_PER_TASK", 4)  # so that batches are joined
    return settings.parse(
        {
            "workspace": workspace.url,
            "archive": {"url": "."},
            "label": {"deposits": ["deposits.csv"]},
            "curate": {"land": str(tmp_path / "land.geojson")},
        }
    )


def write_samples(workspace: Workspace, subsets: dict[str, str]) -> None:
    """Locations of the ensemble's samples, with the subset that each is in."""
    keys = list(subsets)
    points = gpd.points_from_xy(np.zeros(len(keys)), np.zeros(len(keys)))
    table = gpd.GeoDataFrame({"location_id": keys, "subset": list(subsets.values())}, geometry=points, crs=CRS)
    workspace.write_table(artefacts.samples_table("richness"), table)


def test_barren_locations_over_land_are_ranked(made: settings.Settings, workspace: Workspace, client: Client) -> None:
    counts = prospect.main(made, client)
    assert (counts.unit, counts.planned, counts.done, counts.failed) == ("locations", 3, 3, 0)
    prospects = workspace.read_table(artefacts.PROSPECTS)
    assert prospects["location_id"].tolist() == ["012010", "013010", "010010"]
    assert prospects["richness"].tolist() == pytest.approx([0.7, 0.5, 0.2])
    assert prospects["uncertainty"].tolist() == pytest.approx([0.05] * 3)  # of -0.05, 0 and 0.05
    assert prospects["chip_id"].tolist() == ["P5", "P6", "P1"]
    degree = np.pi * 6371.0088 / 180
    assert prospects["distance_km"].tolist() == pytest.approx([5 * degree, 10 * degree, 5 * degree])
    document = json.loads(workspace.read_bytes(artefacts.PROSPECTS_GEOJSON))
    assert [feature["id"] for feature in document["features"]] == prospects["location_id"].tolist()
    assert workspace.exists(artefacts.PROSPECTS_RASTER)
    assert workspace.exists(artefacts.PROSPECTS_STYLE)


def test_trained_members_are_kept(made: settings.Settings, workspace: Workspace, client: Client) -> None:
    workspace.write_json("fitted/member-s0.json", {"offset": 0.05})
    prospect.main(made, client)
    assert workspace.list("fitted") == ["member-s0.json", "member-s1.json", "member-s2.json"]
    prospects = workspace.read_table(artefacts.PROSPECTS)
    assert prospects["uncertainty"].tolist() == pytest.approx([np.std([0.05, 0, 0.05], ddof=1)] * 3)


def test_locations_on_which_the_ensemble_was_trained_or_stopped_are_left_out_and_counted(
    made: settings.Settings, workspace: Workspace, client: Client
) -> None:
    write_samples(workspace, {"011010": "train", "012010": "train", "010010": "validation", "013010": "test"})
    counts = prospect.main(made, client)
    assert (counts.planned, counts.done, counts.failed) == (3, 1, 0)
    assert counts.reasons == {"on which the ensemble was trained or stopped": 2}
    prospects = workspace.read_table(artefacts.PROSPECTS)
    assert prospects["location_id"].tolist() == ["013010"], "dropped locations and those of the test subset are new"


def test_where_the_ensemble_knows_everything_the_setting_to_change_is_named(
    made: settings.Settings, workspace: Workspace, client: Client
) -> None:
    write_samples(workspace, dict.fromkeys(DEPOSITS, "train"))
    with pytest.raises(DataError, match=r"trained or stopped on all 3 locations .* curate\.richness_samples: positive"):
        prospect.main(made, client)
    assert not workspace.exists("fitted")


def test_without_two_networks_that_have_not_collapsed_nothing_is_ranked(
    made: settings.Settings,
    workspace: Workspace,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    prospect.main(made, client)
    assert workspace.exists(artefacts.PROSPECTS)
    monkeypatch.setattr(modelling, "ensemble_members", lambda *_: [])
    counts = prospect.main(made, client)
    reason = "because fewer than two networks are left that have not collapsed to a constant"
    assert (counts.planned, counts.done, counts.failed, counts.reasons) == (3, 0, 0, {reason: 3})
    assert f"prospect: no location is ranked, {reason}" in " ".join(capsys.readouterr().out.split())
    for name in (artefacts.PROSPECTS, artefacts.PROSPECTS_GEOJSON, artefacts.PROSPECTS_RASTER):
        assert not workspace.exists(name), "of the run before"


def test_a_network_of_the_ensemble_that_fails_is_an_error(
    made: settings.Settings, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(workspace: Workspace, member: Member, measure: Measure) -> dict[str, Any]:
        if member.name == "member-s1":
            raise DataError("it diverged")
        return fit(workspace, member, measure)

    monkeypatch.setattr(train, "fit", failing)
    with pytest.raises(DataError, match="1 networks of the ensemble could not be trained"):
        prospect.main(made, client)


def test_the_plan_counts_locations_without_deposits(made: settings.Settings) -> None:
    plan = prospect.plan(made)
    assert (plan.counts.unit, plan.counts.planned) == ("locations", 4)  # whether they lie at sea is not known yet
    assert plan.details["ensemble"] == "5 networks"


def test_nothing_to_prospect_is_said_before_anything_is_trained(
    made: settings.Settings, workspace: Workspace, client: Client
) -> None:
    labels = workspace.read_table(artefacts.LABELS)
    rich = labels.assign(n_deposits=np.where(labels["location_id"] == AT_SEA, 0, 1))
    workspace.write_table(artefacts.labels_part(0), rich)
    with pytest.raises(DataError, match="nothing to prospect"):
        prospect.main(made, client)
    workspace.write_table(artefacts.labels_part(0), labels.assign(n_deposits=1))
    with pytest.raises(DataError, match="nothing to prospect"):
        prospect.main(made, client)
    with pytest.raises(SettingsError, match="curate section"):
        prospect.main(made.model_copy(update={"curate": None}), client)
    assert not workspace.exists("fitted")


def test_a_cluster_without_gpu_is_refused(made: settings.Settings, workspace: Workspace) -> None:
    local = LocalCluster(processes=False, n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0")
    with local as cluster, Client(cluster) as client, pytest.raises(ClusterError, match="offers GPU"):
        prospect.main(made, client)
    assert not workspace.exists("fitted")
