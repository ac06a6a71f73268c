"""Which jobs of a run cannot succeed with the scenes that the catalogue holds, said before the scenes are fetched."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.running.progress import CONSOLE
from mineral_pipeline.errors import DataError
from mineral_pipeline.geometry import distances_km, lonlat, unit_vectors
from mineral_pipeline.settings import JobName, Settings
from mineral_pipeline.simulation import orbit
from mineral_pipeline.workspace import Workspace, artefacts

NEED_SAMPLES: tuple[JobName, ...] = ("curate", "train", "tune", "evaluate", "prospect", "backtest")
"""Jobs that can do nothing without the samples of ``curate``, which is one of them."""


def min_locations(settings: Settings) -> int:
    """Number of locations without which ``curate`` fails, whatever their labels.

    Each subset needs ``curate.min_locations`` of each class, of which presence has two and richness one.
    """
    if settings.curate is None:
        return 0
    minimum = settings.curate.min_locations
    return (minimum.train + minimum.validation + minimum.test) * (2 if "presence" in settings.tasks else 1)


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
    if job == "acquire" and (doubt := find_doubt(jobs, settings)):
        CONSOLE.print(doubt)
