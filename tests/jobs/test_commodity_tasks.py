"""Tasks about a commodity and about a group, from the labels to the report, on the small planet."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from distributed import Client
from small_demo import demo_settings

from jobs import curate, evaluate, label, report, train, tune
from jobs.running import summary
from jobs.verification.samples import sample_sets
from mineral_pipeline.labelling import holding
from mineral_pipeline.workspace import Workspace, artefacts

TASKS = ["presence:gold", "richness:group:precious"]
JOBS = (label, curate, train, tune, evaluate, report)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("few_baselines")
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_everything_is_of_the_commodity(planet: Path, tmp_path: Path, client: Client) -> None:
    shutil.copytree(planet / "workspace", tmp_path / "workspace")
    changes = [
        f"workspace={tmp_path / 'workspace'}", f"tasks=[{', '.join(TASKS)}]", "train.epochs=1", "tune.candidates=1",
        "train.hyperparameters.stride=2", "tune.kernel=[3, 3]", "evaluate.n_resamples=99",
        "jobs=[label, curate, train, tune, evaluate, report]",
    ]  # fmt: skip
    settings = demo_settings(planet, changes, str(tmp_path / "workspace"))
    workspace = Workspace(settings.workspace)
    for job in JOBS:
        assert job.main(settings, client).failed == 0

    labels = workspace.read_table(artefacts.LABELS)
    deposits = workspace.read_table(artefacts.DEPOSITS)
    assert 0 < holding(deposits, "gold").sum() < holding(deposits, "group:precious").sum() < len(deposits)
    gold = labels.set_index("chip_id")["n_gold"]
    samples = workspace.read_table(artefacts.samples_table(TASKS[0]))
    assert samples["n_deposits"].tolist() == gold[samples["chip_id"]].tolist()
    kept = samples[samples["subset"] != "dropped"]
    assert ((gold[kept["chip_id"]] > 0).to_numpy() == (kept["label"] == 1)).all()
    counts = kept.groupby(["subset", "label"]).size().unstack()
    pd.testing.assert_series_equal(counts[0], counts[1], check_names=False)

    assert sample_sets(workspace) == TASKS
    folders = [artefacts.file_name(task) for task in TASKS]
    assert workspace.list("samples") == workspace.list("models") == workspace.list("evaluation") == folders
    files = [str(file.relative_to(workspace.path(""))) for file in Path(workspace.path("")).rglob("*")]
    assert not [file for file in files if ":" in file]
    said = [str(cell) for column in summary.summary(workspace).columns for cell in column.cells]
    assert {"split, presence of gold", "test, richness of the group precious"} <= {*said}
    page = workspace.read_bytes(artefacts.REPORT).decode()
    assert "Is there a deposit of gold?" in page
    assert "How rich is it in the group precious?" in page
    assert "Is there a deposit?" not in page
