"""Section ``prospect`` of a settings file: the search for unknown deposits."""

from __future__ import annotations

from pydantic import Field, field_validator

from mineral_pipeline.settings.fields import SubjectName
from mineral_pipeline.settings.prospect_layer import ProspectLayer
from mineral_pipeline.settings.section import Section


class Prospect(Section):
    """The search for unknown deposits."""

    commodity: SubjectName | None = None
    """Commodity, or ``group:NAME``, whose unknown deposits are looked for, by its tasks: ``presence:gold`` and
    ``richness:gold``; by default all deposits, by the tasks about all."""
    ensemble_size: int = Field(5, gt=1)
    """Number of networks of the ensemble, one per seed."""
    proximity: bool = True
    """Whether places are ranked by how near deposits are known, too. Without it pixels rank alone: for ground where
    nobody has looked, of which proximity would say that there is nothing."""
    top: int = Field(100, gt=0)
    """Number of prospects outlined and listed in the report; the files hold all."""
    layers: list[ProspectLayer] | None = None
    """The user's vector files: reasons beside the prospects, and ground that is no prospect; by default none."""

    @field_validator("layers")
    @classmethod
    def _layers_differ(cls, layers: list[ProspectLayer] | None) -> list[ProspectLayer] | None:
        slugs = [layer.slug for layer in layers or () if layer.role == "reason"]
        if len(set(slugs)) < len(slugs):
            raise ValueError("two layers have the same name: columns are named after them")
        return layers
