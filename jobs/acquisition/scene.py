"""What acquire does with one scene: fetch, validate, decode, cut its chips, and record the outcome.

A bad scene is an outcome, never an exception.
"""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import shapely
from rasterio.transform import array_bounds

from mineral_pipeline import archive, imagery
from mineral_pipeline.errors import MineralPipelineError, one_line
from mineral_pipeline.sensors import SENSORS
from mineral_pipeline.sensors.calibration import UncalibratedError, reflectance_line
from mineral_pipeline.sensors.landsat import SceneMetadata
from mineral_pipeline.settings import Acquire
from mineral_pipeline.workspace.digests import digest_array
from mineral_pipeline.workspace.ledger import Outcome, State


@dataclass(frozen=True)
class PlannedChip:
    """A chip that is to be cut from a scene."""

    chip_id: str
    chip_index: int


@dataclass(frozen=True)
class PlannedScene:
    """A scene that is to be acquired: one row of the catalogue."""

    scene_id: str
    location_id: str
    product_id: str
    base_url: str
    """URL of the product's folder."""
    bands: tuple[str, ...]
    """Bands to read, by their names in file names."""
    sensor: str
    """Code of its sensor, such as ``LT04``."""
    chips: tuple[PlannedChip, ...]


@dataclass(frozen=True)
class Context:
    """What the scenes of a task share."""

    source: archive.Source
    config: Acquire
    limiter: archive.ByteLimiter
    """Limits the bytes of fetched files that the task holds at a time."""
    decoding: Lock
    """Held while a scene is decoded: a task has one core, and memory for one decoded scene."""


AcquiredChip = tuple[Outcome, np.ndarray | None]
"""Outcome of a chip, and its image (band, y, x) when the outcome is ``ok``."""


def acquire_scene(scene: PlannedScene, context: Context) -> list[AcquiredChip]:
    """Fetch one scene and cut its chips. Never raises for a bad scene, whose outcome is that of each of its chips."""
    started = time.monotonic()
    settings, images = context.source.archive, list[imagery.Chip]()
    try:
        read = partial(_read_scene, scene, context, archive.scene_deadline(settings))
        facts, images = archive.confirm_corrupt(read, settings.retries)
    except archive.MissingError as error:
        facts = {"status": State.MISSING, "reason": one_line(error), "attempts": error.attempts}
    except archive.UnreachableError as error:
        facts = {"status": State.UNREACHABLE, "reason": one_line(error), "attempts": error.attempts}
    except archive.CorruptError as error:
        damage = {"bytes": error.details.size, "first_bytes": error.details.first_bytes}
        facts = {"status": State.CORRUPT, "reason": one_line(error), "attempts": error.attempts, **damage}
    except (MineralPipelineError, MemoryError):
        raise  # the run's own affair, or the machine's
    except Exception as error:  # libraries meet bytes that nobody has foreseen; one scene must not end the run
        facts = {"status": State.CORRUPT, "reason": f"{scene.product_id}: {_describe_surprise(error)}"}
    facts["seconds"] = round(time.monotonic() - started, 4)
    outcomes = [
        Outcome(chip.chip_id, scene.scene_id, scene.location_id, chip.chip_index, scene.product_id, **facts)
        for chip in scene.chips
    ]
    if not images:
        return [(outcome, None) for outcome in outcomes]
    return [(_add_chip(*pair), pair[1].image) for pair in zip(outcomes, images, strict=True)]


def _describe_surprise(error: Exception) -> str:
    """What an unforeseen error says, and where it was raised, for whoever will foresee it."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"unforeseen {type(error).__name__}: {one_line(error)} ({Path(where.filename).name}, line {where.lineno})"


def _add_chip(outcome: Outcome, chip: imagery.Chip) -> Outcome:
    """The outcome with the footprint and the statistics of its chip."""
    names = ("footprint_source", "valid_fraction", "brightness", "crs", "geo_transform")
    facts = {name: getattr(chip, name) for name in names}
    digest = digest_array(chip.image)
    return replace(outcome, geometry=shapely.Polygon(chip.footprint), image_sha256=digest, **facts)


def _read_scene(scene: PlannedScene, context: Context, deadline: float) -> tuple[dict[str, Any], list[imagery.Chip]]:
    """Read a scene once: what the ledger records of it, and its chips unless it is rejected.

    Raises:
        FetchError: as `archive.fetch_scene`; or a band is corrupt, or the bands do not fit each other.
    """
    with context.limiter.reservation() as reservation:
        files = archive.fetch_scene(
            context.source, scene.base_url, scene.product_id, scene.bands, reservation=reservation, deadline=deadline
        )
        facts, waiting, files = _facts(files), list(files.bands), replace(files, bands=())
        with context.decoding, archive.validating(files):
            try:
                # each file is released once it is decoded
                rasters = [_decode(waiting.pop(0), scene, band, files.metadata, context) for band in scene.bands]
                return facts, cut_chips(rasters, files.metadata, context.config)
            except (imagery.UnusableRaster, UncalibratedError) as error:
                return {**facts, "status": State.REJECTED, "reason": str(error)}, []


def cut_chips(rasters: list[imagery.Raster], metadata: SceneMetadata, config: Acquire) -> list[imagery.Chip]:
    """Cut the chips of a scene that `identities.plan_chips` plans, in its order: the whole scene.

    Raises:
        UnusableRaster: the scene is rejected.
        RasterError: its bands do not fit each other.
    """
    return [imagery.make_chip(rasters, config.chip_size, config.method, metadata.corners, config.footprint)]


def _decode(
    file: archive.FetchedObject, scene: PlannedScene, band: str, metadata: SceneMetadata, context: Context
) -> imagery.Raster:
    """Decode a band, validate it against its metadata and its sensor, and turn it into reflectance if so wished.

    Raises:
        UncalibratedError: its reflectance is not known: the scene is rejected.
    """
    config, sensor, name = context.config, SENSORS[scene.sensor], f"{scene.product_id} {band}"
    line = reflectance_line(metadata, sensor.code, band) if config.radiometry == "reflectance" else None
    with archive.validating(file):
        raster = imagery.decode(file.content, name, imagery.sampled_edge(config.chip_size, config.method), sensor.fill)
        if raster.is_georeferenced:  # make_chip rejects the others
            bounds = array_bounds(*raster.pixels.shape, raster.transform)
            is_pan = (known := sensor.band(band)) is not None and known.is_panchromatic
            reduced = context.source.archive.reduced
            archive.check_extent(metadata, bounds, raster.shape, reduced, name, is_panchromatic=is_pan)
        archive.check_dtype(raster.pixels.dtype, np.dtype(sensor.dtype), name)
    return imagery.to_reflectance(raster, line.gain, line.offset) if line else raster


def _facts(files: archive.SceneFiles) -> dict[str, Any]:
    metadata = files.metadata
    return {
        "status": State.OK,
        "attempts": files.attempts,
        "bytes": files.bytes,
        "sha256": files.details.sha256,
        "path": metadata.path,
        "row": metadata.row,
        "acquired": metadata.acquired.isoformat(),
        "cloud_cover": metadata.cloud_cover,
    }
