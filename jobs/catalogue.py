"""Choose the scenes: from the archive's index to the catalogue.

    mineral-pipeline catalogue demo

Reads ``index.csv.gz`` of the archive (or ``archive.index``) from its beginning to its end, also for ``--plan``: 2 GB
take half a minute besides the download. An archive without one is listed instead. Writes ``catalogue.parquet``: one row
per scene, sorted by path, row and date. Rows that contradict themselves are dropped, and of several processings of a
scene the newest is kept. Scenes whose pixels are of different kinds are refused. Once chips exist the catalogue is not
changed. The index is one stream, so that this job has no Dask graph.
"""

from __future__ import annotations

import time

from distributed import Client

from jobs.running.plan import Plan
from jobs.running.progress import CONSOLE, SECONDS_BETWEEN_LINES, Progress
from mineral_pipeline import archive, sensors
from mineral_pipeline.sensors.landsat import INDEX
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Counts, Workspace, artefacts, layout

NO_INDEX = f"the archive has no {INDEX} and was listed: clouds and bounds are unknown"


def plan(settings: Settings) -> Plan:
    """Count the scenes that the settings ask for, which needs the whole index.

    Raises:
        SettingsError: their pixels are of different kinds, or a sensor lacks a band.
    """
    workspace = Workspace(settings.workspace)
    if workspace.exists(artefacts.CATALOGUE):
        scenes = len(workspace.read_table(artefacts.CATALOGUE, ["scene_id"]))
        return Plan(Counts("scenes", planned=scenes, skipped=scenes))
    listing = _find_products(settings)
    mixture = _find_mixture(_select_scenes(listing, settings), settings)
    index = {} if listing.is_index else {"index": NO_INDEX}
    return Plan(Counts("scenes", planned=listing.matched), index | mixture)


def main(settings: Settings, client: Client) -> Counts:
    """Write the catalogue.

    Raises:
        SettingsError: the pixels of its scenes are of different kinds, or a sensor lacks a band.
    """
    workspace = Workspace(settings.workspace)
    if workspace.exists(artefacts.CATALOGUE) and workspace.exists(artefacts.CHIPS):
        scenes = len(workspace.read_table(artefacts.CATALOGUE, ["scene_id"]))
        with Progress("catalogue", "scenes", planned=scenes, skipped=scenes):
            return Counts("scenes", planned=scenes, skipped=scenes)
    listing = _find_products(settings)
    if not listing.is_index:
        CONSOLE.print(f"{'catalogue':<10} {NO_INDEX}")
    selection = _select_scenes(listing, settings)
    with Progress("catalogue", "scenes", planned=listing.matched) as progress:
        table = archive.build_catalogue(selection.scenes, settings.archive.url, settings.acquire.chips_per_shard)
        layout.write_version(workspace)
        workspace.write_table(artefacts.CATALOGUE, table)
        progress.advance(done=len(table))
    for reason, count in selection.dropped.items():
        CONSOLE.print(f"{'':<10} {count:,} left out: {reason}")
    for mixture in _find_mixture(selection, settings).values():
        CONSOLE.print(f"{'':<10} {mixture}")
    return Counts("scenes", planned=listing.matched, done=len(table), reasons=selection.dropped)


def _select_scenes(listing: archive.Listing, settings: Settings) -> archive.Selection:
    """Select the scenes of the catalogue, and check that they can share one array of the bands of the settings."""
    selection = archive.select_scenes(listing, settings.catalogue.limit)
    config, codes = settings.acquire, selection.scenes["sensor"]
    sensors.check_bands(config.bands, codes.unique(), config.radiometry)
    sensors.check_radiometry(codes, selection.scenes["level"], config.radiometry)
    return selection


def _find_mixture(selection: archive.Selection, settings: Settings) -> dict[str, str]:
    """What to know of scenes of several sensors; nothing where there is one, or one scale."""
    mixture = sensors.describe_mixture(selection.scenes["sensor"]) if settings.acquire.radiometry == "dn" else None
    return {"sensors": mixture} if mixture else {}


def _find_products(settings: Settings) -> archive.Listing:
    """Read the index or list the archive, and show how many rows were read: their total is not known in advance."""
    last = time.monotonic()

    def show(rows: int, matched: int) -> None:
        nonlocal last
        text = f"{'catalogue':<10} {rows:,} products read, {matched:,} wanted"
        status.update(text)
        if not CONSOLE.is_terminal and time.monotonic() - last > SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            CONSOLE.print(text)

    with CONSOLE.status(f"{'catalogue':<10} reading the index of {settings.archive.url}") as status:
        return archive.find_products(settings.archive, settings.catalogue, show)
