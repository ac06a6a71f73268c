"""A fault of a workspace, and a look at one artefact that finds some."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mineral_pipeline.errors import WorkspaceError, one_line
from mineral_pipeline.workspace.workspace import REPAIR, Workspace

UNREADABLE = "cannot be "
"""How messages begin that tell of a disk, an object store or this program rather than of damage."""


@dataclass(frozen=True)
class Fault:
    """Something in a workspace that is not as it was written."""

    artefact: str
    """Name of the file, or of the artefact where it is not known which of its files."""
    reason: str
    """What is wrong with it, in one line that goes on after the name."""
    shard: int | None = None
    """Shard that is to be acquired again, if it is one."""

    @property
    def is_unreadable(self) -> bool:
        """Whether it cannot be read (permission, network, a fault of this program): it may be whole."""
        return self.reason.startswith(UNREADABLE)

    def __str__(self) -> str:
        """The line that a person reads."""
        line = f"{self.artefact} {one_line(self.reason)}"
        return line if self.is_unreadable else f"{line}: {REPAIR}"


@dataclass(frozen=True)
class Check:
    """A look at one artefact, or at a piece of it."""

    artefact: str
    """What is looked at."""
    kind: str
    """What that is, in the plural: ``tables``."""
    find: Callable[[], Iterable[Fault]]
    """Finds what is wrong; what it raises is wrong, too."""
    number: int = 1
    """How many of the kind are looked at."""

    def faults(self, workspace: Workspace) -> list[Fault]:
        """What is wrong, also where it cannot be read at all."""
        try:
            return list(self.find())
        except WorkspaceError as error:
            return [Fault(self.artefact, reason(workspace, self.artefact, error))]
        except Exception as error:  # what no one has foreseen must not hide what is wrong elsewhere
            return [Fault(self.artefact, f"{UNREADABLE}read ({type(error).__name__}: {error})")]


def reason(workspace: Workspace, artefact: str, error: object) -> str:
    """What an error tells of an artefact, without its name and what to do."""
    if isinstance(error, WorkspaceError) and isinstance(error.__cause__, IsADirectoryError):
        return "is a folder"
    return str(error).removeprefix(f"{workspace.uri(artefact)} ").removesuffix(f": {REPAIR}")
