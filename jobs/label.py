"""Label the chips: which known deposits are inside which footprint.

    mineral-pipeline label demo

Reads the deposit tables of the settings and ``chips.parquet`` (status ``ok``). Writes ``deposits.parquet``, the
deposits without duplicates; ``barren.parquet``, explored places without a deposit, where the settings have such;
``deposits.json``, which rows were left out for which reason, with examples, and counts of the deposits; and
``labels.parquet/part-NNNNN.parquet``: per chip its deposits, its richness, whether it holds a large open mine, whether
it is surely barren, counts per commodity and group, and targets of tasks about one. The ledger has the catalogue's
order: a partition of consecutive parts holds all scenes of most of its locations; deposits are sent to a worker once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
from distributed import Client, Future

from jobs.running.plan import Plan
from jobs.running.progress import CONSOLE, Progress
from jobs.running.tasks import Tasks, collect, compute, share, submit
from mineral_pipeline import labelling
from mineral_pipeline.errors import DataError, SettingsError
from mineral_pipeline.settings import Label, Settings
from mineral_pipeline.workspace import Counts, Workspace, artefacts, ledger

NO_POLYGON = "footprints that are no polygon"


def plan(settings: Settings) -> Plan:
    """Plan one label for every chip whose status is ``ok``."""
    config = _config(settings)
    labelling.choose_groups(config.groups)  # refuses unknown ones
    chips, paths = _count_usable_chips(Workspace(settings.workspace)), ", ".join(file.path for file in config.deposits)
    size = labelling.partition_bytes(chips / config.partitions, deposits=100_000) / 1e6
    memory = f"about {size:,.0f} MB with 100,000 deposits, beside the program's own; label.partitions sets it"
    details = {"deposits": paths, "partitions": str(config.partitions), "memory of a task": memory}
    return Plan(Counts("chips", planned=chips), details)


def main(settings: Settings, client: Client) -> Counts:
    """Label every chip whose status is ``ok``."""
    workspace, config = Workspace(settings.workspace), _config(settings)
    planned = _count_usable_chips(workspace)
    known = labelling.hide(labelling.read_deposits(config.deposits, config.merge_km, config.encoding), config.hidden)
    barren = labelling.read_barren(config.barren, config.encoding) if config.barren else None
    groups = labelling.choose_groups(config.groups)
    empty, subjects = barren.table if barren else None, settings.subjects
    deposits = labelling.choose_deposits(known.table, config.commodities, groups, empty, subjects[1:])
    workspace.remove(artefacts.LABELS)
    workspace.remove(artefacts.BARREN)
    workspace.write_table(artefacts.DEPOSITS, known.table)
    workspace.write_json(artefacts.DEPOSITS_REPORT, known.report() | ({"barren": barren.reading()} if barren else {}))
    _report(known, "deposits")
    if barren:
        workspace.write_table(artefacts.BARREN, barren.table)
        _report(barren, "explored places without a deposit")
    with Progress("label", "chips", planned) as progress:
        shared = share(client, "label", "deposits", deposits)  # held until the end: a count that failed needs it again
        counts = list(_count(client, workspace, shared, labelling.empty_counts(deposits), config.partitions))
        maxima, broken = zip(*(result.value for result in collect(_summarise(client, counts, subjects))), strict=True)
        largest = dict(zip(subjects, np.max(maxima, axis=0).tolist(), strict=True))
        for result in collect(_write(client, workspace, counts, largest, config.min_deposits)):
            progress.advance(done=result.value)
    reasons = {f"deposit rows {reason}": rows for reason, rows in known.rejected.items()}
    reasons |= _report_footprints(broken)
    return Counts("chips", planned=planned, done=progress.done, reasons=reasons)


def _count(client: Client, workspace: Workspace, deposits: Future, meta: pd.DataFrame, partitions: int) -> Tasks:
    """First step: consecutive parts of the ledger -> chips -> partitions of counts, which stay on the workers.

    Args:
        client: client of the cluster.
        workspace: the workspace.
        deposits: deposits on the workers.
        meta: empty partition of counts.
        partitions: number of partitions.
    """
    groups = np.array_split(ledger.finished_shards(workspace), partitions)
    shards = [group.tolist() for group in groups if len(group)]
    chips = dd.from_map(labelling.read_chips, shards, workspace=workspace, meta=labelling.EMPTY_CHIPS)
    counts = chips.map_partitions(labelling.count_deposits, deposits, meta=meta).to_delayed()
    return compute(client, "label", counts, [f"count-{number:03d}" for number in range(len(counts))])


def _summarise(client: Client, counts: Sequence[Future], subjects: Sequence[str]) -> Tasks:
    """Between the steps: counts -> largest count of each subject, and footprints that are no polygon, per partition."""
    calls = {f"summarise-{number:03d}": (part, subjects) for number, part in enumerate(counts)}
    return submit(client, "label", labelling.summarise_counts, calls)


def _write(client: Client, workspace: Workspace, counts: Sequence[Future], *limits: Any) -> Tasks:
    """Second step: counts -> labels, one part per partition; ``limits`` are the largest counts and min_deposits."""
    calls = {f"write-{number:03d}": (part, number, *limits, workspace) for number, part in enumerate(counts)}
    return submit(client, "label", labelling.write_labels, calls)


def _report(known: labelling.DepositTable, what: str) -> None:
    """Print what was read, left out, merged and converted."""
    merged = f", {known.merged:,} repeated rows merged" if known.merged else ""
    merged += f", {known.hidden:,} hidden" if known.hidden else ""
    open_mines = int(known.table["open_mine"].sum()) if "open_mine" in known.table else 0
    mines = f", {open_mines:,} of them large open mines" if open_mines else ""
    CONSOLE.print(f"label      {sum(known.rows.values()):,} rows: {len(known.table):,} {what}{merged}{mines}")
    for reason, rows in known.rejected.items():
        example = known.examples[reason][0]
        name = example["name"] or example["id"] or "unnamed"
        position = f"{example['latitude']!r}, {example['longitude']!r}"
        where = f"{example['file']} row {example['row']}, {name}: {position}"
        CONSOLE.print(f"           {rows:,} rows {reason} left out, as {where}")
    for file, encoding in known.encodings.items():
        if encoding != "utf-8":
            CONSOLE.print(f"           {file} is read as {encoding}: label.encoding gives another encoding")
    for text in [*(f"{file}: {text}" for file, told in known.remarks.items() for text in told), *known.conversions]:
        CONSOLE.print(f"           {text}", markup=False)


def _report_footprints(broken: Sequence[Mapping[str, list[str]]]) -> dict[str, int]:
    """Name the footprints that are no polygons, which hold no deposits, and count them by reason."""
    chips: dict[str, list[str]] = {}
    for partition in broken:
        for reason, chip_ids in partition.items():
            chips.setdefault(reason, []).extend(chip_ids)
    for reason, chip_ids in chips.items():
        CONSOLE.print(f"           {NO_POLYGON} ({reason}): {len(chip_ids):,}, as that of {chip_ids[0]}")
    return {f"{NO_POLYGON}: {reason}": len(chip_ids) for reason, chip_ids in chips.items()}


def _count_usable_chips(workspace: Workspace) -> int:
    """Return the number of chips to label; there being none is a `DataError`."""
    outcomes = ledger.read(workspace, ["scene_id", "status"])
    count = int((outcomes["status"] == ledger.State.OK).sum())
    if not count:
        uri, n_scenes = workspace.uri(artefacts.LEDGER), outcomes["scene_id"].nunique()
        raise DataError(f"{uri}: none of {n_scenes:,} scenes is ok: see its reasons, repair the archive, acquire again")
    return count


def _config(settings: Settings) -> Label:
    if settings.label is None:
        raise SettingsError("label: the section label is absent: name the deposit tables in label.deposits")
    return settings.label
