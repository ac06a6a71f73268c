"""Make again what is damaged in a workspace, and nothing else.

    mineral-pipeline repair jobs/settings/demo.yaml [--cluster local] [--set train.epochs=5]

Looks for what is wrong as `jobs.verify` does, takes it away or writes it again, runs the settings' jobs, which skip
what is whole, and looks again. The settings must be those of the workspace: nothing is touched with others. A repair
that was stopped is ended by the next one.
"""

from __future__ import annotations

from collections.abc import Sequence

from distributed import Client

from jobs import run, verify
from jobs.acquisition.store import write_store
from jobs.running import runner
from jobs.running.connection import connected
from jobs.running.dependencies import DEPENDENCIES, makers
from jobs.running.progress import CONSOLE
from jobs.running.provenance import read_settings, refuse_other_settings
from jobs.verification.check import Fault
from jobs.verification.files import version_fault
from mineral_pipeline.errors import SettingsError, WorkspaceError
from mineral_pipeline.settings import JobName, Settings
from mineral_pipeline.workspace import Workspace, artefacts, digests, layout, ledger, newest_run

LOOKS = 4
"""Looks at the workspace, at most: damage to the catalogue hides that to the store, which hides that to the shards."""


def repair(jobs: Sequence[JobName], settings: Settings, cluster_file: str, retry_failed: bool = False) -> int:
    """Make again what is damaged.

    Returns:
        0 when nothing is wrong any more; 1 when something is, or too many failed.

    Raises:
        SettingsError: no job of the settings makes what is damaged.
        WorkspaceError: something cannot be read, so that no one knows whether it is damaged; the settings are not those of the workspace; or as in `run.run`.
        ClusterError: as in `run.run`.
        KeyboardInterrupt: as in `run.run`.
    """
    workspace = Workspace(settings.workspace)
    if version_fault(workspace) is None and layout.read_version(workspace) is None:
        raise WorkspaceError(f"{workspace.url}: nothing there: is it a workspace? `mineral-pipeline run` makes one")
    with connected(workspace, cluster_file) as client:
        _refuse_other_settings(workspace, jobs, settings)
        before = _take_away(workspace, jobs, settings, client)
        status = run.run_jobs(jobs, settings, client, retry_failed)
        _tell_other_pixels(workspace, before)
        return 1 if verify.show_faults(workspace) else status


def _refuse_other_settings(workspace: Workspace, jobs: Sequence[JobName], settings: Settings) -> None:
    """Refuse settings under which a job would make anything else than what is there."""
    for job in jobs:
        if newest := newest_run(workspace, job):
            refuse_other_settings(workspace, job, newest["settings"], read_settings(settings, job))


def _take_away(workspace: Workspace, jobs: Sequence[JobName], settings: Settings, client: Client) -> dict[str, str]:
    """Take away what is damaged, or write it again where no job does.

    Returns:
        ``image_sha256`` that the ledger told of the chips that are to be acquired again, by ``chip_id``.
    """
    before: dict[str, str] = {}
    for _ in range(LOOKS):
        faults = verify.show_faults(workspace)
        _refuse(faults, jobs, settings)
        for fault in faults:
            if fault.shard is not None:
                before |= _digests(workspace, fault.shard)
        for artefact in dict.fromkeys(map(_what_to_take_away, faults)):
            _restore(workspace, artefact, settings, client)
        if not any(fault.artefact.startswith((artefacts.CATALOGUE, f"{artefacts.CHIPS}/")) for fault in faults):
            break
    return before


def _refuse(faults: Sequence[Fault], jobs: Sequence[JobName], settings: Settings) -> None:
    """Refuse to take away what only cannot be read, or what no job would make again."""
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


def _what_to_take_away(fault: Fault) -> str:
    """The artefact without which the job that makes the damaged one does so again."""
    if fault.shard is not None:
        return artefacts.ledger_part(fault.shard)
    parts = fault.artefact.split("/")
    if parts[0] == artefacts.CHIPS:
        return artefacts.CHIPS
    return artefacts.model(*parts[1:3]) if parts[0] == "models" else fault.artefact


def _restore(workspace: Workspace, artefact: str, settings: Settings, client: Client) -> None:
    """Remove an artefact, or write it again if no job does or others cannot be looked at without it."""
    if artefact == artefacts.WORKSPACE_FILE:
        layout.restore_version(workspace)
    elif artefact == artefacts.CHIPS:
        if workspace.is_file(artefacts.CATALOGUE):
            write_store(settings, workspace.read_table(artefacts.CATALOGUE), keep_shards=True)
    elif artefact == artefacts.CATALOGUE:
        workspace.remove(artefact)
        then = newest_run(workspace, "catalogue")
        runner.execute("catalogue", settings, client)
        if then and then["outputs"] != digests.digest_artefacts(workspace, [artefacts.CATALOGUE]):
            CONSOLE.print(f"repair: {artefacts.CATALOGUE} is another than before: the archive has changed since")
    elif artefact != artefacts.LEDGER:  # its parts are whole: acquire tells what they hold in its next record
        workspace.remove(artefact)


def _digests(workspace: Workspace, shard: int) -> dict[str, str]:
    try:
        part = workspace.read_table(artefacts.ledger_part(shard), ["chip_id", "image_sha256"])
    except WorkspaceError:  # absent or damaged
        return {}
    return dict(zip(part["chip_id"], part["image_sha256"], strict=True))


def _tell_other_pixels(workspace: Workspace, before: dict[str, str]) -> None:
    """Tell of chips that have been acquired again and are not what they were."""
    if not before:
        return
    now = ledger.read(workspace).set_index("chip_id")["image_sha256"]
    for chip_id, digest in before.items():
        if now.get(chip_id) != digest:
            CONSOLE.print(f"repair: chip {chip_id} is another than before: the archive has changed since")
