"""From the predictions of an ensemble to ranked locations without a known deposit, in files that geologists open."""

from mineral_pipeline.prospecting.columns import BANDS, COMMODITY, commodity_of
from mineral_pipeline.prospecting.files import remove, to_geojson, write
from mineral_pipeline.prospecting.freeze import digest, read_frozen
from mineral_pipeline.prospecting.nearness import distance_km
from mineral_pipeline.prospecting.proximity import fit_proximity, proximity_features
from mineral_pipeline.prospecting.qgis import project, style
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
from mineral_pipeline.prospecting.raster import CELL_DEGREES, write_raster
from mineral_pipeline.prospecting.truth import judge

__all__ = [
    "BANDS",
    "CELL_DEGREES",
    "COLUMNS",
    "COMMODITY",
    "FIRST",
    "SCORES",
    "Candidates",
    "among_first",
    "commodity_of",
    "digest",
    "distance_km",
    "fit_proximity",
    "judge",
    "nearest_deposit_km",
    "project",
    "proximity_features",
    "rank",
    "read_frozen",
    "remove",
    "style",
    "to_geojson",
    "without_known_deposit",
    "write",
    "write_raster",
]
