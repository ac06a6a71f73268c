"""The back-test: the jobs run elsewhere, without the hidden deposits, and their prospects are judged by these.

Jobs are doubles here: what they do has tests of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from distributed import Client
from prospect_tables import make_prospects
from row_of_locations import LONS, hiding, write_row

from jobs import backtest
from jobs.backtesting import rivals
from jobs.prospecting.nearby import Nearby
from jobs.running import runner
from mineral_pipeline import labelling, modelling
from mineral_pipeline.errors import DataError, SettingsError
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Counts, Workspace, artefacts, layout


@pytest.fixture
def settings(workspace: Workspace, tmp_path: Path) -> Settings:
    layout.write_version(workspace)
    return hiding(write_row(workspace, tmp_path), fraction=0.4)


class Jobs:
    """Doubles of the jobs, which know what they were asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.last_first = False
        self.voter = {"pixels": False, "proximity": True}
        self.failed = 0

    def execute(self, job: str, settings: Settings, client: Client) -> Counts:
        self.asked.append(job)
        inner = Workspace(settings.workspace)
        assert settings.label is not None
        if job == "label":
            layout.check_version(inner)
            hidden = pd.read_parquet(settings.label.hidden)["id"]
            known: gpd.GeoDataFrame = Workspace(inner.url.partition("/backtests/")[0]).read_table(artefacts.DEPOSITS)
            table = labelling.DepositTable(known, {}, 0)
            inner.write_table(artefacts.DEPOSITS, labelling.hide(table, settings.label.hidden).table)
            held = inner.read_table(artefacts.DEPOSITS)
            self.candidates = [k for k, lon in enumerate(LONS) if not (abs(held["lon"] - lon) < 1).any() or held.empty]
            labels = Workspace(inner.url.partition("/backtests/")[0]).read_table(artefacts.LABELS)
            inner.write_table(artefacts.labels_part(0), labels)
            assert len(self.candidates) == 1 + len(hidden) / 2  # the last location holds none
        if job == "curate":
            samples = {"location_id": [f"01{k}010" for k in range(10)], "group": np.arange(10) // 2, "subset": "test",
                       "drop_reason": "", "chip_id": [f"P{k}" for k in range(10)]}  # fmt: skip
            points = gpd.points_from_xy(LONS, np.zeros(10))
            table = gpd.GeoDataFrame(samples, geometry=points, crs="EPSG:4326")
            inner.write_table(artefacts.samples_table("presence"), table)
        if job == "prospect":
            numbers = sorted(self.candidates, reverse=self.last_first)
            prospects = make_prospects(LONS[numbers].tolist(), 0.0)
            prospects["location_id"] = [f"01{k}010" for k in numbers]
            inner.write_table(artefacts.PROSPECTS, prospects)
            inner.write_json(artefacts.PROSPECTS_BASIS, {"voters": [self.voter]})
        return Counts("things", planned=1, done=1, failed=self.failed)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Jobs:
    doubles = Jobs()
    monkeypatch.setattr(runner, "execute", doubles.execute)
    return doubles


def read(workspace: Workspace) -> dict[str, Any]:
    return workspace.read_json(artefacts.backtest("places", artefacts.BACKTEST))


def test_hidden_places_are_sought_among_the_prospects_that_are_made_without_them(
    settings: Settings, workspace: Workspace, client: Client, jobs: Jobs, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four of nine places are hidden; with the one that is empty, and comes last, they are the candidates."""
    counts = backtest.main(settings, client)
    assert jobs.asked == ["label", "curate", "train", "evaluate", "prospect"]
    assert (counts.unit, counts.planned, counts.done, counts.reasons) == ("candidates", 5, 5, {})
    found = read(workspace)
    assert (found["candidates"], found["sought"], found["hidden_deposits"]) == (5, 4, 8)
    model, chance, *_ = found["rankings"]
    assert [one["name"] for one in found["rankings"]] == [
        "the prospects", "chance", "distance to the nearest known deposit", "density of known deposits",
    ]  # fmt: skip
    first = model["hits"][0]
    assert (first["places"], first["hits"], first["expected"]) == (1, 1, 0.8)
    assert model["prediction_rate"] > chance["prediction_rate"] == pytest.approx(0.5)
    assert not workspace.exists(artefacts.PROSPECTS), "the workspace around it is left alone"
    assert "8 deposits are hidden" in " ".join(capsys.readouterr().out.split())
    jobs.last_first = True
    backtest.main(settings, client)
    assert read(workspace)["rankings"][0]["hits"][0]["hits"] == 0


def test_what_pixels_add_to_proximity_is_asked_where_they_speak_together(
    settings: Settings, workspace: Workspace, client: Client, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs.voter["pixels"] = True
    probability = pd.Series(np.linspace(1, 0, len(LONS)), [f"01{k}010" for k in range(len(LONS))])
    nearby = Nearby(pd.DataFrame({"probability": probability}), pd.DataFrame())
    monkeypatch.setattr(rivals, "chips_on_land", lambda *_: None)
    monkeypatch.setattr(rivals, "look_around", lambda *_: nearby)
    backtest.main(settings, client)
    model, *others = read(workspace)["rankings"]
    (near,) = (one for one in others if one["name"] == "proximity to known deposits")
    assert near["role"] == rivals.RIVAL
    assert near["hits"] == model["hits"], "both take the places from the west to the east"


def test_places_that_a_rival_has_learnt_are_not_compared(
    settings: Settings, workspace: Workspace, client: Client, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without folds a baseline knows the places of its training subset."""

    def learnt(settings: Settings, candidates: rivals.Candidates, *_: Any) -> list[Any]:
        found = make(settings, client, candidates, None)
        score = np.linspace(1, 0, len(candidates.prospects))
        score[0] = np.nan
        return [*found, rivals.Ranking("coordinates", rivals.RIVAL, score)]

    make = rivals.make_rankings
    monkeypatch.setattr(backtest, "make_rankings", lambda settings, client, *given: learnt(settings, *given))
    counts = backtest.main(settings, client)
    assert counts.reasons == {"which a model of the comparison has learnt": 1}
    assert (read(workspace)["candidates"], read(workspace)["not_compared"]) == (4, 1)


def test_baselines_predict_by_the_fold_that_held_a_place_out(
    settings: Settings, workspace: Workspace, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def predict(workspace: Workspace, sample_set: str, name: str, chip_index: list[int]) -> np.ndarray:
        return np.array(chip_index) / 100 + {"presence/fold-0": 0.0, "presence/fold-1": 0.5}[sample_set]

    monkeypatch.setattr(modelling, "predict", predict)
    prospects = make_prospects([0.0, 3.0, 6.0], 0.0).assign(location_id=["a", "b", "c"])
    chips = {
        0: gpd.GeoDataFrame({"location_id": ["b", "a", "b"], "chip_index": [2, 4, 8]}),
        1: gpd.GeoDataFrame({"location_id": ["c"], "chip_index": [6]}),
    }
    candidates = rivals.Candidates(prospects, chips, "presence", np.array(["x"] * 3))
    assert not rivals.has_model(workspace, candidates, "statistics")
    found = rivals.predict_baseline(client, workspace, candidates, "statistics")
    assert found == pytest.approx([0.04, 0.05, 0.56])


def test_nearness_is_by_the_nth_deposit() -> None:
    prospects = make_prospects([0.0, 179.5], 0.0)
    deposits = np.array([[1.0, 0.0], [2.0, 0.0], [-179.5, 0.0]])
    first = rivals.nearness(prospects, deposits, 1)
    assert first == pytest.approx(-2 * np.sin(np.radians([1, 1]) / 2))
    third = rivals.nearness(prospects, deposits, 10)  # there are but three
    assert third == pytest.approx(-2 * np.sin(np.radians([179.5, 178.5]) / 2))


def test_what_goes_wrong_is_told(
    settings: Settings, workspace: Workspace, client: Client, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match="the section label is absent"):
        backtest.main(settings.model_copy(update={"label": None}), client)
    jobs.failed = 1
    with pytest.raises(DataError, match=r"backtest: 1 things of label failed"):
        backtest.main(settings, client)
    jobs.failed = 0
    monkeypatch.setattr(runner, "execute", lambda *_: Counts("things"))
    with pytest.raises(DataError, match=r"nothing is ranked in .*backtests/places"):
        backtest.main(settings, client)


def test_the_plan_counts_the_hidden(settings: Settings) -> None:
    plan = backtest.plan(settings)
    assert (plan.counts.unit, plan.counts.planned) == ("deposits", 8)
    assert plan.details["workspace"].endswith("backtests/places")
