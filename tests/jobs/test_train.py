"""The train job: one task per model on GPU workers, resumed, with failures counted; one real network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from distributed import Client
from synthetic_samples import settings, write_leak, write_samples

from jobs import train
from mineral_pipeline import modelling
from mineral_pipeline.errors import ClusterError, DataError, LeakError
from mineral_pipeline.modelling import ModelSpec
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace

# Keras 3.15 makes arrays of TensorFlow variables in a way that numpy 2 announces to retire.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def wanted(workspace: Workspace) -> Settings:
    """One architecture and a baseline of each kind for presence, on 30 places."""
    write_samples(workspace, "presence", places=30, chips=2, side=32)
    write_leak(workspace, "presence", 0.0)
    quick = {"tasks": ["presence"], "convolutions": ["small"], "denses": ["small"], "epochs": 2, "permutations": 1}
    return settings(workspace, train=quick)


def test_the_grid_and_its_baselines_are_trained_once(client: Client, wanted: Settings, workspace: Workspace) -> None:
    assert train.plan(wanted).counts.planned == 4
    counts = train.main(wanted, client)
    assert (counts.unit, counts.planned, counts.done, counts.skipped, counts.failed) == ("models", 4, 4, 0, 0)
    names = ["small-small-s0", "random-labels-p0", "constant", "brightness"]
    metrics = [modelling.read_metrics(workspace, "presence", name) for name in names]
    assert [one["kind"] for one in metrics] == ["grid", "random-labels", "constant", "brightness"]
    assert all(0 <= one["validation"]["accuracy"] <= 1 for one in metrics)
    assert (train.plan(wanted).counts.skipped, train.main(wanted, client).skipped) == (4, 4)


def test_a_model_that_fails_is_counted_and_the_others_go_on(
    client: Client,
    wanted: Settings,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(train, "fit", failing(modelling.fit, "random-labels", "small"))
    counts = train.main(wanted, client)
    assert (counts.planned, counts.done, counts.failed) == (4, 2, 2)
    assert counts.reasons == {"DataError": 2}
    assert "train: presence/random-labels-p0 failed: DataError: it diverged" in capsys.readouterr().out
    assert train.plan(wanted).counts.skipped == 2


def failing(fit: Callable[..., Any], *starts: str) -> Callable[..., Any]:
    def double(workspace: Workspace, spec: ModelSpec) -> Any:
        if spec.name.startswith(starts):
            raise DataError("it diverged")
        return fit(workspace, spec)

    return double


def test_a_leak_stops_training_before_it_starts(client: Client, wanted: Settings, workspace: Workspace) -> None:
    write_leak(workspace, "presence", 0.3)
    with pytest.raises(LeakError, match=r"30\.0 %"):
        train.main(wanted, client)
    assert workspace.list("models") == []


def test_a_cluster_without_a_gpu_is_refused(wanted: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoWorkers:
        scheduler = type("Scheduler", (), {"address": "tcp://nowhere"})

        def scheduler_info(self, n_workers: int) -> dict[str, Any]:
            return {"workers": {"a": {"resources": {}}}}

    with pytest.raises(ClusterError, match="offers GPU"):
        train.main(wanted, NoWorkers())  # type: ignore[arg-type]


def test_the_plan_needs_no_samples(tmp_path: Path) -> None:
    plan = train.plan(settings(Workspace(str(tmp_path)), train={"seeds": [0, 1]}))
    assert (plan.counts.planned, plan.counts.skipped) == (2 * (18 + 5), 0)
