"""What is repaired, removed or damaged is made again by the next run, with what depends on it, and nothing else is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from small_demo import DEMO, demo_overrides

from jobs.__main__ import main
from mineral_pipeline.workspace import Workspace, artefacts, ledger

JOBS = "jobs=[acquire,label,curate]"
LOST = 6
Run = Callable[..., dict[str, str]]


@pytest.fixture
def copy(planet: Path, tmp_path: Path) -> Workspace:
    """The acquired planet."""
    shutil.copytree(planet / "workspace", tmp_path / "workspace")
    return Workspace(str(tmp_path / "workspace"))


@pytest.fixture
def run(planet: Path, copy: Workspace, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run jobs on it, and return the last line of each."""

    def call(*options: str) -> dict[str, str]:
        sets = [text for change in [*demo_overrides(planet), JOBS] for text in ("--set", change)]
        given = ("--workspace", copy.url, "--cluster", "threads")
        assert main(["run", str(DEMO), *given, *sets, "--set", "max_failed_fraction=0.2", *options]) == 0
        lines = capsys.readouterr().out.splitlines()
        return {
            "again": "\n".join(line for line in lines if "is done again" in line),
            **{line.split()[0]: line for line in lines if " skipped, " in line},
        }

    return call


def lose_scenes(workspace: Workspace) -> None:
    """Write into the ledger that the archive did not have some scenes."""
    for shard in range(LOST):
        rows = workspace.read_table(artefacts.ledger_part(shard)).to_dict("records")
        outcomes = [ledger.Outcome(**{**row, "status": ledger.State(row["status"])}) for row in rows]
        outcomes[0] = replace(outcomes[0], status=ledger.State.MISSING, geometry=None, sha256="")
        ledger.write_part(workspace, shard, outcomes)


def test_scenes_that_come_back_are_labelled_and_curated(run: Run, copy: Workspace) -> None:
    scenes = len(copy.read_table(artefacts.CATALOGUE, ["scene_id"]))
    lose_scenes(copy)
    assert f"{scenes - LOST} chips: {scenes - LOST} done" in run()["label"]

    lines = run("--retry-failed")
    assert f"{LOST * 3} done, {scenes - LOST * 3} skipped, 0 failed" in lines["acquire"]
    assert f"{scenes} chips: {scenes} done, 0 skipped" in lines["label"]
    assert " 0 skipped" in lines["curate"]
    assert lines["again"].splitlines() == [
        "label      is done again: chips.parquet has changed",
        "curate     is done again: chips.parquet has changed",
    ]
    assert len(copy.read_table(artefacts.samples_table("presence"), ["chip_id"])) == scenes


@pytest.mark.slow
def test_what_is_removed_or_truncated_is_made_again(run: Run, copy: Workspace) -> None:
    run()
    part, chunk = artefacts.labels_part(1), f"{artefacts.samples_store('richness', 'train')}/image/c/0/0/0/0"
    for damage, redone, says in (
        (part, "label", f"{part} has changed"),
        (artefacts.DEPOSITS, "label", f"{artefacts.DEPOSITS} is gone"),
        (chunk, "curate", f"{artefacts.samples_store('richness', 'train')} has changed"),
    ):
        whole = copy.read_bytes(damage)
        copy.remove(damage)
        if damage == part:
            copy.write_bytes(damage, whole[: len(whole) // 2])
        lines = run()
        assert [job for job in ("label", "curate") if " 0 skipped" in lines[job]] == [redone]
        assert lines["again"] == f"{redone:<10} is done again: {says}"
        assert copy.exists(damage)
