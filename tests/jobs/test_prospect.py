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
from jobs.prospecting import ensembles
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
    sample_set: str = "richness"

    @property
    def path(self) -> str:
        return f"{self.sample_set}/{self.name}"


MEMBERS = [Member("member-s0", -0.05), Member("member-s1", 0.0), Member("member-s2", 0.05)]


def fit(workspace: Workspace, member: Member, measure: Measure) -> dict[str, Any]:
    assert not is_done(workspace, member), "a trained member is trained again"
    workspace.write_json(f"fitted/{member.path}.json", {"offset": member.offset})
    return {"collapsed": False}


def is_done(workspace: Workspace, member: Member) -> bool:
    return workspace.exists(f"fitted/{member.path}.json")


def predict(workspace: Workspace, sample_set: str, name: str, chip_index: Sequence[int]) -> np.ndarray:
    offset = workspace.read_json(f"fitted/{sample_set}/{name}.json")["offset"]  # fails unless the member is trained
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
        (
            modelling,
            "ensemble_members",
            lambda *_: [file.removesuffix(".json") for file in workspace.list("fitted/richness")],
        ),
    ):
        monkeypatch.setattr(module, name, double)
    monkeypatch.setattr(ensembles, "CHIPS_PER_TASK", 4)  # so that batches are joined
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
    columns = {"location_id": keys, "subset": list(subsets.values()), "chip_id": keys, "drop_reason": ""}
    table = gpd.GeoDataFrame(columns, geometry=points, crs=CRS)
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


def test_excluded_ground_is_not_ranked(made: settings.Settings, workspace: Workspace, client: Client) -> None:
    """Chips that curate has left out for their ground are no prospects, nor is a location without others."""
    samples = workspace.read_table(artefacts.samples_table("richness"))
    ice = gpd.GeoDataFrame(
        {"location_id": ["012010", "013010"], "subset": "dropped", "chip_id": ["P5", "P6"],
         "drop_reason": ["snow or ice", "inside an excluded area"]},
        geometry=gpd.points_from_xy([0, 0], [0, 0]), crs=CRS,
    )  # fmt: skip
    workspace.write_table(artefacts.samples_table("richness"), pd.concat([samples, ice], ignore_index=True))
    counts = prospect.main(made, client)
    prospects = workspace.read_table(artefacts.PROSPECTS)
    assert not prospects["chip_id"].isin(["P5", "P6"]).any()
    assert counts.done == len(prospects)


def test_trained_members_are_kept(made: settings.Settings, workspace: Workspace, client: Client) -> None:
    workspace.write_json("fitted/richness/member-s0.json", {"offset": 0.05})
    prospect.main(made, client)
    assert workspace.list("fitted/richness") == ["member-s0.json", "member-s1.json", "member-s2.json"]
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


def test_with_folds_a_location_is_predicted_by_the_ensemble_of_the_fold_that_held_it_out(
    made: settings.Settings, workspace: Workspace, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensembles = {
        fold: [Member(f"member-s{seed}", offset, f"richness/fold-{fold}") for seed, offset in enumerate(offsets)]
        for fold, offsets in enumerate(([0.0, 0.1], [-0.1, -0.05, 0.0], []))
    }
    monkeypatch.setattr(modelling, "ensemble_specs", lambda *given: ensembles[given[4]])
    monkeypatch.setattr(modelling, "ensemble_members", lambda *given: [one.name for one in ensembles[given[4]]])
    assert made.curate is not None
    folds = made.model_copy(update={"curate": made.curate.model_copy(update={"folds": 3})})
    assert prospect.plan(folds).details["ensemble"] == "5 networks for each of 3 folds"
    write_samples(workspace, dict.fromkeys(DEPOSITS, "train"))  # what the split has learnt does not matter

    def rank(**fold_of: int) -> tuple[dict[str, float], dict[str, float], dict[str, int]]:
        table = pd.DataFrame({"location_id": [name.strip("_") for name in fold_of], "fold": list(fold_of.values())})
        workspace.write_table(artefacts.FOLDS, table)
        reasons = prospect.main(folds, client).reasons
        prospects = workspace.read_table(artefacts.PROSPECTS).set_index("location_id")
        return prospects["richness"].to_dict(), prospects["uncertainty"].to_dict(), reasons

    richness, spread, reasons = rank(_010010=0, _011010=0, _012010=0, _013010=1)
    assert richness == pytest.approx({"012010": 0.75, "013010": 0.45, "010010": 0.25})
    two, three = np.std([0, 0.1], ddof=1), 0.05
    assert spread == pytest.approx({"012010": two, "013010": three, "010010": two})
    assert reasons == {}
    richness, _, reasons = rank(_010010=2, _012010=1, _013010=0)
    assert richness == pytest.approx({"012010": 0.65, "013010": 0.55})
    assert reasons == {prospect.COLLAPSED: 1}, "fold 2 has no ensemble"
    richness, _, reasons = rank(_013010=1)
    assert (richness, reasons) == (pytest.approx({"013010": 0.45}), {prospect.IN_NO_FOLD: 2})
    with pytest.raises(DataError, match=r"samples/folds\.parquet lacks all 3 locations .*: run curate again"):
        rank(_099099=1)


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
