"""Choose the scenes: from the archive's index to the catalogue.

    mineral-pipeline catalogue jobs/demo.yaml

Reads ``index.csv.gz`` of the archive (or ``archive.index``), as a stream. Writes ``catalogue.parquet``: one row per
scene, sorted by path, row and date, whose row number is its chip; strays are dropped and of several processings of
a scene the newest is kept. Once chips exist the catalogue stays as it is. The index is one stream, so that this job
has no Dask graph.
"""

from __future__ import annotations

from distributed import Client

from jobs.progress import CONSOLE, Progress
from jobs.stage import Plan
from mineral_pipeline import archive
from mineral_pipeline.ledger import Counts
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import CATALOGUE, CHIPS, Workspace


def plan(settings: Settings) -> Plan:
    """Say how many scenes of the index match."""
    workspace = Workspace(settings.workspace)
    if workspace.exists(CATALOGUE):
        scenes = len(workspace.read_table(CATALOGUE, ["product_id"]))
        return Plan(Counts("scenes", planned=scenes, skipped=scenes))
    return Plan(Counts("scenes", planned=len(archive.read_index(settings.archive, settings.catalogue))))


def main(settings: Settings, client: Client) -> Counts:
    """Write the catalogue."""
    workspace = Workspace(settings.workspace)
    if workspace.exists(CATALOGUE) and workspace.exists(CHIPS):
        scenes = len(workspace.read_table(CATALOGUE, ["product_id"]))
        with Progress("catalogue", "scenes", planned=scenes, skipped=scenes):
            return Counts("scenes", planned=scenes, skipped=scenes)
    listing = archive.read_index(settings.archive, settings.catalogue)
    with Progress("catalogue", "scenes", planned=len(listing)) as progress:
        selection = archive.select_scenes(listing, settings.catalogue.limit)
        table = archive.build_catalogue(selection.scenes, settings.archive.url, settings.acquire.chips_per_shard)
        workspace.write_table(CATALOGUE, table)
        progress.advance(done=len(table))
    for reason, count in selection.dropped.items():
        CONSOLE.print(f"{'':<10} {count:,} left out: {reason}")
    return Counts("scenes", planned=len(listing), done=len(table), reasons=selection.dropped)
