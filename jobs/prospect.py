"""Prospect: rank the locations without a known deposit by the richness that an ensemble predicts.

    mineral-pipeline prospect demo

Reads ``samples/richness``, ``models/richness``, ``chips.zarr``, ``chips.parquet``, ``labels.parquet``,
``deposits.parquet`` and the land polygons of the settings; trains ``models/richness/member-s*`` (``evaluate`` has done
so when both jobs are listed) and writes ``prospects.parquet``, ``.geojson``, ``.tif`` and the QGIS style ``.qml``.
Locations on which the networks were trained or stopped are left out, and counted; networks that have collapsed to a
constant are too, and when fewer than two are left nothing is ranked. With ``curate.folds`` every fold has an ensemble
(``models/richness/fold-<i>/member-s*``), and that of the fold which held a location out predicts it: none is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
from distributed import Client

import cluster
from jobs.prospecting.ensembles import Ensemble, all_members, predict
from jobs.prospecting.layers import apply_layers
from jobs.running.criterion import make_criterion
from jobs.running.dependencies import RICHNESS
from jobs.running.plan import Plan
from jobs.running.progress import CONSOLE
from jobs.train import fit_all
from mineral_pipeline import curation, modelling, prospecting
from mineral_pipeline.errors import DataError, SettingsError
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Counts, Workspace, artefacts

LEARNT = "on which the ensemble was trained or stopped"
IN_NO_FOLD = "which curate has put in no fold"
COLLAPSED = "because fewer than two networks are left that have not collapsed to a constant"
"""Reasons for which locations are not ranked."""


def plan(settings: Settings) -> Plan:
    """The locations to rank, and the networks to train."""
    workspace = Workspace(settings.workspace)
    labels = workspace.read_table(artefacts.LABELS, ["location_id", "n_deposits"])
    locations = prospecting.without_known_deposit(labels)["location_id"].nunique()
    folds = f" for each of {len(settings.folds)} folds" if settings.folds else ""
    fewer = "" if settings.folds else ", or are in the training or validation subset"
    details = {
        "ensemble": f"{settings.prospect.ensemble_size} networks{folds}",
        "locations": f"fewer when some lie in the ocean{fewer}",
    }
    return Plan(Counts("locations", planned=locations), details)


def main(settings: Settings, client: Client) -> Counts:
    """Train the ensemble where deposits are known, predict where none are, rank."""
    cluster.require(client, "GPU")
    workspace = Workspace(settings.workspace)
    on_land = chips_to_prospect(settings, workspace)
    chips = held_out_chips(settings, workspace, on_land)
    planned, left = on_land["location_id"].nunique(), count_locations(chips)
    reasons = Counter({IN_NO_FOLD if settings.folds else LEARNT: planned - left})
    specs = all_members(settings, workspace, settings.folds or (None,))
    if failed := fit_all(settings, client, specs, "prospect").failed:
        raise DataError(f"prospect: {failed} networks of the ensemble could not be trained: correct settings train")
    criterion = make_criterion(settings, RICHNESS)
    members = {fold: modelling.ensemble_members(settings, workspace, criterion, RICHNESS, fold) for fold in chips}
    chips = {fold: one for fold, one in chips.items() if members[fold]}
    reasons[COLLAPSED] = left - count_locations(chips)
    if not chips:
        prospecting.remove(workspace)  # those of an earlier run would be taken for the result
        CONSOLE.print(f"prospect: no location is ranked, {COLLAPSED}")
        return Counts("locations", planned=planned, reasons=dict(+reasons))
    predictions = predict(
        client,
        workspace,
        [
            Ensemble(artefacts.sample_set(RICHNESS, fold), members[fold], one["chip_index"].tolist())
            for fold, one in chips.items()
        ],
    )
    deposits = workspace.read_table(artefacts.DEPOSITS, ["lon", "lat"]).to_numpy(np.float64)
    prospects = prospecting.rank(pd.concat(chips.values(), ignore_index=True), predictions, deposits)
    prospects, excluded = apply_layers(settings, prospects)
    CONSOLE.print(f"prospect: the list is frozen: SHA-256 {prospecting.write(workspace, prospects)}")
    return Counts("locations", planned=planned, done=len(prospects), reasons=dict(+reasons) | excluded)


def count_locations(chips: Mapping[int | None, gpd.GeoDataFrame]) -> int:
    """Locations of the chips of all folds; each is in one of them."""
    return sum(int(one["location_id"].nunique()) for one in chips.values())


def chips_to_prospect(settings: Settings, workspace: Workspace) -> gpd.GeoDataFrame:
    """Chips of the locations over land of which no chip holds a known deposit, but for those on excluded ground.

    Raises:
        SettingsError: the settings do not tell where land is.
        DataError: there is no such chip.
    """
    if settings.curate is None:
        raise SettingsError("prospect: the settings file has no curate section: add one with the land polygons")
    chips = prospecting.without_known_deposit(curation.read_chips(workspace))
    chips = chips[~chips["chip_id"].isin(curation.excluded_chips(workspace, RICHNESS))]
    land = curation.read_land(settings.curate.land, settings.curate.land_sha256)
    by_centre = settings.curate.land_rule == "centre"
    locations = curation.find_locations(chips, "centre" if by_centre else "outline")
    on_land = curation.is_on_land(locations, land, None if by_centre else settings.curate.min_land_fraction)
    chosen = chips[(chips["drop_reason"] == "") & chips["location_id"].isin(locations["location_id"][on_land])]
    if chosen.empty:
        raise DataError(
            f"prospect: every location over land in {workspace.uri(artefacts.LABELS)} holds a known deposit or is"
            " excluded: there is nothing to prospect; widen the settings' catalogue section"
        )
    return chosen.reset_index(drop=True)


def held_out_chips(
    settings: Settings, workspace: Workspace, chips: gpd.GeoDataFrame
) -> dict[int | None, gpd.GeoDataFrame]:
    """Chips by the fold whose ensemble predicts them, under None without folds; none that the ensemble knows already.

    Raises:
        DataError: there is no such chip.
    """
    found = curation.held_out_chips(workspace, RICHNESS, chips, settings.folds)
    if any(len(one) for one in found.values()):
        return {fold: one for fold, one in found.items() if len(one)}
    every = f"all {chips['location_id'].nunique():,} locations without a known deposit"
    if settings.folds:
        raise DataError(f"prospect: {workspace.uri(artefacts.FOLDS)} lacks {every}: run curate again")
    raise DataError(
        f"prospect: the ensemble was trained or stopped on {every}: set curate.folds or"
        " curate.richness_samples: positive, or give catalogue more scenes"
    )
