"""Make again what is damaged in a workspace, and nothing else.

    mineral-pipeline repair demo [--cluster local] [--set train.epochs=5]

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
from jobs.running.progress import CONSOLE
from jobs.running.provenance import IMMUTABLE_JOBS, read_settings, refuse_other_settings
from jobs.verification.files import jobs_of_damaged_records, version_fault
from jobs.verification.remedies import refuse, what_to_take_away
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.settings import JobName, Settings
from mineral_pipeline.workspace import Workspace, artefacts, digests, layout, ledger, newest_run


def repair(jobs: Sequence[JobName], settings: Settings, cluster_file: str, retry_failed: bool = False) -> int:
    """Make again what is damaged.

    Returns:
        0 when nothing is wrong any more; 1 when something is, or too many failed.

    Raises:
        SettingsError: no job of the settings makes what is damaged.
        WorkspaceError: the settings are not those of the workspace; something cannot be read; or as in `run.run`.
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
    unknown = jobs_of_damaged_records(workspace) - {*IMMUTABLE_JOBS}
    for job in jobs:
        if job not in unknown and (newest := newest_run(workspace, job)):
            refuse_other_settings(workspace, job, newest["settings"], read_settings(settings, job))


def _take_away(workspace: Workspace, jobs: Sequence[JobName], settings: Settings, client: Client) -> dict[str, str]:
    """Take away what is damaged, or write it again where no job does; what damage of the catalogue hid is found then.

    Returns:
        ``image_sha256`` that the ledger told of the chips that are to be acquired again, by ``chip_id``.
    """
    before: dict[str, str] = {}
    taken: list[str] = []
    faults = verify.show_faults(workspace)
    while faults:
        refuse(faults, jobs, settings)
        for fault in faults:
            if fault.shard is not None:
                before |= _digests(workspace, fault.shard)
        now = [*dict.fromkeys(map(what_to_take_away, faults))]
        for artefact in now:
            _take(workspace, artefact, settings, client)
        taken += now
        hid_more = artefacts.CATALOGUE in now or artefacts.CHIPS in now
        found = verify.find_faults(workspace) if hid_more else ()
        faults = [fault for fault in found if what_to_take_away(fault) not in taken]
        for fault in faults:
            CONSOLE.print(f"repair: {fault}")
    return before


def _take(workspace: Workspace, artefact: str, settings: Settings, client: Client) -> None:
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
