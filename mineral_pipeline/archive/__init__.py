"""Where scenes come from: the catalogue of an archive, and its objects as checked bytes.

The archive has the layout of ``gs://gcp-public-data-landsat`` (Collection 1), in a folder or an object store.
"""

from mineral_pipeline.archive.catalogue import Selection, build_catalogue, select_scenes
from mineral_pipeline.archive.errors import CorruptError, CorruptionDetails, FetchError, MissingError, UnreachableError
from mineral_pipeline.archive.listing import find_products
from mineral_pipeline.archive.rows import Listing
from mineral_pipeline.archive.scene import SceneFiles, check_extent, confirm_corrupt, fetch_scene
from mineral_pipeline.archive.source import FetchedObject, Source, open_source
from mineral_pipeline.archive.throttling import ByteLimiter

__all__ = [
    "ByteLimiter",
    "CorruptError",
    "CorruptionDetails",
    "FetchError",
    "FetchedObject",
    "Listing",
    "MissingError",
    "SceneFiles",
    "Selection",
    "Source",
    "UnreachableError",
    "build_catalogue",
    "check_extent",
    "confirm_corrupt",
    "fetch_scene",
    "find_products",
    "open_source",
    "select_scenes",
]
