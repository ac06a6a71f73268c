"""Training stores whose answer is known: small bright patches on texture mean a deposit, many mean a rich location."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from mineral_pipeline.geometry import CRS
from mineral_pipeline.modelling import ModelSpec
from mineral_pipeline.modelling.model_files import write_metrics
from mineral_pipeline.modelling.spec import write_spec
from mineral_pipeline.settings import Settings, parse
from mineral_pipeline.workspace import Workspace, artefacts, layout, zarr_store
from mineral_pipeline.workspace.digests import digest_array, digest_table
from mineral_pipeline.workspace.documents import digest_document
from mineral_pipeline.workspace.zarr_store import ImageLayout

FRACTIONS = {"train": 0.6, "validation": 0.2, "test": 0.2}
COORDINATES = ["label", "chip_id", "scene_id", "location_id", "weight", "lon", "lat"]
SCENES = 44_000
"""Scenes of the catalogue: more than any fold's."""


def write_samples(
    workspace: Workspace,
    task: str,
    *,
    locations: int = 120,
    chips: int = 3,
    size: int = 64,
    batch: int = 16,
    seed: int = 0,
    signal: bool = True,
    fold: int | None = None,
) -> pd.DataFrame:
    """Write the three stores, the table and the digest of a task; without ``signal`` the patches say nothing.

    Each of five folds has another fifth of the same locations in test.
    """
    sample_set = artefacts.sample_set(task, fold)
    rng = np.random.default_rng(seed)
    values = np.linspace(0, 1, locations) if task == "richness" else np.arange(locations) % 2
    richness = rng.permuted(values)
    shown = richness if signal else rng.permuted(richness)
    fifth = locations // 5
    subsets = np.roll(np.repeat(list(FRACTIONS), [locations - 2 * fifth, fifth, fifth]), (fold or 0) * fifth)
    tables: list[pd.DataFrame] = []
    for subset in FRACTIONS:
        drawn = rng.permuted(np.repeat(np.flatnonzero(subsets == subset), chips))
        images = np.stack([image(rng, size, float(shown[location]), task) for location in drawn])[:, None]
        table = _table(subset, drawn, richness, first_chip=1000 * (len(tables) + 10 * (fold or 0)))
        table["image_sha256"] = [digest_array(one) for one in images]
        name = artefacts.samples_store(sample_set, subset)
        coordinates = {key: table[key].to_numpy() for key in COORDINATES}
        zarr_store.create_samples(workspace, name, ImageLayout(("B7",), size, batch), coordinates)
        for number in range(-(-len(drawn) // batch)):
            zarr_store.write_batch(workspace, name, number, images[number * batch : (number + 1) * batch])
        tables.append(table)
    table = pd.concat(tables, ignore_index=True)
    geometry = gpd.points_from_xy(table["lon"], table["lat"])
    workspace.write_table(artefacts.samples_table(sample_set), gpd.GeoDataFrame(table, geometry=geometry, crs=CRS))
    write_catalogue(workspace, SCENES)
    digest = digest_document([digest_table(table), locations, chips, size, batch, seed, signal])
    held_out = {"held_out": {"locations": fifth, "usable": fifth, "sampled": fifth}} if fold is not None else {}
    workspace.write_json(artefacts.samples_summary(sample_set), {"task": task, "digest": digest, **held_out})
    return table


def write_catalogue(workspace: Workspace, scenes: int) -> None:
    """A catalogue whose facts say nothing of the labels, some of them unknown."""
    number = np.arange(scenes)
    facts = {
        "scene_id": [f"LT04_{scene}" for scene in number],
        "acquired": [f"{1983 + scene % 10}-{1 + scene % 12:02d}-{1 + scene % 28:02d}" for scene in number],
        "cloud_cover": np.where(number % 7, number % 100, np.nan),
        "tier": np.where(number % 3, "T1", "T2"),
        "level": np.where(number % 5, "L1TP", "L1GS"),
        "sensor": "LT04",
        "visits": 1 + number % 11,
    }
    layout.write_version(workspace)
    workspace.write_table(artefacts.CATALOGUE, pd.DataFrame(facts))


def _table(subset: str, locations: np.ndarray, richness: np.ndarray, first_chip: int) -> pd.DataFrame:
    """One chip of each of ``locations``, all of different scenes that they show whole."""
    chip_index = first_chip + np.arange(len(locations))
    scenes = [f"LT04_{chip}" for chip in chip_index]
    return pd.DataFrame(
        {
            "sample": np.arange(len(locations)),
            "subset": subset,
            "chip_index": chip_index,
            "chip_id": scenes,
            "scene_id": scenes,
            "location_id": [f"{location:06d}" for location in locations],
            "group": locations // 2,
            "label": richness[locations].astype("float32"),
            "weight": np.ones(len(locations), "float32"),
            "lon": locations.astype(float),
            "lat": np.zeros(len(locations)),
        }
    )


def image(rng: np.random.Generator, size: int, richness: float, task: str) -> np.ndarray:
    """A textured chip with patches of 3 pixels: six when rich, none when barren; its mean says little."""
    coarse = rng.normal(0, 1, (size // 8, size // 8)).repeat(8, 0).repeat(8, 1)
    pixels = rng.uniform(70, 110) + 12 * coarse + rng.normal(0, 5, (size, size))
    for _ in range(round(6 * richness)):
        y, x = rng.integers(2, size - 5, 2)
        pixels[y : y + 3, x : x + 3] += 60
    return np.clip(pixels, 1, 255).astype("uint8")


def pretend_trained(
    workspace: Workspace, spec: ModelSpec, folder: str | None = None, **facts: object
) -> dict[str, Any]:
    """Write spec and metrics of a model that was not trained, beside its other files that are there."""
    write_spec(workspace, spec, folder)
    metrics = {"task": spec.task, "fold": spec.fold, "name": spec.name, "kind": spec.kind, "epochs": 1, "seconds": 0.1}
    metrics |= {"collapsed": False, "validation": {}}
    return write_metrics(workspace, folder or artefacts.model(spec.sample_set, spec.name), metrics | facts)


def settings(workspace: Workspace, **sections: object) -> Settings:
    """Settings that need no data."""
    return parse({"workspace": workspace.url, "archive": {"url": "nowhere"}, "jobs": ["train"], **sections})


def write_leakage(workspace: Workspace, sample_set: str, area: float) -> None:
    """Write the part of a sample set's summary by which training is refused."""
    name = artefacts.samples_summary(sample_set)
    summary = workspace.read_json(name) if workspace.exists(name) else {"digest": "none"}
    leakage = {"area": area, "locations": area, "worst": area, "deposits": 0, "max_leakage": 0.0}
    workspace.write_json(name, summary | {"leakage": leakage})
