"""The section with the images of the first prospects."""

from __future__ import annotations

from collections.abc import Sequence

from mineral_pipeline.reporting.page import FigureItem, Section
from mineral_pipeline.reporting.view_figures import ProspectView, views_figure


def views_section(views: Sequence[ProspectView]) -> Section:
    """The images of the first prospects, and why some cannot be shown."""
    title, anchor = "The first prospects, as they were seen", "prospect-images"
    if not views:
        return Section(anchor, title, missing="the job prospect")
    band = next((view.band for view in views if view.band), "")
    text = [f"The image by which each of the first {len(views):,} prospects is shown, in band {band}."] if band else []
    text += [f"Prospect {view.rank} cannot be shown: {view.missing}" for view in views if view.image is None]
    figure = FigureItem(
        "prospect-images",
        views_figure(views),
        "Above each image its rank and location, below it the centre; the line is the footprint, beyond which there is"
        " fill. The top of an image is north in its own projection.",
        f"Images of the first {len(views):,} prospects.",
    )
    return Section(anchor, title, text, [figure])
