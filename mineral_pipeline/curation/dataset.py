"""The training set of a task: its stores, which batch holds which chips, and its summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.stats import ks_2samp, wasserstein_distance

from mineral_pipeline.curation.sampling import count_locations
from mineral_pipeline.learning import PRIMARY_METRIC, SUBSETS, SubsetName, Task
from mineral_pipeline.settings import Curate
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store
from mineral_pipeline.workspace.digests import digest_array, digest_document, digest_table
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
    workspace.remove(artefacts.samples_summary(sample_set))
    images = zarr_store.open_images(workspace)
    bands = tuple(str(band) for band in zarr_store.open_dataset(workspace)["band"].to_numpy())
    layout = zarr_store.ImageLayout(bands, images.shape[-1], batch_size, str(images.dtype))
    for subset in SUBSETS:
        rows = _in_order(samples, subset)
        columns = {name: rows[name].to_numpy() for name in COORDINATES}
        columns["label"], columns["weight"] = columns["label"].astype("float32"), columns["weight"].astype("float32")
        store = artefacts.samples_store(sample_set, subset)
        zarr_store.create_samples(workspace, store, layout, columns, {"sample_set": sample_set, "subset": subset})


def chips_by_batch(samples: gpd.GeoDataFrame, subset: str, batch_size: int) -> list[list[int]]:
    """The ``chip_index`` of every sample of each batch of a subset's store."""
    chips = _in_order(samples, subset)["chip_index"].tolist()
    return [chips[start : start + batch_size] for start in range(0, len(chips), batch_size)]


def write_samples(workspace: Workspace, store: str, batch: int, chips: Sequence[int]) -> tuple[int, str]:
    """Copy chips into one batch of a training store. Runs on a worker and holds one batch in memory.

    Args:
        workspace: the workspace.
        store: name as `artefacts.samples_store` gives it.
        batch: number of the batch.
        chips: ``chip_index`` of each sample of the batch.

    Returns:
        Number of samples written, and the digest of their pixels.
    """
    # Chips are read in the order of the chip store, each once, and then put into the order of the batch.
    indices, position = np.unique(np.asarray(chips, dtype=np.int64), return_inverse=True)
    images = np.asarray(zarr_store.open_images(workspace).oindex[indices])[position]
    zarr_store.write_batch(workspace, store, batch, images)
    return len(chips), digest_array(images)


def digest_samples(samples: gpd.GeoDataFrame, pixels: Mapping[str, str]) -> str:
    """Digest of a sample set: its table and, by batch, its pixels. Equal sets have equal ones, whatever their files.

    Args:
        samples: samples as `select` gives them.
        pixels: digest of the pixels of every batch, as `write_samples` gives it.
    """
    return digest_document([digest_table(samples), pixels])


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
        "dropped": {reason: int(count) for reason, count in dropped.items()},
        "leakage": leakage,
        "baseline": _baseline(kept, task),
    }
    if task == "richness":
        summary["distance"] = {
            "measure": "Kolmogorov-Smirnov",
            **{f"train-{subset}": _ks_distance(kept["train"], kept[subset]) for subset in HELD_OUT},
            "wasserstein": {
                f"train-{subset}": float(wasserstein_distance(kept["train"]["label"], kept[subset]["label"]))
                for subset in HELD_OUT
            },
        }
    return summary


def _in_order(samples: gpd.GeoDataFrame, subset: str) -> gpd.GeoDataFrame:
    """The samples of one subset, in the order of its store."""
    return samples[samples["subset"] == subset].sort_values("sample")


def _baseline(kept: dict[SubsetName, gpd.GeoDataFrame], task: Task) -> dict[str, Any]:
    """Scores of the best constant of the training labels: accuracy of the commoner class, MAE of the median."""
    constant = float(kept["train"]["label"].median())
    if task == "presence":
        constant = float(constant > 0.5)
        scores = {subset: float((rows["label"] == constant).mean()) for subset, rows in kept.items()}
    else:
        scores = {subset: float((rows["label"] - constant).abs().mean()) for subset, rows in kept.items()}
    return {"constant": constant, "measure": PRIMARY_METRIC[task]} | scores


def _ks_distance(a: pd.DataFrame, b: pd.DataFrame) -> float:
    return float(ks_2samp(a["label"], b["label"], method="asymp").statistic)
