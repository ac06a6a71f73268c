"""What is removed or damaged is made again by the next run or by repair, with what depends on it, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from small_demo import DEMO, demo_overrides
from test_verify import cut, flip, take_the_place_of_another

from jobs import run as run_module
from jobs.__main__ import main
from jobs.verify import find_faults
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
        # so few locations, and fewer where scenes are lost, leave a subset of blocks without a class
        anywhere = "curate.split=buckets", "curate.max_leakage=1"
        sets = [text for change in [*demo_overrides(planet), JOBS, *anywhere] for text in ("--set", change)]
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


Repair = Callable[..., int]


@pytest.fixture
def repair(planet: Path, copy: Workspace) -> Repair:
    """Repair the copy with some jobs, and return the exit status."""

    def call(jobs: str, *options: str) -> int:
        sets = [text for change in [*demo_overrides(planet), f"jobs=[{jobs}]"] for text in ("--set", change)]
        given = ("--workspace", copy.url, "--cluster", "threads")
        return main(["repair", str(DEMO), *given, *sets, "--set", "max_failed_fraction=0.2", *options])

    return call


def hurt(workspace: Workspace) -> dict[str, bytes]:
    """Damage the catalogue, the store, some shards and ledger parts in every way; returns all files as they were."""
    files = {name: workspace.read_bytes(name) for name in files_of(workspace)}
    group, shard = f"{artefacts.CHIPS}/zarr.json", f"{artefacts.CHIPS}/image/c/{{}}/0/0/0"
    for name in (artefacts.CATALOGUE, artefacts.WORKSPACE_FILE, group, shard.format(1), artefacts.ledger_part(2)):
        flip(Path(workspace.path(name)))
    take_the_place_of_another(Path(workspace.path(shard.format(3))))
    workspace.remove(shard.format(5))
    cut(Path(workspace.path(shard.format(6))))
    return files


def files_of(workspace: Workspace) -> list[str]:
    tops = (artefacts.CATALOGUE, artefacts.CHIPS, artefacts.WORKSPACE_FILE)
    return [name for top in tops for name in [*(f"{top}/{file}" for file in workspace.sizes(top)), top]
            if workspace.is_file(name)]  # fmt: skip


def test_damaged_chips_are_acquired_again_and_no_others_also_after_a_repair_that_was_stopped(
    repair: Repair, copy: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*arguments: object) -> int:
        raise KeyboardInterrupt

    files = hurt(copy)
    with monkeypatch.context() as patch:
        patch.setattr(run_module, "run_jobs", stop)
        assert repair("catalogue,acquire") == 130
    assert repair("catalogue,acquire") == 0
    out = capsys.readouterr().out
    assert "acquire    50 scenes: 15 done, 35 skipped, 0 failed" in out
    assert "is another than before" not in out
    assert {name: copy.read_bytes(name) for name in files_of(copy)} == files
    assert list(find_faults(copy)) == []


def test_other_settings_touch_nothing(repair: Repair, copy: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert repair("catalogue,acquire") == 0
    flip(Path(copy.path(f"{artefacts.CHIPS}/image/c/1/0/0/0")))
    files = {name: copy.read_bytes(name) for name in files_of(copy)}
    capsys.readouterr()
    assert repair("catalogue,acquire", "--set", "acquire.method=sampling") == 2
    assert "acquire.method was 'rescale' and is 'sampling' now" in capsys.readouterr().err
    assert repair("label") == 2
    assert "image/c/1/0/0/0 is damaged" in (err := capsys.readouterr().err)
    assert "no job of these settings makes it" in err
    assert {name: copy.read_bytes(name) for name in files_of(copy)} == files


def test_an_absent_workspace_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["repair", str(DEMO), "--workspace", str(tmp_path / "w"), "--cluster", "threads"]) == 2
    assert "nothing there: is it a workspace?" in capsys.readouterr().err
    assert not (tmp_path / "w").exists()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")
def test_each_artefact_is_made_again_by_its_job_alone(
    planet: Path, copy: Workspace, repair: Repair, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = "catalogue,acquire,label,curate,train,tune,evaluate,prospect,report"
    one_task = "--set", "tasks=[presence]"
    assert repair(jobs, *one_task) == 0
    store, model = artefacts.samples_store("presence", "train"), artefacts.model("presence", "small-small-s0")
    models = ["train", "tune", "evaluate", "prospect"]  # what is ranked depends on the evaluation of all models
    for name, redone in (
        (f"{store}/image/c/0/0/0/0", ["curate"]),
        (artefacts.samples_table("presence"), ["curate"]),
        (artefacts.DEPOSITS, ["label"]),
        (artefacts.labels_part(0), ["label"]),
        (artefacts.PROSPECTS_STYLE, ["prospect"]),
        (artefacts.evaluation_metrics("presence"), ["evaluate"]),
        (f"{model}/{artefacts.MODEL_NETWORK}", models),
        (artefacts.figure("split"), []),
    ):
        flip(Path(copy.path(name)))
        assert [fault.artefact for fault in find_faults(copy)] == [name]
        capsys.readouterr()
        assert repair(jobs, *one_task) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines if "is done again" in line] == redone, name
        trained = [line for line in lines if line.startswith("train ") and " models: " in line][-1]
        assert f"models: {'1' if 'train' in redone else '0'} done" in trained
