"""Makes chips from the bytes of a scene's bands: decodes, downsamples, and finds the footprint."""

from mineral_pipeline.errors import RasterError
from mineral_pipeline.imagery.chip import Chip, make_chip, sampled_edge
from mineral_pipeline.imagery.downsampling import downsample
from mineral_pipeline.imagery.footprint import find_footprint
from mineral_pipeline.imagery.radiometry import to_reflectance
from mineral_pipeline.imagery.raster import GDAL_CACHE_BYTES, Raster, UnusableRaster, decode

__all__ = [
    "GDAL_CACHE_BYTES",
    "Chip",
    "Raster",
    "RasterError",
    "UnusableRaster",
    "decode",
    "downsample",
    "find_footprint",
    "make_chip",
    "sampled_edge",
    "to_reflectance",
]
