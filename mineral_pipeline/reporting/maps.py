"""Maps of the report: locations by label, by subset and by leakage, and the prospects."""

from __future__ import annotations

import geopandas as gpd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patheffects import AbstractPathEffect, withStroke
from matplotlib.ticker import MaxNLocator

from mineral_pipeline.reporting.basemap import draw_footprints, draw_key, new_map
from mineral_pipeline.reporting.style import (
    ACCENT,
    INK,
    MUTED,
    PLAIN,
    RICHNESS,
    SMALL,
    SUBSET_COLOURS,
    THIRD,
    scale_limits,
)

NUMBERED = 10
"""Prospects whose rank is on the map."""

STANDARD_DEVIATIONS = 1.96
"""Half of the 95 % interval of a normal distribution, in standard deviations."""


def locations_figure(locations: gpd.GeoDataFrame, land: gpd.GeoDataFrame | None) -> Figure:
    """Draw the locations with and without a known deposit.

    Args:
        locations: ``n_deposits`` and footprint, one row per location.
        land: land polygons; None for no land.
    """
    figure, axes = new_map(locations, land)
    positive = (locations["n_deposits"] > 0).to_numpy()
    classes = ((~positive, PLAIN, "without a known deposit"), (positive, ACCENT, "with known deposits"))
    for chosen, colour, _ in classes:
        draw_footprints(axes, locations.geometry[chosen], facecolors=colour)
    draw_key(axes, [(f"{int(chosen.sum()):,} locations {text}", colour) for chosen, colour, text in classes])
    return figure


def split_figure(locations: gpd.GeoDataFrame, land: gpd.GeoDataFrame | None) -> Figure:
    """Draw the locations by subset.

    Args:
        locations: ``subset`` and footprint, one row per location.
        land: land polygons; None for no land.
    """
    figure, axes = new_map(locations, land)
    for subset in reversed(SUBSET_COLOURS):
        chosen = locations.geometry[locations["subset"] == subset]
        draw_footprints(axes, chosen, facecolors=SUBSET_COLOURS[subset])
    counts = locations["subset"].value_counts()
    draw_key(axes, [(f"{name} {counts[name]:,}", colour) for name, colour in SUBSET_COLOURS.items() if name in counts])
    return figure


def leakage_figure(locations: gpd.GeoDataFrame, land: gpd.GeoDataFrame | None) -> Figure:
    """Draw the test locations that share ground with training locations, and with which.

    Args:
        locations: ``subset``, ``shared``, ``meets_test`` and outline, one row per location.
        land: land polygons; None for no land.
    """
    figure, axes = new_map(locations, land)
    train, test = (locations["subset"] == subset for subset in ("train", "test"))
    meets, shares = train & locations["meets_test"], test & (locations["shared"] > 0)
    classes = (
        (train & ~meets, "#bccbd8", "training"),
        (meets, SUBSET_COLOURS["train"], "training, overlaps test"),
        (test & ~shares, THIRD, "test"),
        (shares, SUBSET_COLOURS["test"], "test, overlaps training"),
    )
    for chosen, colour, _ in classes:
        draw_footprints(axes, locations.geometry[chosen], facecolors=colour)
    draw_key(axes, [(f"{text} {int(chosen.sum()):,}", colour) for chosen, colour, text in classes if chosen.any()])
    return figure


def prospects_figure(prospects: gpd.GeoDataFrame, land: gpd.GeoDataFrame | None, top: int) -> Figure:
    """Draw the locations without a known deposit by the expected number of deposits.

    Args:
        prospects: prospects as published, one row per location.
        land: land polygons; None for no land.
        top: number of prospects that are outlined; the first `NUMBERED` carry their rank.
    """
    figure, axes = new_map(prospects, land, 0.85)
    ordered = prospects.sort_values("rank", ascending=False)  # the best last, on top
    intervals = 2 * STANDARD_DEVIATIONS * prospects["spread"].fillna(0)
    expected = prospects["expected_number"].to_numpy()
    scale = Normalize(*scale_limits(expected, intervals, max(float(expected.max()), 1.0)))
    draw_footprints(axes, ordered.geometry, facecolors=RICHNESS(scale(ordered["expected_number"].to_numpy())))
    best = ordered[ordered["rank"] <= top]
    draw_footprints(axes, best.geometry, facecolors="none", edgecolors=INK, linewidths=0.4)
    _draw_ranks(axes, best[best["rank"] <= NUMBERED])
    bar = figure.colorbar(
        ScalarMappable(scale, RICHNESS), ax=axes, orientation="horizontal", shrink=0.4, aspect=34, pad=0.02,
        ticks=MaxNLocator(7, steps=[1, 2, 5, 10]),
    )  # fmt: skip
    bar.set_label("expected number of deposits", fontsize=SMALL, color=MUTED)
    bar.ax.tick_params(labelsize=SMALL, colors=MUTED, length=0)
    bar.outline.set_visible(False)
    return figure


def _draw_ranks(axes: Axes, prospects: gpd.GeoDataFrame) -> None:
    halo: list[AbstractPathEffect] = [withStroke(linewidth=2.2, foreground="white")]
    for prospect in prospects.itertuples():
        point = prospect.geometry.representative_point()
        text = axes.annotate(
            str(prospect.rank), (point.x, point.y), (4, 4), textcoords="offset points", fontsize=SMALL,
            fontweight="bold", color=INK,
        )  # fmt: skip
        text.set_path_effects(halo)


def by_location(chips: gpd.GeoDataFrame, column: str) -> gpd.GeoDataFrame:
    """One row per location: its first footprint, and the largest value of a column.

    Args:
        chips: ``location_id``, ``column`` and footprint, one row per chip.
        column: name of the column.
    """
    largest = chips.groupby("location_id")[column].max()
    first = chips[chips.geometry.notna()].drop_duplicates("location_id")[["location_id", "geometry"]]
    return first.merge(largest, left_on="location_id", right_index=True)
