"""Draw the report: one self-contained page with the study's figures, of whatever the workspace holds.

    mineral-pipeline report demo

Reads every table that the other jobs wrote, the land polygons of the settings, and one scene of the archive for the
first figures; writes ``report/index.html`` and its figures as PNG. Sections whose artefacts are absent are listed with
the job that makes them. It runs on the client: a page is drawn in seconds.
"""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from distributed import Client

from jobs.prospecting.images import read_views
from jobs.prospecting.truth import find_undiscovered
from jobs.running.plan import Plan
from jobs.running.progress import Progress
from mineral_pipeline import archive, curation, imagery, labelling, prospecting, reporting, sensors
from mineral_pipeline.errors import ArchiveError, DataError, MetadataError, RasterError, SettingsError
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Counts, Workspace, artefacts, ledger

METHODS = ("sampling", "rescale", "resize")
"""Downsampling methods shown side by side."""


def plan(settings: Settings) -> Plan:
    """Plan as many figures as the artefacts of the workspace allow."""
    workspace = Workspace(settings.workspace)
    return Plan(Counts("figures", planned=reporting.max_figures(workspace)), {"page": workspace.uri(artefacts.REPORT)})


def main(settings: Settings, client: Client) -> Counts:
    """Draw and write the page."""
    workspace = Workspace(settings.workspace)
    data = reporting.read(workspace)
    land = curation.read_land(settings.curate.land, settings.curate.land_sha256) if settings.curate else None
    example, missing = try_example(settings, data)
    views = read_views(workspace, data.prospects, data.ledger, settings.report.prospect_images)
    options = reporting.PageOptions(
        settings.report.title, settings.workspace, settings.prospect.top, land, example, missing,
        _truth(settings, data), views,
    )  # fmt: skip
    page = reporting.build_page(data, options)
    with Progress("report", "figures", len(page.figures)) as progress:
        for _ in reporting.write(workspace, page):
            progress.advance(done=1)
    return Counts("figures", planned=progress.planned, done=progress.done)


def _truth(settings: Settings, data: reporting.ReportData) -> reporting.Truth | None:
    """What is true of the prospects, which only the archive of a simulated planet tells."""
    found = find_undiscovered(settings)
    if found is None or data.prospects is None:
        return None
    verdict = prospecting.judge(data.prospects, found.number, settings.prospect.top, found.what)
    return reporting.Truth(verdict, {str(key): int(number) for key, number in found.number.items()}, found.what)


def try_example(settings: Settings, data: reporting.ReportData) -> tuple[reporting.Example | None, str]:
    """The example scene; or None and what would make it, because a page without it is better than no page."""
    try:
        return _example(settings, data), ""
    except DataError as error:
        return None, str(error)
    except (ArchiveError, MetadataError, RasterError) as error:
        return None, f"the job report, when the archive gives the scene again ({error})"


def _example(settings: Settings, data: reporting.ReportData) -> reporting.Example:
    """Fetch one scene again at full size, and downsample it by every method."""
    chip = choose_example(data, settings.report.example)
    catalogue = Workspace(settings.workspace).read_table(artefacts.CATALOGUE, ["scene_id", "sensor", "base_url"])
    scene = catalogue.set_index("scene_id").loc[chip["scene_id"]]
    product_id, (band, *_) = chip["product_id"], sensors.resolve_bands(settings.acquire.bands, scene["sensor"])
    files = archive.fetch_scene(archive.open_source(settings.archive), scene["base_url"], product_id, [band])
    fill = sensors.SENSORS[scene["sensor"]].fill
    raster = imagery.decode(files.bands[0].content, f"{product_id} {band}", fill=fill)
    images = {method: imagery.downsample(raster.pixels, settings.acquire.chip_size, method) for method in METHODS}
    footprint = np.asarray(chip["geometry"].exterior.coords)[:-1]
    inside = np.empty((0, 2))
    if data.deposits is not None:
        deposits = data.deposits[["lon", "lat"]].to_numpy(np.float64)
        inside = deposits[labelling.membership([chip["geometry"]], deposits, invalid="warn").indices]
    scale = np.divide(images[METHODS[0]].shape[::-1], raster.pixels.shape[::-1])
    outline, points = (
        reporting.to_pixels(lonlat, raster.transform, raster.crs, scale) for lonlat in (footprint, inside)
    )
    return reporting.Example(
        product_id=product_id, sensor=scene["sensor"], band=band, images=images, footprint=outline, deposits=points,
        method=settings.acquire.method, edge=max(raster.pixels.shape),
        is_reflectance=settings.acquire.radiometry == "reflectance",
    )  # fmt: skip


def choose_example(data: reporting.ReportData, product_id: str | None) -> dict[str, Any]:
    """Ledger row of the scene to show: the one asked for, else the clearest of those with most known deposits.

    Raises:
        SettingsError: the one asked for is not among the chips.
        DataError: there are no chips.
    """
    table = data.ledger
    chips = table if table is None else table[table["status"] == str(ledger.State.OK)]
    if chips is None or chips.empty:
        raise DataError("the job acquire")
    if product_id is not None:
        if product_id not in set(chips["product_id"]):
            raise SettingsError(f"report.example: {product_id} is no chip of this workspace: name another or none")
        return dict(chips[chips["product_id"] == product_id].iloc[0])
    return _clearest(chips, data.labels)


def _clearest(chips: gpd.GeoDataFrame, labels: pd.DataFrame | None) -> dict[str, Any]:
    """The chip of least cloud, of those with most known deposits; of equals the darkest, because clouds are bright."""
    if labels is not None:
        chips = chips.merge(labels[["chip_id", "n_deposits"]], on="chip_id")
        chips = chips[chips["n_deposits"] == chips["n_deposits"].max()]
    return dict(chips.sort_values(["cloud_cover", "brightness", "chip_index"]).iloc[0])
