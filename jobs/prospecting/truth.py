"""What is true of the prospects of a simulated planet: the deposits that nobody has found."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from jobs.evaluation.attainable import read_truth
from mineral_pipeline import labelling, prospecting
from mineral_pipeline.learning import of_subject
from mineral_pipeline.settings import Settings
from mineral_pipeline.simulation import TRUE_DEPOSITS
from mineral_pipeline.workspace import Workspace, artefacts


@dataclass(frozen=True)
class Undiscovered:
    """The deposits of a simulated planet that are not known."""

    number: pd.Series
    """Number of them by ``location_id``."""
    what: str
    """What is counted, in words: ``deposits``, ``deposits of gold``."""


def find_undiscovered(settings: Settings) -> Undiscovered | None:
    """What a list of the workspace could find; None without a list, and where no truth is known.

    Of a list about a commodity its deposits in the footprint of each prospect are counted, where the truth tells what a
    deposit holds: archives of earlier versions do not.
    """
    truth, workspace = read_truth(settings), Workspace(settings.workspace)
    if truth is None or not workspace.exists(artefacts.PROSPECTS):
        return None
    prospects: gpd.GeoDataFrame = workspace.read_table(artefacts.PROSPECTS)
    commodity = prospecting.commodity_of(prospects)
    if not commodity:
        return Undiscovered(truth["n_undiscovered"], "deposits")
    deposits = Workspace(settings.archive.url).read_table(TRUE_DEPOSITS)
    if "commodities" not in deposits:
        return Undiscovered(truth["n_undiscovered"], "deposits of any commodity (the truth does not tell of which)")
    sought = deposits[labelling.holding(deposits, commodity) & ~deposits["known"].to_numpy(bool)]
    inside = labelling.membership(prospects.geometry, sought[["lon", "lat"]].to_numpy(np.float64), invalid="warn")
    number = np.asarray(inside.sum(axis=1)).ravel().astype(int)
    return Undiscovered(pd.Series(number, prospects["location_id"]), f"deposits{of_subject(commodity)}")
