"""What one task of acquire does on a worker: the scenes of a shard, all their pixels in one write, a ledger part."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock

import numpy as np
import pandas as pd

from jobs.acquisition.scene import Context, PlannedChip, PlannedScene, acquire_scene
from jobs.running import worker
from mineral_pipeline import archive
from mineral_pipeline.sensors import resolve_bands
from mineral_pipeline.settings import Acquire, absolute
from mineral_pipeline.workspace import Workspace, artefacts, ledger, lock, zarr_store
from mineral_pipeline.workspace.places import write_places


@dataclass(frozen=True)
class Shard:
    """The scenes that one task acquires. Their chips are neighbours in the store."""

    number: int
    scenes: tuple[PlannedScene, ...]

    def __dask_tokenize__(self) -> object:
        """What names it in a graph: Dask would hash all of its scenes, twice."""
        return Shard.__qualname__, self.number, len(self.scenes)


@dataclass(frozen=True)
class ShardResult:
    """What became of a shard, and where."""

    shard: int
    """Number of the shard."""
    states: tuple[str, ...]
    """States of its scenes."""
    reasons: tuple[str, ...]
    """Why scenes could not be reached, one for each of their chips."""
    place: worker.Place
    """Worker that acquired it."""

    @property
    def failed(self) -> int:
        """Number of scenes that failed."""
        return sum(state in ledger.FAILED_STATES for state in self.states)

    @property
    def unreachable(self) -> int:
        """Number of scenes that could not be reached."""
        return self.states.count(ledger.State.UNREACHABLE)

    @property
    def unread(self) -> int:
        """Number of scenes that were not there or not reachable, which may be the worker's fault."""
        return self.unreachable + self.states.count(ledger.State.MISSING)


def make_shards(catalogue: pd.DataFrame, chips: pd.DataFrame, bands: Sequence[str]) -> list[Shard]:
    """Group the scenes of a catalogue by shard, in its order.

    Args:
        catalogue: ``scene_id``, ``location_id``, ``product_id``, ``sensor``, ``base_url`` and ``shard``, one row per
            scene.
        chips: the chips of these scenes, as `identities.plan_chips` returns them.
        bands: names or common names of the bands of a chip.

    Raises:
        SettingsError: a sensor lacks a band.
    """
    planned: dict[str, list[PlannedChip]] = {}
    for scene_id, *chip in zip(chips["scene_id"], chips["chip_id"], chips["chip_index"].tolist(), strict=True):
        planned.setdefault(scene_id, []).append(PlannedChip(*chip))
    resolved = {code: resolve_bands(bands, code) for code in catalogue["sensor"].unique()}
    shards: dict[int, list[PlannedScene]] = {}
    for row in catalogue.to_dict("records"):
        scene = PlannedScene(
            scene_id=row["scene_id"],
            location_id=row["location_id"],
            product_id=row["product_id"],
            base_url=absolute(row["base_url"]),  # catalogues of earlier versions hold relative paths
            bands=resolved[row["sensor"]],
            sensor=row["sensor"],
            chips=tuple(planned[row["scene_id"]]),
        )
        shards.setdefault(int(row["shard"]), []).append(scene)
    return [Shard(number, tuple(scenes)) for number, scenes in shards.items()]


def acquire_shard(shard: Shard, workspace: Workspace, source: archive.Source, config: Acquire) -> ShardResult:
    """Acquire one shard on a worker: all its pixels in one write, then its ledger part.

    Scenes are fetched side by side and made into chips one after the other.

    Raises:
        UnfitWorkerError: the worker is being closed: another one acquires the shard already.
    """
    place = worker.here()
    dtype = np.dtype(zarr_store.open_array(workspace).dtype)
    context = Context(source, config, archive.ByteLimiter(config.max_download_mb * 1e6), Lock())
    indices = [chip.chip_index for scene in shard.scenes for chip in scene.chips]
    images = np.zeros((len(indices), len(config.bands), config.chip_size, config.chip_size), dtype)
    outcomes = []
    with ThreadPoolExecutor(config.threads, thread_name_prefix="acquire") as pool:
        for chips in pool.map(partial(acquire_scene, context=context), shard.scenes):
            for outcome, image in chips:
                outcomes.append(replace(outcome, host=place.host, worker=place.name))
                if image is not None:
                    images[outcome.chip_index - min(indices)] = image
    lock.check()
    worker.check_in_service()
    workspace.remove_file(artefacts.ledger_part(shard.number))  # not done while the pixels change
    zarr_store.write_shard(workspace, shard.number, images)
    write_places(workspace, shard.number, ledger.to_table(outcomes).sort_values("chip_index"))
    ledger.write_part(workspace, shard.number, outcomes)
    states = ledger.scene_states([outcome.scene_id for outcome in outcomes], [str(one.status) for one in outcomes])
    reasons = tuple(one.reason for one in outcomes if one.status == ledger.State.UNREACHABLE)
    return ShardResult(shard.number, tuple(states.values()), reasons, place)
