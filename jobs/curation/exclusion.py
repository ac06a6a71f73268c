"""Ground that is left out: the ocean, polygons of the user's, snow and ice. Workers look at outlines and pixels."""

from __future__ import annotations

from collections.abc import Sequence

import dask_geopandas
import geopandas as gpd
import numpy as np
import pandas as pd
from distributed import Client

from jobs.running.progress import Progress
from jobs.running.tasks import collect, compute, share, submit
from mineral_pipeline import curation
from mineral_pipeline.errors import SettingsError
from mineral_pipeline.sensors import visible_bands
from mineral_pipeline.settings import Catalogue, Curate, Settings
from mineral_pipeline.workspace import Workspace, zarr_store

LOCATIONS_PER_PARTITION = 2000
"""Locations in one partition of the ocean mask, which takes well under a second."""


def check_exclusions(settings: Settings) -> None:
    """Refuse to look for snow where no two visible bands are acquired, before anything runs.

    Raises:
        SettingsError: there are none; the message says which bands would do.
    """
    if settings.curate and any(entry.snow for entry in settings.curate.exclude or ()):
        try:
            _visible_bands(settings.acquire.bands, settings.catalogue)
        except SettingsError as error:
            raise SettingsError(f"curate.exclude: snow shows in visible light only: {error}") from None


def drop_ocean(chips: gpd.GeoDataFrame, config: Curate, client: Client) -> gpd.GeoDataFrame:
    """Mark the chips of locations at sea."""
    polygons, locations = curation.read_land(config.land, config.land_sha256), curation.find_locations(chips)
    min_fraction = None
    if config.land_rule == "fraction":
        polygons, locations = curation.subdivide(polygons), curation.find_locations(chips, "outline")
        min_fraction = config.min_land_fraction
    land = share(client, "curate", "land", polygons)
    partitions = dask_geopandas.from_geopandas(locations, npartitions=1 + len(locations) // LOCATIONS_PER_PARTITION)
    flags = partitions.map_partitions(curation.is_on_land, land, min_fraction, meta=("on_land", bool)).to_delayed()
    tasks = compute(client, "curate", flags, [f"ocean-{number:03d}" for number in range(len(flags))])
    on_land = pd.concat([result.value for result in collect(tasks)]).reindex(locations.index)
    return curation.drop_locations(chips, locations["location_id"][~on_land], "over the ocean")


def drop_excluded(chips: gpd.GeoDataFrame, settings: Settings, client: Client) -> gpd.GeoDataFrame:
    """Mark the chips that ``curate.exclude`` leaves out, entry by entry."""
    for entry in (settings.curate.exclude if settings.curate else None) or ():
        if entry.polygons is not None:
            chips = curation.drop_inside(chips, curation.read_polygons(entry.polygons, "curate.exclude"))
        if entry.snow is not None:
            chips = curation.drop_snow(chips, find_snow(chips, settings, client), entry.snow)
    return chips


def find_snow(chips: gpd.GeoDataFrame, settings: Settings, client: Client) -> pd.Series:
    """Share of each usable chip that looks like snow or ice, by ``chip_index``. One task per shard reads its pixels."""
    workspace, usable = Workspace(settings.workspace), chips[chips["drop_reason"] == ""]
    layout = zarr_store.read_layout(workspace)
    bands, shard = _visible_bands(layout.bands, settings.catalogue), usable["chip_index"] // layout.images_per_write
    calls = {
        f"snow-{number:05d}": (workspace, list(zip(rows["chip_index"], rows["image_sha256"], strict=True)), bands)
        for number, rows in usable.groupby(shard)
    }
    found: list[pd.Series] = []
    with Progress("curate", "chips looked at for snow", len(usable)) as progress:
        for result in collect(submit(client, "curate", curation.snow_shares, calls)):
            found.append(pd.Series(result.value, index=[index for index, _ in calls[result.name][1]]))
            progress.advance(done=len(result.value))
    return pd.concat(found) if found else pd.Series(np.empty(0))


def _visible_bands(names: Sequence[str], catalogue: Catalogue) -> list[int]:
    """Positions of the visible bands among those of a chip."""
    return visible_bands(names, catalogue.spacecraft, catalogue.sensors)
