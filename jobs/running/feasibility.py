"""Which jobs of a run cannot succeed with the scenes that the catalogue holds, said before the scenes are fetched."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from jobs.running.progress import CONSOLE
from mineral_pipeline import labelling
from mineral_pipeline.errors import DataError
from mineral_pipeline.geometry import distances_km, lonlat, unit_vectors
from mineral_pipeline.learning import kind_of, of_subject, subject_of
from mineral_pipeline.settings import JobName, MinLocations, Settings
from mineral_pipeline.simulation import orbit
from mineral_pipeline.workspace import Workspace, artefacts

MARGIN_DEGREES = 0.2
"""By how much a footprint may reach beyond the box of its corners, whose edges are great circles."""

NEED_SAMPLES: tuple[JobName, ...] = ("curate", "train", "tune", "evaluate", "prospect", "backtest")
"""Jobs that can do nothing without the samples of ``curate``, which is one of them."""


def min_locations(settings: Settings) -> int:
    """Number of locations without which ``curate`` fails, whatever their labels.

    Each subset needs ``curate.min_locations`` of each class, of which presence has two and richness one.
    """
    if settings.curate is None:
        return 0
    has_classes = any(kind_of(task) == "presence" for task in settings.tasks)
    return _in_all_subsets(settings.curate.min_locations) * (2 if has_classes else 1)


def _in_all_subsets(minimum: MinLocations) -> int:
    return minimum.train + minimum.validation + minimum.test


def find_obstacle(jobs: Sequence[JobName], settings: Settings) -> str:
    """Why some of the jobs cannot succeed with the catalogue that is there; empty when nothing is known against it."""
    workspace = Workspace(settings.workspace)
    if "curate" not in jobs or not workspace.exists(artefacts.CATALOGUE):
        return ""
    locations = workspace.read_table(artefacts.CATALOGUE, ["location_id"])["location_id"]
    found, needed = locations.nunique(), min_locations(settings)
    if found >= needed:
        return ""
    hopeless = ", ".join(job for job in jobs if job in NEED_SAMPLES)
    return (
        f"{hopeless} cannot succeed: the catalogue holds {len(locations):,} scenes of {found:,} locations (path/row),"
        f" and curate needs at least {needed:,}, curate.min_locations of each class in each subset: give more scenes,"
        f" or leave {hopeless} out of jobs"
    )


def find_rare(jobs: Sequence[JobName], settings: Settings) -> str:
    """Which task about a commodity cannot succeed, because too few scenes can hold one; empty when none is known to.

    A location can hold no more than lies in the boxes of its scenes, which an archive without an index does not tell.
    """
    workspace, tasks = Workspace(settings.workspace), [task for task in settings.tasks if subject_of(task)]
    config, curate = settings.label, settings.curate
    if config is None or curate is None or not tasks or not {"label", "curate"} <= {*jobs}:
        return ""
    if not workspace.exists(artefacts.CATALOGUE):
        return ""
    scenes = workspace.read_table(artefacts.CATALOGUE, ["location_id", "geometry"])
    if scenes.geometry.isna().any():
        return ""
    boxes = shapely.STRtree(shapely.buffer(scenes.geometry.to_numpy(), MARGIN_DEGREES, join_style="mitre"))
    table = labelling.hide(labelling.read_deposits(config.deposits, config.merge_km, config.encoding), config.hidden)
    for task in tasks:
        held = table.table[labelling.holding(table.table, subject_of(task))]
        found = scenes["location_id"].iloc[_hit(boxes, held[["lon", "lat"]].to_numpy(np.float64))].nunique()
        is_all = kind_of(task) == "richness" and curate.richness_samples == "all"
        needed = 1 if is_all else _in_all_subsets(curate.min_locations)
        if found < needed:
            of, hopeless = of_subject(subject_of(task)), ", ".join(job for job in jobs if job in NEED_SAMPLES)
            return (
                f"{hopeless} cannot succeed: {task} needs at least {needed:,} locations with a deposit{of}, and of"
                f" {scenes['location_id'].nunique():,} in the catalogue at most {found:,} can hold one: leave {task}"
                " out of tasks, or give more scenes, or more deposits in label.deposits"
            )
    return ""


def _hit(boxes: shapely.STRtree, lonlat: np.ndarray) -> np.ndarray:
    """Numbers of the boxes in which some positions (n, 2) lie; boxes go on across the antimeridian."""
    turns = [lonlat + np.array([turn, 0]) for turn in (-360, 0, 360)]
    _, found = boxes.query(shapely.points(np.concatenate(turns)), predicate="intersects")
    return np.unique(found)


def find_doubt(jobs: Sequence[JobName], settings: Settings) -> str:
    """Why ``curate`` is unlikely to succeed, though it may; empty when nothing is known against it.

    Where locations are follows from path and row, so that it is known of an archive without an index, too.
    """
    workspace, config = Workspace(settings.workspace), settings.curate
    if config is None or config.split == "buckets" or "curate" not in jobs or not workspace.exists(artefacts.CATALOGUE):
        return ""
    places = workspace.read_table(artefacts.CATALOGUE, ["path", "row"]).drop_duplicates().to_numpy()
    centres = orbit.centre(*places.T)
    middle = lonlat(unit_vectors(centres).sum(axis=0))
    diameter = 2 * float(distances_km(centres, middle).max())
    if diameter >= config.block_size_km:
        return ""
    return (
        f"curate is unlikely to succeed: all {len(places):,} locations lie within {diameter:,.0f} km, and a block of"
        f" {config.block_size_km:,.0f} km is never in two subsets: lower curate.block_size_km"
    )


def refuse_hopeless(jobs: Sequence[JobName], job: JobName, settings: Settings) -> None:
    """Refuse a run before a job that takes long and after which another cannot succeed; say where that is in doubt.

    Args:
        jobs: all jobs of the run.
        job: the job that is about to start.
        settings: settings of the pipeline.

    Raises:
        DataError: a later job cannot succeed.
    """
    if job not in ("acquire", "label"):
        return
    if obstacle := find_obstacle(jobs, settings):
        raise DataError(obstacle)
    if job == "acquire" and (rare := find_rare(jobs, settings)):
        raise DataError(rare)
    if job == "acquire" and (doubt := find_doubt(jobs, settings)):
        CONSOLE.print(doubt)
