"""Prospect: rank the places without a known deposit by the richness that an ensemble predicts.

    mineral-pipeline prospect jobs/settings/demo.yaml

Reads ``samples/richness``, ``models/richness``, ``chips.zarr``, ``chips.parquet``, ``labels.parquet``,
``deposits.parquet`` and the land polygons of the settings; trains ``models/richness/member-s*`` (members that are
trained already are kept) and writes ``prospects.parquet``, ``.geojson``, ``.tif`` and the QGIS style ``.qml``.
"""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
from distributed import Client, Future, as_completed

import cluster
from jobs.running.plan import Plan
from jobs.running.progress import Progress
from jobs.running.tasks import collect
from mineral_pipeline import curation, modelling, prospecting
from mineral_pipeline.errors import DataError, SettingsError
from mineral_pipeline.learning import Task
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts
from mineral_pipeline.workspace.counts import Counts

TASK: Task = "richness"
CHIPS_PER_BATCH = 2048
"""Chips in one prediction task; it reads a few at a time, so that this is no matter of memory."""


def plan(settings: Settings) -> Plan:
    """The places to rank, and the members to train."""
    workspace = Workspace(settings.workspace)
    labels = workspace.read_table(artefacts.LABELS, ["location_id", "n_deposits"])
    places = prospecting.without_known_deposit(labels)["location_id"].nunique()
    details = {"ensemble": f"{settings.prospect.ensemble_size} networks", "places": "fewer when some lie in the ocean"}
    return Plan(Counts("places", planned=places), details)


def main(settings: Settings, client: Client) -> Counts:
    """Train the ensemble where deposits are known, predict where none are, rank."""
    cluster.require(client, "GPU")
    workspace = Workspace(settings.workspace)
    chips = places_to_prospect(settings, workspace)
    members = modelling.ensemble_specs(settings, workspace, TASK)
    train(client, workspace, members)
    predictions = predict(client, workspace, [member.name for member in members], chips["chip"].tolist())
    deposits = workspace.read_table(artefacts.DEPOSITS, ["lon", "lat"]).to_numpy(np.float64)
    prospects = prospecting.rank(chips, predictions, deposits)
    prospecting.write(workspace, prospects)
    return Counts("places", planned=chips["location_id"].nunique(), done=len(prospects))


def places_to_prospect(settings: Settings, workspace: Workspace) -> gpd.GeoDataFrame:
    """Chips of the places over land of which no chip holds a known deposit.

    Raises:
        DataError: there is none.
    """
    if settings.curate is None:
        raise SettingsError("prospect: the settings file has no curate section: add one with the land polygons")
    chips = prospecting.without_known_deposit(curation.read_chips(workspace))
    land = curation.read_land(settings.curate.land, settings.curate.land_sha256)
    by_centre = settings.curate.land_rule == "centre"
    places = curation.find_locations(chips, "centre" if by_centre else "outline")
    on_land = curation.is_on_land(places, land, None if by_centre else settings.curate.min_land_fraction)
    chosen = chips[(chips["drop_reason"] == "") & chips["location_id"].isin(places["location_id"][on_land])]
    if chosen.empty:
        raise DataError(
            f"prospect: every place over land in {workspace.uri(artefacts.LABELS)} holds a known deposit: there is nothing"
            " to prospect; widen the settings' catalogue section"
        )
    return chosen.reset_index(drop=True)


def train(client: Client, workspace: Workspace, members: Sequence[modelling.ModelSpec]) -> None:
    """One task per member that is not trained yet, each on a GPU."""
    done = modelling.done_names(workspace, members)
    futures = [
        client.submit(
            modelling.fit, workspace, member,
            key=f"prospect-{member.name}", pure=False, resources={"GPU": 1}, retries=1,
        )
        for member in members if member.name not in done
    ]  # fmt: skip
    with Progress("prospect", "members", len(members), skipped=len(done)) as progress:
        for _ in collect(futures):
            progress.advance(done=1)


def predict(client: Client, workspace: Workspace, members: Sequence[str], chips: Sequence[int]) -> np.ndarray:
    """One task per member and batch of chips, each on a GPU.

    Returns:
        (members, chips) predicted richness.
    """
    batches = [chips[start : start + CHIPS_PER_BATCH] for start in range(0, len(chips), CHIPS_PER_BATCH)]
    tasks: list[list[Future]] = [
        [
            client.submit(
                modelling.predict, workspace, TASK, member, batch,
                key=f"prospect-predict-{member}-{number:05d}", pure=False, resources={"GPU": 1}, retries=1,
            )
            for number, batch in enumerate(batches)
        ]
        for member in members
    ]  # fmt: skip
    with Progress("prospect", "predictions", len(members) * len(chips)) as progress:
        sizes = {task.key: len(batch) for row in tasks for task, batch in zip(row, batches, strict=True)}
        for task in as_completed([task for row in tasks for task in row]):
            progress.advance(done=sizes[task.key])
    return np.stack([np.concatenate(client.gather(row)) for row in tasks])
