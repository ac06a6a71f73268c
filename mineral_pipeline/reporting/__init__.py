"""Figures and the report page, drawn from what a workspace holds."""

from mineral_pipeline.reporting.images import Example, to_pixels
from mineral_pipeline.reporting.page import FigureItem, KeyFigure, Page, Section, Table, render, write
from mineral_pipeline.reporting.report import build_page
from mineral_pipeline.reporting.report_data import Evaluation, ReportData, max_figures, read

__all__ = [
    "Evaluation",
    "Example",
    "FigureItem",
    "KeyFigure",
    "Page",
    "ReportData",
    "Section",
    "Table",
    "build_page",
    "max_figures",
    "read",
    "render",
    "to_pixels",
    "write",
]
