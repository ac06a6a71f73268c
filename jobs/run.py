"""Run jobs in order on one cluster, and say at the end what came out.

mineral-pipeline run jobs/settings/demo.yaml [--cluster local] [--set train.epochs=5] [--plan]
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from rich.table import Table

import cluster
from jobs import acquire
from jobs.running import dashboard, runner
from jobs.running.progress import CONSOLE
from jobs.running.summary import summary
from mineral_pipeline import curation, modelling
from mineral_pipeline.errors import MineralPipelineError, SettingsError
from mineral_pipeline.settings import JobName, Settings
from mineral_pipeline.workspace import Counts, Workspace, layout, lock


def run(jobs: Sequence[JobName], settings: Settings, cluster_file: str, retry_failed: bool = False) -> int:
    """Run ``jobs``, the only run on the workspace; stop at the first that fails more than the settings allow.

    Returns:
        0, or 1 after too many failures.

    Raises:
        WorkspaceError: another run uses the workspace, this run has lost its lease, or the format is another one.
        ClusterError: the cluster cannot be reached, or is lost.
        KeyboardInterrupt: on SIGINT, and on the SIGTERM that batch systems send.
    """
    workspace = Workspace(settings.workspace)
    layout.check_version(workspace)
    with (
        _stoppable() as stop,
        lock.acquire(workspace, stop, CONSOLE.print, lock.LEASE_S),
        cluster.connect(cluster_file, stop) as client,
        dashboard.keeping_marks(),
    ):
        layout.write_version(workspace)
        CONSOLE.print(f"workspace  {settings.workspace}\ndashboard  {client.dashboard_link or 'off'}")
        for job in jobs:
            main = partial(acquire.main, retry_failed=retry_failed) if job == "acquire" else None
            counts = runner.execute(job, settings, client, main)
            if counts.failed_fraction > settings.max_failed_fraction:
                CONSOLE.print(_too_many(job, counts, settings))
                return 1
    outcome = summary(workspace)
    if outcome.row_count:
        CONSOLE.print(outcome)
    return 0


@contextmanager
def _stoppable() -> Iterator[Callable[[MineralPipelineError], None]]:
    """A block that SIGTERM ends as Ctrl-C does, and that other threads can end with an error."""
    reasons: list[MineralPipelineError] = []
    main = threading.main_thread().ident or 0

    def stop(reason: MineralPipelineError) -> None:
        reasons.append(reason)
        # The signal wakes the main thread from whatever it waits for; SIGINT may be ignored, as under nohup.
        signal.pthread_kill(main, signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield stop
    except KeyboardInterrupt:
        if reasons:
            raise reasons[0] from None
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def check_registered_names(settings: Settings) -> None:
    """Refuse names in the settings that nothing is registered under, before any job starts.

    Raises:
        SettingsError: an unknown split or network; the message lists the known ones.
    """
    if settings.curate is not None:
        curation.find_split(settings.curate.split)
    modelling.check_networks(settings)


def show_plan(jobs: Sequence[JobName], settings: Settings) -> int:
    """Show what each job would do, as far as that is known before earlier jobs have run.

    Raises:
        SettingsError: a job would refuse the settings.
    """
    layout.check_version(Workspace(settings.workspace))
    table = Table("job", "planned", "skipped", "more", title=f"plan for {settings.workspace}")
    for job in jobs:
        try:
            plan = runner.load_job(job).plan(settings)
        except SettingsError:
            raise
        except MineralPipelineError as error:
            table.add_row(job, "?", "", f"not known yet: {error}")
            continue
        more = "\n".join(f"{name}: {value}" for name, value in plan.details.items())
        table.add_row(job, f"{plan.counts.planned:,} {plan.counts.unit}", f"{plan.counts.skipped:,}", more)
    CONSOLE.print(table)
    return 0


def _too_many(job: str, counts: Counts, settings: Settings) -> str:
    reasons = ", ".join(f"{number:,} {reason}" for reason, number in counts.reasons.items())
    return (
        f"{job}: {counts.failed:,} of {counts.planned:,} {counts.unit} failed ({reasons}), more than"
        f" max_failed_fraction = {settings.max_failed_fraction:g} allows: fix the cause, then run again"
        + (" with --retry-failed" if job == "acquire" else "")
    )
