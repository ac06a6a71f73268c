"""Training stores whose answer is known: small bright patches on texture mean a deposit, many mean a rich place."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from mineral_pipeline.geometry import CRS
from mineral_pipeline.settings import Settings, parse
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store

SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}


def write_samples(
    workspace: Workspace,
    task: str,
    places: int = 120,
    chips: int = 3,
    side: int = 64,
    batch: int = 16,
    seed: int = 0,
    signal: bool = True,
) -> pd.DataFrame:
    """Write the three stores and the table of a task; without ``signal`` the patches say nothing."""
    rng = np.random.default_rng(seed)
    richness = rng.permuted(np.linspace(0, 1, places)) if task == "richness" else rng.permuted(np.arange(places) % 2)
    shown = richness if signal else rng.permuted(richness)
    sides = np.repeat(list(SHARES), [places - 2 * (places // 5), places // 5, places // 5])
    parts = []
    for name in SHARES:
        mine = np.repeat(np.flatnonzero(sides == name), chips)
        mine = rng.permuted(mine)
        images = np.stack([image(rng, side, float(shown[place]), task) for place in mine])[:, None]
        table = pd.DataFrame(
            {
                "sample": np.arange(len(mine)),
                "subset": name,
                "chip": np.arange(len(mine)) + 1000 * len(parts),
                "product_id": [f"LT04_{place}" for place in mine],
                "location_id": [f"{place:06d}" for place in mine],
                "label": richness[mine].astype("float32"),
                "weight": np.ones(len(mine), "float32"),
                "lon": mine.astype(float),
                "lat": np.zeros(len(mine)),
            }
        )
        keys = ["label", "chip", "product_id", "location_id", "weight", "lon", "lat"]
        zarr_store.create_samples(
            workspace,
            artefacts.samples(task, name),
            images.shape,
            batch,
            {key: table[key].to_numpy() for key in keys},
            bands=["B7"],
        )
        for number in range(-(-len(mine) // batch)):
            zarr_store.write_batch(
                workspace, artefacts.samples(task, name), number, images[number * batch : (number + 1) * batch]
            )
        parts.append(table)
    table = pd.concat(parts, ignore_index=True)
    geometry = gpd.points_from_xy(table["lon"], table["lat"])
    workspace.write_table(artefacts.samples(task), gpd.GeoDataFrame(table, geometry=geometry, crs=CRS))
    return table


def image(rng: np.random.Generator, side: int, richness: float, task: str) -> np.ndarray:
    """A textured chip with patches of 3 pixels: six when rich, none when barren; its mean says little."""
    coarse = rng.normal(0, 1, (side // 8, side // 8)).repeat(8, 0).repeat(8, 1)
    pixels = rng.uniform(70, 110) + 12 * coarse + rng.normal(0, 5, (side, side))
    for _ in range(round(6 * richness)):
        y, x = rng.integers(2, side - 5, 2)
        pixels[y : y + 3, x : x + 3] += 60
    return np.clip(pixels, 1, 255).astype("uint8")


def settings(workspace: Workspace, **sections: object) -> Settings:
    """Settings that need no data."""
    return parse({"workspace": workspace.url, "archive": {"url": "nowhere"}, "jobs": ["train"], **sections})


def write_leak(workspace: Workspace, task: str, area: float) -> None:
    """Write the part of a task's summary that the leak gate reads."""
    leak = {"area": area, "places": area, "worst": area, "deposits": 0, "max_leakage": 0.0}
    workspace.write_json(f"samples/{task}/summary.json", {"task": task, "leak": leak})
