"""Learn from orbit where minerals are: the library behind the jobs.

The names below are what programs need most; each is imported from its package when it is first used, so that the import
of this one is quick. The packages, and what each may import, are described in docs/architecture.md.

    import mineral_pipeline as mp
    mp.membership(footprints, points)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mineral_pipeline.curation import (
        SplitOptions,
        land_fractions,
        measure_split,
        over_land,
        read_land,
        split_footprints,
    )
    from mineral_pipeline.errors import MineralPipelineError
    from mineral_pipeline.imagery import downsample, find_footprint
    from mineral_pipeline.labelling import read_barren, read_deposits, richness
    from mineral_pipeline.labelling.membership import membership, sum_inside
    from mineral_pipeline.landsat import read_metadata
    from mineral_pipeline.modelling import Subset, open_subset
    from mineral_pipeline.settings import DepositColumns, DepositFile
    from mineral_pipeline.workspace import Workspace

    __version__: str

_PACKAGES = {
    "curation": (
        "SplitOptions", "land_fractions", "measure_split", "over_land", "read_land", "split_footprints",
    ),
    "errors": ("MineralPipelineError",),
    "imagery": ("downsample", "find_footprint"),
    "labelling": ("membership", "read_barren", "read_deposits", "richness", "sum_inside"),
    "landsat": ("read_metadata",),
    "modelling": ("Subset", "open_subset"),
    "settings": ("DepositColumns", "DepositFile"),
    "workspace": ("Workspace",),
}  # fmt: skip
"""Public names by the package that defines them."""

__all__ = [
    "DepositColumns",
    "DepositFile",
    "MineralPipelineError",
    "SplitOptions",
    "Subset",
    "Workspace",
    "__version__",
    "downsample",
    "find_footprint",
    "land_fractions",
    "measure_split",
    "membership",
    "open_subset",
    "over_land",
    "read_barren",
    "read_deposits",
    "read_land",
    "read_metadata",
    "richness",
    "split_footprints",
    "sum_inside",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name == "__version__":
        value: Any = importlib.import_module("importlib.metadata").version("mineral-pipeline")
    else:
        package = next((package for package, names in _PACKAGES.items() if name in names), None)
        if package is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{package}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
