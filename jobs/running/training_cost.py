"""What training will cost, for ``--plan``: passes of images, hours by the models that are trained already, memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from statistics import median

from jobs.running.fitness import LEARNING_BYTES
from mineral_pipeline.errors import DataError
from mineral_pipeline.learning import SubsetName
from mineral_pipeline.modelling import ModelSpec, read_metrics
from mineral_pipeline.modelling.networks import NETWORKS
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store

MEASURE_FIRST = (
    "not known before a network is trained here: run train with one alone (--set train.convolutions=[small] --set"
    " train.dense_layers=[small]), which is kept"
)

STREAMED: tuple[SubsetName, ...] = ("train", "validation")
"""Subsets that a training reads by turns; the images of both are kept."""

COPIES = 3
"""Copies of the feature maps of a batch that a step holds at its peak: values, gradients, and those of a batch of the
validation subset (measured on processors: 1.7 to 3)."""


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
    details = {"image passes": f"at most {sum(passes.values()):,}", **_describe_memory(workspace, todo)}
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


def task_bytes(workspace: Workspace, specs: Sequence[ModelSpec]) -> float:
    """Memory in bytes that the training of one network takes at most, beside that of TensorFlow itself.

    It is the decoded images of the training and the validation subset, each up to ``memory_mb``, and `COPIES` of the
    feature maps of a batch in numbers of 32 bits, which a GPU holds in its own memory. Networks that do not tell theirs
    count without.
    """
    stores = {
        name: [zarr_store.open_array(workspace, artefacts.samples_store(name, subset)) for subset in STREAMED]
        for name in {spec.sample_set for spec in specs}
    }

    def of_one(spec: ModelSpec) -> float:
        images = stores[spec.sample_set]
        streamed = sum(min(one.nbytes, spec.memory_mb * 2**20) for one in images)
        count, maps = NETWORKS[str(spec.network)].feature_maps, 0
        with suppress(DataError):  # nothing is left of a chip: it fails before it takes memory
            maps = count(spec, images[0].shape) if count else 0
        return float(streamed + COPIES * 4 * images[0].chunks[0] * maps)

    return max(map(of_one, specs))


def _describe_memory(workspace: Workspace, specs: Sequence[ModelSpec]) -> dict[str, str]:
    unknown = {str(spec.network) for spec in specs if NETWORKS[str(spec.network)].feature_maps is None}
    missing = f"; without the feature maps of {', '.join(sorted(unknown))}" if unknown else ""
    return {
        "memory of a task": f"about {task_bytes(workspace, specs) / 1e6:,.0f} MB beside the"
        f" {LEARNING_BYTES / 1e6:,.0f} MB of a worker with TensorFlow; curate.batch_size and train.memory_mb set it"
        f"{missing}"
    }
