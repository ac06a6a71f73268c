"""Where scenes come from: the catalogue of an archive, and its objects as checked bytes.

The archive has the layout of ``gs://gcp-public-data-landsat`` (Collection 1), in a folder or an object store.
"""

from mineral_pipeline.archive.catalogue import Selection, build_catalogue, select_scenes
from mineral_pipeline.archive.failures import Corrupt, Evidence, FetchError, Missing, Unreachable
from mineral_pipeline.archive.limits import Budget
from mineral_pipeline.archive.listing import find_products
from mineral_pipeline.archive.rows import Listing
from mineral_pipeline.archive.scene import SceneFiles, check_extent, confirm, fetch_scene
from mineral_pipeline.archive.source import Fetched, Source, open_source

__all__ = [
    "Budget",
    "Corrupt",
    "Evidence",
    "FetchError",
    "Fetched",
    "Listing",
    "Missing",
    "SceneFiles",
    "Selection",
    "Source",
    "Unreachable",
    "build_catalogue",
    "check_extent",
    "confirm",
    "fetch_scene",
    "find_products",
    "open_source",
    "select_scenes",
]
