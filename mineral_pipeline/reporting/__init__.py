"""Figures and the report page, drawn from the content of a workspace."""

from mineral_pipeline.reporting.page import FigureItem, KeyFigure, Page, Section, Table, render, write
from mineral_pipeline.reporting.prospect_sections import Truth
from mineral_pipeline.reporting.report import PageOptions, build_page
from mineral_pipeline.reporting.report_data import Evaluation, ReportData, max_figures, read
from mineral_pipeline.reporting.scene_figures import Example, to_pixels
from mineral_pipeline.reporting.view_figures import ProspectView

__all__ = [
    "Evaluation",
    "Example",
    "FigureItem",
    "KeyFigure",
    "Page",
    "PageOptions",
    "ProspectView",
    "ReportData",
    "Section",
    "Table",
    "Truth",
    "build_page",
    "max_figures",
    "read",
    "render",
    "to_pixels",
    "write",
]
