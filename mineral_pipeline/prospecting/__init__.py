"""From the predictions of an ensemble to ranked locations without a known deposit, in files that geologists open."""

from mineral_pipeline.prospecting.files import remove, to_geojson, write
from mineral_pipeline.prospecting.qgis import style
from mineral_pipeline.prospecting.ranking import (
    COLUMNS,
    FIRST,
    SCORES,
    Candidates,
    among_first,
    nearest_deposit_km,
    rank,
    without_known_deposit,
)
from mineral_pipeline.prospecting.raster import CELL_DEGREES, to_raster
from mineral_pipeline.prospecting.truth import judge

__all__ = [
    "CELL_DEGREES",
    "COLUMNS",
    "FIRST",
    "SCORES",
    "Candidates",
    "among_first",
    "judge",
    "nearest_deposit_km",
    "rank",
    "remove",
    "style",
    "to_geojson",
    "to_raster",
    "without_known_deposit",
    "write",
]
