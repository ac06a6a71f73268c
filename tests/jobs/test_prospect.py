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
from jobs.prospecting import ensembles, predictions
from jobs.prospecting.basis import heading as describe_heading
from jobs.prospecting.nearby import Nearby
from jobs.prospecting.voters import MIN_RICH, choose_voters
from mineral_pipeline import modelling, settings
from mineral_pipeline.errors import ClusterError, DataError, SettingsError
from mineral_pipeline.evaluation import Conversion, NumberGivenOne, Shares, fit_calibration
from mineral_pipeline.geometry import CRS
from mineral_pipeline.learning import TASKS
from mineral_pipeline.modelling import Measure
from mineral_pipeline.workspace import Workspace, artefacts, ledger

# rasterio and rioxarray multiply transforms with *, which affine 3 announces to retire.
pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")

DEPOSITS = {"010010": 0, "011010": 3, "012010": 0, "013010": 0, "014010": 0}
"""Known deposits of each location."""
AT_SEA = "014010"
CHIPS_PER_LOCATION = 2
PREDICTED = {0: 0.1, 1: 0.3, 2: 0.9, 3: 0.9, 4: 0.6, 5: 0.8, 6: 0.5, 7: 0.5}
"""What the doubles predict by chip index, before each network of the ensemble adds its own."""

SHARE = 0.2
"""Share of places with a deposit."""

NUMBER = NumberGivenOne(0, 1, 1, 9, 5)
CONVERSION = Conversion(fit_calibration(np.ones(2), np.ones(2)), Shares(0.5, SHARE), NUMBER)
"""Probabilities are as predicted, but for the share; the number
where there is one is 10 ** richness - 1, at least 1."""


def expected_number(prediction: float) -> float:
    """Of the doubles of both tasks, which predict alike."""
    odds = prediction / (1 - prediction) * SHARE / (1 - SHARE)
    return odds / (1 + odds) * max(10**prediction - 1, 1)


@dataclass(frozen=True)
class Member:
    """Double of a model's spec."""

    name: str
    offset: float
    sample_set: str
    pretraining: None = None

    @property
    def path(self) -> str:
        return f"{self.sample_set}/{self.name}"


OFFSETS = (-0.05, 0.0, 0.05)


def members(task: str, fold: int | None = None, offsets: Sequence[float] = OFFSETS) -> list[Member]:
    sample_set = artefacts.sample_set(task, fold)
    return [Member(f"member-s{seed}", offset, sample_set) for seed, offset in enumerate(offsets)]


def fit(workspace: Workspace, member: Member, measure: Measure) -> dict[str, Any]:
    assert not is_done(workspace, member), "a trained member is trained again"
    workspace.write_json(f"fitted/{member.path}.json", {"offset": member.offset})
    return {"collapsed": False}


def is_done(workspace: Workspace, member: Member) -> bool:
    return workspace.exists(f"fitted/{member.path}.json")


def predict(workspace: Workspace, sample_set: str, name: str, chip_index: Sequence[int]) -> np.ndarray:
    offset = workspace.read_json(f"fitted/{sample_set}/{name}.json")["offset"]  # fails unless the member is trained
    return np.array([PREDICTED[number] + offset for number in chip_index])


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
        (modelling, "ensemble_specs", lambda *given: members(*given[3:])),
        (
            modelling,
            "ensemble_members",
            lambda *given: [file.removesuffix(".json") for file in workspace.list(f"fitted/{given[3]}")],
        ),
        (modelling, "chip_features", lambda workspace, sample_set, name, chips: np.array(chips)[:, None] / 10),
        (modelling, "subset_features", lambda *_: np.array([[0.0], [0.2], [0.6]])),
        (
            predictions,
            "make_conversion",
            lambda *given: given[2].convert(CONVERSION.number) if given[2] else CONVERSION,
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
    for task in TASKS:
        workspace.write_table(artefacts.samples_table(task), table)


def test_barren_locations_over_land_are_ranked(made: settings.Settings, workspace: Workspace, client: Client) -> None:
    counts = prospect.main(made, client)
    assert (counts.unit, counts.planned, counts.done, counts.failed) == ("locations", 3, 3, 0)
    prospects = workspace.read_table(artefacts.PROSPECTS)
    assert prospects["location_id"].tolist() == ["012010", "013010", "010010"]
    assert prospects["expected_number"].tolist() == pytest.approx([*map(expected_number, (0.7, 0.5, 0.2))])
    assert prospects["probability"].tolist() == pytest.approx([7 / 19, 0.2, 1 / 17])  # a quarter of the odds
    assert prospects["expected_given_one"].tolist() == pytest.approx([10**0.7 - 1, 10**0.5 - 1, 1])
    spreads = [np.std([expected_number(one + offset) for offset in OFFSETS], ddof=1) for one in (0.7, 0.5, 0.2)]
    assert prospects["spread"].tolist() == pytest.approx(spreads)
    assert prospects["first_10"].tolist() == [1, 1, 1], "there are but three"
    # Training samples lie at 0, 0.2 and 0.6, 0.4 apart in the mean; those of validation are the same.
    assert prospects["dissimilarity"].tolist() == pytest.approx([0.375, 0.125, 0.125])
    assert not prospects["applicable"].any()
    assert np.isinf(prospects["expected_high"]).all(), "nobody judges"
    assert (prospects["expected_low"] == 0).all()
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
    for task in TASKS:
        workspace.write_table(artefacts.samples_table(task), pd.concat([samples, ice], ignore_index=True))
    counts = prospect.main(made, client)
    prospects = workspace.read_table(artefacts.PROSPECTS)
    assert not prospects["chip_id"].isin(["P5", "P6"]).any()
    assert counts.done == len(prospects)


def test_trained_members_are_kept(made: settings.Settings, workspace: Workspace, client: Client) -> None:
    workspace.write_json("fitted/richness/member-s0.json", {"offset": 0.05})
    prospect.main(made, client)
    assert workspace.list("fitted/richness") == ["member-s0.json", "member-s1.json", "member-s2.json"]
    prospects = workspace.read_table(artefacts.PROSPECTS)
    assert prospects["expected_given_one"][0] == pytest.approx(10 ** (0.7 + 0.1 / 3) - 1)


def test_locations_on_which_the_ensemble_was_trained_or_stopped_are_left_out_and_counted(
    made: settings.Settings, workspace: Workspace, client: Client
) -> None:
    write_samples(workspace, {"011010": "train", "012010": "train", "010010": "validation", "013010": "test"})
    counts = prospect.main(made, client)
    assert (counts.planned, counts.done, counts.failed) == (3, 1, 0)
    assert counts.reasons == {"on which the models were trained or stopped": 2}
    prospects = workspace.read_table(artefacts.PROSPECTS)
    assert prospects["location_id"].tolist() == ["013010"], "dropped locations and those of the test subset are new"


def test_with_folds_a_location_is_predicted_by_the_ensemble_of_the_fold_that_held_it_out(
    made: settings.Settings, workspace: Workspace, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    offsets = {0: [0.0, 0.1], 1: [-0.1, -0.05, 0.0], 2: []}
    monkeypatch.setattr(modelling, "ensemble_specs", lambda *given: members(*given[3:], offsets[given[4]]))
    monkeypatch.setattr(
        modelling, "ensemble_members", lambda *given: [one.name for one in members(*given[3:], offsets[given[4]])]
    )
    assert made.curate is not None
    folds = made.model_copy(update={"curate": made.curate.model_copy(update={"folds": 3})})
    assert prospect.plan(folds).details["ensembles"] == "5 networks for presence and richness for each of 3 folds"
    write_samples(workspace, dict.fromkeys(DEPOSITS, "train"))  # what the split has learnt does not matter

    def rank(**fold_of: int) -> tuple[dict[str, float], dict[str, int]]:
        table = pd.DataFrame({"location_id": [name.strip("_") for name in fold_of], "fold": list(fold_of.values())})
        workspace.write_table(artefacts.FOLDS, table)
        reasons = prospect.main(folds, client).reasons
        prospects = workspace.read_table(artefacts.PROSPECTS).set_index("location_id")
        return prospects["expected_number"].to_dict(), reasons

    expected, reasons = rank(_010010=0, _011010=0, _012010=0, _013010=1)
    means = {"012010": 0.75, "013010": 0.45, "010010": 0.25}
    assert expected == pytest.approx({name: expected_number(mean) for name, mean in means.items()})
    assert reasons == {}
    basis = workspace.read_json(artefacts.PROSPECTS_BASIS)
    assert basis["voters"][0]["members"][1] == {"fold": 1, "names": ["member-s0", "member-s1", "member-s2"]}
    assert basis["intervals"]["samples"] + basis["errors"]["outside"]["places"] == 4, "all that are held out judge"
    expected, reasons = rank(_010010=2, _012010=1, _013010=0)
    assert expected == pytest.approx({"012010": expected_number(0.65), "013010": expected_number(0.55)})
    assert reasons == {prospect.COLLAPSED: 1}, "fold 2 has no ensemble"
    expected, reasons = rank(_013010=1)
    assert (expected, reasons) == (pytest.approx({"013010": expected_number(0.45)}), {prospect.IN_NO_FOLD: 2})
    with pytest.raises(DataError, match=r"samples/folds\.parquet lacks all 3 locations .*: run curate again"):
        rank(_099099=1)


def test_where_the_ensemble_knows_everything_the_setting_to_change_is_named(
    made: settings.Settings, workspace: Workspace, client: Client
) -> None:
    write_samples(workspace, dict.fromkeys(DEPOSITS, "train"))
    with pytest.raises(DataError, match=r"trained or stopped on all 3 locations .*: set curate\.folds"):
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
    with pytest.raises(DataError, match="2 networks of the ensemble could not be trained"):
        prospect.main(made, client)


def test_the_plan_counts_locations_without_deposits(made: settings.Settings) -> None:
    plan = prospect.plan(made)
    assert (plan.counts.unit, plan.counts.planned) == ("locations", 4)  # whether they lie at sea is not known yet
    assert plan.details["ensembles"] == "5 networks for presence and richness"
    assert "memory of a task" not in plan.details, "before curate nobody knows the networks"


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


@pytest.mark.parametrize(
    ("beaten_by", "kinds", "heading"),
    [
        (["ensemble", "statistics"], ["ensemble", "ensemble"], "Ranked by an ensemble of networks; whether"),
        (["big-big-s0", "statistics"], ["statistics", "ensemble"], "Ranked by pixel statistics and an ensemble"),
        (["big-big-s0"], ["proximity", "ensemble"], "Ranked in part without pixels: for presence, no model"),
        ([], ["proximity", "ensemble"], "Ranked in part without pixels: for presence, no model"),
    ],
)
def test_what_does_not_beat_the_bar_does_not_speak(
    made: settings.Settings, workspace: Workspace, beaten_by: list[str], kinds: list[str], heading: str
) -> None:
    def model(name: str, auc: float | None, *, pixels: bool, label: str = "") -> dict[str, Any]:
        role = "network" if "-s" in name or name == "ensemble" else "baseline"
        facts = {"name": name, "kind": name, "label": label or name, "role": role, "pixels": pixels}
        return {**facts, "metrics": {"auc": {"value": auc}, "mae": {"value": auc}}}

    models = [
        model("ensemble", 0.9, pixels=True), model("statistics", 0.8, pixels=True, label="pixel statistics"),
        model("constant", 0.7, pixels=False), model("coordinates", 0.5, pixels=False),
        model("metadata", 0.6, pixels=False), model("brightness", 0.75, pixels=True),
        model("random-labels", 0.99, pixels=True), model("big-big-s0", 0.95, pixels=True),
    ]  # fmt: skip
    document = {"primary_metric": "auc", "models": models, "bar": {"without_pixels": {"best": "constant"}}}
    document["bar"]["without_pixels"]["beaten_by"] = beaten_by  # type: ignore[index]
    workspace.write_json(artefacts.evaluation_metrics("presence"), document)
    places = pd.DataFrame({"n_deposits": np.ones(MIN_RICH - 1)})
    nearby = Nearby(places, places)
    found = [choose_voters(made, workspace, task, nearby) for task in made.tasks]
    assert [one.kind for one in found] == kinds, "richness has not been evaluated"
    assert "is not known" in found[1].reason
    document["primary_metric"] = "mae"
    workspace.write_json(artefacts.evaluation_metrics("richness"), document)
    numbers = choose_voters(made, workspace, "richness", nearby)
    assert (numbers.kind == "coordinates") == (kinds[0] == "proximity"), (
        "the best of those without pixels tells how many"
    )
    assert describe_heading(found).startswith(heading)


def test_where_no_model_of_presence_beats_the_bar_places_are_ranked_by_the_deposits_around_them(
    made: settings.Settings, workspace: Workspace, client: Client
) -> None:
    bar = {"without_pixels": {"best": "constant", "beaten_by": []}}
    facts = {"name": "constant", "kind": "constant", "label": "constant", "role": "baseline"}
    document = {"primary_metric": "auc", "models": [{**facts, "metrics": {"auc": {"value": 0.5}}}], "bar": bar}
    workspace.write_json(artefacts.evaluation_metrics("presence"), document)

    prospect.main(made, client)
    prospects = workspace.read_table(artefacts.PROSPECTS).set_index("location_id")
    assert set(prospects.index) == {"010010", "012010", "013010"}, "the one at sea is none"
    # a place with the only deposit is half the girth of the Earth from any other: nearness tells against one here
    assert prospects.loc["013010", "probability"] > prospects.loc["010010", "probability"]
    assert prospects.loc["010010", "probability"] == pytest.approx(prospects.loc["012010", "probability"], abs=1e-6)
    basis = workspace.read_json(artefacts.PROSPECTS_BASIS)
    assert "proximity to known deposits speaks" in basis["heading"]
    assert basis["voters"][0]["members"] == [{"fold": None, "names": ["proximity"]}]
    given = basis["conversion"]["probability"]
    assert given["share"] == given["balance"] == 0.25, "of all places on land"


def test_a_list_of_a_commodity_knows_its_deposits_alone(
    made: settings.Settings, workspace: Workspace, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gold is known in the third location, which is no candidate; the second, whose deposits hold none, is one."""
    labels = workspace.read_table(artefacts.LABELS)
    gold = 2 * (labels["location_id"] == "012010")
    targets = {"n_gold": gold, "has_gold": gold > 0, "richness_gold": gold / 2, "is_ambiguous_gold": False}
    workspace.write_table(artefacts.labels_part(0), labels.assign(**targets))
    lon = [5.0, 10.0]
    table = {"lon": lon, "lat": [0.0, 0.0], "commodities": ["Copper", "Gold;Silver"]}
    points = gpd.points_from_xy(lon, [0.0, 0.0])
    workspace.write_table(artefacts.DEPOSITS, gpd.GeoDataFrame(table, geometry=points, crs=CRS))
    tasks = [f"{task}:gold" for task in TASKS]
    for task, plain in zip(tasks, TASKS, strict=True):
        workspace.write_table(artefacts.samples_table(task), workspace.read_table(artefacts.samples_table(plain)))
    changed = settings.parse({**made.model_dump(), "tasks": [*TASKS, *tasks], "prospect": {"commodity": "gold"}})
    assert changed.prospect_tasks == tasks

    prospect.main(changed, client)
    prospects = workspace.read_table(artefacts.PROSPECTS)
    assert set(prospects["location_id"]) == {"010010", "011010", "013010"} - {"011010"}, "the second has been learnt"
    assert set(prospects["commodity"]) == {"gold"}
    degree = np.pi * 6371.0088 / 180
    distance = prospects.set_index("location_id")["distance_km"]
    assert distance["010010"] == pytest.approx(10 * degree), "to the gold, past the copper"
    basis = workspace.read_json(artefacts.PROSPECTS_BASIS)
    assert basis["commodity"] == "gold"
    assert basis["heading"].startswith("Places for deposits of gold are ranked by an ensemble")
    assert [one["task"] for one in basis["voters"]] == tasks
    assert "presence of gold" in basis["voters"][0]["reason"]
    assert b"Prospects of gold" in workspace.read_bytes(artefacts.PROSPECTS_PROJECT)
    item = workspace.read_json(artefacts.PROSPECTS_ITEM)
    assert item["properties"]["title"] == "2 ranked prospects of gold"
