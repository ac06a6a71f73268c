"""The training stores of a task, its table of samples and its summary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.stats import ks_2samp, wasserstein_distance

from mineral_pipeline import settings
from mineral_pipeline.curation.leakage import summary_name
from mineral_pipeline.curation.sampling import count_locations
from mineral_pipeline.curation.splits.blocks import SUBSETS
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store

HELD_OUT = ("validation", "test")
COORDINATES = ["label", "chip", "product_id", "location_id", "weight", "lon", "lat"]


def create_stores(workspace: Workspace, task: str, samples: gpd.GeoDataFrame, batch_size: int) -> None:
    """Create the empty store of every side; an earlier run's summary goes first, since it says that all is there.

    Args:
        workspace: where.
        task: as `set_name` gives it: of a task, or of one of its folds.
        samples: as `choose` gives them.
        batch_size: samples in one chunk.
    """
    workspace.remove(summary_name(task))
    images = zarr_store.open_images(workspace)
    _, depth, height, width = images.shape
    bands = [str(band) for band in zarr_store.open_dataset(workspace, artefacts.CHIPS)["band"].to_numpy()]
    for side in SUBSETS:
        rows = in_order(samples, side)
        columns = {name: rows[name].to_numpy() for name in COORDINATES}
        columns["label"], columns["weight"] = columns["label"].astype("float32"), columns["weight"].astype("float32")
        zarr_store.create_samples(
            workspace, artefacts.samples(task, side), (len(rows), depth, height, width), batch_size, columns,
            bands=bands, dtype=str(images.dtype), attributes={"task": task, "subset": side},
        )  # fmt: skip


def in_order(samples: gpd.GeoDataFrame, side: str) -> gpd.GeoDataFrame:
    """The samples of one side, in the order of its store."""
    return samples[samples["subset"] == side].sort_values("sample")


def batches(samples: gpd.GeoDataFrame, side: str, batch_size: int) -> list[list[int]]:
    """Chips of every batch of a side's store."""
    chips = in_order(samples, side)["chip"].tolist()
    return [chips[start : start + batch_size] for start in range(0, len(chips), batch_size)]


def write_samples(workspace: Workspace, task: str, side: str, batch: int, chips: Sequence[int]) -> int:
    """Copy chips into one batch of a training store; runs on a worker and holds one batch.

    Returns:
        Number of samples written.
    """
    # Read in the order of the chip store, then put into the order of the batch.
    rows, position = np.unique(np.asarray(chips, dtype=np.int64), return_inverse=True)
    images = np.asarray(zarr_store.open_images(workspace).oindex[rows])
    zarr_store.write_batch(workspace, artefacts.samples(task, side), batch, images[position])
    return len(chips)


def summarise(
    samples: gpd.GeoDataFrame, task: settings.Task, wanted: settings.Curate, leak: dict[str, Any]
) -> dict[str, Any]:
    """What a person or the report wants to know of a task's samples; plain values, for JSON."""
    kept = {side: samples[samples["subset"] == side] for side in SUBSETS}
    places = {side: rows["location_id"].nunique() for side, rows in kept.items()}
    summary = {
        "task": task,
        "split": wanted.split,
        "places": count_locations(samples, task),
        "samples": {side: len(rows) for side, rows in kept.items()},
        "shares": {side: count / sum(places.values()) for side, count in places.items()},
        "dropped": {why: int(n) for why, n in samples["drop_reason"][samples["drop_reason"] != ""].value_counts().items()},
        "leak": leak,
        "baseline": _baseline(kept, task),
    }
    if task == "richness":
        summary["distance"] = {
            "measure": "Kolmogorov-Smirnov",
            **{f"train-{side}": _distance(kept["train"], kept[side]) for side in HELD_OUT},
            "wasserstein": {
                f"train-{side}": float(wasserstein_distance(kept["train"]["label"], kept[side]["label"]))
                for side in HELD_OUT
            },
        }
    return summary


def _baseline(kept: dict[str, gpd.GeoDataFrame], task: settings.Task) -> dict[str, Any]:
    """Scores of the best constant that training knows: accuracy of the commoner class, MAE of the median."""
    constant = float(kept["train"]["label"].median())
    if task == "presence":
        constant = float(constant > 0.5)
        scores = {side: float((rows["label"] == constant).mean()) for side, rows in kept.items()}
    else:
        scores = {side: float((rows["label"] - constant).abs().mean()) for side, rows in kept.items()}
    return {"constant": constant, "measure": "accuracy" if task == "presence" else "mae", **scores}


def _distance(a: pd.DataFrame, b: pd.DataFrame) -> float:
    return float(ks_2samp(a["label"], b["label"], method="asymp").statistic)
