"""Section ``curate`` of a settings file: from labelled chips to training sets."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from mineral_pipeline.settings.fields import Distinct, Fraction, OpenFraction, Uri
from mineral_pipeline.settings.section import Section


class MinLocations(Section):
    """Minimum number of locations of each class in each subset."""

    train: int = Field(1, ge=1)
    """Minimum in training."""
    validation: int = Field(1, ge=1)
    """Minimum in validation."""
    test: int = Field(1, ge=1)
    """Minimum in test."""


class Exclusion(Section):
    """Chips that are left out: either of the two."""

    polygons: Uri | None = None
    """Path or URL of polygons in any format that geopandas reads; locations whose centre lies inside are left out."""
    snow: OpenFraction | None = None
    """Fraction of a chip's valid pixels that look like snow or ice, from which on it is left out."""

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Exclusion:
        if (self.polygons is None) == (self.snow is None):
            raise ValueError("give either polygons: PATH or snow: FRACTION")
        return self


class Curate(Section):
    """From labelled chips to training sets."""

    land: Uri
    """Path or URL of land polygons in any format that geopandas reads."""
    land_sha256: str | None = Field(None, pattern="^[0-9a-fA-F]{64}$")
    """SHA-256 that the file must have; one from a URL is then fetched once and cached."""
    land_rule: Literal["centre", "fraction"] = "centre"
    """A location is over land when its centre is, as in the study, or when enough of its outline is."""
    min_land_fraction: Fraction = 0.5
    """Minimum fraction of a location's outline that must be land, for ``land_rule: fraction``."""
    split: str = "blocks"
    """Name of a registered split: equal-area ``blocks`` with a buffer, whole ``regions`` in the test subset and blocks
    within the others, or ``buckets``, each location by itself as in the study (which leaks)."""
    block_size_km: float = Field(1000, gt=0)
    """Edge length of a block in kilometres."""
    test_fraction: OpenFraction = 0.2
    """Fraction of the locations in the test subset."""
    validation_fraction: OpenFraction = 0.2
    """Fraction of the remaining locations held out for early stopping and search."""
    folds: int | None = Field(None, ge=2)
    """Number of folds for cross-validation, beside the split: every location is in the test subset of one of them.
    Everything is trained, tuned and evaluated for each fold again, and prospects are predicted out of fold.
    Under ``split: regions`` at most one fold for each region that has enough locations of both classes."""
    regions: Uri | None = None
    """Path or URL of the polygons of regions in any format that geopandas reads; default the continents."""
    region_column: str | None = Field(None, min_length=1)
    """Column of the regions' names; default ``name``."""
    test_regions: Annotated[list[str], Distinct] | None = Field(None, min_length=1)
    """Names of the regions in the test subset of ``split: regions``; by default those that together are nearest to
    ``test_fraction`` of the barren, poor and rich locations."""
    exclude: list[Exclusion] | None = None
    """Ground that is left out, by default none: ``[{polygons: PATH}, {snow: 0.5}]``."""
    drop_ambiguous: bool = True
    """Whether to leave out chips with a deposit, but fewer than ``label.min_deposits``; else they count as negative."""
    negatives: Literal["alike", "searched"] = "alike"
    """How much samples of presence without a known deposit count: ``alike``, as in the study, or the more, the more is
    known around them (``searched``): where nobody has looked, having found nothing tells little."""
    drop_open_mines: bool = False
    """Whether to leave out chips that hold a large open mine: a network would learn to see the mine."""
    max_chips_per_location: int | None = Field(None, gt=0)
    """Maximum number of chips of one location, the least cloudy first."""
    batch_size: int = Field(16, gt=0)
    """Number of samples in one chunk of a training store."""
    balance: Literal["undersample", "weight"] = "undersample"
    """How the classes of presence are balanced in training and validation: the surplus of the commoner class is left
    out, as in the study, or kept, and the classes weigh alike. The test subset is undersampled in any case."""
    richness_samples: Literal["positive", "all"] = "positive"
    """Chips of the regression: those with a known deposit, or all (the study)."""
    max_leakage: Fraction = 0.0
    """Maximum fraction of the test area that may lie under training footprints."""
    min_locations: MinLocations = MinLocations()
    """Curation fails when a subset has fewer locations."""

    @model_validator(mode="after")
    def _test_regions_have_their_split(self) -> Curate:
        if self.test_regions and self.split != "regions":
            raise ValueError(f"test_regions is for split: regions, and split is {self.split}")
        return self
