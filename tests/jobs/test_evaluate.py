"""The evaluate job after a real train and tune of one small network."""

from __future__ import annotations

import pytest
from distributed import Client
from synthetic_samples import settings, write_leak, write_samples

from jobs import evaluate, train, tune
from mineral_pipeline.errors import DataError
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts

# Keras 3.15 makes arrays of TensorFlow variables in a way that numpy 2 announces to retire.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def wanted(workspace: Workspace) -> Settings:
    """One architecture and one candidate for presence, on 30 places."""
    write_samples(workspace, "presence", places=30, chips=2, side=32)
    write_leak(workspace, "presence", 0.0)
    quick = {"convolutions": ["small"], "dense_layers": ["small"], "epochs": 2, "n_label_permutations": 1}
    return settings(
        workspace, tasks=["presence"], train=quick, tune={"candidates": 1, "epochs": 1}, evaluate={"n_resamples": 100}
    )


def test_train_tune_evaluate(client: Client, wanted: Settings, workspace: Workspace) -> None:
    stored = {side: workspace.path(f"samples/presence/{side}.zarr") for side in ("test", "away")}
    workspace._fs.mv(stored["test"], stored["away"], recursive=True)  # train and tune must do without
    assert train.main(wanted, client).done == 4
    assert tune.main(wanted, client).done == 1
    workspace._fs.mv(stored["away"], stored["test"], recursive=True)

    assert evaluate.plan(wanted).counts.planned == 5
    counts = evaluate.main(wanted, client)
    assert (counts.unit, counts.planned, counts.done, counts.failed) == ("models", 5, 5, 0)
    result = workspace.read_json(artefacts.evaluation("presence", "metrics.json"))
    names = ["brightness", "constant", "random-labels-p0", "small-small-s0", "tuned"]
    assert [one["name"] for one in result["models"]] == names
    assert result["best"] in ("small-small-s0", "tuned")
    assert len(workspace.read_table(artefacts.evaluation("presence", "predictions.parquet"))) == 5 * 12

    for network in ("random-labels-p0", "tuned"):
        workspace.remove(artefacts.model("presence", network))
    workspace.write_bytes(artefacts.model("presence", "constant", "model.json"), b"{}")  # a broken model
    counts = evaluate.main(wanted, client)
    assert (counts.done, counts.failed, counts.reasons) == (2, 1, {"TypeError": 1})


def test_there_must_be_a_model(client: Client, wanted: Settings) -> None:
    assert evaluate.plan(wanted).counts.planned == 0
    with pytest.raises(DataError, match="run the job train first"):
        evaluate.main(wanted, client)
