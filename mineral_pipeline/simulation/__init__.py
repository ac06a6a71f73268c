"""A simulated planet that writes a whole archive in the public bucket's layout: the embedded default input.

The planet is drawn from a seed, on the sphere: islands far apart, WRS-2 locations from Landsat 4's orbit, mineral
systems that leave altered rock and deposits, seasons, clouds and noise. The simulated ground truth is in
``truth.parquet``.
"""

from mineral_pipeline.simulation.archive import ArchiveSpec, begin, count_written, finish, write_scenes
from mineral_pipeline.simulation.planet import Location, Planet, create
from mineral_pipeline.simulation.product import SceneRecord
from mineral_pipeline.simulation.scene import SimulatedScene, scenes

__all__ = [
    "ArchiveSpec",
    "Location",
    "Planet",
    "SceneRecord",
    "SimulatedScene",
    "begin",
    "count_written",
    "create",
    "finish",
    "scenes",
    "write_scenes",
]
