"""Lifetimes of the workers of a batch system, from the walltime of their jobs."""

from __future__ import annotations

import logging

import pytest
import yaml

import cluster
from cluster.walltime import with_lifetime


@pytest.mark.parametrize(
    ("walltime", "lifetime", "stagger"),
    [
        ("00:00:30", "15s", "4s"),
        ("00:01:00", "40s", "5s"),
        ("00:30:00", "1710s", "22s"),
        ("12:00:00", "42600s", "150s"),
        ("2-00:00:00", "172200s", "150s"),
    ],
)
def test_workers_end_before_their_jobs(walltime: str, lifetime: str, stagger: str) -> None:
    given = {"walltime": walltime, "cores": 1, "worker_extra_args": ["--resources", "GPU=1"]}
    extra = ["--resources", "GPU=1", "--lifetime", lifetime, "--lifetime-stagger", stagger]
    assert with_lifetime(given) == {**given, "worker_extra_args": extra}
    assert given["worker_extra_args"] == ["--resources", "GPU=1"]


@pytest.mark.parametrize(
    "options",
    [
        {"n_workers": 2},
        {"walltime": "12:00:00", "worker_extra_args": ["--lifetime", "1h"]},
        {"walltime": "12:00:00", "worker_extra_args": ["--lifetime=1h"]},
    ],
)
def test_what_a_file_says_stays(options: dict[str, object], caplog: pytest.LogCaptureFixture) -> None:
    assert with_lifetime(options) == options
    assert not caplog.records


@pytest.mark.parametrize("walltime", ["90", 43200, "12:00", "1-12", "soon"])
def test_a_walltime_that_is_written_otherwise_is_told(walltime: object, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert with_lifetime({"walltime": walltime}) == {"walltime": walltime}
    assert f"walltime {walltime} is not written as HH:MM:SS" in caplog.text


def test_the_file_of_slurm_leaves_it_to_the_walltime() -> None:
    options = yaml.safe_load((cluster.FOLDER / "slurm.yaml").read_text())["options"]
    assert "--lifetime" not in options["worker_extra_args"]
    assert with_lifetime(options)["worker_extra_args"][-4:] == ["--lifetime", "42600s", "--lifetime-stagger", "150s"]
