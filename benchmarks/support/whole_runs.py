"""Benchmarks that run whole jobs: the command, and means over planets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchmarks.support.intervals import half_width
from jobs.running.command_line import main


def run_job(job: str, settings: Path, workspace: Path, changes: Sequence[str], cluster: str = "threads") -> None:
    """Run ``mineral-pipeline JOB SETTINGS`` in this process, by default on its threads.

    Workers of their own would import TensorFlow for every run, which takes as long as a small training.

    Raises:
        SystemExit: the job failed; its message is printed.
    """
    arguments = [job, str(settings), "--workspace", str(workspace), "--cluster", cluster]
    if main([*arguments, *(part for change in changes for part in ("--set", change))]):
        raise SystemExit(f"{workspace}: the {job} failed; the message above says why")


def mean_over_planets(found: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Mean of ``value`` over planets with the 95 % interval of Student's t.

    Args:
        found: the keys and ``value``, one row for each planet; rows without a value are left out.
        keys: columns that tell what is averaged apart.

    Returns:
        The keys, ``value``, ``planets``, ``low`` and ``high``; the ends are nan for one planet.
    """
    groups = found.dropna(subset=["value"]).groupby(list(keys), sort=False)["value"]
    table = groups.agg(value="mean", planets="count", deviation="std").reset_index()
    half = half_width(table["deviation"], table["planets"])
    return table.assign(low=table["value"] - half, high=table["value"] + half).drop(columns="deviation")


def as_cell(found: pd.Series) -> str:
    """A mean with its interval, where there is one, as it stands in a table."""
    ends = f" ({found['low']:.3f} to {found['high']:.3f})" if found["planets"] > 1 else ""
    return f"{found['value']:.3f}{ends}"
