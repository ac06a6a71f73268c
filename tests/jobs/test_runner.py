"""When a job is done, what a change redoes, and what may not change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from distributed import Client

from jobs.running import provenance, runner
from mineral_pipeline import settings as reader
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.settings import JobName, Settings
from mineral_pipeline.workspace import Workspace, artefacts, last_run
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


class Main:
    """A job's main that leaves an output and counts its calls."""

    def __init__(self, output: str) -> None:
        self.output = output
        self.calls = 0

    def __call__(self, settings: Settings, client: Client) -> Counts:
        self.calls += 1
        Workspace(settings.workspace).write_bytes(self.output, b"made")
        return Counts("scenes", planned=3, done=2, failed=1, reasons={"missing": 1})


def test_a_done_job_is_skipped_and_keeps_its_failures(make: Callable[..., Settings], client: Client) -> None:
    main = Main(f"{artefacts.LABELS}/part-00000.parquet")

    first = runner.execute("label", make(), client, main)
    second = runner.execute("label", make(), client, main)

    assert main.calls == 1
    assert (first.done, first.skipped) == (2, 0)
    assert (second.done, second.skipped, second.failed) == (0, 2, 1)


def test_a_job_whose_output_is_gone_runs_again(make: Callable[..., Settings], client: Client) -> None:
    main = Main(f"{artefacts.LABELS}/part-00000.parquet")
    runner.execute("label", make(), client, main)
    Workspace(make().workspace).remove(artefacts.LABELS)

    runner.execute("label", make(), client, main)
    assert main.calls == 2


def test_a_changed_input_file_runs_the_job_again(make: Callable[..., Settings], client: Client) -> None:
    main = Main(f"{artefacts.LABELS}/part-00000.parquet")
    settings = make()
    runner.execute("label", settings, client, main)
    assert settings.label is not None
    Path(settings.label.deposits[0]).write_text("site_name,latitude,longitude\nnew,1,2\n")

    runner.execute("label", settings, client, main)
    assert main.calls == 2


@pytest.mark.parametrize(
    ("change", "redone"),
    [
        ({"train__epochs": 7}, {"train", "tune", "evaluate", "prospect"}),
        ({"evaluate__n_resamples": 200}, {"evaluate"}),
        ({"prospect__ensemble_size": 7}, {"evaluate", "prospect"}),
        ({"curate__block_size_km": 500}, {"curate", "train", "tune", "evaluate", "prospect"}),
        ({"label__partitions": 9}, set()),
        ({"archive__retries": 9, "archive__storage_options": {"region": "x"}}, set()),
    ],
)
def test_a_change_redoes_what_depends_on_it(
    make: Callable[..., Settings], change: dict[str, Any], redone: set[JobName]
) -> None:
    before, after = make(), make(**change)

    assert {
        job for job in provenance.DEPENDENCIES if provenance.key(before, job) != provenance.key(after, job)
    } == redone


def test_chips_of_other_settings_are_refused_by_name(make: Callable[..., Settings], client: Client) -> None:
    main = Main(artefacts.CATALOGUE)
    runner.execute("catalogue", make(), client, main)

    message = r"workspace .* was made with other settings \(catalogue\): acquire\.chip_size was 512 and is 64 now"
    with pytest.raises(WorkspaceError, match=message):
        runner.execute("catalogue", make(acquire__chip_size=64), client, main)
    assert main.calls == 1


def test_the_record_of_a_run_tells_how_and_holds_no_secret(make: Callable[..., Settings], client: Client) -> None:
    settings = make(archive__storage_options={"secret": "hunter2"})
    runner.execute("catalogue", settings, client, Main(artefacts.CATALOGUE))

    record = last_run(Workspace(settings.workspace), "catalogue")
    assert record is not None
    assert record["counts"]["failed"] == 1
    assert set(record["packages"]) == set(runner.PACKAGES)
    assert record["settings"]["acquire"]["chip_size"] == 512
    assert "hunter2" not in str(record)
