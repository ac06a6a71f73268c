"""The memory of tasks that train networks, or predict with models, for ``--plan``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from jobs.running.fitness import LEARNING_BYTES
from mineral_pipeline.errors import DataError
from mineral_pipeline.learning import SubsetName
from mineral_pipeline.modelling import ModelSpec, images_at_once
from mineral_pipeline.modelling.networks import NETWORKS
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store

STREAMED: tuple[SubsetName, ...] = ("train", "validation")
"""Subsets that a training reads by turns; the images of both are kept."""

COPIES_TO_TRAIN = 3
"""Copies of the feature maps of a batch that a step holds at its peak: values, gradients, and those of a batch of the
validation subset (measured on processors: 1.7 to 3)."""

COPIES_TO_PREDICT = 2
"""Copies of the feature maps of the images that are predicted at once: Keras holds what every layer makes of them until
the last has (measured on processors: 1.1 to 2)."""

COPIES_OF_IMAGES = 5
"""Copies of the images that are predicted at once: decoded files of three batches and what they share, and a batch."""


def describe_training(workspace: Workspace, specs: Sequence[ModelSpec]) -> dict[str, str]:
    """Detail of a plan: ``memory of a task`` that trains one of some networks."""
    return _describe(training_bytes(workspace, specs), specs, "curate.batch_size and train.memory_mb")


def describe_prediction(images: Any, specs: Sequence[ModelSpec]) -> dict[str, str]:
    """Detail of a plan: ``memory of a task`` that predicts images (image, band, y, x) with one of some networks."""
    return _describe(prediction_bytes(images, specs), specs, "acquire.chip_size and the networks")


def training_bytes(workspace: Workspace, specs: Sequence[ModelSpec]) -> float:
    """Memory in bytes that the training of one network takes at most, beside that of TensorFlow itself.

    It is the decoded images of the training and the validation subset, each up to ``memory_mb``, and `COPIES_TO_TRAIN`
    of the feature maps of a batch in numbers of 32 bits, which a GPU holds in its own memory. Networks that do not tell
    theirs count without.
    """
    stores = {
        name: [zarr_store.open_array(workspace, artefacts.samples_store(name, subset)) for subset in STREAMED]
        for name in {spec.sample_set for spec in specs}
    }

    def of_one(spec: ModelSpec) -> float:
        images = stores[spec.sample_set]
        streamed = sum(min(one.nbytes, spec.memory_mb * 2**20) for one in images)
        return float(streamed + COPIES_TO_TRAIN * images[0].chunks[0] * _map_bytes(spec, images[0].shape))

    return max(map(of_one, specs))


def prediction_bytes(images: Any, specs: Sequence[ModelSpec]) -> float:
    """Memory in bytes that a prediction with one of some networks takes at most, beside that of TensorFlow itself.

    It is that of the images that are predicted at once, decoded and as numbers of 32 bits, and of `COPIES_TO_PREDICT`
    of their feature maps; see `training_bytes`. Models without a network take no more.

    Args:
        images: (image, band, y, x), a Zarr array.
        specs: the networks.
    """
    count, pixels = images_at_once(images.shape), math.prod(images.shape[1:])
    decoded = COPIES_OF_IMAGES * max(count, (images.shards or images.chunks)[0]) * pixels * images.dtype.itemsize
    maps = max((_map_bytes(spec, images.shape) for spec in specs), default=0)
    return float(decoded + count * (2 * 4 * pixels + COPIES_TO_PREDICT * maps))


def _map_bytes(spec: ModelSpec, shape: tuple[int, ...]) -> int:
    """Memory of the feature maps of one image; 0 where the network does not tell how many there are."""
    count = NETWORKS[str(spec.network)].feature_maps
    with suppress(DataError):  # nothing is left of a chip: it fails before it takes memory
        return 4 * count(spec, shape) if count else 0
    return 0


def _describe(task_bytes: float, specs: Sequence[ModelSpec], causes: str) -> dict[str, str]:
    unknown = {str(spec.network) for spec in specs if NETWORKS[str(spec.network)].feature_maps is None}
    missing = f"; without the feature maps of {', '.join(sorted(unknown))}" if unknown else ""
    return {
        "memory of a task": f"about {task_bytes / 1e6:,.0f} MB beside the {LEARNING_BYTES / 1e6:,.0f} MB of a worker"
        f" with TensorFlow; {causes} set it{missing}"
    }
