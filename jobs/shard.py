"""What one task of acquire does on a worker: a shard's scenes from the archive to pixels and ledger part.

Archive and imagery meet here; a bad scene is an outcome, never an exception.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
import shapely
from rasterio.transform import array_bounds

from mineral_pipeline import archive, imagery, ledger, store
from mineral_pipeline.errors import RasterError
from mineral_pipeline.landsat import SceneMetadata
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


def acquire_shard(shard: Shard, workspace: Workspace, source: archive.Source, how: Acquire) -> list[str]:
    """Acquire one shard on a worker: all its pixels in one write, then its ledger part.

    Scenes are fetched side by side and made into chips one after the other: a task is given one core, and one decoded
    scene at a time is what its memory allows.

    Returns:
        The states of its scenes.
    """
    dtype = store.open_images(workspace).dtype
    images = np.zeros((len(shard.scenes), len(how.bands), how.chip_size, how.chip_size), dtype)
    acquire = partial(
        acquire_scene, source=source, how=how, dtype=dtype, budget=archive.Budget(how.in_flight_mb * 1e6), turn=Lock()
    )
    outcomes = []
    with ThreadPoolExecutor(how.threads, thread_name_prefix="acquire") as pool:
        for slot, (outcome, image) in enumerate(pool.map(acquire, shard.scenes)):
            outcomes.append(outcome)
            if image is not None:
                images[slot] = image
    workspace.remove(ledger.part_name(shard.number))  # not done while the pixels change
    store.write_shard(workspace, shard.number, images)
    ledger.write_part(workspace, shard.number, outcomes)
    return [str(outcome.status) for outcome in outcomes]


def acquire_scene(
    scene: Scene, source: archive.Source, how: Acquire, dtype: np.dtype[Any], budget: archive.Budget, turn: Lock
) -> tuple[Outcome, np.ndarray | None]:
    """One scene to its outcome and, when that is ``ok``, its chip (band, y, x). Never raises for a bad scene.

    The ``budget`` bounds the bytes of the task's scenes; they make their chips in ``turn``.
    """
    started = time.monotonic()
    outcome = Outcome(scene.chip, scene.product_id, State.OK)
    image = None
    try:
        deadline = started + source.archive.deadline_s
        once = partial(_acquire_once, outcome, scene.base_url, source, how, dtype, budget, turn, deadline)
        outcome, image = archive.confirm(once, source.archive.retries)
    except archive.Missing as error:
        outcome = replace(outcome, status=State.MISSING, reason=str(error), attempts=error.attempts)
    except archive.Unreachable as error:
        outcome = replace(outcome, status=State.UNREACHABLE, reason=str(error), attempts=error.attempts)
    except archive.Corrupt as error:
        found: dict[str, Any] = {"bytes": error.evidence.size, "first_bytes": error.evidence.first_bytes}
        outcome = replace(outcome, status=State.CORRUPT, reason=str(error), attempts=error.attempts, **found)
    return replace(outcome, seconds=round(time.monotonic() - started, 4)), image


def _acquire_once(
    outcome: Outcome,
    base_url: str,
    source: archive.Source,
    how: Acquire,
    dtype: np.dtype[Any],
    budget: archive.Budget,
    turn: Lock,
    deadline: float,
) -> tuple[Outcome, np.ndarray | None]:
    """A verdict on one reading of a scene; raises as `archive.fetch_scene` when there is nothing to judge."""
    with budget.share() as share:
        files = archive.fetch_scene(source, base_url, outcome.product_id, how.bands, share, deadline)
        outcome = replace(outcome, **_facts(files))
        metadata, evidence, bands = files.metadata, files.evidence, list(files.bands)
        del files  # so that each band is let go when it is decoded
        with turn:
            try:
                names = [f"{outcome.product_id} {band}" for band in how.bands]
                rasters = [_decode(bands.pop(0), name, metadata, source.archive.reduced, how, dtype) for name in names]
                chip = imagery.make_chip(rasters, how.chip_size, how.method, metadata.corners, how.footprint)
            except imagery.UnusableRaster as error:
                return replace(outcome, status=State.REJECTED, reason=str(error)), None
            except RasterError as error:  # bands that do not fit each other
                raise archive.Corrupt(str(error), evidence, outcome.attempts) from error
    facts = {name: getattr(chip, name) for name in ("footprint_source", "valid_fraction", "brightness")}
    return replace(outcome, geometry=shapely.Polygon(chip.footprint), **facts), chip.image


def _decode(
    file: archive.Fetched, name: str, metadata: SceneMetadata, reduced: bool, how: Acquire, dtype: np.dtype[Any]
) -> imagery.Raster:
    """A band that is what its metadata say and fits the store; else the file is corrupt."""
    try:
        raster = imagery.decode(file.content, name, imagery.sampled_edge(how.chip_size, how.method))
        if raster.is_georeferenced:  # make_chip rejects the others
            bounds = array_bounds(*raster.pixels.shape, raster.transform)
            archive.check_extent(metadata, bounds, raster.shape, reduced, name)
    except RasterError as error:
        raise file.corrupt(str(error)) from error
    if not np.can_cast(raster.pixels.dtype, dtype):
        raise file.corrupt(f"{name}: {raster.pixels.dtype} pixels among {dtype} ones")
    return raster


def _facts(files: archive.SceneFiles) -> dict[str, Any]:
    metadata = files.metadata
    return {
        "attempts": files.attempts,
        "bytes": files.bytes,
        "sha256": files.evidence.sha256,
        "path": metadata.path,
        "row": metadata.row,
        "acquired": metadata.acquired.isoformat(),
        "cloud_cover": metadata.cloud_cover,
    }
