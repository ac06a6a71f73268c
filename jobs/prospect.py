"""Prospect: rank the locations without a known deposit by the number of deposits that is to be expected of them.

    mineral-pipeline prospect demo

Reads ``samples``, ``models``, ``evaluation``, ``chips.zarr``, ``chips.parquet``, ``labels.parquet``,
``deposits.parquet``, the land polygons and the layers of the settings; writes ``prospects.parquet``, the other files of
docs/prospects.md, and ``prospects-basis.json``: who has made the list and how far it can be believed.

For each task, ensembles of networks (``models/<task>/member-s*``, which ``evaluate`` has trained when both jobs are
listed) speak where they beat every model that sees no pixel, out of fold together with proximity to known deposits, or
where they add to it for certain; else that alone tells where some are, the best model without pixels how many, and the
list says so. The calibrated probability of a deposit times the number to expect where there is one is what ranks.
Locations on which the models were trained or stopped are left out, and counted. With ``curate.folds`` every fold has
models of its own (``models/<task>/fold-<i>/``), and those of the fold which held a location out predict it: none is
left out. With ``prospect.commodity`` everything is of that commodity: the models, the known deposits, the list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
from distributed import Client

import cluster
from jobs.prospecting.basis import describe_basis
from jobs.prospecting.ensembles import all_members
from jobs.prospecting.ground import chips_on_land, count_candidates, count_locations, find_ground
from jobs.prospecting.layers import apply_layers
from jobs.prospecting.nearby import look_around
from jobs.prospecting.predictions import speak
from jobs.prospecting.scores import Spoken, often_first, promise, score
from jobs.prospecting.voters import Voters, choose_voters
from jobs.running.network_memory import describe_prediction
from jobs.running.plan import Plan
from jobs.running.progress import CONSOLE
from jobs.train import fit_all
from mineral_pipeline import labelling, prospecting
from mineral_pipeline.errors import DataError
from mineral_pipeline.learning import ENSEMBLE, subject_column, task_title
from mineral_pipeline.modelling import grid_specs
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Counts, Workspace, artefacts, zarr_store

LEARNT = "on which the models were trained or stopped"
IN_NO_FOLD = "which curate has put in no fold"
COLLAPSED = "because fewer than two networks are left that have not collapsed to a constant"
"""Reasons for which locations are not ranked."""


def plan(settings: Settings) -> Plan:
    """The locations to rank, and the networks to train."""
    workspace = Workspace(settings.workspace)
    column = subject_column("n_deposits", settings.prospect.commodity or "")
    labels = workspace.read_table(artefacts.LABELS, ["location_id", column])
    locations = prospecting.without_known_deposit(labels.rename(columns={column: "n_deposits"}))[
        "location_id"
    ].nunique()
    folds = f" for each of {len(settings.folds)} folds" if settings.folds else ""
    fewer = "" if settings.folds else ", or are in the training or validation subset"
    tasks = " and ".join(map(task_title, settings.prospect_tasks))
    details = {
        "ensembles": f"{settings.prospect.ensemble_size} networks for {tasks}{folds}",
        "locations": f"fewer when some lie in the ocean{fewer}",
    }
    if workspace.exists(artefacts.samples_summary(settings.prospect_tasks[0])):
        specs = grid_specs(settings, workspace, settings.prospect_tasks[0])
        details |= describe_prediction(zarr_store.open_array(workspace), specs)
    return Plan(Counts("locations", planned=locations), details)


def main(settings: Settings, client: Client) -> Counts:
    """Choose who speaks, train what is missing, predict where no deposit is known, rank."""
    cluster.require(client, "GPU")
    workspace = Workspace(settings.workspace)
    chips = chips_on_land(settings, workspace)
    ground = find_ground(settings, workspace, chips)
    planned, left = count_locations(chips[chips["is_candidate"]]), count_candidates(ground)
    reasons = Counter({IN_NO_FOLD if settings.folds else LEARNT: planned - left})
    nearby = look_around(workspace, chips, settings.prospect.commodity or "")
    voters = [choose_voters(settings, workspace, task, nearby) for task in settings.prospect_tasks]
    train_members(settings, client, workspace, voters)
    names = {one.fold: {voter.task: voter.names(settings, workspace, one.fold) for voter in voters} for one in ground}
    ground = [one for one in ground if all(names[one.fold].values())]
    reasons[COLLAPSED] = left - count_candidates(ground)
    if not ground:
        prospecting.remove(workspace)  # those of an earlier run would be taken for the result
        CONSOLE.print(f"prospect: no location is ranked, {COLLAPSED}")
        return Counts("locations", planned=planned, reasons=dict(+reasons))
    spoken = speak(client, workspace, ground, names, nearby if any(one.is_near for one in voters) else None)
    scores, facts = score(spoken, settings.seed)
    basis = describe_basis(voters, names, spoken, facts)
    CONSOLE.print(f"prospect: {basis['heading']}")
    prospects, excluded = apply_layers(settings, rank(workspace, spoken, scores, settings.prospect.commodity))
    if excluded:
        prospects["first_10"] = often_first(spoken, settings.seed, pd.Index(prospects["location_id"]))
    workspace.write_json(artefacts.PROSPECTS_BASIS, basis)
    CONSOLE.print(f"prospect: the list is frozen: SHA-256 {prospecting.write(workspace, prospects)}")
    return Counts("locations", planned=planned, done=len(prospects), reasons=dict(+reasons) | excluded)


def train_members(settings: Settings, client: Client, workspace: Workspace, voters: Sequence[Voters]) -> None:
    """Train the networks of the ensembles that speak, as far as they are not trained.

    Raises:
        DataError: one could not be trained.
    """
    tasks = [one.task for one in voters if one.kind == ENSEMBLE]
    specs = [spec for task in tasks for spec in all_members(settings, workspace, task, settings.folds or (None,))]
    if failed := fit_all(settings, client, specs, "prospect").failed:
        raise DataError(f"prospect: {failed} networks of the ensemble could not be trained: correct settings train")


def rank(
    workspace: Workspace, spoken: Sequence[Spoken], scores: pd.DataFrame, commodity: str | None
) -> gpd.GeoDataFrame:
    """The candidates by their scores; of a commodity the distance is that to its deposits, and a column names it."""
    chips = pd.concat([one.ground.chips for one in spoken], ignore_index=True)
    promises = np.concatenate([promise(one) for one in spoken])
    chosen = chips["is_candidate"].to_numpy()
    candidates = prospecting.Candidates(chips[chosen], promises[chosen])
    known = labelling.known_positions(workspace, commodity or "")
    return prospecting.rank(candidates, scores, known, commodity)
