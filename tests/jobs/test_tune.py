"""The tune job: counts, resumption, and what it says. Networks are doubles; `test_evaluate` trains one."""

from __future__ import annotations

import threading
from typing import Any, cast

import pandas as pd
import pytest
from distributed import Client
from synthetic_samples import criterion, pretend_trained, settings, write_samples

from jobs import tune
from jobs.running.progress import Progress
from mineral_pipeline import modelling
from mineral_pipeline.errors import DataError
from mineral_pipeline.learning import Task
from mineral_pipeline.modelling import Measure, ModelSpec, search
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts, lock


@pytest.fixture
def config(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Three candidates for each task over a grid of one model of accuracy and MAE 0.4."""
    for task in ("presence", "richness"):
        write_samples(workspace, task, locations=20, chips=1, size=8)
    made = settings(
        workspace, train={"convolutions": ["small"], "dense_layers": ["small"]}, tune={"candidates": 3, "epochs": 2}
    )
    for task in made.tasks:
        for spec in modelling.grid_specs(made, workspace, task):
            pretend(workspace, spec, 0.4)
    monkeypatch.setattr(search, "fit", double)
    return made


def pretend(workspace: Workspace, spec: ModelSpec, value: float, collapsed: bool = False) -> dict[str, Any]:
    validation = {"accuracy": value, "mae": value, "loss": value}
    return pretend_trained(workspace, spec, collapsed=collapsed, validation=validation)


def double(workspace: Workspace, spec: ModelSpec, measure: Measure) -> dict[str, Any]:
    """Every candidate reaches 0.5: better than the grid for presence, worse for richness."""
    assert not modelling.is_done(workspace, spec) or spec.task == "richness", "trained twice"
    return pretend(workspace, spec, 0.5)


def test_a_search_for_every_task_and_what_came_of_it(
    client: Client, config: Settings, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune.plan(config).counts.planned == 6
    counts = tune.main(config, client)
    assert (counts.planned, counts.done, counts.skipped, counts.failed) == (6, 6, 0, 0)
    said = " ".join(capsys.readouterr().out.split())
    assert "no candidate for richness is better than small-small-s0 of the grid, which stays the best" in said
    assert "for presence" not in said
    best = {
        task: modelling.select_model(workspace, task, ["small-small-s0", "tuned"], criterion(task))
        for task in config.tasks
    }
    names = {task: spec and spec.name for task, spec in best.items()}
    assert names == {"presence": "tuned", "richness": "small-small-s0"}
    assert len(workspace.read_table(artefacts.model("presence", "tuned", artefacts.MODEL_SEARCH))) == 3


def test_the_tasks_are_searched_side_by_side_under_the_lease_of_the_run(
    config: Settings, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each search waits until both have begun, which would never be one after the other."""
    both, leases = threading.Barrier(2), []

    def waiting(settings: Settings, client: object, progress: object, task: Task, fold: int | None) -> pd.DataFrame:
        both.wait(60)
        leases.append(lock.current())
        return pd.DataFrame({"task": [task]})

    monkeypatch.setattr(tune, "search_set", waiting)
    with lock.acquire(workspace, print, print, 30.0) as lease:
        found = tune.search_all(config, cast(Client, None), Progress("tune", "models", 6))
    assert [one["task"].item() for one in found] == ["presence", "richness"]
    assert leases == [lease, lease]


def test_an_interrupt_does_not_wait_for_a_search(config: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    end = threading.Event()

    def stopped(settings: Settings, client: object, progress: object, task: Task, fold: int | None) -> pd.DataFrame:
        if task == "presence":
            raise KeyboardInterrupt
        end.wait(60)
        raise AssertionError("nobody asks")

    monkeypatch.setattr(tune, "search_set", stopped)
    with pytest.raises(KeyboardInterrupt):
        tune.search_all(config, cast(Client, None), Progress("tune", "models", 6))
    end.set()


def test_a_task_on_which_everything_collapses_is_said(
    client: Client, config: Settings, workspace: Workspace, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def collapsing(workspace: Workspace, spec: ModelSpec, measure: Measure) -> dict[str, Any]:
        return pretend(workspace, spec, 0.5, collapsed=spec.task == "richness")

    (spec,) = modelling.grid_specs(config, workspace, "richness")
    pretend(workspace, spec, 0.4, collapsed=True)
    monkeypatch.setattr(search, "fit", collapsing)
    counts = tune.main(config, client)
    assert (counts.done, counts.failed) == (6, 0)
    said = " ".join(capsys.readouterr().out.split())
    assert "tune: every network for richness has collapsed to a constant, the candidates as well" in said


def test_candidates_of_an_earlier_run_are_skipped(client: Client, config: Settings, workspace: Workspace) -> None:
    for spec in tune.candidates(config, "richness")[:2]:
        pretend(workspace, spec, 0.5)
    assert tune.plan(config).counts.skipped == 2
    counts = tune.main(config, client)
    assert (counts.done, counts.skipped) == (4, 2)


def test_failures_are_counted_by_reason(
    client: Client, config: Settings, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (doomed, *_) = tune.candidates(config, "presence")

    def failing(workspace: Workspace, spec: ModelSpec, measure: Measure) -> dict[str, Any]:
        if spec.name == doomed.name and spec.task == "presence":
            workspace.write_json(
                artefacts.model(spec.task, spec.name, artefacts.MODEL_FAILURE), {"reason": "DataError: it diverged"}
            )
            raise DataError("it diverged")
        return double(workspace, spec, measure)

    monkeypatch.setattr(search, "fit", failing)
    counts = tune.main(config, client)
    assert (counts.planned, counts.done, counts.failed) == (6, 5, 1)
    assert counts.reasons == {"DataError: it diverged": 1}


def test_there_must_be_a_grid(client: Client, config: Settings, workspace: Workspace) -> None:
    for task in config.tasks:
        workspace.remove(artefacts.models(task))
    assert tune.plan(config).counts.skipped == 0
    with pytest.raises(DataError, match="run the job train first"):
        tune.main(config, client)
