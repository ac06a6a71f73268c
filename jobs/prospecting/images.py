"""The images of the first prospects, with their footprints in pixels, for the report."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import shapely
from affine import Affine
from pyproj import Geod, Transformer

from mineral_pipeline import reporting
from mineral_pipeline.errors import MineralPipelineError
from mineral_pipeline.geometry import CRS
from mineral_pipeline.workspace import Workspace
from mineral_pipeline.workspace.chip import GRID_MAPPING, open_chip


def read_views(
    workspace: Workspace, prospects: gpd.GeoDataFrame | None, chips: gpd.GeoDataFrame | None, number: int
) -> list[reporting.ProspectView]:
    """The images of the first prospects; one that cannot be read has the reason in its place.

    Args:
        workspace: the workspace.
        prospects: ranked prospects; None for none.
        chips: the ledger, with the footprint of every chip, continuous across the antimeridian.
        number: how many, at most.
    """
    if prospects is None or chips is None:
        return []
    first = prospects.sort_values("rank").head(number)
    wanted = chips[chips["chip_id"].isin(first["chip_id"])]
    return [_view(workspace, one._asdict(), wanted) for one in first.itertuples()]


def _view(workspace: Workspace, prospect: Mapping[str, object], chips: gpd.GeoDataFrame) -> reporting.ProspectView:
    chip_id = str(prospect["chip_id"])
    about = (
        int(str(prospect["rank"])),
        str(prospect["location_id"]),
        float(str(prospect["lon"])),
        float(str(prospect["lat"])),
    )
    try:
        chip = open_chip(workspace, chip_id, chips)
        mapping = chip.coords[GRID_MAPPING].attrs
        transform = Affine.from_gdal(*map(float, mapping["GeoTransform"].split()))
        corners = shapely.get_coordinates(chips.geometry[chips["chip_id"] == chip_id])
        outline = reporting.to_pixels(corners, transform, mapping["crs_wkt"], np.ones(2))
        metres = metres_per_pixel(chip.shape[1:], transform, mapping["crs_wkt"])
        return reporting.ProspectView(*about, np.asarray(chip[0]), str(chip["band"].values[0]), outline, metres)
    except (MineralPipelineError, KeyError) as error:
        return reporting.ProspectView(*about, missing=str(error) or chip_id)


def metres_per_pixel(shape: tuple[int, ...], transform: Affine, crs: str) -> float:
    """Length on the ground of a pixel along the middle row of an image (y, x), whatever its projection."""
    height, width = shape
    columns, row = np.array([0.25, 0.75]) * width, height / 2
    x = transform.a * columns + transform.b * row + transform.c
    y = transform.d * columns + transform.e * row + transform.f
    lon, lat = Transformer.from_crs(crs, CRS, always_xy=True).transform(x, y)
    _, _, distance = Geod(ellps="WGS84").inv(lon[0], lat[0], lon[1], lat[1])
    return float(distance / (width / 2))
