"""Where scenes come from: the catalogue of an archive, and its objects as validated bytes.

The archive has the layout of ``gs://gcp-public-data-landsat``, in a folder or an object store, or is a folder of
products in any layout (`local_products`). A row of its index goes through `index`, `rows` and `catalogue`; a scene's
files through `source`, `scene` and `validation`, those in a tar file through `tar_file`. Only
`retry` tries requests again, and only `validation` judges what is corrupt.
"""

from mineral_pipeline.archive.catalogue import Selection, build_catalogue, select_scenes
from mineral_pipeline.archive.errors import CorruptError, FetchError, MissingError, UnreachableError
from mineral_pipeline.archive.fetched import CorruptionDetails, FetchedObject
from mineral_pipeline.archive.landmarks import Landmarks
from mineral_pipeline.archive.listing import find_products
from mineral_pipeline.archive.retry import confirm_corrupt, scene_deadline
from mineral_pipeline.archive.rows import Listing
from mineral_pipeline.archive.scene import SceneFiles, fetch_scene
from mineral_pipeline.archive.source import Source, open_source, survey_source
from mineral_pipeline.archive.throttling import ByteLimiter
from mineral_pipeline.archive.validation import check_dtype, check_extent, validating

__all__ = [
    "ByteLimiter",
    "CorruptError",
    "CorruptionDetails",
    "FetchError",
    "FetchedObject",
    "Landmarks",
    "Listing",
    "MissingError",
    "SceneFiles",
    "Selection",
    "Source",
    "UnreachableError",
    "build_catalogue",
    "check_dtype",
    "check_extent",
    "confirm_corrupt",
    "fetch_scene",
    "find_products",
    "open_source",
    "scene_deadline",
    "select_scenes",
    "survey_source",
    "validating",
]
