"""What one task of acquire does on a worker: a shard's scenes from the archive to pixels and ledger part.

Archive and imagery meet here; a bad scene is an outcome, never an exception.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import shapely
from rasterio.transform import array_bounds

from mineral_pipeline import archive, imagery, ledger, store
from mineral_pipeline.errors import MetadataError, RasterError
from mineral_pipeline.ledger import Outcome, State
from mineral_pipeline.settings import Acquire
from mineral_pipeline.workspace import Workspace


@dataclass(frozen=True)
class Scene:
    """One row of the catalogue, as a task needs it."""

    chip: int
    product_id: str
    base_url: str


@dataclass(frozen=True)
class Shard:
    """One task: the scenes of one shard."""

    number: int
    scenes: tuple[Scene, ...]


def acquire_shard(shard: Shard, workspace: Workspace, source: archive.Source, how: Acquire, reduced: bool) -> list[str]:
    """Acquire one shard on a worker: all its pixels in one write, then its ledger part.

    Returns:
        The states of its scenes.
    """
    fetch = partial(acquire_scene, source=source, how=how, reduced=reduced)
    images = np.zeros(
        (len(shard.scenes), len(how.bands), how.chip_size, how.chip_size), store.open_images(workspace).dtype
    )
    outcomes = []
    with ThreadPoolExecutor(how.threads, thread_name_prefix="acquire") as pool:
        for slot, (outcome, image) in enumerate(pool.map(fetch, shard.scenes)):
            if image is not None and not np.can_cast(image.dtype, images.dtype):
                outcome = Outcome(
                    outcome.chip,
                    outcome.product_id,
                    State.CORRUPT,
                    f"{image.dtype} pixels among {images.dtype} ones",
                )
            elif image is not None:
                images[slot] = image
            outcomes.append(outcome)
    store.write_shard(workspace, shard.number, images)
    ledger.write_part(workspace, shard.number, outcomes)
    return [str(outcome.status) for outcome in outcomes]


def acquire_scene(
    scene: Scene, source: archive.Source, how: Acquire, reduced: bool
) -> tuple[Outcome, np.ndarray | None]:
    """One scene to its outcome and, when that is ``ok``, its chip (band, y, x). Never raises for a bad scene."""
    started = time.monotonic()
    outcome = Outcome(scene.chip, scene.product_id, State.OK)
    image = None
    try:
        files = archive.fetch_scene(source, scene.base_url, scene.product_id, how.bands)
        outcome = replace(outcome, **_facts(files))
        rasters = [
            imagery.decode(content, f"{scene.product_id} {band}")
            for band, content in zip(how.bands, files.bands, strict=True)
        ]
        for raster in filter(lambda raster: raster.is_georeferenced, rasters):  # make_chip rejects the others
            bounds = array_bounds(*raster.pixels.shape, raster.transform)
            archive.check_extent(files.metadata, bounds, raster.pixels.shape, reduced, raster.source)
        chip = imagery.make_chip(rasters, how.chip_size, how.method, files.metadata.corners, how.footprint)
        image = chip.image
        outcome = replace(
            outcome,
            geometry=shapely.Polygon(chip.footprint),
            footprint_source=chip.footprint_source,
            valid_fraction=chip.valid_fraction,
            brightness=chip.brightness,
        )
    except archive.Missing as error:
        outcome = replace(outcome, status=State.MISSING, reason=str(error), attempts=error.attempts)
    except archive.Unreachable as error:
        outcome = replace(outcome, status=State.UNREACHABLE, reason=str(error), attempts=error.attempts)
    except imagery.UnusableRaster as error:
        outcome = replace(outcome, status=State.REJECTED, reason=str(error))
    except (archive.Corrupt, MetadataError, RasterError) as error:
        outcome = replace(outcome, status=State.CORRUPT, reason=str(error))
    return replace(outcome, seconds=round(time.monotonic() - started, 4)), image


def _facts(files: archive.SceneFiles) -> dict[str, Any]:
    metadata = files.metadata
    return {
        "attempts": files.attempts,
        "bytes": files.bytes,
        "sha256": files.sha256,
        "path": metadata.path,
        "row": metadata.row,
        "acquired": metadata.acquired.isoformat(),
        "cloud_cover": metadata.cloud_cover,
    }
