"""A simulated planet that writes a whole archive in the public bucket's layout: the embedded default input.

The planet is drawn from a seed, on the sphere: islands far apart, WRS-2 locations from Landsat 4's orbit, fertile
regions and unequal search effort, mineral systems that leave altered rock and deposits, of which a part is known, what
looks like them, seasons, clouds and noise. The simulated ground truth is in ``truth.parquet`` and
``true-deposits.parquet``.
"""

from mineral_pipeline.simulation.archive import (
    TRUE_DEPOSITS,
    TRUTH,
    ArchiveSpec,
    begin,
    count_written,
    finish,
    write_scenes,
)
from mineral_pipeline.simulation.planet import Location, Planet, create
from mineral_pipeline.simulation.product import SceneRecord
from mineral_pipeline.simulation.scene import SimulatedScene, scenes

__all__ = [
    "TRUE_DEPOSITS",
    "TRUTH",
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
