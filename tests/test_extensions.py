"""A new kind of thing is one registration, also from outside of the package: shown by a sensor, from archive to chip.

The deposit format, the split, the baseline and the network from outside are tested beside those of their packages.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import rasterio
from distributed import Client, LocalCluster

from jobs import acquire, catalogue
from jobs.running.runner import execute
from mineral_pipeline import sensors, simulation
from mineral_pipeline.errors import SettingsError
from mineral_pipeline.registry import Registry
from mineral_pipeline.sensors import Band, Sensor
from mineral_pipeline.sensors.landsat import product_folder
from mineral_pipeline.settings import Settings, parse
from mineral_pipeline.workspace import Workspace, artefacts, ledger, zarr_store


@pytest.fixture
def toy_sensor() -> Iterator[Sensor]:
    """A sensor of another spacecraft, with one band of 16 bits."""
    yield sensors.register(Sensor("XT01", "TOYSAT_1", "TOY", (Band("B2A", "swir22", (2.1, 2.3)),), "uint16"))
    sensors.SENSORS.unregister("XT01")


@pytest.fixture
def toy_archive(tmp_path: Path, toy_sensor: Sensor) -> Settings:
    """An archive without index that holds one product of the toy sensor: a simulated scene under other names."""
    planet = {"locations": 1, "dates": 1, "islands": 1, "scene_size": 64}
    content = {"workspace": "none", "archive": {"url": str(tmp_path / "tm")}, "jobs": ["simulate"], "simulate": planet}
    (written,) = simulation.write_scenes([0], simulation.ArchiveSpec.of(parse(content)))
    old, new = written.product_id, written.product_id.replace("LT04", toy_sensor.code)
    folder = tmp_path / "archive" / product_folder(new)
    folder.mkdir(parents=True)
    for file in (tmp_path / "tm" / product_folder(old)).iterdir():
        target = folder / file.name.replace(old, new).replace("_B7", "_B2A")
        if file.suffix == ".TIF":
            with rasterio.open(file) as scene:  # 16 bits, as the sensor's
                pixels, profile = scene.read().astype("uint16") * 100, {**scene.profile, "dtype": "uint16"}
            with rasterio.open(target, "w", **profile) as copy:
                copy.write(pixels)
        else:
            text = file.read_text().replace(old, new).replace("_B7.", "_B2A.").replace("_BAND_7 ", "_BAND_2A ")
            target.write_text(text)
    return parse(
        {
            "workspace": str(tmp_path / "workspace"),
            "archive": {"url": str(tmp_path / "archive")},
            "jobs": ["catalogue", "acquire"],
            "catalogue": {"spacecraft": ["TOYSAT_1"], "sensors": ["TOY"]},
            "acquire": {"bands": ["B2A"], "chip_size": 32},
        }
    )


@pytest.fixture
def processes() -> Iterator[Client]:
    """A cluster whose worker is a process of its own, in which nobody has registered anything."""
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0") as local,
        Client(local) as client,
    ):
        yield client


def test_a_new_sensor_goes_from_the_archive_to_a_chip(toy_archive: Settings, client: Client) -> None:
    catalogue.main(toy_archive, client)
    assert acquire.main(toy_archive, client).done == 1

    workspace = Workspace(toy_archive.workspace)
    assert workspace.read_table(artefacts.CATALOGUE)["sensor"].tolist() == ["XT01"]
    assert ledger.read(workspace)["status"].tolist() == ["ok"]
    assert zarr_store.open_array(workspace).dtype == "uint16"


def test_workers_know_what_the_client_registered(toy_archive: Settings, processes: Client) -> None:
    execute("catalogue", toy_archive, processes)
    processes.cluster.scale(2)
    processes.wait_for_workers(2)
    dtypes = processes.run(lambda: {code: sensor.dtype for code, sensor in sensors.SENSORS.items()}.get("XT01"))
    assert list(dtypes.values()) == ["uint16", "uint16"]


def test_a_band_that_a_sensor_lacks_is_named(toy_archive: Settings, client: Client) -> None:
    settings = toy_archive.model_copy(update={"acquire": toy_archive.acquire.model_copy(update={"bands": ["B7"]})})
    with pytest.raises(SettingsError, match=r"acquire\.bands: XT01 has no band B7: choose among B2A \(\w+\)$"):
        catalogue.main(settings, client)


def test_a_registry_names_what_it_knows() -> None:
    registry: Registry[int] = Registry("shape")
    registry.register("square", 4)

    assert registry.register("square", 4) == registry["square"] == 4
    with pytest.raises(SettingsError, match=r"unknown shape 'circle': choose among square$"):
        registry["circle"]
    with pytest.raises(ValueError, match="shape 'square' is registered already"):
        registry.register("square", 5)
