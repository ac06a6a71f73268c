"""What one task of acquire does on a worker: a shard's scenes, from the archive to pixels and ledger part.

Archive and imagery meet here. A bad scene is an outcome, never an exception.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd
import shapely
from rasterio.transform import array_bounds

from mineral_pipeline import archive, imagery
from mineral_pipeline.errors import RasterError
from mineral_pipeline.sensors.landsat import SceneMetadata
from mineral_pipeline.settings import Acquire
from mineral_pipeline.workspace import Workspace, artefacts, identities, ledger, zarr_store
from mineral_pipeline.workspace.ledger import Outcome, State


@dataclass(frozen=True)
class Scene:
    """One row of the catalogue, as a task needs it."""

    scene_id: str
    location_id: str
    product_id: str
    base_url: str
    chips: tuple[tuple[str, int], ...]
    """Key and index in the store of each chip that is to be cut from it."""


@dataclass(frozen=True)
class Shard:
    """One task: the scenes of one shard."""

    number: int
    scenes: tuple[Scene, ...]


@dataclass(frozen=True)
class Context:
    """What the scenes of a task share."""

    source: archive.Source
    config: Acquire
    dtype: np.dtype[Any]
    """Type of the store's pixels."""
    limiter: archive.ByteLimiter
    """Bounds the bytes of fetched files that the task holds at a time."""
    decoding: Lock
    """Held while a scene is decoded: a task has one core, and memory for one decoded scene."""


Chips = list[tuple[Outcome, np.ndarray | None]]
"""Outcome of every chip of a scene, and its image (band, y, x) when the outcome is ``ok``."""


def make_shards(catalogue: pd.DataFrame) -> list[Shard]:
    """Shards of a catalogue, in its order.

    Args:
        catalogue: ``scene_id``, ``location_id``, ``product_id``, ``base_url`` and ``shard``, one row per scene.
    """
    chips: dict[str, list[tuple[str, int]]] = {}
    plan = identities.plan_chips(catalogue)
    for scene_id, chip_id, chip_index in zip(plan["scene_id"], plan["chip_id"], plan["chip_index"], strict=True):
        chips.setdefault(scene_id, []).append((chip_id, int(chip_index)))
    shards: dict[int, list[Scene]] = {}
    columns = (catalogue[name] for name in ("scene_id", "location_id", "product_id", "base_url", "shard"))
    for scene_id, location_id, product_id, base_url, number in zip(*columns, strict=True):
        scene = Scene(scene_id, location_id, product_id, base_url, tuple(chips[scene_id]))
        shards.setdefault(int(number), []).append(scene)
    return [Shard(number, tuple(scenes)) for number, scenes in shards.items()]


def acquire_shard(shard: Shard, workspace: Workspace, source: archive.Source, config: Acquire) -> list[str]:
    """Acquire one shard on a worker: all its pixels in one write, then its ledger part.

    Scenes are fetched side by side and made into chips one after the other.

    Returns:
        The states of its scenes.
    """
    dtype = zarr_store.open_images(workspace).dtype
    context = Context(source, config, dtype, archive.ByteLimiter(config.max_download_mb * 1e6), Lock())
    indices = [index for scene in shard.scenes for _, index in scene.chips]
    images = np.zeros((len(indices), len(config.bands), config.chip_size, config.chip_size), dtype)
    outcomes: list[Outcome] = []
    states = []
    with ThreadPoolExecutor(config.threads, thread_name_prefix="acquire") as pool:
        for chips in pool.map(partial(acquire_scene, context=context), shard.scenes):
            for outcome, image in chips:
                outcomes.append(outcome)
                if image is not None:
                    images[outcome.chip_index - indices[0]] = image
            states.append(_scene_state([outcome for outcome, _ in chips]))
    workspace.remove(artefacts.ledger_part(shard.number))  # not done while the pixels change
    zarr_store.write_shard(workspace, shard.number, images)
    ledger.write_part(workspace, shard.number, outcomes)
    return states


def _scene_state(outcomes: Sequence[Outcome]) -> str:
    """State of a scene: ``ok`` when one of its chips is."""
    states = [str(outcome.status) for outcome in outcomes]
    return str(State.OK) if State.OK in states else states[0]


def acquire_scene(scene: Scene, context: Context) -> Chips:
    """Fetch one scene and cut its chips. Never raises for a bad scene, whose outcome is that of each of its chips."""
    started = time.monotonic()
    archive_settings = context.source.archive
    images: list[imagery.Chip] = []
    try:
        once = partial(_acquire_once, scene, context, started + archive_settings.deadline_s)
        facts, images = archive.confirm_corrupt(once, archive_settings.retries)
    except archive.MissingError as error:
        facts = {"status": State.MISSING, "reason": str(error), "attempts": error.attempts}
    except archive.UnreachableError as error:
        facts = {"status": State.UNREACHABLE, "reason": str(error), "attempts": error.attempts}
    except archive.CorruptError as error:
        found = {"bytes": error.evidence.size, "first_bytes": error.evidence.first_bytes}
        facts = {"status": State.CORRUPT, "reason": str(error), "attempts": error.attempts, **found}
    facts["seconds"] = round(time.monotonic() - started, 4)
    outcomes = [
        Outcome(chip_id, scene.scene_id, scene.location_id, chip_index, scene.product_id, **facts)
        for chip_id, chip_index in scene.chips
    ]
    if not images:
        return [(outcome, None) for outcome in outcomes]
    return [(_with_chip(*pair), pair[1].image) for pair in zip(outcomes, images, strict=True)]


def _with_chip(outcome: Outcome, chip: imagery.Chip) -> Outcome:
    facts = {name: getattr(chip, name) for name in ("footprint_source", "valid_fraction", "brightness")}
    return replace(outcome, geometry=shapely.Polygon(chip.footprint), **facts)


def _acquire_once(scene: Scene, context: Context, deadline: float) -> tuple[dict[str, Any], list[imagery.Chip]]:
    """Read a scene once: what the ledger says of it, and its chips unless it is rejected.

    Raises:
        FetchError: as `archive.fetch_scene`, or the bands are not what was promised.
    """
    config, source = context.config, context.source
    with context.limiter.reservation() as reservation:
        files = archive.fetch_scene(
            source, scene.base_url, scene.product_id, config.bands, reservation=reservation, deadline=deadline
        )
        facts = {"status": State.OK, **_facts(files)}
        metadata, evidence, bands = files.metadata, files.evidence, list(files.bands)
        del files  # each band is let go once it is decoded
        with context.decoding:
            try:
                names = [f"{scene.product_id} {band}" for band in config.bands]
                rasters = [_decode(bands.pop(0), name, metadata, context) for name in names]
                chip = imagery.make_chip(
                    rasters, config.chip_size, config.method, metadata.corners, config.footprint
                )
            except imagery.UnusableRaster as error:
                return {**facts, "status": State.REJECTED, "reason": str(error)}, []
            except RasterError as error:  # bands that do not fit each other
                raise archive.CorruptError(str(error), evidence, facts["attempts"]) from error
    return facts, [chip]


def _decode(file: archive.FetchedObject, name: str, metadata: SceneMetadata, context: Context) -> imagery.Raster:
    """A band that is what its metadata say and fits the store; else the file is corrupt."""
    config = context.config
    try:
        raster = imagery.decode(file.content, name, imagery.sampled_edge(config.chip_size, config.method))
        if raster.is_georeferenced:  # make_chip rejects the others
            bounds = array_bounds(*raster.pixels.shape, raster.transform)
            archive.check_extent(metadata, bounds, raster.shape, context.source.archive.reduced, name)
    except RasterError as error:
        raise file.corrupt(str(error)) from error
    if not np.can_cast(raster.pixels.dtype, context.dtype):
        raise file.corrupt(f"{name}: {raster.pixels.dtype} pixels among {context.dtype} ones")
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
