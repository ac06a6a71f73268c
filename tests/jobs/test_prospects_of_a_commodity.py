"""The truth beside a list of a commodity: its deposits in the footprints of the prospects, where the truth tells."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from prospect_tables import make_prospects

from jobs.prospecting.truth import find_undiscovered
from mineral_pipeline import prospecting
from mineral_pipeline import settings as reader
from mineral_pipeline.settings import Settings
from mineral_pipeline.simulation import TRUE_DEPOSITS, TRUTH
from mineral_pipeline.workspace import Workspace, artefacts


@pytest.fixture
def settings(workspace: Workspace, tmp_path: Path) -> Settings:
    """Three prospects; the first holds undiscovered copper and known gold, the second undiscovered gold twice."""
    prospects = make_prospects([0.0, 10.0, 20.0], 0.0)
    workspace.write_table(artefacts.PROSPECTS, prospects.assign(commodity="gold"))
    archive = Workspace(str(tmp_path / "archive"))
    keys = prospects["location_id"].to_numpy()
    archive.write_table(TRUTH, pd.DataFrame({"location_id": keys, "n_undiscovered": [1, 2, 0]}))
    lon, held = [0.0, 0.1, 10.0, 10.1, 90.0], ["Copper", "Gold", "Gold;Silver", "Copper;Gold", "Gold"]
    known = [False, True, False, False, False]
    archive.write_table(TRUE_DEPOSITS, pd.DataFrame({"lon": lon, "lat": 0.0, "known": known, "commodities": held}))
    content = {"workspace": workspace.url, "archive": {"url": archive.url}, "jobs": ["simulate", "report"]}
    return reader.parse(content)


def test_undiscovered_deposits_of_the_commodity_are_counted(settings: Settings, workspace: Workspace) -> None:
    found = find_undiscovered(settings)
    prospects = workspace.read_table(artefacts.PROSPECTS)
    assert found is not None
    assert found.number.reindex(prospects["location_id"]).tolist() == [0, 2, 0]
    said = prospecting.judge(prospects, found.number, 20, found.what)
    assert said == "1 of the first 3 hold undiscovered deposits of gold, 1.0 expected by chance"


def test_what_is_counted_is_said_where_the_truth_tells_no_commodity(settings: Settings, workspace: Workspace) -> None:
    archive, prospects = Workspace(settings.archive.url), workspace.read_table(artefacts.PROSPECTS)
    archive.write_table(TRUE_DEPOSITS, archive.read_table(TRUE_DEPOSITS).drop(columns="commodities"))
    found = find_undiscovered(settings)
    assert found is not None
    assert "of any commodity" in prospecting.judge(prospects, found.number, 20, found.what)
    workspace.write_table(artefacts.PROSPECTS, prospects.drop(columns="commodity"))
    plain = find_undiscovered(settings)
    assert plain is not None
    assert (plain.number.tolist(), plain.what) == ([1, 2, 0], "deposits")
