"""Train the grid of architectures and its baselines, one task per model, on workers that offer a GPU.

    mineral-pipeline train jobs/settings/demo.yaml

Reads ``samples/<task>/train.zarr`` and ``validation.zarr``, never the test side, and refuses to start when the sides
leak (``samples/<task>/summary.json``); writes ``models/<task>/<name>/``. Models that are trained already are skipped;
one that fails is counted with its reason (``failure.json``) and the others go on.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Sequence

from distributed import Client, as_completed

import cluster
from jobs.running.plan import Plan
from jobs.running.progress import CONSOLE, Progress
from mineral_pipeline.curation import check_leakage
from mineral_pipeline.modelling import ModelSpec, baseline_specs, fit, grid_specs, is_done
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts
from mineral_pipeline.workspace.counts import Counts


def plan(settings: Settings) -> Plan:
    """Models to train; none is known to be done before the samples are."""
    workspace, train = Workspace(settings.workspace), settings.train
    each = len(train.convolutions) * len(train.dense_layers) * len(train.seeds) + train.n_label_permutations + 2
    done = 0
    if all(workspace.exists(artefacts.samples(task)) for task in settings.tasks):
        done = sum(is_done(workspace, spec) for spec in model_specs(settings, workspace))
    details = {"models": f"{each} for each of {', '.join(settings.tasks)}, at most {train.epochs:,} epochs each"}
    return Plan(Counts("models", planned=each * len(settings.tasks), skipped=done), details)


def main(settings: Settings, client: Client) -> Counts:
    """Train what is not trained yet."""
    cluster.require(client, "GPU")
    workspace = Workspace(settings.workspace)
    for task in settings.tasks:
        check_leakage(workspace, task, settings.curate.max_leakage if settings.curate else 0.0)
    return fit_all(client, workspace, model_specs(settings, workspace))


def model_specs(settings: Settings, workspace: Workspace) -> list[ModelSpec]:
    """Grid and baselines of all tasks; the largest networks first, so that the workers end together."""
    tasks = settings.tasks
    grid = [spec for task in tasks for spec in grid_specs(settings, workspace, task)]
    return grid + [spec for task in tasks for spec in baseline_specs(settings, workspace, task)]


def fit_all(client: Client, workspace: Workspace, specs: Sequence[ModelSpec]) -> Counts:
    """One task per model that is not trained yet, each on a GPU."""
    todo = [spec for spec in specs if not is_done(workspace, spec)]
    run = secrets.token_hex(4)  # a scheduler that remembers the keys of an earlier run would not run them again
    futures = {
        client.submit(
            fit, workspace, spec,
            key=(f"train-{run}", spec.task, spec.name), pure=False, resources={"GPU": 1},
        ): spec
        for spec in todo
    }  # fmt: skip
    reasons: Counter[str] = Counter()
    with Progress("train", "models", len(specs), skipped=len(specs) - len(todo)) as progress:
        for future in as_completed(futures):
            if future.cancelled():
                future.result()  # raises: the cluster is gone
            error = future.exception()
            progress.advance(done=error is None, failed=error is not None)
            if error is not None:
                reasons[type(error).__name__] += 1
                spec = futures[future]
                CONSOLE.print(f"train: {spec.task}/{spec.name} failed: {type(error).__name__}: {error}")
    return Counts("models", len(specs), progress.done, progress.skipped, progress.failed, dict(reasons))
