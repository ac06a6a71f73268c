"""Run jobs in order on one cluster, and say at the end what came out.

mineral-pipeline run demo [--cluster local] [--set train.epochs=5] [--plan]
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from distributed import Client
from rich.table import Table

from jobs import acquire
from jobs.curation.exclusion import check_exclusions
from jobs.prospecting.layers import read_layers
from jobs.prospecting.truth import find_undiscovered
from jobs.running import dashboard, feasibility, preflight, runner, workers
from jobs.running.connection import connected
from jobs.running.progress import CONSOLE
from jobs.running.status import show_ignored_runs
from jobs.running.summary import summary, too_many_failed
from mineral_pipeline import curation, labelling, modelling
from mineral_pipeline.errors import MineralPipelineError, SettingsError
from mineral_pipeline.settings import JobName, Settings
from mineral_pipeline.workspace import Workspace, layout


def run(jobs: Sequence[JobName], settings: Settings, cluster_file: str, retry_failed: bool = False) -> int:
    """Run ``jobs``, the only run on the workspace; stop at the first that fails more than the settings allow.

    Returns:
        0, or 1 after too many failures.

    Raises:
        WorkspaceError: another run uses the workspace, this run has lost its lease, or the format is another one.
        ClusterError: the cluster cannot be reached, or is lost; or it is one of this machine and TensorFlow is absent.
        DataError: a job cannot succeed with the scenes that the catalogue holds.
        KeyboardInterrupt: on SIGINT, and on the SIGTERM that batch systems send.
    """
    workspace = Workspace(settings.workspace)
    layout.check_version(workspace)
    preflight.check_tensorflow(jobs, cluster_file)
    with connected(workspace, cluster_file) as client:
        return run_jobs(jobs, settings, client, retry_failed)


def run_jobs(jobs: Sequence[JobName], settings: Settings, client: Client, retry_failed: bool = False) -> int:
    """Run ``jobs`` on workers that can do them; show what came out. Returns as `run` does."""
    workspace = Workspace(settings.workspace)
    with dashboard.keeping_marks(), preflight.passed(jobs, settings, client):
        layout.write_version(workspace)
        show_ignored_runs(workspace)
        CONSOLE.print(f"workspace  {settings.workspace}\ndashboard  {client.dashboard_link or 'off'}")
        for job in jobs:
            feasibility.refuse_hopeless(jobs, job, settings)
            preflight.announce(job, settings, client)
            main = partial(acquire.main, retry_failed=retry_failed) if job == "acquire" else None
            counts = runner.execute(job, settings, client, main)
            if counts.failed_fraction > settings.max_failed_fraction:
                CONSOLE.print(too_many_failed(job, counts, settings))
                return 1
    outcome = summary(workspace, find_undiscovered(settings))
    if outcome.row_count:
        CONSOLE.print(outcome)
    return 0


def show_preflight(jobs: Sequence[JobName], settings: Settings, cluster_file: str) -> int:
    """Examine the workers of a cluster for ``jobs``, and show what was found.

    Returns:
        0, or 2 when a worker is unfit.

    Raises:
        WorkspaceError: a run uses the workspace, or its format is another one.
        ClusterError: the cluster cannot be reached, has no worker, or none that offers a GPU though ``jobs`` need one.
    """
    workspace = Workspace(settings.workspace)
    layout.check_version(workspace)
    with connected(workspace, cluster_file) as client:
        workers.wait_for_first(client)
        with preflight.examined(jobs, settings, client, imports=True) as found:
            CONSOLE.print(preflight.table(found))
            preflight.require_gpu(jobs, client)
    return 2 if any(one.faults for one in found) else 0


def check_names(jobs: Sequence[JobName], settings: Settings) -> None:
    """Refuse names in the settings that nothing is known by, before any job starts.

    Raises:
        SettingsError: an unknown split, region, network or commodity, bands that do not show snow, or a layer that
            cannot be read; the message lists the known.
        DataError: such a layer is empty.
    """
    listed = settings.label.commodities if settings.label else 0
    for task in settings.tasks:
        labelling.check_task(task, [] if isinstance(listed, int) else listed)
    if settings.curate is not None:
        curation.find_split(settings.curate.split)
        check_exclusions(settings)
        if "curate" in jobs:  # the others do not need the file of the regions
            curation.check_test_regions(settings.curate)
    if "prospect" in jobs or "backtest" in jobs:
        read_layers(settings)  # before networks are trained for hours
    modelling.check_networks(settings)


def show_plan(jobs: Sequence[JobName], settings: Settings) -> int:
    """Show what each job would do, as far as that is known before earlier jobs have run.

    Raises:
        SettingsError: a job would refuse the settings.
        ArchiveError: the archive cannot be read, or no job makes it.
        DataError: it holds no scene that the settings ask for.
    """
    layout.check_version(Workspace(settings.workspace))
    table = Table("job", "planned", "skipped", "more", title=f"plan for {settings.workspace}")
    for job in jobs:
        try:
            plan = runner.load_job(job).plan(settings)
        except SettingsError:
            raise
        except MineralPipelineError as error:
            if job == "catalogue" and "simulate" not in jobs:  # no earlier job will change it
                raise
            table.add_row(job, "?", "", f"not known yet: {error}")
            continue
        more = "\n".join(f"{name}: {value}" for name, value in plan.details.items())
        table.add_row(job, f"{plan.counts.planned:,} {plan.counts.unit}", f"{plan.counts.skipped:,}", more)
    CONSOLE.print(table)
    remarks = (
        look(jobs, settings) for look in (feasibility.find_obstacle, feasibility.find_rare, feasibility.find_doubt)
    )
    if remark := next(filter(None, remarks), ""):
        CONSOLE.print(remark)
    return 0
