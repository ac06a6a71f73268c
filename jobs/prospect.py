"""Prospect: rank the locations without a known deposit by the richness that an ensemble predicts.

    mineral-pipeline prospect jobs/settings/demo.yaml

Reads ``samples/richness``, ``models/richness``, ``chips.zarr``, ``chips.parquet``, ``labels.parquet``,
``deposits.parquet`` and the land polygons of the settings; trains ``models/richness/member-s*`` (``evaluate`` has done
so when both jobs are listed) and writes ``prospects.parquet``, ``.geojson``, ``.tif`` and the QGIS style ``.qml``.
Locations on which the networks were trained or stopped are left out, and counted; networks that have collapsed to a
constant are too, and when fewer than two are left nothing is ranked.
"""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
from distributed import Client

import cluster
from jobs.running.criterion import make_criterion
from jobs.running.plan import Plan
from jobs.running.progress import CONSOLE, Progress
from jobs.running.tasks import GPU, collect, submit
from jobs.train import fit_all
from mineral_pipeline import curation, modelling, prospecting
from mineral_pipeline.errors import DataError, SettingsError
from mineral_pipeline.learning import SUBSETS, TRAIN, VALIDATION, Task
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Counts, Workspace, artefacts

TASK: Task = "richness"
CHIPS_PER_TASK = 2048
"""Chips that one task predicts. It reads a few at a time, so that this number does not decide its memory."""

LEARNT = "on which the ensemble was trained or stopped"
COLLAPSED = "because fewer than two networks are left that have not collapsed to a constant"
"""Reasons for which locations are not ranked."""


def plan(settings: Settings) -> Plan:
    """The locations to rank, and the networks to train."""
    workspace = Workspace(settings.workspace)
    labels = workspace.read_table(artefacts.LABELS, ["location_id", "n_deposits"])
    locations = prospecting.without_known_deposit(labels)["location_id"].nunique()
    details = {
        "ensemble": f"{settings.prospect.ensemble_size} networks",
        "locations": "fewer when some lie in the ocean, or are in the training or validation subset",
    }
    return Plan(Counts("locations", planned=locations), details)


def main(settings: Settings, client: Client) -> Counts:
    """Train the ensemble where deposits are known, predict where none are, rank."""
    cluster.require(client, "GPU")
    workspace = Workspace(settings.workspace)
    on_land = chips_to_prospect(settings, workspace)
    chips = without_learnt(workspace, on_land)
    planned, left = on_land["location_id"].nunique(), chips["location_id"].nunique()
    reasons = {LEARNT: planned - left} if left < planned else {}
    if failed := train_ensemble(settings, client).failed:
        raise DataError(f"prospect: {failed} networks of the ensemble could not be trained: correct settings train")
    members = modelling.ensemble_members(settings, workspace, make_criterion(settings, TASK), TASK)
    if not members:
        prospecting.remove(workspace)  # those of an earlier run would be taken for the result
        CONSOLE.print(f"prospect: no location is ranked, {COLLAPSED}")
        return Counts("locations", planned=planned, reasons=reasons | {COLLAPSED: left})
    predictions = predict(client, workspace, members, chips["chip_index"].tolist())
    deposits = workspace.read_table(artefacts.DEPOSITS, ["lon", "lat"]).to_numpy(np.float64)
    prospects = prospecting.rank(chips, predictions, deposits)
    prospecting.write(workspace, prospects)
    return Counts("locations", planned=planned, done=len(prospects), reasons=reasons)


def chips_to_prospect(settings: Settings, workspace: Workspace) -> gpd.GeoDataFrame:
    """Chips of the locations over land of which no chip holds a known deposit.

    Raises:
        SettingsError: the settings do not tell where land is.
        DataError: there is no such chip.
    """
    if settings.curate is None:
        raise SettingsError("prospect: the settings file has no curate section: add one with the land polygons")
    chips = prospecting.without_known_deposit(curation.read_chips(workspace))
    land = curation.read_land(settings.curate.land, settings.curate.land_sha256)
    by_centre = settings.curate.land_rule == "centre"
    locations = curation.find_locations(chips, "centre" if by_centre else "outline")
    on_land = curation.is_on_land(locations, land, None if by_centre else settings.curate.min_land_fraction)
    chosen = chips[(chips["drop_reason"] == "") & chips["location_id"].isin(locations["location_id"][on_land])]
    if chosen.empty:
        raise DataError(
            f"prospect: every location over land in {workspace.uri(artefacts.LABELS)} holds a known deposit: there is"
            " nothing to prospect; widen the settings' catalogue section"
        )
    return chosen.reset_index(drop=True)


def without_learnt(workspace: Workspace, chips: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Chips of the locations on which no network of the ensemble was trained or stopped: those it knows already.

    Raises:
        DataError: there is no such chip.
    """
    samples = workspace.read_table(artefacts.samples_table(TASK), ["location_id", "subset"])
    learnt = samples["location_id"][samples["subset"].isin([SUBSETS[TRAIN], SUBSETS[VALIDATION]])]
    left = chips[~chips["location_id"].isin(learnt)]
    if left.empty:
        raise DataError(
            f"prospect: the ensemble was trained or stopped on all {chips['location_id'].nunique():,} locations without"
            " a known deposit: set curate.richness_samples: positive, or give catalogue more scenes"
        )
    return left.reset_index(drop=True)


def train_ensemble(settings: Settings, client: Client, job: str = "prospect") -> Counts:
    """Train the networks of the ensemble that are not trained yet; ``job`` is the name of the job that asks for it."""
    workspace = Workspace(settings.workspace)
    specs = modelling.ensemble_specs(settings, workspace, make_criterion(settings, TASK), TASK)
    return fit_all(settings, client, specs, job)


def predict(client: Client, workspace: Workspace, members: Sequence[str], chip_index: Sequence[int]) -> np.ndarray:
    """One task per network and batch of chips, each on a GPU.

    Args:
        client: client of the cluster.
        workspace: the workspace.
        members: names of the networks of the ensemble.
        chip_index: indices of the chips along the chip dimension of ``chips.zarr``.

    Returns:
        (members, chips) predicted richness.
    """
    starts = range(0, len(chip_index), CHIPS_PER_TASK)
    calls = {
        f"predict-{member}-{start}": (workspace, TASK, member, chip_index[start : start + CHIPS_PER_TASK])
        for member in members
        for start in starts
    }
    found: dict[str, np.ndarray] = {}
    with Progress("prospect", "predictions", len(members) * len(chip_index)) as progress:
        for result in collect(submit(client, "prospect", modelling.predict, calls, GPU)):
            found[result.name] = result.value
            progress.advance(done=len(result.value))
    return np.stack([np.concatenate([found[f"predict-{member}-{start}"] for start in starts]) for member in members])
