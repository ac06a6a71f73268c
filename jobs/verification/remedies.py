"""What is to be taken away of a damaged workspace so that its jobs make it again, and what must not be."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.running.dependencies import DEPENDENCIES, makers
from jobs.verification.check import Fault
from mineral_pipeline.errors import SettingsError, WorkspaceError
from mineral_pipeline.settings import JobName, Settings
from mineral_pipeline.workspace import artefacts


def refuse(faults: Sequence[Fault], jobs: Sequence[JobName], settings: Settings) -> None:
    """Refuse to take away what only cannot be read, or what no job would make again.

    Raises:
        WorkspaceError: something cannot be read: it may be whole.
        SettingsError: none of ``jobs`` makes what is damaged.
    """
    for fault in faults:
        if fault.is_unreadable:
            raise WorkspaceError(f"{fault.artefact} {fault.reason}: nothing is repaired before that is")
    made = [name for job in jobs for name in DEPENDENCIES[job].writes(settings)]
    made += [artefacts.CHIPS] if "acquire" in jobs else []
    for fault in faults:
        found = makers(fault.artefact)
        is_candidate = "tune" in found and "tune" in jobs
        if found and not is_candidate and not any(_is_part(fault.artefact, name) for name in made):
            raise SettingsError(
                f"{fault.artefact} {fault.reason}, and no job of these settings makes it: repair it with the settings"
                f" that made it (job {found[0]}), or remove it"
            )


def _is_part(name: str, other: str) -> bool:
    """Whether one artefact is in the other, or is the other."""
    return f"{name}/".startswith(f"{other}/") or f"{other}/".startswith(f"{name}/")


def what_to_take_away(fault: Fault) -> str:
    """The artefact without which the job that makes the damaged one does so again."""
    if fault.shard is not None:
        return artefacts.ledger_part(fault.shard)
    if fault.artefact.partition("/")[0] == artefacts.CHIPS:
        return artefacts.CHIPS
    model = artefacts.find_model(fault.artefact)
    return artefacts.model(*model) if model else fault.artefact
