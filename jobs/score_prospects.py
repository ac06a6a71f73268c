"""Judge a frozen list of prospects by the deposits that were found since.

    mineral-pipeline score-prospects WORKSPACE LATER... [--new-only] [--list SHA256] [--json]

Reads ``prospects.parquet``, ``prospects.json``, ``deposits.parquet`` and LATER, tables of deposits in any format that
the job label reads; writes nothing. Of the prospects, those that hold a later deposit are counted among the first 1, 5
and 10 %, beside what chance would find and how probable it makes as many; and the area under the success-rate curve is
told. A list that has changed since it was frozen is refused, by the hash that stands beside it or the one that
``--list`` gives. So are deposits that were known when the list was made, at the distance at which the job label merges
those of one name; ``--new-only`` leaves them out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
from rich.table import Table

from jobs.running.progress import CONSOLE
from mineral_pipeline import evaluation, labelling, prospecting
from mineral_pipeline.errors import DataError
from mineral_pipeline.geometry.polygon_area import lonlat_areas
from mineral_pipeline.learning import of_subject
from mineral_pipeline.workspace import Workspace, last_run, layout

N_EXAMPLES = 3
"""Known deposits that are named where a table holds some."""


@dataclass(frozen=True)
class Options:
    """Options of the command."""

    new_only: bool = False
    """Whether deposits that were known already are left out, and not refused."""
    frozen: str | None = None
    """SHA-256 of the list that the user has kept."""
    as_json: bool = False
    """Whether to print the result for programs."""


def main(url: str, paths: Sequence[str], options: Options) -> int:
    """Judge the prospects of a workspace by tables of later deposits, and show what came out.

    Raises:
        DataError: the list has changed; a deposit was known already; or none lies in a prospect.
        WorkspaceError: there is no workspace with prospects, or it is damaged.
    """
    workspace = Workspace(url)
    layout.check_version(workspace)
    prospects, frozen = prospecting.read_frozen(workspace, options.frozen)
    merge_km = read_merge_km(workspace)
    commodity = prospecting.commodity_of(prospects)
    later = labelling.read_deposits(list(paths), merge_km).table
    later = later[labelling.holding(later, commodity)]
    if later.empty:
        raise DataError(f"{', '.join(paths)}: holds no deposit{of_subject(commodity)}: give a table of some")
    new, known = without_known(workspace, later, merge_km, commodity)
    if known and not options.new_only:
        raise DataError(
            f"{', '.join(paths)}: {len(known):,} of {len(later):,} deposits{of_subject(commodity)} lie within"
            f" {merge_km:g} km of one that was known when the list was made, such as"
            f" {'; '.join(known[:N_EXAMPLES])}: remove them, or leave them out by --new-only"
        )
    found = score(prospects, new) | {"list": frozen["list"], "frozen": frozen["frozen"], "known_left_out": len(known)}
    CONSOLE.print_json(json.dumps(found)) if options.as_json else show(found)
    return 0


def read_merge_km(workspace: Workspace) -> float:
    """The distance at which the job label has merged deposits of one name; its default where no record tells."""
    record = last_run(workspace, "label")
    settings = (record or {}).get("settings", {}).get("label") or {}
    return float(settings.get("merge_km", labelling.MERGE_KM))


def without_known(
    workspace: Workspace, later: gpd.GeoDataFrame, merge_km: float, commodity: str
) -> tuple[gpd.GeoDataFrame, list[str]]:
    """The deposits that were not known when the list was made, and in words those that were."""
    deposits = labelling.known_positions(workspace, commodity)
    distance = prospecting.nearest_deposit_km(later[["lon", "lat"]].to_numpy(np.float64), deposits)
    was_known = distance <= merge_km
    names = [
        f"{one.name or one.id} at {one.lat:.4f}, {one.lon:.4f} ({km:.2f} km)"
        for one, km in zip(later[was_known][["name", "id", "lat", "lon"]].itertuples(index=False), distance[was_known],
                           strict=True)
    ]  # fmt: skip
    return later[~was_known], names


def score(prospects: gpd.GeoDataFrame, later: gpd.GeoDataFrame) -> dict[str, Any]:
    """What the list finds of the later deposits, as plain values.

    Raises:
        DataError: there are none, or none lies in a prospect.
    """
    if later.empty:
        raise DataError("every deposit was known when the list was made: give a table of those that were found since")
    inside = labelling.membership(prospects.geometry, later[["lon", "lat"]].to_numpy(np.float64), invalid="warn")
    is_hit = np.asarray(inside.sum(axis=1)).ravel() > 0
    if not is_hit.any():
        raise DataError(
            f"none of {len(later):,} later deposits lies in one of {len(prospects):,} prospects: nothing is judged"
        )
    rank = prospects["rank"].to_numpy(np.float64)
    counts = {
        "prospects": len(prospects),
        "hit": int(is_hit.sum()),
        "best_rank": int(rank[is_hit].min()),
        "later": len(later),
        "later_in_prospects": int((np.asarray(inside.sum(axis=0)).ravel() > 0).sum()),
    }
    return counts | evaluation.describe_success(-rank, is_hit, lonlat_areas(prospects.geometry.to_numpy()))


def show(found: dict[str, Any]) -> None:
    """Print the result for people."""
    CONSOLE.print(
        f"list       {found['list']}\n           frozen {found['frozen']}, {found['prospects']:,} prospects\n"
        f"deposits   {found['later']:,} found since, {found['later_in_prospects']:,} of them in a prospect;"
        f" {found['known_left_out']:,} known before left out\n"
        f"hit        {found['hit']:,} prospects hold one, the first of rank {found['best_rank']:,}",
        soft_wrap=True,
    )
    table = Table("the first", "prospects", "hits", "by chance", "p-value")
    for one in found["hits"]:
        table.add_row(
            f"{one['share']:.0%}", f"{one['places']:,}", f"{one['hits']:g}", f"{one['expected']:.1f}",
            f"{one['p_value']:.2g}",
        )  # fmt: skip
    CONSOLE.print(table)
    CONSOLE.print(
        f"success    {found['success']:.3f} of the hit prospects are found on average while the first 10 % of the"
        " ground is searched; 0.05 by chance",
        soft_wrap=True,
    )
