"""Section ``backtest`` of a settings file: which known deposits are hidden, to see whether they are found again."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from mineral_pipeline.settings.fields import OpenFraction
from mineral_pipeline.settings.section import Section


class Backtest(Section):
    """A back-test: some known deposits are hidden, and prospects made without them."""

    name: str | None = Field(None, pattern=r"^[\w-]+$")
    """Name of its folder below ``backtests/`` in the workspace; default what is hidden, such as ``places``."""
    hide: Literal["places", "regions", "year"] = "places"
    """What is hidden: all deposits of random locations, of whole regions (``curate.regions``), or all that were found
    after ``year``."""
    fraction: OpenFraction = 0.2
    """Least share of the locations with known deposits whose deposits are hidden; for ``places`` and ``regions``."""
    year: int | None = None
    """Last year whose discoveries stay known; for ``year``. Deposits without a year stay known, too."""
    seed: int = Field(0, ge=0)
    """Seed by which places or regions are drawn."""

    @property
    def folder(self) -> str:
        """Name of its folder."""
        return self.name or self.hide

    @model_validator(mode="after")
    def _year_is_given(self) -> Backtest:
        if self.hide == "year" and self.year is None:
            raise ValueError("hide: year needs a year: the last whose discoveries stay known")
        if self.hide != "year" and self.year is not None:
            raise ValueError(f"year is for hide: year, and hide is {self.hide}")
        return self
