"""World maps, or a part of the world when the places fill only that. Longitude and latitude, degrees.

Footprints that cross the antimeridian have continuous longitudes (179 to 181): each is drawn a turn to the west and to
the east as well, and the edge of the map cuts them.
"""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PatchCollection, PolyCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.patheffects import AbstractPathEffect, withStroke

from mineral_pipeline.reporting.style import (
    ACCENT,
    INK,
    LAND,
    MUTED,
    PLAIN,
    RICHNESS,
    SMALL,
    SUBSET_COLOURS,
    THIRD,
    WIDTH,
    legend_below,
    new_figure,
    tidy,
)

MARGIN = 4.0
"""Degrees around the places."""

NUMBERED = 10
"""Prospects that carry their rank on the map."""

BESIDE = 0.55
"""Inches that the latitudes take."""


def locations_figure(places: gpd.GeoDataFrame, land: gpd.GeoDataFrame | None) -> Figure:
    """Places with and without a known deposit.

    Args:
        places: ``n_deposits`` and footprint, one row per place.
        land: outline below, when there is one.
    """
    figure, axes = _map(places, land)
    positive = (places["n_deposits"] > 0).to_numpy()
    named = ((~positive, PLAIN, "without a known deposit"), (positive, ACCENT, "with known deposits"))
    for chosen, colour, _ in named:
        _draw(axes, places.geometry[chosen], facecolors=colour)
    _key(axes, [(f"{int(chosen.sum()):,} places {text}", colour) for chosen, colour, text in named])
    return figure


def split_figure(places: gpd.GeoDataFrame, land: gpd.GeoDataFrame | None) -> Figure:
    """Places by side.

    Args:
        places: ``subset`` and footprint, one row per place.
        land: outline below, when there is one.
    """
    figure, axes = _map(places, land)
    for side in reversed(SUBSET_COLOURS):
        _draw(axes, places.geometry[places["subset"] == side], facecolors=SUBSET_COLOURS[side])
    counts = places["subset"].value_counts()
    _key(axes, [(f"{side} {counts[side]:,}", colour) for side, colour in SUBSET_COLOURS.items() if side in counts])
    return figure


def leak_figure(places: gpd.GeoDataFrame, land: gpd.GeoDataFrame | None) -> Figure:
    """Which test places share ground with training places, and with which.

    Args:
        places: ``subset``, ``shared``, ``meets_test`` and outline, one row per place.
        land: outline below, when there is one.
    """
    figure, axes = _map(places, land)
    train, test = (places["subset"] == side for side in ("train", "test"))
    meets, under = train & places["meets_test"], test & (places["shared"] > 0)
    named = (
        (train & ~meets, "#bccbd8", "training"),
        (meets, SUBSET_COLOURS["train"], "training, overlaps test"),
        (test & ~under, THIRD, "test"),
        (under, SUBSET_COLOURS["test"], "test, overlaps training"),
    )
    for chosen, colour, _ in named:
        _draw(axes, places.geometry[chosen], facecolors=colour)
    _key(axes, [(f"{text} {int(chosen.sum()):,}", colour) for chosen, colour, text in named if chosen.any()])
    return figure


def prospects_figure(prospects: gpd.GeoDataFrame, land: gpd.GeoDataFrame | None, top: int) -> Figure:
    """All places without a known deposit by predicted richness; the ``top`` outlined, the first ten numbered."""
    figure, axes = _map(prospects, land, 0.85)
    ordered = prospects.sort_values("rank", ascending=False)  # the richest last, on top
    scale = Normalize(prospects["richness"].min(), max(prospects["richness"].max(), prospects["richness"].min() + 1e-9))
    _draw(axes, ordered.geometry, facecolors=RICHNESS(scale(ordered["richness"].to_numpy())))
    best = ordered[ordered["rank"] <= top]
    _draw(axes, best.geometry, facecolors="none", edgecolors=INK, linewidths=0.4)
    _number(axes, best[best["rank"] <= NUMBERED])
    bar = figure.colorbar(
        ScalarMappable(scale, RICHNESS), ax=axes, orientation="horizontal", shrink=0.4, aspect=34, pad=0.02
    )
    bar.set_label("predicted richness, mean of the ensemble", fontsize=SMALL, color=MUTED)
    bar.ax.tick_params(labelsize=SMALL, colors=MUTED, length=0)
    bar.outline.set_visible(False)
    return figure


def _number(axes: Axes, places: gpd.GeoDataFrame) -> None:
    halo: list[AbstractPathEffect] = [withStroke(linewidth=2.2, foreground="white")]
    for place in places.itertuples():
        at = place.geometry.representative_point()
        text = axes.annotate(
            str(place.rank),
            (at.x, at.y),
            (4, 4),
            textcoords="offset points",
            fontsize=SMALL,
            fontweight="bold",
            color=INK,
        )
        text.set_path_effects(halo)


def _map(places: gpd.GeoDataFrame, land: gpd.GeoDataFrame | None, below: float = 0.5) -> tuple[Figure, Axes]:
    """An empty map of the ground around ``places``, with ``below`` inches for what comes under it."""
    west, south, east, north, stretch = frame(places)
    height = (WIDTH - BESIDE) * (north - south) * stretch / (east - west)
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


def frame(places: gpd.GeoDataFrame) -> tuple[float, float, float, float, float]:
    """Where a map of ``places`` ends, and how it is stretched.

    Returns:
        West, south, east and north in degrees, and the length of a degree of latitude over that of longitude: 1 on a
        map of the whole width, drawn when the places reach far round the Earth; 1 / cos(latitude) on a smaller one.
    """
    west, south, east, north = places.total_bounds
    if east - west > 120:
        return -180.0, max(south - 2 * MARGIN, -90.0), 180.0, min(north + 2 * MARGIN, 90.0), 1.0
    x, y = (west + east) / 2, (south + north) / 2
    stretch = 1 / max(np.cos(np.radians(y)), 0.1)
    # No flatter than 1 : 2, no taller than 1 : 1, so that neither a row nor a column of places becomes a ribbon.
    width, height = east - west + 2 * MARGIN, (north - south + 2 * MARGIN) * stretch
    width, height = max(width, height), max(height, width / 2)
    return x - width / 2, y - height / stretch / 2, x + width / 2, y + height / stretch / 2, float(stretch)


def _degrees(value: float, negative: str, positive: str) -> str:
    value = (value + 180) % 360 - 180 if negative == "W" and abs(value) > 180 else value
    side = "" if value % 180 == 0 and (negative == "W" or value == 0) else negative if value < 0 else positive
    return f"{abs(value):g}°{side}"


def _draw(axes: Axes, footprints: gpd.GeoSeries, **style: Any) -> None:
    """Footprints, each at its place and a turn to either side."""
    if len(footprints) == 0:
        return
    parts, owner = shapely.get_parts(footprints.to_numpy(), return_index=True)
    rings = [shapely.get_coordinates(part.exterior) for part in parts]
    for name, value in style.items():
        if isinstance(value, np.ndarray):
            style[name] = value[owner]
    for turn in (-360, 0, 360):
        collection = PolyCollection(
            [np.add(ring, [turn, 0]) for ring in rings], **{"edgecolors": "face", "linewidths": 0.8, **style}
        )
        axes.add_collection(collection, autolim=False)


def _draw_land(axes: Axes, land: gpd.GeoDataFrame) -> None:
    west, east = axes.get_xlim()
    shapes = land.geometry.to_crs("EPSG:4326") if land.crs is not None else land.geometry
    parts = shapely.get_parts(shapes.dropna().to_numpy())
    patches = [
        PathPatch(_outline(part, turn)) for part in parts if part.geom_type == "Polygon"
        for turn in (-360, 0, 360) if part.bounds[0] + turn < east and part.bounds[2] + turn > west
    ]  # fmt: skip
    axes.add_collection(
        PatchCollection(patches, facecolor=LAND, edgecolor="#c9c4b8", linewidth=0.4, zorder=0.5), autolim=False
    )


def _outline(polygon: shapely.Polygon, turn: float) -> Path:
    """A polygon with its holes, which run the other way round, as one path."""
    rings = [polygon.exterior, *polygon.interiors]
    return Path.make_compound_path(
        *(Path(np.add(shapely.get_coordinates(ring), [turn, 0]), closed=True) for ring in rings)
    )


def _key(axes: Axes, entries: list[tuple[str, str]]) -> None:
    handles = [
        Line2D([], [], marker="s", linestyle="", markersize=6, color=colour, label=text) for text, colour in entries
    ]
    legend_below(axes, handles, 0.07)


def by_location(chips: gpd.GeoDataFrame, column: str) -> gpd.GeoDataFrame:
    """One row per bucket: its first footprint and the largest value of ``column``.

    Args:
        chips: ``location_id``, ``column`` and footprint, one row per chip.
        column: name of what is taken the largest of.
    """
    largest = chips.groupby("location_id")[column].max()
    first = chips[chips.geometry.notna()].drop_duplicates("location_id")[["location_id", "geometry"]]
    return first.merge(largest, left_on="location_id", right_index=True)
