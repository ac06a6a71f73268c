"""Layers of the user's in section ``prospect`` of a settings file: reasons to look somewhere, and not to."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from mineral_pipeline.settings.fields import Uri
from mineral_pipeline.settings.section import Section


class ProspectLayer(Section):
    """Polygons, lines or points of any vector file in any reference system, beside which prospects are seen."""

    path: Uri
    """Path or URL of any format that geopandas reads."""
    name: str = Field(min_length=1)
    """What the layer holds, such as ``Protected areas``; the columns of the prospects are named after it."""
    role: Literal["reason", "exclude"] = "reason"
    """``reason`` adds a column: the names of the polygons in which a prospect's centre lies, or its distance in
    kilometres to the nearest line or point. ``exclude`` leaves prospects out: those whose centre is inside a polygon,
    or within ``within_km`` of a line or point."""
    column: str | None = Field(None, min_length=1)
    """Column of the polygons' names; default ``name`` in whatever case, or else the numbers of the file's rows."""
    within_km: float | None = Field(None, gt=0)
    """Distance in kilometres up to which a line or point excludes; needed for those."""

    @field_validator("name")
    @classmethod
    def _has_a_letter(cls, name: str) -> str:
        if not re.search(r"[^\W\d_]", name):
            raise ValueError(f"{name!r} has no letter: columns are named after it")
        return name

    @property
    def slug(self) -> str:
        """The name as that of a column: ``protected_areas``."""
        return re.sub(r"\W+", "_", self.name.strip().lower()).strip("_")
