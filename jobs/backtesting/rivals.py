"""The rankings that prospects must beat: chance, known deposits, models without a network; and the attainable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from distributed import Client
from scipy.spatial import KDTree

from jobs.evaluation.attainable import ATTAINABLE, BAYES, PATCHES, fit_attainable
from jobs.prospecting.ensembles import Ensemble, predict
from jobs.prospecting.ground import chips_on_land
from jobs.prospecting.nearby import look_around
from jobs.prospecting.voters import NEARBY
from mineral_pipeline import curation, labelling
from mineral_pipeline.evaluation import LIMIT, MODEL, RIVAL, Ranking
from mineral_pipeline.geometry import unit_vectors
from mineral_pipeline.learning import Task, in_order
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts

BASELINES = {"coordinates": "coordinates", "statistics": "statistics of the pixels"}
"""Baselines with which prospects are compared, and what they are called."""

NEIGHBOURS = 10
"""The density of records is that of so many deposits, the nearest of a place."""


@dataclass(frozen=True)
class Candidates:
    """The prospects of a back-test, and their chips by the fold whose models have not seen them."""

    prospects: gpd.GeoDataFrame
    """As ``prospects.parquet`` holds them."""
    chips: Mapping[int | None, gpd.GeoDataFrame]
    """As `curation.held_out_chips` gives them."""
    task: Task
    """Task of the models."""
    group: np.ndarray
    """(prospect,) key of what the split keeps together with each; its own where the split does not know it."""


def find_candidates(settings: Settings, prospects: gpd.GeoDataFrame) -> Candidates:
    """The prospects of a back-test's workspace with their chips."""
    workspace = Workspace(settings.workspace)
    task = in_order(settings.prospect_tasks)[0]
    chips = curation.read_chips(workspace)
    chips = chips[(chips["drop_reason"] == "") & chips["location_id"].isin(prospects["location_id"])]
    found = curation.held_out_chips(workspace, task, chips, settings.folds)
    samples = workspace.read_table(artefacts.samples_table(task), ["location_id", "group"])
    group = prospects["location_id"].map(samples.drop_duplicates("location_id").set_index("location_id")["group"])
    keys = group.where(group >= 0).astype("string").fillna("location " + prospects["location_id"].astype("string"))
    return Candidates(prospects, {fold: one for fold, one in found.items() if len(one)}, task, keys.to_numpy(object))


def make_rankings(
    settings: Settings, client: Client, candidates: Candidates, truth: pd.DataFrame | None
) -> list[Ranking]:
    """The prospects' own ranking, then those of their rivals and limits; nan where one does not know a place.

    Args:
        settings: settings of the back-test's workspace.
        client: client of the cluster, on which baselines predict.
        candidates: the places.
        truth: the truth of every location of a simulated planet; None elsewhere.
    """
    workspace, prospects = Workspace(settings.workspace), candidates.prospects
    commodity = settings.prospect.commodity or ""
    deposits = labelling.known_positions(workspace, commodity)
    found = [
        Ranking("the prospects", MODEL, -prospects["rank"].to_numpy(np.float64)),
        Ranking("chance", RIVAL, np.zeros(len(prospects))),
        Ranking("distance to the nearest known deposit", RIVAL, nearness(prospects, deposits, 1)),
        Ranking("density of known deposits", RIVAL, nearness(prospects, deposits, NEIGHBOURS)),
    ]
    for name, title in BASELINES.items():
        if has_model(workspace, candidates, name):
            found.append(Ranking(title, RIVAL, predict_baseline(client, workspace, candidates, name)))
    voters = workspace.read_json(artefacts.PROSPECTS_BASIS)["voters"]
    if any(one["pixels"] for one in voters):  # what do pixels add to it?
        nearby = look_around(workspace, chips_on_land(settings, workspace), commodity)
        found.append(Ranking(NEARBY, RIVAL, _by_prospect(candidates, nearby.locations["probability"])))
    if truth is not None:
        found.append(Ranking(f"{ATTAINABLE} from true patches", LIMIT, predict_attainable(settings, candidates, truth)))
    if truth is not None and not commodity:  # of a commodity the truth does not tell what to expect
        presence = truth["presence"].reindex(prospects["location_id"])
        found.append(Ranking(f"{BAYES}: who knows the planet", LIMIT, presence.to_numpy(np.float64)))
    return found


def nearness(prospects: pd.DataFrame, deposits: np.ndarray, neighbours: int) -> np.ndarray:
    """(prospect,) how near each is to the ``neighbours``-th nearest deposit: the order of their local density, too."""
    tree = KDTree(unit_vectors(deposits))
    distance, _ = tree.query(unit_vectors(prospects[["lon", "lat"]].to_numpy()), k=[min(neighbours, len(deposits))])
    return -np.asarray(distance[:, 0])


def has_model(workspace: Workspace, candidates: Candidates, name: str) -> bool:
    """Whether a model of a name is there for every fold."""
    sets = (artefacts.sample_set(candidates.task, fold) for fold in candidates.chips)
    return all(workspace.exists(artefacts.model(one, name, artefacts.MODEL_METRICS)) for one in sets)


def predict_baseline(client: Client, workspace: Workspace, candidates: Candidates, name: str) -> np.ndarray:
    """(prospect,) the mean over its chips of what a baseline predicts, of the fold that held it out."""
    ensembles = [
        Ensemble(artefacts.sample_set(candidates.task, fold), [name], chips["chip_index"].tolist())
        for fold, chips in candidates.chips.items()
    ]
    if not ensembles:
        return np.full(len(candidates.prospects), np.nan)
    predicted = np.concatenate([of_baseline for (of_baseline,) in predict(client, workspace, ensembles)])
    location = np.concatenate([chips["location_id"] for chips in candidates.chips.values()])
    return _by_prospect(candidates, pd.Series(predicted).groupby(location).mean())


def predict_attainable(settings: Settings, candidates: Candidates, truth: pd.DataFrame) -> np.ndarray:
    """(prospect,) what boosted trees predict that have learnt from the true patches of the same training places."""
    parts = []
    for fold, chips in candidates.chips.items():
        locations = chips["location_id"].unique()
        trees = fit_attainable(settings, candidates.task, artefacts.sample_set(candidates.task, fold), truth)
        parts.append(pd.Series(trees.predict(truth.loc[locations, PATCHES]), index=locations))
    return _by_prospect(candidates, pd.concat(parts)) if parts else np.full(len(candidates.prospects), np.nan)


def _by_prospect(candidates: Candidates, by_location: pd.Series) -> np.ndarray:
    return np.asarray(by_location.reindex(candidates.prospects["location_id"]), np.float64)
