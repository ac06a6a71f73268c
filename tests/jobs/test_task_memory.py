"""The memory that `--plan` tells of a task is what it takes at most, and not much more."""

from __future__ import annotations

import os
import pickle
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import dask
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from chips import chip_table
from synthetic_samples import settings as sample_settings
from synthetic_samples import write_samples

from benchmarks.acquire import peak_memory, plan_shards
from benchmarks.support.fleet_archive import write_fleet
from jobs import acquire, curate, simulate
from jobs.acquisition.shard import Shard, acquire_shard
from jobs.acquisition.store import create_store
from jobs.running.network_memory import prediction_bytes, training_bytes
from mineral_pipeline import archive, curation, labelling, modelling, simulation
from mineral_pipeline import settings as reader
from mineral_pipeline.evaluation import measure
from mineral_pipeline.geometry import CRS
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store
from mineral_pipeline.workspace.digests import digest_array
from mineral_pipeline.workspace.zarr_store import ImageLayout

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc"),
]

MOST = 1.5
"""Largest ratio of what is planned to what is measured; the least is 1."""
FULL_SIZE, SCENES = 7400, 6


def in_a_worker(function: object, *arguments: object) -> float:
    os.environ |= {key: str(value) for key, value in dask.config.get("distributed.nanny.pre-spawn-environ").items()}
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return float(pool.submit(function, *arguments).result())  # type: ignore[arg-type]


def resident(name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024.0


def forget_peak() -> float:
    """Let the peak begin anew; returns what is resident."""
    Path("/proc/self/clear_refs").write_text("5")
    return resident("VmRSS")


def make_settings(folder: Path) -> Settings:
    return reader.parse({"workspace": str(folder / "workspace"), "jobs": ["acquire"], "archive": {"url": str(folder)}})


def read_catalogue(folder: Path) -> pd.DataFrame:
    settings = make_settings(folder)
    found = archive.find_products(settings.archive, settings.catalogue)
    catalogue = archive.build_catalogue(archive.select_scenes(found).scenes, str(folder), SCENES)
    return catalogue.assign(base_url=[url.removeprefix(f"{folder}/") for url in catalogue["base_url"]])


def acquire_in_one_task(folder: Path) -> None:
    settings, catalogue = make_settings(folder), read_catalogue(folder)
    create_store(settings, catalogue)
    (shard,) = plan_shards(catalogue, str(folder))
    assert isinstance(shard, Shard)
    source = archive.open_source(settings.archive)
    assert set(acquire_shard(shard, Workspace(settings.workspace), source, settings.acquire).states) == {"ok"}


def acquire_peak(small: Path, large: Path) -> float:
    acquire_in_one_task(small)
    own = forget_peak()
    acquire_in_one_task(large)
    return resident("VmHWM") - own


def test_a_task_of_full_size_scenes(tmp_path: Path) -> None:
    for name, edge in (("small", 64), ("large", FULL_SIZE)):
        write_fleet(tmp_path / name, SCENES, deposits=10, edge=edge)
    (size, *_) = (path.stat().st_size for path in (tmp_path / "large").rglob("*.TIF"))
    assert size > 25e6, "no smaller than real ones"

    found = in_a_worker(acquire_peak, tmp_path / "small", tmp_path / "large")

    planned = acquire.task_bytes(make_settings(tmp_path / "large"))
    assert found < planned < MOST * found, f"task {found / 1e6:.0f} MB, planned {planned / 1e6:.0f} MB"
    assert peak_memory(tmp_path / "large", read_catalogue(tmp_path / "large")) < 600, "with the program's own"


def copy_peak(url: str, batch_size: int) -> float:
    workspace, store = Workspace(url), artefacts.samples_store("presence", "train")
    chips = [(index, digest_array(image)) for index, image in enumerate(zarr_store.open_array(workspace)[:batch_size])]
    zarr_store.create_samples(workspace, store, ImageLayout(("B7",), 512, batch_size), {"label": np.zeros(batch_size)})
    batch = curation.Batch(store, 0, chips[::-1])
    curation.write_batches(workspace, [batch])
    own = forget_peak()
    curation.write_batches(workspace, [batch] * 3)
    return resident("VmHWM") - own


def test_a_task_of_curate(tmp_path: Path) -> None:
    workspace, batch_size = Workspace(str(tmp_path)), 128
    zarr_store.create_chips(
        workspace, chip_table([f"{n:03d}" for n in range(batch_size)]), ImageLayout(("B7",), 512, 16)
    )
    pixels = np.random.default_rng(0).integers(1, 255, (16, 1, 512, 512), "uint8")
    for shard in range(batch_size // 16):
        zarr_store.write_shard(workspace, shard, np.roll(pixels, shard, axis=-1))

    found = in_a_worker(copy_peak, workspace.url, batch_size)

    planned = curate.task_bytes(workspace, reader.Curate(land="-", batch_size=batch_size))
    assert found < planned < MOST * found, f"task {found / 1e6:.0f} MB, planned {planned / 1e6:.0f} MB"


def network(url: str) -> modelling.ModelSpec:
    grid = {"convolutions": ["small"], "dense_layers": ["medium"], "epochs": 2}
    settings = sample_settings(Workspace(url), tasks=["presence"], train=grid)
    return modelling.grid_specs(settings, Workspace(url), "presence")[0]


def training_peak(small: str, large: str) -> float:
    modelling.fit(Workspace(small), network(small), measure)
    own = forget_peak()
    modelling.fit(Workspace(large), network(large), measure)
    return resident("VmHWM") - own


def test_a_task_of_train(tmp_path: Path) -> None:
    small, large = (Workspace(str(tmp_path / name)) for name in ("small", "large"))
    write_samples(small, "presence", locations=20, chips=2, size=64)
    write_samples(large, "presence", locations=80, chips=2, size=512)

    found = in_a_worker(training_peak, small.url, large.url)

    planned = training_bytes(large, [network(large.url)])
    # what TensorFlow frees before it takes more differs from run to run
    assert found < planned < 2 * MOST * found, f"task {found / 1e6:.0f} MB, planned {planned / 1e6:.0f} MB"


def spec_of(folder: Path, size: int) -> simulation.ArchiveSpec:
    planet = {"locations": 60, "islands": 2, "scene_size": size}
    spec = simulate.archive_spec(
        reader.parse(
            {
                "workspace": str(folder / "workspace"),
                "jobs": ["simulate"],
                "archive": {"url": str(folder / f"archive-{size}")},
                "acquire": {"bands": ["B1", "B7"]},
                "simulate": planet,
            }
        )
    )
    simulation.begin(spec)
    return spec


def simulate_peak(folder: Path, small: int, large: int) -> float:
    simulation.write_scenes([0], spec_of(folder, small))
    spec = spec_of(folder, large)
    own = forget_peak()
    simulation.write_scenes([1], spec)
    return resident("VmHWM") - own


def test_a_task_of_simulate(tmp_path: Path) -> None:
    found = in_a_worker(simulate_peak, tmp_path, 96, 1600)

    planned = simulate.task_bytes(spec_of(tmp_path, 1600))
    assert found < planned < MOST * found, f"task {found / 1e6:.0f} MB, planned {planned / 1e6:.0f} MB"


def label_peak(deposits: int, scenes: int) -> float:
    def count(deposits: int, scenes: int) -> float:
        rng = np.random.default_rng(0)
        position = rng.uniform(-1, 1, (2, deposits)) * [[180], [70]]
        known = pd.DataFrame({"lon": position[0], "lat": position[1], "commodities": rng.choice(COMMODITIES, deposits)})
        chips = scenes_of_the_earth(rng, scenes)
        chosen = labelling.choose_deposits(known, commodities=40)
        own = forget_peak()
        labelling.count_deposits(chips, pickle.loads(pickle.dumps(chosen)))
        return own

    count(1_000, 100)
    own = count(deposits, scenes)
    return resident("VmHWM") - own


COMMODITIES = [f"Mineral {number:02d}" for number in range(40)]


def scenes_of_the_earth(rng: np.random.Generator, count: int) -> gpd.GeoDataFrame:
    """Eight scenes of each location, as large as those of Landsat."""
    lon, lat = np.repeat(rng.uniform(-1, 1, (2, count // 8)) * [[178], [60]], 8, axis=1)
    wide = 0.8 / np.cos(np.radians(lat))
    corners = [(lon + x * wide, lat + y) for x, y in ((-1, -0.8), (1, -0.9), (1, 0.8), (-1, 0.9))]
    names = [f"scene {number}" for number in range(len(lon))]
    keys = {
        "chip_id": names,
        "scene_id": names,
        "location_id": [f"location {number // 8}" for number in range(len(names))],
    }
    outlines = shapely.polygons(np.moveaxis(corners, 2, 0))
    return gpd.GeoDataFrame(keys | {"chip_index": range(len(lon))}, geometry=outlines, crs=CRS)


def test_a_task_of_label() -> None:
    found = in_a_worker(label_peak, 350_000, 12_000)

    planned = labelling.partition_bytes(12_000, 350_000)
    assert found < planned < 2 * found, f"task {found / 1e6:.0f} MB, planned {planned / 1e6:.0f} MB"


def models(url: str) -> list[modelling.ModelSpec]:
    settings = sample_settings(Workspace(url), tasks=["presence"])
    baselines = modelling.baseline_specs(settings, Workspace(url), "presence")
    return [replace(network(url), epochs=1), *(one for one in baselines if one.kind == "statistics")]


def fit_models(*urls: str) -> float:
    return sum(modelling.fit(Workspace(url), spec, measure)["seconds"] for url in urls for spec in models(url))


def prediction_peak(small: str, large: str, name: str) -> float:
    modelling.predict_subset(Workspace(small), "presence", name, "test")
    own = forget_peak()
    modelling.predict_subset(Workspace(large), "presence", name, "test")
    return resident("VmHWM") - own


def test_a_task_of_evaluate(tmp_path: Path) -> None:
    small, large = (Workspace(str(tmp_path / name)) for name in ("small", "large"))
    write_samples(small, "presence", locations=20, chips=2, size=64)
    write_samples(large, "presence", locations=40, chips=4, size=512)
    in_a_worker(fit_models, small.url, large.url)
    images = zarr_store.open_array(large, artefacts.samples_store("presence", "test"))
    planned = prediction_bytes(images, [network(large.url)])
    for spec in models(large.url):
        found = in_a_worker(prediction_peak, small.url, large.url, spec.name)
        assert found < planned < 2 * MOST * found, f"{spec.name} {found / 1e6:.0f} MB, planned {planned / 1e6:.0f} MB"
