"""Map of the world, or of a part of it where the locations fill only that. Longitude and latitude, degrees.

Footprints that cross the antimeridian have continuous longitudes (179 to 181): each is drawn three times, 360 degrees
apart, and the edge of the map cuts them.
"""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from mineral_pipeline.geometry import CRS
from mineral_pipeline.reporting.style import LAND, WIDTH, legend_below, new_figure, tidy

MARGIN_DEGREES = 4.0
"""Width of the margin around the locations."""

LABEL_INCHES = 0.55
"""Width of the labels of latitude."""

TURNS = (-360, 0, 360)
"""Shifts in longitude by which everything is drawn."""


def new_map(locations: gpd.GeoDataFrame, land: gpd.GeoDataFrame | None, below: float = 0.5) -> tuple[Figure, Axes]:
    """Make an empty map of the ground around some locations.

    Args:
        locations: table whose footprints the map must show.
        land: land polygons; None for no land.
        below: inches for what comes below the map.
    """
    west, south, east, north, stretch = map_extent(locations)
    height = (WIDTH - LABEL_INCHES) * (north - south) * stretch / (east - west)
    figure = new_figure(float(np.clip(height, 1.4, 5.6)) + below)
    axes = tidy(figure.add_subplot(), grid="both")
    axes.set(xlim=(west, east), ylim=(south, north), aspect=stretch)
    if east - west == 360:
        axes.set(xticks=range(-180, 181, 60), yticks=range(-60, 61, 30))
        axes.set(xlim=(west, east), ylim=(south, north))  # ticks outside would widen them
    axes.xaxis.set_major_formatter(lambda lon, _: _degrees(lon, "W", "E"))
    axes.yaxis.set_major_formatter(lambda lat, _: _degrees(lat, "S", "N"))
    if land is not None:
        _draw_land(axes, land)
    return figure, axes


def map_extent(locations: gpd.GeoDataFrame) -> tuple[float, float, float, float, float]:
    """Extent and aspect ratio of a map of some locations.

    Returns:
        West, south, east and north in degrees, and the length of a degree of latitude over that of longitude: 1 on a
        map of the whole width, drawn when the locations span more than 120 degrees; 1 / cos(latitude) on a smaller one.
    """
    west, south, east, north = locations.total_bounds
    if east - west > 120:
        return -180.0, max(south - 2 * MARGIN_DEGREES, -90.0), 180.0, min(north + 2 * MARGIN_DEGREES, 90.0), 1.0
    x, y = (west + east) / 2, (south + north) / 2
    stretch = 1 / max(np.cos(np.radians(y)), 0.1)
    # No flatter than 1 : 2, no taller than 1 : 1, so that neither a row nor a column of locations becomes a ribbon.
    width, height = east - west + 2 * MARGIN_DEGREES, (north - south + 2 * MARGIN_DEGREES) * stretch
    width, height = max(width, height), max(height, width / 2)
    return x - width / 2, y - height / stretch / 2, x + width / 2, y + height / stretch / 2, float(stretch)


def draw_footprints(axes: Axes, footprints: gpd.GeoSeries, **style: Any) -> None:
    """Draw footprints on a map; arrays of ``style`` hold one value per footprint."""
    if len(footprints) == 0:
        return
    parts, owner = shapely.get_parts(footprints.to_numpy(), return_index=True)
    rings = [shapely.get_coordinates(part.exterior) for part in parts]
    for name, value in style.items():
        if isinstance(value, np.ndarray):
            style[name] = value[owner]
    for turn in TURNS:
        collection = PolyCollection(
            [np.add(ring, [turn, 0]) for ring in rings], **{"edgecolors": "face", "linewidths": 0.8, **style}
        )
        axes.add_collection(collection, autolim=False)


def draw_key(axes: Axes, entries: list[tuple[str, str]]) -> None:
    """Draw a legend of texts and their colours below a map."""
    handles = [
        Line2D([], [], marker="s", linestyle="", markersize=6, color=colour, label=text) for text, colour in entries
    ]
    legend_below(axes, handles, 0.07)


def _degrees(value: float, negative: str, positive: str) -> str:
    value = (value + 180) % 360 - 180 if negative == "W" and abs(value) > 180 else value
    side = "" if value % 180 == 0 and (negative == "W" or value == 0) else negative if value < 0 else positive
    return f"{abs(value):g}°{side}"


def _draw_land(axes: Axes, land: gpd.GeoDataFrame) -> None:
    west, east = axes.get_xlim()
    shapes = land.geometry.to_crs(CRS) if land.crs is not None else land.geometry
    parts = shapely.get_parts(shapes.dropna().to_numpy())
    patches = [
        PathPatch(_outline(part, turn)) for part in parts if part.geom_type == "Polygon"
        for turn in TURNS if part.bounds[0] + turn < east and part.bounds[2] + turn > west
    ]  # fmt: skip
    axes.add_collection(
        PatchCollection(patches, facecolor=LAND, edgecolor="#c9c4b8", linewidth=0.4, zorder=0.5), autolim=False
    )


def _outline(polygon: shapely.Polygon, turn: float) -> Path:
    """A polygon with its holes, whose rings run in the opposite direction, as one path."""
    rings = [polygon.exterior, *polygon.interiors]
    return Path.make_compound_path(
        *(Path(np.add(shapely.get_coordinates(ring), [turn, 0]), closed=True) for ring in rings)
    )
