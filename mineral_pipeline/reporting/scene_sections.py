"""The sections on the example scene and on acquisition."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from mineral_pipeline.reporting import scene_figures
from mineral_pipeline.reporting.formatting import percent, size
from mineral_pipeline.reporting.page import FigureItem, Section, Table
from mineral_pipeline.reporting.report_data import ReportData
from mineral_pipeline.reporting.scene_figures import Example
from mineral_pipeline.sensors import SENSORS
from mineral_pipeline.workspace.ledger import FAILED_STATES, State

STATE_MEANINGS = {
    State.OK: "became a chip",
    State.MISSING: "not in the archive",
    State.CORRUPT: "not the promised raster or metadata",
    State.REJECTED: "readable but unusable",
    State.UNREACHABLE: "transient errors outlasted the retries",
}

ALTERATION_BAND = "swir22"
"""Common name of the band in which hydrothermally altered rock shows."""

INSTRUMENT_NAMES = {"TM": "Thematic Mapper", "ETM": "Enhanced Thematic Mapper Plus"}
"""Names of instruments that differ from their SENSOR_ID."""


def scene_section(example: Example | None, missing: str) -> Section:
    """An example scene and the downsampling methods; ``missing`` says what would make the example."""
    title, anchor = "What the networks see", "scene"
    if example is None:
        return Section(anchor, title, missing=missing)
    height, width = example.images[example.method].shape
    text = (
        f"A scene in {describe_band(example.sensor, example.band)}. The black around the image is fill: a scene lies"
        " tilted in its raster, and only what is inside the footprint counts."
    )
    if example.is_reflectance:
        text += (
            " Shown are the digital numbers of the sensor; the networks see the reflectance at the top of the"
            " atmosphere made of them, which looks the same within a scene and is comparable between scenes."
        )
    outline = FigureItem(
        "example-scene",
        scene_figures.example_figure(example),
        f"{example.product_id} at {width} × {height} pixels ({example.method}), with its footprint"
        f"{' and the known deposits inside it' if len(example.deposits) else ''}. Brightness is stretched from the 2nd"
        " to the 98th percentile, or less where the scene has hardly any contrast.",
        f"Grey satellite image on black, its footprint outlined; {len(example.deposits):,} known deposits are marked.",
        narrow=True,
    )
    if example.edge <= max(height, width):  # no larger than a chip: no method changes it
        return Section(anchor, title, [text], [outline])
    names = list(example.images)
    methods = FigureItem(
        "downsampling-methods",
        scene_figures.methods_figure(example),
        f"From {example.edge:,} to {max(height, width):,} pixels by {', '.join(names[:-1])} and {names[-1]}; below, the"
        " centre enlarged. Sampling keeps single pixels and their noise, rescale averages areas, resize filters.",
        f"The same scene {len(names)} times, once per downsampling method, and its centre enlarged below each.",
    )
    return Section(anchor, title, [text], [outline, methods])


def describe_band(code: str, name: str) -> str:
    """A band in words, and what it shows of altered rock; only its number when the sensor is unknown."""
    number = f"band {name.removeprefix('B')}"
    band = SENSORS[code].band(name) if code in SENSORS else None
    if band is None:
        return number
    instrument = SENSORS[code].instrument
    low, high = band.wavelength_um
    named = f"{number} of the {INSTRUMENT_NAMES.get(instrument, instrument.replace('_', '/'))}"
    shows = ", where hydrothermally altered rock shows" if band.common_name == ALTERATION_BAND else ""
    return f"{named} ({band.common_name}, {low:.2f} to {high:.2f} µm){shows}"


def ledger_section(data: ReportData) -> Section:
    """How the acquisition of the scenes ended."""
    title, anchor = "What became of the scenes", "acquisition"
    if data.ledger is None:
        return Section(anchor, title, missing="the job acquire")
    scenes = data.ledger.drop_duplicates("scene_id")
    counts = scenes["status"].value_counts()
    failed = int(sum(counts.get(str(state), 0) for state in FAILED_STATES))
    rows = [
        (str(state), f"{counts[str(state)]:,}", percent(counts[str(state)] / len(scenes)), meaning)
        for state, meaning in STATE_MEANINGS.items()
        if str(state) in counts
    ]
    of_all = f" of {data.catalogue:,}" if data.catalogue not in (None, len(scenes)) else ""
    text = f"{len(scenes):,}{of_all} scenes were asked for; {failed:,} failed."
    text += _averages(scenes[scenes["status"] == str(State.OK)])
    items = [Table(("state", "scenes", "share", "meaning"), rows, numeric=frozenset({1, 2}))]
    return Section(anchor, title, [text], items + _reasons(scenes))


def _averages(scenes: gpd.GeoDataFrame) -> str:
    if scenes.empty:
        return ""
    from_image = (scenes["footprint_source"] == "image").mean()
    return (
        f" A scene took {scenes['seconds'].mean():.2g} s from request to chip and {size(scenes['bytes'].mean())} of"
        f" download on average. {percent(from_image, 0)} of the footprints come from the image itself, which fills"
        f" {percent(scenes['valid_fraction'].mean(), 0)} of its raster."
    )


def _reasons(scenes: gpd.GeoDataFrame) -> list[Table]:
    """Reasons of scenes that did not end ok; those that differ only in the product are one."""
    bad = scenes[scenes["reason"] != ""]
    if bad.empty:
        return []
    reasons = [reason.replace(product, "…") for reason, product in zip(bad["reason"], bad["product_id"], strict=True)]
    rows = [(str(reason), f"{count:,}") for reason, count in pd.Series(reasons).value_counts().head(20).items()]
    return [Table(("reason", "scenes"), rows, numeric=frozenset({1}), shown=5)]
