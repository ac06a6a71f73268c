"""A simulated planet that writes a whole archive in the public bucket's layout: the embedded default input.

Seeded, on the sphere: islands far apart, WRS-2 places from Landsat 4's orbit, mineral systems that leave altered
rock and deposits, seasons, clouds and noise. What is known about it is in ``truth.parquet``.
"""

from mineral_pipeline.simulation.archive import ArchiveSpec, begin, count_written, finish, write_scenes
from mineral_pipeline.simulation.planet import Planet, create
from mineral_pipeline.simulation.product import SceneRecord
from mineral_pipeline.simulation.scene import Scene, scenes

__all__ = [
    "ArchiveSpec",
    "Planet",
    "Scene",
    "SceneRecord",
    "begin",
    "count_written",
    "create",
    "finish",
    "scenes",
    "write_scenes",
]
