"""From an ensemble's predictions to ranked places without a known deposit, in files that a geologist opens."""

from mineral_pipeline.geometry.antimeridian import cut_at_antimeridian
from mineral_pipeline.prospecting.files import GEOJSON, RASTER, STYLE, to_geojson, write
from mineral_pipeline.prospecting.qgis import style
from mineral_pipeline.prospecting.ranking import COLUMNS, nearest_deposit_km, rank, without_known_deposit
from mineral_pipeline.prospecting.raster import CELL_DEGREES, to_raster

__all__ = [
    "CELL_DEGREES",
    "COLUMNS",
    "GEOJSON",
    "RASTER",
    "STYLE",
    "cut_at_antimeridian",
    "nearest_deposit_km",
    "rank",
    "style",
    "to_geojson",
    "to_raster",
    "without_known_deposit",
    "write",
]
