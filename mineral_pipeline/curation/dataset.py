"""The training set of a task: its stores, which batch holds which chips, and its summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.stats import ks_2samp, wasserstein_distance

from mineral_pipeline.curation.gathering import Batch
from mineral_pipeline.curation.sampling import count_locations
from mineral_pipeline.learning import SUBSETS, SubsetName, Task, kind_of
from mineral_pipeline.settings import Curate
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store
from mineral_pipeline.workspace.digests import digest_table
from mineral_pipeline.workspace.documents import digest_document
from mineral_pipeline.workspace.identities import KEYS

HELD_OUT: tuple[SubsetName, ...] = ("validation", "test")

COORDINATES = ["label", *KEYS, "weight", "lon", "lat"]
"""Columns of the samples that stand beside the pixels in a training store."""


def create_stores(workspace: Workspace, sample_set: str, samples: gpd.GeoDataFrame, batch_size: int) -> None:
    """Create the empty store of every subset.

    The summary of an earlier run is removed first, because it says that the set is complete.

    Args:
        workspace: the workspace.
        sample_set: name as `artefacts.sample_set` gives it.
        samples: samples as `select` gives them.
        batch_size: samples in one chunk.
    """
    workspace.remove_file(artefacts.samples_summary(sample_set))
    layout = replace(zarr_store.read_layout(workspace), images_per_write=batch_size)
    for subset in SUBSETS:
        rows = _in_order(samples, subset)
        columns = {name: rows[name].to_numpy() for name in COORDINATES}
        columns["label"], columns["weight"] = columns["label"].astype("float32"), columns["weight"].astype("float32")
        store = artefacts.samples_store(sample_set, subset)
        zarr_store.create_samples(workspace, store, layout, columns, {"sample_set": sample_set, "subset": subset})


def chips_by_batch(samples: gpd.GeoDataFrame, subset: str, batch_size: int) -> list[list[tuple[int, str]]]:
    """The ``chip_index`` and the ``image_sha256`` of every sample of each batch of a subset's store."""
    rows = _in_order(samples, subset)
    chips = list(zip(rows["chip_index"].tolist(), rows["image_sha256"].tolist(), strict=True))
    return [chips[start : start + batch_size] for start in range(0, len(chips), batch_size)]


def write_batches(workspace: Workspace, batches: Sequence[Batch]) -> int:
    """Copy chips into batches of training stores. Runs on a worker and holds one batch in memory.

    Returns:
        Number of samples written.

    Raises:
        WorkspaceError: a chip is not what was acquired.
    """
    return sum(_write_batch(workspace, one) for one in batches)


def _write_batch(workspace: Workspace, batch: Batch) -> int:
    # Chips are read in the order of the chip store, each once, and then put into the order of the batch.
    indices, position = np.unique([index for index, _ in batch.chips], return_inverse=True)
    images = zarr_store.open_images(workspace, artefacts.CHIPS, dict(batch.chips)).read(indices)
    zarr_store.write_batch(workspace, batch.store, batch.number, images[position])
    return len(batch.chips)


def digest_samples(samples: gpd.GeoDataFrame, batch_size: int) -> str:
    """Digest of a sample set: its table, which has a digest of every image, and what makes its batches.

    Args:
        samples: samples as `select` gives them.
        batch_size: samples in one batch.
    """
    return digest_document([digest_table(samples), batch_size])


def summarise(samples: gpd.GeoDataFrame, task: Task, config: Curate, leakage: dict[str, Any]) -> dict[str, Any]:
    """Summarise a sample set for people and the report.

    Args:
        samples: samples as `select` gives them.
        task: the task.
        config: settings of curate.
        leakage: leakage as `measure_leakage` gives it.

    Returns:
        Plain values, for JSON.
    """
    kept = {subset: samples[samples["subset"] == subset] for subset in SUBSETS}
    locations = {subset: rows["location_id"].nunique() for subset, rows in kept.items()}
    dropped = samples["drop_reason"][samples["drop_reason"] != ""].value_counts()
    summary = {
        "task": task,
        "split": config.split,
        "locations": count_locations(samples, task),
        "samples": {subset: len(rows) for subset, rows in kept.items()},
        "fractions": {subset: count / sum(locations.values()) for subset, count in locations.items()},
        "regions": _count_by_region(samples),
        "dropped": {reason: int(count) for reason, count in dropped.items()},
        "leakage": leakage,
        "baseline": _baseline(kept, task),
    }
    if kind_of(task) == "richness":
        summary["distance"] = {
            "measure": "Kolmogorov-Smirnov",
            **{f"train-{subset}": _ks_distance(kept["train"], kept[subset]) for subset in HELD_OUT},
            "wasserstein": {
                f"train-{subset}": float(wasserstein_distance(kept["train"]["label"], kept[subset]["label"]))
                for subset in HELD_OUT
            },
        }
    return summary


def _count_by_region(samples: gpd.GeoDataFrame) -> dict[str, dict[str, int]]:
    """Locations of every region, by subset; the region of those that lie in none is empty."""
    counts = samples["location_id"].groupby([samples["region"], samples["subset"]]).nunique().unstack(fill_value=0)
    return {
        str(region): {str(subset): int(count) for subset, count in row.items()} for region, row in counts.iterrows()
    }


def _in_order(samples: gpd.GeoDataFrame, subset: str) -> gpd.GeoDataFrame:
    """The samples of one subset, in the order of its store."""
    return samples[samples["subset"] == subset].sort_values("sample")


def _baseline(kept: dict[SubsetName, gpd.GeoDataFrame], task: Task) -> dict[str, Any]:
    """Scores of the best constant of the training labels: accuracy of the commoner class, MAE of the median."""
    constant = float(kept["train"]["label"].median())
    if kind_of(task) == "presence":
        constant, measure = float(constant > 0.5), "accuracy"
        scores = {subset: float((rows["label"] == constant).mean()) for subset, rows in kept.items()}
    else:
        measure = "mae"
        scores = {subset: float((rows["label"] - constant).abs().mean()) for subset, rows in kept.items()}
    return {"constant": constant, "measure": measure} | scores


def _ks_distance(a: pd.DataFrame, b: pd.DataFrame) -> float:
    return float(ks_2samp(a["label"], b["label"], method="asymp").statistic)
