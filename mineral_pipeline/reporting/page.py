"""The report page: sections of figures, tables and notes as one HTML file that needs nothing else.

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
    """Of the PNG file, without suffix."""
    figure: Figure
    caption: str
    """What it shows and how to read it."""
    alt: str
    """What someone who cannot see it should know."""
    narrow: bool = False
    """Shown at the figure's own width in place of the page's."""


Cell = str | tuple[str, str]
"""Text, or text and something smaller below it."""


@dataclass(frozen=True)
class Table:
    """A table of the page."""

    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    """Cells as shown."""
    caption: str = ""
    numeric: frozenset[int] = frozenset()
    """Columns set to the right, in figures of one width."""
    shown: int = 1000
    """Rows before the fold; the others open on demand."""


@dataclass(frozen=True)
class KeyFigure:
    """A number that belongs at the top of the page."""

    value: str
    label: str
    detail: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the page."""

    id: str
    """Anchor."""
    title: str
    text: Sequence[str] = ()
    """Paragraphs."""
    items: Sequence[FigureItem | Table] = ()
    missing: str = ""
    """What would make it, when there is nothing to show yet."""


@dataclass(frozen=True)
class Page:
    """The whole report."""

    title: str
    lead: str
    """One paragraph under the title."""
    stamp: str
    """Where and when the results were made."""
    facts: Sequence[KeyFigure] = ()
    sections: Sequence[Section] = ()
    notice: str = ""
    """Something that a reader must know first, such as that the planet is simulated."""

    @property
    def plates(self) -> list[FigureItem]:
        """All figures, in their order."""
        return [item for section in self.sections for item in section.items if isinstance(item, FigureItem)]


def write(workspace: Workspace, page: Page) -> Iterator[str]:
    """Write the figures and, last, the page; yields the name of each figure when it is drawn."""
    folder = artefacts.REPORT.rpartition("/")[0]
    images: dict[str, bytes] = {}
    for plate in page.plates:
        images[plate.name] = style.png(plate.figure)
        workspace.write_bytes(f"{folder}/{plate.name}.png", images[plate.name])
        yield plate.name
    workspace.write_bytes(artefacts.REPORT, render(page, images).encode())


def render(page: Page, images: Mapping[str, bytes]) -> str:
    """The page as HTML.

    Args:
        page: what to show.
        images: PNG by name of its plates.
    """
    here = resources.files("mineral_pipeline.reporting")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.tests["plate"] = lambda item: isinstance(item, FigureItem)
    template = environment.from_string(here.joinpath("report.html").read_text())
    return template.render(page=page, css=here.joinpath("report.css").read_text(), pictures=_pictures(page, images))


def _pictures(page: Page, images: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    """By name: the image as data URL, and the size in CSS pixels at which it is twice as dense as the screen."""
    return {
        plate.name: {
            "url": f"data:image/png;base64,{base64.b64encode(images[plate.name]).decode()}",
            "width": round(plate.figure.get_size_inches()[0] * plate.figure.dpi / 2),
            "height": round(plate.figure.get_size_inches()[1] * plate.figure.dpi / 2),
        }
        for plate in page.plates
    }
