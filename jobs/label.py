"""Label the chips: which known deposits lie inside which footprint.

    mineral-pipeline label jobs/settings/demo.yaml

Reads the deposit tables of the settings and ``chips.parquet`` (status ``ok``). Writes ``deposits.parquet``, the
deposits with duplicates merged; ``deposits.json``, which rows were left out and why, with examples, and what the
deposits hold; and ``labels.parquet/part-NNNNN.parquet``: per chip its deposits, its richness, whether it holds a
large open mine, and counts per commodity and group. The ledger follows the catalogue's order, by path and row, so
that a partition of consecutive parts holds whole places; the deposits are scattered once.
"""

from __future__ import annotations

from typing import Any

import dask
import dask.dataframe as dd
import numpy as np
from distributed import Client

from jobs.running.plan import Plan
from jobs.running.progress import CONSOLE, Progress
from jobs.running.tasks import collect
from mineral_pipeline import labelling
from mineral_pipeline.errors import DataError, SettingsError
from mineral_pipeline.settings import Label, Settings
from mineral_pipeline.workspace import Workspace, artefacts, ledger
from mineral_pipeline.workspace.counts import Counts


def plan(settings: Settings) -> Plan:
    """One label for every chip whose status is ``ok``."""
    wanted = _wanted(settings)
    labelling.choose_groups(wanted.groups)  # refuses unknown ones
    details = {"deposits": ", ".join(wanted.deposits), "partitions": str(wanted.partitions)}
    return Plan(Counts("chips", planned=_usable_chips(Workspace(settings.workspace))), details)


def main(settings: Settings, client: Client) -> Counts:
    """Label every chip whose status is ``ok``."""
    workspace, wanted = Workspace(settings.workspace), _wanted(settings)
    planned = _usable_chips(workspace)
    known = labelling.read_deposits(wanted.deposits, wanted.merge_km)
    deposits = labelling.choose_deposits(known.table, wanted.commodities, labelling.choose_groups(wanted.groups))
    workspace.remove(artefacts.LABELS)
    workspace.write_table(artefacts.DEPOSITS, known.table)
    workspace.write_json(artefacts.DEPOSITS_REPORT, known.report())
    _report(known)
    with Progress("label", "chips", planned) as progress:
        counts = _count(client, workspace, deposits, wanted.partitions)
        most, unusable = dask.compute(counts["n_deposits"].max(), (~counts["usable"]).sum())
        for written in collect(_write(client, workspace, counts, int(most), wanted.min_deposits)):
            progress.advance(done=written)
    reasons = {f"deposit rows {reason}": rows for reason, rows in known.rejected.items()}
    if unusable:
        reasons["footprints that are no convex polygon"] = int(unusable)
    return Counts("chips", planned=planned, done=progress.done, reasons=reasons)


def _count(client: Client, workspace: Workspace, deposits: labelling.Deposits, partitions: int) -> Any:
    """First step: consecutive parts of the ledger -> chips -> counts, kept on the workers."""
    runs = np.array_split(ledger.finished_shards(workspace), partitions)
    shards = [run.tolist() for run in runs if len(run)]
    chips = dd.from_map(labelling.read_chips, shards, workspace=workspace, meta=labelling.CHIPS)
    scattered = client.scatter(deposits, broadcast=True)
    meta = labelling.empty_counts(deposits)
    return chips.map_partitions(labelling.count_deposits, scattered, meta=meta).persist()


def _write(client: Client, workspace: Workspace, counts: Any, most: int, floor: int) -> list[Any]:
    """Second step, when the largest count of all is known: counts -> labels, one part per partition."""
    write = dask.delayed(labelling.write_labels, pure=False)
    parts = [write(part, number, most, floor, workspace) for number, part in enumerate(counts.to_delayed())]
    return list(client.compute(parts))


def _report(known: labelling.DepositTable) -> None:
    merged = f", {known.merged:,} repeated rows merged" if known.merged else ""
    mines = f", {known.table['open_mine'].sum():,} of them large open mines" if known.table["open_mine"].any() else ""
    CONSOLE.print(f"label      {sum(known.rows.values()):,} rows: {len(known.table):,} deposits{merged}{mines}")
    for reason, rows in known.rejected.items():
        one = known.examples[reason][0]
        where = f"{one['file']} row {one['row']}, {one['name'] or one['id'] or 'unnamed'}"
        CONSOLE.print(
            f"           {rows:,} rows {reason} left out, as {where}: {one['latitude']!r}, {one['longitude']!r}"
        )
    for conversion in known.conversions:
        CONSOLE.print(f"           {conversion}")


def _usable_chips(workspace: Workspace) -> int:
    """How many chips there are to label.

    Raises:
        DataError: there is none.
    """
    status = workspace.read_table(artefacts.LEDGER, ["status"])["status"]
    count = int((status == ledger.State.OK).sum())
    if not count:
        link = workspace.uri(artefacts.LEDGER)
        raise DataError(
            f"{link}: none of {len(status):,} scenes is ok: see its reasons, mend the archive, acquire again"
        )
    return count


def _wanted(settings: Settings) -> Label:
    if settings.label is None:
        raise SettingsError("label: the section label is absent: name the deposit tables in label.deposits")
    return settings.label
