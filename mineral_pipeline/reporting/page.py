"""The report page: sections of figures, tables and notes as one HTML file without external resources.

Figures are embedded as PNG and also written beside the page. Every text is escaped by the template.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import jinja2
from matplotlib.figure import Figure

from mineral_pipeline.reporting import style
from mineral_pipeline.workspace import Workspace, artefacts


@dataclass(frozen=True)
class FigureItem:
    """A figure of the page."""

    name: str
    """Name of the PNG file, without suffix."""
    figure: Figure
    """The figure itself."""
    caption: str
    """What it shows and how to read it."""
    alt: str
    """Text for readers who cannot see it."""
    narrow: bool = False
    """Shown at the figure's own width in place of the page's."""


Cell = str | tuple[str, str]
"""Text, or text and smaller text below it."""


@dataclass(frozen=True)
class Table:
    """A table of the page."""

    header: Sequence[str]
    """Names of the columns."""
    rows: Sequence[Sequence[Cell]]
    """Cells as shown."""
    caption: str = ""
    """Text above the table."""
    numeric: frozenset[int] = frozenset()
    """Indices of right-aligned columns, with digits of one width."""
    shown: int = 1000
    """Number of rows that are always open; the others open on demand."""


@dataclass(frozen=True)
class KeyFigure:
    """A number at the top of the page."""

    value: str
    """The number, as shown."""
    label: str
    """What it counts or measures."""
    detail: str = ""
    """Smaller text below the label."""


@dataclass(frozen=True)
class Section:
    """A part of the page."""

    id: str
    """Anchor."""
    title: str
    """Heading."""
    text: Sequence[str] = ()
    """Paragraphs."""
    items: Sequence[FigureItem | Table] = ()
    """Figures and tables, in their order."""
    missing: str = ""
    """The job that would make the section, when there is nothing to show yet."""


@dataclass(frozen=True)
class Page:
    """The whole report."""

    title: str
    """Heading."""
    lead: str
    """One paragraph on what this is."""
    subtitle: str
    """Workspace, time and version of the results."""
    key_figures: Sequence[KeyFigure] = ()
    """Numbers at the top."""
    sections: Sequence[Section] = ()
    """Sections, in their order."""
    verdicts: Sequence[str] = ()
    """What came out, in plain words: the first paragraphs."""
    notice: str = ""
    """A warning at the top, such as that the planet is simulated."""

    @property
    def figures(self) -> list[FigureItem]:
        """All figures, in their order."""
        return [item for section in self.sections for item in section.items if isinstance(item, FigureItem)]


def write(workspace: Workspace, page: Page) -> Iterator[str]:
    """Write the figures and, last, the page; yields the name of each figure when it is drawn."""
    images: dict[str, bytes] = {}
    for item in page.figures:
        images[item.name] = style.png(item.figure)
        workspace.write_bytes(artefacts.figure(item.name), images[item.name])
        yield item.name
    workspace.write_bytes(artefacts.REPORT, render(page, images).encode())


def render(page: Page, images: Mapping[str, bytes]) -> str:
    """Render the page as HTML.

    Args:
        page: page to show.
        images: PNG of every figure, by name.
    """
    package = resources.files("mineral_pipeline.reporting")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.tests["figure"] = lambda item: isinstance(item, FigureItem)
    template = environment.from_string(package.joinpath("report.html").read_text())
    return template.render(page=page, css=package.joinpath("report.css").read_text(), pictures=_pictures(page, images))


def _pictures(page: Page, images: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    """By name: the image as data URL, and its size in CSS pixels, two image pixels to each."""
    return {
        item.name: {
            "url": f"data:image/png;base64,{base64.b64encode(images[item.name]).decode()}",
            "width": round(item.figure.get_size_inches()[0] * item.figure.dpi / 2),
            "height": round(item.figure.get_size_inches()[1] * item.figure.dpi / 2),
        }
        for item in page.figures
    }
