"""Look at a workspace: what is done (``status``), and whether the chip store is what the ledger says (``verify``).

    mineral-pipeline status WORKSPACE [--json]
    mineral-pipeline verify WORKSPACE

``verify`` reads every finished shard: each scene of the catalogue has one row, a chip of status ``ok`` has pixels
and every other is all fill. It changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import pandas as pd
from rich.table import Table

from jobs.progress import CONSOLE
from jobs.provenance import JOBS
from mineral_pipeline import ledger, store
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.ledger import Counts
from mineral_pipeline.workspace import CATALOGUE, CHIPS, LEDGER, Workspace


def status(url: str, as_json: bool) -> int:
    """Show counts per job; the acquisition's come from the ledger itself, so that they are true while it runs."""
    counts = job_counts(_existing(url))
    if as_json:
        CONSOLE.print_json(
            json.dumps({"workspace": url, "jobs": {job: asdict(count) for job, count in counts.items()}})
        )
        return 0
    table = Table("job", "unit", "planned", "done", "skipped", "failed", "reasons", title=url)
    for job, count in counts.items():
        reasons = ", ".join(f"{number:,} {reason}" for reason, number in count.reasons.items())
        table.add_row(
            job,
            count.unit,
            *(f"{n:,}" for n in (count.planned, count.done, count.skipped, count.failed)),
            reasons,
        )
    CONSOLE.print(table)
    return 0


def job_counts(workspace: Workspace) -> dict[str, Counts]:
    """Counts of every job that has left something, in the order of the jobs."""
    newest = {record["job"]: Counts(**record["counts"]) for record in workspace.runs()}
    if ledger.finished_shards(workspace):
        statuses = workspace.read_table(LEDGER, ["status"])["status"]
        skipped = newest["acquire"].skipped if "acquire" in newest else 0
        planned = len(workspace.read_table(CATALOGUE, ["shard"]))
        newest["acquire"] = ledger.count(statuses, planned, skipped)
    return {job: newest[job] for job in JOBS if job in newest}


def verify(url: str) -> int:
    """Audit the chip store; 1 when a fault was found."""
    workspace = _existing(url)
    finished = ledger.finished_shards(workspace)
    found = list(faults(workspace))
    for fault in found:
        CONSOLE.print(f"verify: {fault}")
    CONSOLE.print(f"verify: {len(finished):,} finished shards, {len(found):,} faults")
    return 1 if found else 0


def faults(workspace: Workspace) -> Iterator[str]:
    """Every way in which the finished shards are not what the ledger and the catalogue say."""
    catalogue = workspace.read_table(CATALOGUE, ["product_id", "shard"])
    images = store.open_images(workspace)
    if len(catalogue) != images.shape[0]:
        yield f"{CHIPS} holds {images.shape[0]} chips, {CATALOGUE} {len(catalogue)} scenes: remove both and start again"
    for shard in ledger.finished_shards(workspace):
        name = ledger.part_name(shard)
        try:
            part = workspace.read_table(name, ["chip", "product_id", "status"])
        except WorkspaceError as error:
            yield str(error)
            continue
        wanted = catalogue.index[catalogue["shard"] == shard]
        if (
            part["chip"].tolist() != wanted.tolist()
            or part["product_id"].tolist() != catalogue["product_id"][wanted].tolist()
        ):
            yield f"{name}: its rows are not the catalogue's scenes of shard {shard}: remove it and run acquire again"
            continue
        pixels = np.asarray(images[wanted[0] : wanted[-1] + 1]).reshape(len(wanted), -1)
        yield from _pixel_faults(part, pixels.max(axis=1) > 0, name)


def _pixel_faults(part: pd.DataFrame, has_pixels: np.ndarray, name: str) -> Iterator[str]:
    wrong = part[(part["status"] == ledger.State.OK) != has_pixels]
    for chip, product_id, state in zip(wrong["chip"], wrong["product_id"], wrong["status"], strict=True):
        pixels = "has no pixels" if state == ledger.State.OK else "has pixels"
        yield f"{name}: chip {chip} ({product_id}) is {state} but {pixels}: remove the part and run acquire again"


def _existing(url: str) -> Workspace:
    workspace = Workspace(url)
    if not workspace.exists(CATALOGUE):
        raise WorkspaceError(f"{url}: no catalogue there: is it a workspace? `mineral-pipeline run` makes one")
    return workspace
