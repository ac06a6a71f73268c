"""Workers of a batch system that end by themselves before their jobs are ended: others go on with their tasks."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

WALLTIME = re.compile(r"(?:(\d+)-)?(\d+):([0-5]\d):([0-5]\d)", re.ASCII)
"""Days, hours, minutes and seconds: ``12:00:00``, ``2-00:00:00``. What is shorter means other things elsewhere."""

MARGIN = 0.05
"""Part of a walltime that is left when its worker ends, within `MARGINS_S`."""

MARGINS_S = 20.0, 600.0
"""Least and largest time that is left, in seconds: a worker takes some to start and to end."""


def with_lifetime(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a class of dask-jobqueue whose workers end before the walltime of their jobs.

    Args:
        options: keyword arguments of the class. Where they have no ``walltime``, or where ``worker_extra_args`` gives a
            ``--lifetime`` already, nothing is added.
    """
    walltime, arguments = options.get("walltime"), [str(argument) for argument in options.get("worker_extra_args", [])]
    if walltime is None or any(argument.partition("=")[0] == "--lifetime" for argument in arguments):
        return dict(options)
    match = WALLTIME.fullmatch(str(walltime))
    if match is None:
        logging.getLogger(__name__).warning(
            "walltime %s is not written as HH:MM:SS: give worker_extra_args a --lifetime that is shorter", walltime
        )
        return dict(options)
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    margin = min(max(MARGIN * total, MARGINS_S[0]), MARGINS_S[1], total / 2)
    added = ["--lifetime", f"{total - margin:.0f}s", "--lifetime-stagger", f"{margin / 4:.0f}s"]
    return {**options, "worker_extra_args": [*arguments, *added]}
