"""What training will cost, for ``--plan``: passes of images, hours by the models that are trained already, memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median

from jobs.running.network_memory import describe_training
from mineral_pipeline.modelling import ModelSpec, read_metrics
from mineral_pipeline.workspace import Workspace, artefacts

MEASURE_FIRST = (
    "not known before a network is trained here: run train with one alone (--set train.convolutions=[small] --set"
    " train.dense_layers=[small]), which is kept"
)


def describe_cost(workspace: Workspace, specs: Sequence[ModelSpec], trained: Sequence[ModelSpec]) -> dict[str, str]:
    """How much is to be trained, how long that takes at most, by the seconds of what is trained, and in what memory.

    Args:
        workspace: the workspace, whose samples are curated.
        specs: all models, trained or not; those without a network take no time to speak of.
        trained: models that are trained, some of them or others, whose seconds count.

    Returns:
        Details of a plan: ``image passes``, ``time`` and ``memory of a task``; none when every network is trained.
    """
    todo = [spec for spec in specs if spec.network is not None and spec not in trained]
    if not todo:
        return {}
    done = [spec for spec in trained if spec.network is not None]
    images = {name: training_samples(workspace, name) for name in {spec.sample_set for spec in (*todo, *done)}}
    passes = {spec: spec.epochs * images[spec.sample_set] for spec in todo}
    details = {"image passes": f"at most {sum(passes.values()):,}", **describe_training(workspace, todo)}
    measured = seconds_per_pass(workspace, done, images)
    seconds = [passes[spec] * measured[spec.network or ""] for spec in todo if spec.network in measured]
    if not seconds:
        return details | {"time": MEASURE_FIRST}
    unknown = {spec.network for spec in todo} - set(measured)
    missing = f"; not known of {', '.join(sorted(map(str, unknown)))}" if unknown else ""
    return details | {
        "time": f"at most {sum(seconds) / 3600:,.1f} h of one worker with a GPU, the longest model"
        f" {max(seconds) / 3600:,.1f} h, by the seconds of {len(done)} trained{missing}"
    }


def seconds_per_pass(workspace: Workspace, done: Sequence[ModelSpec], images: Mapping[str, int]) -> Mapping[str, float]:
    """Seconds that a network takes for one image in one epoch, as a median over its trained models.

    Args:
        workspace: the workspace.
        done: trained networks.
        images: number of training samples by sample set.
    """
    found = defaultdict[str, list[float]](list)
    for spec in done:
        metrics = read_metrics(workspace, spec.sample_set, spec.name)
        passes = metrics["epochs"] * images[spec.sample_set]
        found[spec.network or ""].append(metrics["seconds"] / max(passes, 1))
    return {network: median(values) for network, values in found.items()}


def training_samples(workspace: Workspace, sample_set: str) -> int:
    """Number of training samples of a sample set."""
    return int((workspace.read_table(artefacts.samples_table(sample_set), ["subset"])["subset"] == "train").sum())
