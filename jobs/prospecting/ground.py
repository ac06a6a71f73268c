"""The ground of a list: chips of locations that the models have not learnt, and which of them are to be ranked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd

from mineral_pipeline import curation, prospecting
from mineral_pipeline.errors import DataError, SettingsError
from mineral_pipeline.learning import of_subject
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts


@dataclass(frozen=True)
class Ground:
    """Chips that the models of a fold predict; they have learnt from none of them, nor from what overlaps them."""

    fold: int | None
    """The fold; None for the split."""
    chips: gpd.GeoDataFrame
    """`prospecting.CANDIDATE_COLUMNS`, ``n_deposits``, ``is_candidate`` (to be ranked) and ``is_judge`` (the residuals
    of its location make intervals), one row per chip."""

    @property
    def candidates(self) -> gpd.GeoDataFrame:
        """The chips that are to be ranked."""
        return self.chips[self.chips["is_candidate"]]


def chips_on_land(settings: Settings, workspace: Workspace) -> gpd.GeoDataFrame:
    """Chips of the locations over land, but for those on excluded ground.

    Returns:
        Chips as `curation.about` gives them for ``prospect.commodity``, with ``is_candidate``: no chip of the location
        holds a known deposit of it.

    Raises:
        SettingsError: the settings do not tell where land is.
        DataError: every location holds a known deposit.
    """
    if settings.curate is None:
        raise SettingsError("prospect: the settings file has no curate section: add one with the land polygons")
    subject = settings.prospect.commodity or ""
    chips = curation.about(curation.read_chips(workspace, subjects=[subject]), subject)
    chips["is_candidate"] = chips.index.isin(prospecting.without_known_deposit(chips).index)
    chips = chips[~chips["chip_id"].isin(curation.excluded_chips(workspace, settings.prospect_tasks[0]))]
    land = curation.read_land(settings.curate.land, settings.curate.land_sha256)
    by_centre = settings.curate.land_rule == "centre"
    locations = curation.find_locations(chips, "centre" if by_centre else "outline")
    on_land = curation.is_on_land(locations, land, None if by_centre else settings.curate.min_land_fraction)
    chosen = chips[(chips["drop_reason"] == "") & chips["location_id"].isin(locations["location_id"][on_land])]
    if not chosen["is_candidate"].any():
        raise DataError(
            f"prospect: every location over land in {workspace.uri(artefacts.LABELS)} holds a known deposit"
            f"{of_subject(subject)} or is excluded: there is nothing to prospect; widen the settings' catalogue section"
        )
    return chosen.reset_index(drop=True)


def find_ground(settings: Settings, workspace: Workspace, chips: gpd.GeoDataFrame) -> list[Ground]:
    """The ground of every fold that has locations to rank, or of the split where there are no folds.

    Out of fold every location judges: it is predicted as a candidate is. Without folds those of the validation subset
    do, whose classes are balanced.

    Args:
        settings: settings of the pipeline.
        workspace: the workspace.
        chips: chips as `chips_on_land` gives them.

    Raises:
        DataError: there is no such location.
    """
    if settings.folds:
        held_out = curation.held_out_chips(workspace, settings.prospect_tasks[0], chips, settings.folds)
        found = [Ground(fold, one.assign(is_judge=True)) for fold, one in held_out.items() if one["is_candidate"].any()]
    else:
        found = _ground_of_the_split(settings, workspace, chips)
    if found:
        return found
    of = of_subject(settings.prospect.commodity or "")
    every = f"all {count_locations(chips[chips['is_candidate']]):,} locations without a known deposit{of}"
    if settings.folds:
        table = artefacts.folds(settings.prospect.commodity or "")
        raise DataError(f"prospect: {workspace.uri(table)} lacks {every}: run curate again")
    raise DataError(
        f"prospect: the models were trained or stopped on {every}: set curate.folds, or give catalogue more scenes"
    )


def _ground_of_the_split(settings: Settings, workspace: Workspace, chips: gpd.GeoDataFrame) -> list[Ground]:
    unseen = chips
    for task in settings.prospect_tasks:
        unseen = curation.held_out_chips(workspace, task, unseen, ())[None]
    candidates = unseen[unseen["is_candidate"]]
    samples = workspace.read_table(artefacts.samples_table(settings.prospect_tasks[0]), ["chip_id", "subset"])
    judges = samples["chip_id"][samples["subset"] == "validation"]
    is_candidate = chips["chip_id"].isin(candidates["chip_id"])
    is_judge = chips["chip_id"].isin(judges) & ~is_candidate
    kept = chips.assign(is_candidate=is_candidate, is_judge=is_judge)[is_candidate | is_judge]
    return [Ground(None, kept.reset_index(drop=True))] if len(candidates) else []


def count_candidates(ground: Sequence[Ground]) -> int:
    """Locations that are to be ranked; each is in one fold."""
    return sum(count_locations(one.candidates) for one in ground)


def count_locations(chips: gpd.GeoDataFrame) -> int:
    """Locations of some chips."""
    return int(chips["location_id"].nunique())
