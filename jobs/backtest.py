"""Back-test: hide known deposits, make prospects without them, and see how soon they are found again.

    mineral-pipeline backtest demo --set backtest.hide=places

Reads ``chips.zarr``, ``chips.parquet``, ``labels.parquet`` and ``deposits.parquet``, and what the jobs label, curate,
train, evaluate and prospect read. These run in ``backtests/<name>/``, a workspace that shares the chips with the one
around it and knows no hidden deposit; places that hold nothing else become candidates there. Writes
``backtests/<name>/backtest.json``: how the ranking of its prospects compares with chance, the distance to the nearest
known deposit, the density of known deposits, and models of coordinates and of pixel statistics; on a simulated planet
also with what can be attained. Whatever of it is done already is not done again.
"""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from distributed import Client

from jobs.backtesting.hiding import choose_hidden
from jobs.backtesting.rivals import Candidates, find_candidates, make_rankings
from jobs.evaluation.attainable import read_truth
from jobs.running import runner
from jobs.running.plan import Plan
from jobs.running.progress import CONSOLE
from mineral_pipeline.errors import DataError, SettingsError
from mineral_pipeline.evaluation import Places, Ranking, compare_rankings
from mineral_pipeline.geometry.polygon_area import lonlat_areas
from mineral_pipeline.learning import subject_column
from mineral_pipeline.settings import JobName, Settings
from mineral_pipeline.workspace import Counts, Workspace, artefacts, layout

JOBS: tuple[JobName, ...] = ("label", "curate", "train", "evaluate", "prospect")
"""Jobs that run without the hidden deposits."""

NOT_COMPARED = "which a model of the comparison has learnt"
"""Reason for which a candidate is not compared."""


def plan(settings: Settings) -> Plan:
    """The deposits to hide, if the job label has run."""
    hidden = choose_hidden(settings)
    where = Workspace(settings.workspace).uri(artefacts.backtest(settings.backtest.folder))
    return Plan(Counts("deposits", planned=len(hidden)), {"workspace": where, "jobs": ", ".join(JOBS)})


def main(settings: Settings, client: Client) -> Counts:
    """Hide, run the jobs without the hidden deposits, compare."""
    inner, hidden = prepare(settings)
    for job in JOBS:
        counts = runner.execute(job, inner, client)
        if counts.failed_fraction > settings.max_failed_fraction:
            raise DataError(
                f"backtest: {counts.failed:,} {counts.unit} of {job} failed in {inner.workspace}: see there"
            )
    prospects = read_prospects(inner)
    candidates = find_candidates(inner, prospects)
    rankings = make_rankings(inner, client, candidates, read_truth(settings))
    document = compare(settings, candidates, rankings) | {"hidden_deposits": len(hidden)}
    Workspace(inner.workspace).write_json(artefacts.BACKTEST, document)
    CONSOLE.print(f"backtest   {document['name']}: {document['verdict']}")
    left_out = len(prospects) - document["candidates"]
    reasons = {NOT_COMPARED: left_out} if left_out else {}
    return Counts("candidates", planned=len(prospects), done=document["candidates"], reasons=reasons)


def prepare(settings: Settings) -> tuple[Settings, pd.DataFrame]:
    """Write what is hidden into the workspace of the back-test; returns the settings of its jobs, and the hidden.

    Raises:
        SettingsError: the settings have no section label.
    """
    if settings.label is None:
        raise SettingsError("backtest: the section label is absent: it names the deposits of which some are hidden")
    around, hidden = Workspace(settings.workspace), choose_hidden(settings)
    inner = Workspace(around.uri(artefacts.backtest(settings.backtest.folder)))
    layout.restore_version(inner)  # that of the workspace around it, which is checked
    inner.write_table(artefacts.HIDDEN, pd.DataFrame(hidden.drop(columns="geometry", errors="ignore")))
    CONSOLE.print(f"backtest   {len(hidden):,} deposits are hidden in {inner.url}", soft_wrap=True)
    label = settings.label.model_copy(update={"hidden": inner.uri(artefacts.HIDDEN)})
    changes = {"workspace": inner.url, "jobs": list(JOBS), "label": label, "tasks": settings.prospect_tasks}
    return settings.model_copy(update=changes), hidden


def read_prospects(inner: Settings) -> gpd.GeoDataFrame:
    """The prospects of the back-test.

    Raises:
        DataError: nothing was ranked.
    """
    workspace = Workspace(inner.workspace)
    if not workspace.exists(artefacts.PROSPECTS):
        raise DataError(f"backtest: nothing is ranked in {workspace.url}: see what its job prospect has said above")
    prospects: gpd.GeoDataFrame = workspace.read_table(artefacts.PROSPECTS)
    return prospects


def compare(settings: Settings, candidates: Candidates, rankings: list[Ranking]) -> dict[str, Any]:
    """Compare the rankings on the candidates that all of them know: content of ``backtest.json``."""
    prospects, known = candidates.prospects, np.isfinite([one.score for one in rankings]).all(axis=0)
    column = subject_column("n_deposits", settings.prospect.commodity or "")
    labels = Workspace(settings.workspace).read_table(artefacts.LABELS, ["location_id", column])
    held = labels.groupby("location_id")[column].max().reindex(prospects["location_id"]).to_numpy() > 0
    places = Places(
        sought=held[known],
        size=lonlat_areas(prospects.geometry.to_numpy())[known],
        group=candidates.group[known].astype(str),
        lonlat=prospects[["lon", "lat"]].to_numpy(np.float64)[known],
    )
    kept = [Ranking(one.name, one.role, one.score[known]) for one in rankings]
    about = {"name": settings.backtest.folder, "task": candidates.task, "not_compared": int((~known).sum())}
    about |= {"commodity": settings.prospect.commodity}
    return settings.backtest.model_dump(mode="json") | about | compare_rankings(kept, places)
