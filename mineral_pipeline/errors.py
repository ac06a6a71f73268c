"""The project's errors: one root, so that a caller can tell our refusals from accidents.

Every message names the scene, file or setting and says what to do. Each class also derives from the
built-in that a caller would expect, so that ``except ValueError`` and ``except OSError`` work too.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def one_line(reason: object, max_length: int = 500) -> str:
    """The text of an error, or of whatever else, in one line without control characters.

    What comes from outside may be pasted into a message: a person must be able to read it, a terminal must not obey it.

    Args:
        reason: error or text.
        max_length: number of characters after which it is cut.
    """
    text = str(reason)[: 4 * max_length]  # cut first: it may have a hundred megabytes
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return line if len(line) <= max_length else f"{line[:max_length]} ..."


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message on a name that nothing has: ``; did you mean ...?``, or nothing where none is alike."""
    alike = difflib.get_close_matches(name, [*known], n=1)
    return f"; did you mean {alike[0]}?" if alike else ""


class MineralPipelineError(Exception):
    """Root of every error that the pipeline raises on purpose."""


class SettingsError(MineralPipelineError, ValueError):
    """A settings file, or a value in it, cannot be used."""


class MetadataError(MineralPipelineError, ValueError):
    """A scene's metadata (MTL) or identifier cannot be read."""


class RasterError(MineralPipelineError, ValueError):
    """Bytes that are not the promised raster, or a raster that cannot be used."""


class DataError(MineralPipelineError, ValueError):
    """A table or a store lacks what a stage needs: no rows, one class only, a missing column."""


class LeakageError(DataError):
    """Subsets of a split share more ground or more deposits than the settings allow."""


class ArchiveError(MineralPipelineError, OSError):
    """An archive, or an object in it, cannot be read."""


class WorkspaceError(MineralPipelineError, OSError):
    """A workspace cannot be read or written, or holds something else than the settings describe."""


class LeaseLostError(WorkspaceError):
    """The run that this work belongs to no longer holds the workspace: another run does, or it has ended."""


class ClusterError(MineralPipelineError, OSError):
    """A Dask cluster cannot be reached, or lacks what a job needs."""


class UnfitWorkerError(ClusterError):
    """A worker lacks what its tasks need, such as the archive's folder: the tasks must run on another one."""

    def __init__(self, reason: str, host: str = "", name: str = "", address: str = "") -> None:
        """Keep which worker it is.

        Args:
            reason: what it lacks, in one line.
            host: name of its machine.
            name: name of the worker.
            address: address by which the scheduler knows it.
        """
        super().__init__(reason)
        self.host, self.name, self.address = host, name, address
