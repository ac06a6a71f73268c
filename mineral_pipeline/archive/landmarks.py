"""How a process knows that it sees the archive at all: by the folders in its root that the client saw there.

A node on which the archive is not mounted finds every file absent, as if the archive had none of them. A 404 is
therefore believed only from a process that has just found the landmarks. They are the names in the archive's root; the
index stands in for a root that is empty or, as a web server's, cannot be listed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import obstore

from mineral_pipeline import settings
from mineral_pipeline.archive.errors import describe_error
from mineral_pipeline.archive.index import check_readable
from mineral_pipeline.archive.objects import is_local, local_path, open_store
from mineral_pipeline.archive.retry import look_retries
from mineral_pipeline.archive.throttling import wait_for_turn
from mineral_pipeline.errors import ArchiveError, MineralPipelineError
from mineral_pipeline.sensors import SENSORS

MAX_NAMES = 32
"""Names of the root that are kept; an archive has one for each sensor."""


@dataclass(frozen=True)
class Landmarks:
    """What one process saw of an archive. It is cheap to send to another."""

    names: tuple[str, ...] = ()
    """Names in the root, those of the sensors' folders if it has any; empty when it is empty or cannot be listed."""
    index: bool = False
    """Whether the index could be read. It is looked at only when there are no names."""


def survey(archive: settings.Archive) -> Landmarks:
    """Look for the landmarks of an archive. Never raises: without any, no 404 is believed."""
    try:
        names = _root_names(archive)
    except Exception:  # stores pass on whatever their clients raise
        names = []
    if names:
        return Landmarks(tuple(names[:MAX_NAMES]))
    return Landmarks(index=_index_fault(archive) is None)


def find_fault(archive: settings.Archive, seen: Landmarks) -> str | None:
    """Compare an archive with what another process saw of it.

    Args:
        archive: settings of the archive.
        seen: landmarks that the client saw.

    Returns:
        Why this process does not see the same archive, in one line; None when it does.
    """
    if not seen.names:
        lacking = f"neither the root of {archive.url} nor an index shows that the archive is there: name archive.index"
        return _index_fault(archive) if seen.index else lacking
    try:
        absent = sorted(set(seen.names).difference(_root_names(archive)))
    except Exception as error:  # stores pass on whatever their clients raise
        return f"the root of {archive.url} cannot be listed: {_describe(error)}"
    if absent:
        return f"{archive.url} has no {absent[0]} or an empty one, unlike the client's: is it mounted?"
    return None


def _root_names(archive: settings.Archive) -> list[str]:
    """Sorted names in the root; folders that are empty do not count."""
    if is_local(archive.url):
        with os.scandir(local_path(archive.url)) as entries:
            found = [(entry.name, entry.is_dir()) for entry in entries]
        folders = [name for name, is_folder in found if is_folder and _is_filled(archive, name)]
        return _choose(folders, (name for name, is_folder in found if not is_folder))
    if archive.url.startswith("http"):
        return []
    store, root = open_store(f"{archive.url.rstrip('/')}/", archive, look_retries(archive))
    wait_for_turn(archive.requests_per_s)
    page = obstore.list_with_delimiter(store, root)
    names = ([item.removeprefix(root) for item in page["common_prefixes"]], [item["path"] for item in page["objects"]])
    return _choose(*names)


def _choose(folders: Iterable[str], files: Iterable[str]) -> list[str]:
    """Those of the sensors' folders if there is one, else all folders, else all files: what is least likely to go."""
    visible = sorted(name.rstrip("/") for name in folders if not name.startswith("."))
    return [name for name in visible if name in SENSORS] or visible or sorted(files)


def _is_filled(archive: settings.Archive, name: str) -> bool:
    """Whether a folder of the root holds anything: one that a mount should fill exists without it, too."""
    try:
        with os.scandir(os.path.join(local_path(archive.url), name)) as entries:
            return next(entries, None) is not None
    except OSError:
        return False


def _index_fault(archive: settings.Archive) -> str | None:
    """Why the index cannot be read; None when it can."""
    try:
        check_readable(archive)
    except ArchiveError as error:
        return str(error)
    return None


def _describe(error: Exception) -> str:
    return str(error) if isinstance(error, MineralPipelineError) else describe_error(error)
