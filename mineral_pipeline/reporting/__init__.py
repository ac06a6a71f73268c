"""Figures and the report page, drawn from what a workspace holds."""

from mineral_pipeline.reporting.artefacts import Artefacts, Evaluation, most_figures, read
from mineral_pipeline.reporting.images import Example, to_pixels
from mineral_pipeline.reporting.page import Fact, Page, Plate, Section, Table, render, write
from mineral_pipeline.reporting.report import compose

__all__ = [
    "Artefacts",
    "Evaluation",
    "Example",
    "Fact",
    "Page",
    "Plate",
    "Section",
    "Table",
    "compose",
    "most_figures",
    "read",
    "render",
    "to_pixels",
    "write",
]
