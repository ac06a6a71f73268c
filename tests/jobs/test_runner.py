"""When a job is done, what a change redoes, and what may not change."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shapely
from distributed import Client

from jobs.running import provenance, runner
from jobs.running.dependencies import DEPENDENCIES
from mineral_pipeline import settings as reader
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.settings import JobName, Settings
from mineral_pipeline.workspace import Workspace, artefacts, last_run, layout, ledger
from mineral_pipeline.workspace.counts import Counts


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Settings]:
    """Settings with changes, ``section__key=value``."""
    (tmp_path / "deposits.csv").write_text("site_name,latitude,longitude\n")
    (tmp_path / "land.geojson").write_text("{}")

    def build(**changes: Any) -> Settings:
        content: dict[str, Any] = {
            "workspace": str(tmp_path / "workspace"),
            "archive": {"url": "archive"},
            "label": {"deposits": [str(tmp_path / "deposits.csv")]},
            "curate": {"land": str(tmp_path / "land.geojson")},
        }
        for name, value in changes.items():
            section, _, key = name.partition("__")
            content.setdefault(section, {})[key] = value
        return reader.parse(content)

    return build


LABELS = f"{artefacts.LABELS}/part-00000.parquet"


class Main:
    """A job's main that leaves an output and counts its calls."""

    def __init__(self, output: str = LABELS, failed: int = 0) -> None:
        self.output = output
        self.failed = failed
        self.calls = 0

    def __call__(self, settings: Settings, client: Client) -> Counts:
        self.calls += 1
        Workspace(settings.workspace).write_bytes(self.output, b"made")
        return Counts("models", planned=300, done=300 - self.failed, failed=self.failed, reasons={})


def test_a_done_job_is_skipped(make: Callable[..., Settings], client: Client) -> None:
    main = Main()

    first = runner.execute("label", make(), client, main)
    second = runner.execute("label", make(), client, main)

    assert main.calls == 1
    assert (first.done, first.skipped) == (300, 0)
    assert (second.done, second.skipped, second.failed) == (0, 300, 0)


@pytest.mark.parametrize("failed", [1, 300])
def test_a_failure_is_no_result(
    make: Callable[..., Settings], client: Client, capsys: pytest.CaptureFixture[str], failed: int
) -> None:
    main = Main(artefacts.model("presence", "small-small-s0", artefacts.MODEL_METRICS), failed)
    runner.execute("train", make(), client, main)
    main.failed = 0
    capsys.readouterr()

    assert runner.execute("train", make(), client, main).done == 300
    assert ("is done again: 1 models failed" in capsys.readouterr().out) == (failed == 1), "300 are too many to be done"
    assert runner.execute("train", make(), client, main).skipped == 300
    assert main.calls == 2


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda w: w.remove(artefacts.LABELS), f"{LABELS} is gone"),
        (lambda w: w.remove(LABELS), f"{LABELS} is gone"),
        (lambda w: w.write_bytes(LABELS, b"mad"), f"{LABELS} has changed"),
        (lambda w: w.write_bytes(artefacts.DEPOSITS, b"new"), f"{artefacts.DEPOSITS} is new"),
    ],
)
def test_a_job_whose_output_is_not_as_it_was_left_runs_again(
    make: Callable[..., Settings],
    client: Client,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Workspace], None],
    says: str,
) -> None:
    main = Main()
    runner.execute("label", make(), client, main)
    damage(Workspace(make().workspace))

    runner.execute("label", make(), client, main)
    assert main.calls == 2
    assert f"label      is done again: {says}" in capsys.readouterr().out
    runner.execute("label", make(), client, main)
    assert main.calls == 2


def test_a_job_of_an_earlier_version_that_made_less_is_done_again(
    make: Callable[..., Settings],
    client: Client,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    main, settings = Main(artefacts.samples_table("presence")), make(curate__folds=2)
    settings = settings.model_copy(update={"jobs": ["curate"]})
    now = DEPENDENCIES["curate"]
    then = replace(now, writes=lambda s: [name for name in now.writes(s) if name != artefacts.FOLDS])
    with monkeypatch.context() as earlier:
        earlier.setitem(DEPENDENCIES, "curate", then)
        runner.execute("curate", settings, client, main)
        assert runner.execute("curate", settings, client, main).skipped == 300
    assert runner.execute("curate", settings, client, main).done == 300
    said = " ".join(capsys.readouterr().out.split())
    assert f"{artefacts.FOLDS} is asked for now" in said
    assert runner.execute("curate", settings, client, main).skipped == 300


def test_without_folds_no_job_reads_or_makes_anything_of_one(make: Callable[..., Settings]) -> None:
    for folds in (None, 3):
        found = make(curate__folds=folds)
        names = [name for job in DEPENDENCIES.values() for name in [*job.reads(found), *job.writes(found)]]
        assert {name for name in names if "fold" in name and artefacts.sample_set("", 3) in name} == set()
        assert any("fold" in name for name in names) is (folds == 3)


def test_a_changed_input_file_runs_the_job_again(
    make: Callable[..., Settings], client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    main, settings = Main(), make()
    runner.execute("label", settings, client, main)
    assert settings.label is not None
    (deposits,) = settings.label.deposits
    Path(deposits.path).write_text("site_name,latitude,longitude\nnew,1,2\n")

    runner.execute("label", settings, client, main)
    assert main.calls == 2
    assert f"is done again: {deposits.path} has changed" in capsys.readouterr().out


def outcome(chip: int, state: ledger.State, **facts: Any) -> ledger.Outcome:
    name = f"LT04_{chip}"
    shape = shapely.box(chip, 0, chip + 1, 1) if state is ledger.State.OK else None
    return ledger.Outcome(name, name, "010010", chip, name, state, geometry=shape, **facts)


def test_a_job_runs_again_when_the_artefacts_that_it_reads_hold_something_else(
    make: Callable[..., Settings], client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    main, settings = Main(), make()
    workspace = Workspace(settings.workspace)
    layout.write_version(workspace)
    ok, lost = outcome(0, ledger.State.OK, sha256="a", seconds=1.0), outcome(1, ledger.State.MISSING)
    ledger.write_part(workspace, 0, [ok, lost])
    runner.execute("label", settings, client, main)

    again = replace(ok, seconds=2.0, attempts=3), replace(lost, status=ledger.State.UNREACHABLE, reason="timeout")
    ledger.write_part(workspace, 0, again)
    runner.execute("label", settings, client, main)
    assert main.calls == 1, "the same chips, acquired again"

    ledger.write_part(workspace, 0, [ok, outcome(1, ledger.State.OK, sha256="b")])
    runner.execute("label", settings, client, main)
    assert main.calls == 2
    assert f"is done again: {artefacts.LEDGER} has changed" in capsys.readouterr().out

    ledger.write_part(workspace, 0, [ok, outcome(1, ledger.State.OK, sha256="c")])
    runner.execute("label", settings, client, main)
    assert main.calls == 3, "other pixels"


@pytest.mark.parametrize(
    ("change", "redone"),
    [
        ({"train__epochs": 7}, {"train", "tune", "evaluate", "prospect", "backtest"}),
        ({"tune__epochs": 7}, {"tune"}),
        ({"evaluate__n_resamples": 200}, {"evaluate", "backtest"}),
        ({"prospect__ensemble_size": 7}, {"evaluate", "prospect", "backtest"}),
        ({"prospect__top": 7}, {"prospect", "backtest"}),
        ({"backtest__seed": 7}, {"backtest"}),
        ({"curate__land_rule": "fraction"}, {"curate", "prospect", "backtest"}),
        ({"label__merge_km": 3}, {"label", "backtest"}),
        ({"label__partitions": 9}, set()),
        ({"archive__retries": 9, "archive__storage_options": {"region": "x"}}, set()),
    ],
)
def test_a_change_redoes_the_jobs_that_read_the_setting(
    make: Callable[..., Settings], change: dict[str, Any], redone: set[JobName]
) -> None:
    """What comes after them is done again when their artefacts hold something else."""
    before, after = make(), make(**change)
    read = provenance.read_settings
    assert {job for job in DEPENDENCIES if read(before, job) != read(after, job)} == redone


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda w: w.remove(LABELS), f"curate reads what label makes, and {LABELS} is gone: run label first"),
        (lambda w: w.write_bytes(LABELS, b"mad"), f"and {LABELS} has changed: run label first"),
        (lambda w: w.remove(artefacts.RUNS), None),
    ],
)
def test_a_job_does_not_read_what_another_has_not_left_so(
    make: Callable[..., Settings], client: Client, spoil: Callable[[Workspace], None], says: str | None
) -> None:
    runner.execute("label", make(), client, Main())
    spoil(Workspace(make().workspace))

    main = Main(artefacts.samples_table("presence"))
    with pytest.raises(WorkspaceError, match=says) if says else nullcontext():
        runner.execute("curate", make(), client, main)
    assert main.calls == (says is None)


def test_a_job_does_not_read_what_a_run_that_ended_early_has_left(
    make: Callable[..., Settings], client: Client
) -> None:
    def main(settings: Settings, client: Client) -> Counts:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runner.execute("label", make(), client, main)
    with pytest.raises(WorkspaceError, match="curate reads what label makes, and it was never done: run label first"):
        runner.execute("curate", make(), client, Main())
    runner.execute("curate", make().model_copy(update={"jobs": ["curate"]}), client, Main())


def test_chips_of_other_settings_are_refused_by_name(make: Callable[..., Settings], client: Client) -> None:
    main = Main(artefacts.CATALOGUE)
    runner.execute("catalogue", make(), client, main)

    message = r"workspace .* was made with other settings \(catalogue\): acquire\.chip_size was 512 and is 64 now"
    with pytest.raises(WorkspaceError, match=message):
        runner.execute("catalogue", make(acquire__chip_size=64), client, main)
    assert main.calls == 1


def test_the_record_of_a_run_tells_how_and_holds_no_secret(make: Callable[..., Settings], client: Client) -> None:
    settings = make(archive__storage_options={"secret": "hunter2"})
    runner.execute("catalogue", settings, client, Main(artefacts.CATALOGUE, failed=1))

    record = last_run(Workspace(settings.workspace), "catalogue")
    assert record is not None
    assert record["counts"]["failed"] == 1
    assert set(record["packages"]) == set(runner.PACKAGES)
    assert record["settings"]["acquire"]["chip_size"] == 512
    assert "hunter2" not in str(record)
