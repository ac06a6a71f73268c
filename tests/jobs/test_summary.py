"""The table at the end of a run."""

from __future__ import annotations

from jobs.running.summary import summary
from mineral_pipeline.workspace import Workspace, artefacts

VERDICT = "No network beats the bar: coordinates, which sees no pixel, is better."


def rows(workspace: Workspace) -> dict[str, str]:
    return dict(zip(*(column.cells for column in summary(workspace).columns), strict=True))  # type: ignore[arg-type]


def test_the_verdict_stands_before_the_scores_where_there_is_one(workspace: Workspace) -> None:
    metrics = {"accuracy": {"value": 0.675, "low": 0.631, "high": 0.716}}
    model = {"name": "small-small-s0", "role": "network", "kind": "grid", "metrics": metrics}
    evaluation = {"task": "presence", "primary_metric": "accuracy", "best": "small-small-s0", "models": [model]}
    workspace.write_json(artefacts.evaluation_metrics("presence"), evaluation)
    assert list(rows(workspace)) == ["test, presence"]
    workspace.write_json(artefacts.evaluation_metrics("presence"), evaluation | {"verdict": VERDICT})
    assert list(rows(workspace)) == ["verdict, presence", "test, presence"]
    assert rows(workspace)["verdict, presence"] == VERDICT
    workspace.write_json(
        artefacts.evaluation_metrics(artefacts.out_of_fold("presence")), evaluation | {"verdict": VERDICT}
    )
    assert list(rows(workspace))[2:] == ["verdict out of fold, presence", "out of fold, presence"]
