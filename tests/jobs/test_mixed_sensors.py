"""Scenes whose pixels are of different kinds are refused before anything is acquired; those of one kind are mixed."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from distributed import Client
from rasterio.io import MemoryFile

from jobs import acquire, catalogue
from jobs.__main__ import main
from mineral_pipeline import archive, sensors, settings
from mineral_pipeline.errors import SettingsError
from mineral_pipeline.sensors import Band, Sensor
from mineral_pipeline.sensors.landsat import BUCKET, band_file, metadata_file, parse_product_id, product_folder
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts, identities, ledger, zarr_store

TM = "LT05_L1GS_092091_19910506_20170126_01_T2"
ETM = "LE07_L1GS_092091_20010506_20170126_01_T2"
OLI = "LC08_L1GS_092091_20150506_20170126_01_T2"
TM_LEVEL_2 = "LT05_L2SP_092091_19910506_20200126_02_T2"
TOY = "XT01_L1GS_092091_20160506_20170126_01_T2"


def widen(content: bytes) -> bytes:
    """The same TIFF in 16 bits, with values like those of OLI."""
    with MemoryFile(content) as file, file.open() as source:
        profile, pixels = {**source.profile, "dtype": "uint16"}, source.read().astype("uint16") * 120
    with MemoryFile() as file:
        with file.open(**profile) as target:
            target.write(pixels)
        return bytes(file.read())


Write = Callable[..., Settings]


@pytest.fixture
def write(data: Path, tmp_path: Path) -> Write:
    """Function that writes an archive of one real scene under several identifiers, and settings for all of them."""

    def build(*product_ids: str, **section: object) -> Settings:
        source, root = data / "archive" / product_folder(TM), tmp_path / "archive"
        index = pd.read_csv(data / "archive" / "index.csv.gz", dtype=str)
        template, rows = index[index["PRODUCT_ID"] == TM], []
        for product_id in product_ids:
            part, folder = parse_product_id(product_id), product_folder(product_id)
            sensor = sensors.SENSORS[part.sensor]
            (root / folder).mkdir(parents=True)
            text = (source / metadata_file(TM)).read_text().replace(TM, product_id)
            (root / folder / metadata_file(product_id)).write_text(text)
            content = (source / band_file(TM, "B7")).read_bytes()
            (root / folder / band_file(product_id, "B7")).write_bytes(
                content if sensor.dtype == "uint8" else widen(content)
            )
            row = {
                "PRODUCT_ID": product_id,
                "SPACECRAFT_ID": sensor.spacecraft,
                "SENSOR_ID": sensor.instrument,
                "DATE_ACQUIRED": part.acquired.isoformat(),
                "DATA_TYPE": part.level,
                "BASE_URL": f"{BUCKET}/{folder}",
            }
            rows.append(template.assign(**row))
        (root / "index.csv.gz").write_bytes(gzip.compress(pd.concat(rows).to_csv(index=False).encode()))
        return settings.parse(
            {
                "workspace": str(tmp_path / "workspace"),
                "jobs": ["catalogue", "acquire"],
                "archive": {"url": str(root), "reduced": True},
                "catalogue": {"spacecraft": [], "sensors": [], **section},
                "acquire": {"chip_size": 32},
            }
        )

    return build


def catalogue_of_old(config: Settings) -> Workspace:
    """A workspace whose catalogue was made before mixtures were refused."""
    workspace = Workspace(config.workspace)
    listing = archive.find_products(config.archive, config.catalogue)
    scenes = archive.select_scenes(listing, config.catalogue.limit).scenes
    table = archive.build_catalogue(scenes, config.archive.url, config.acquire.chips_per_shard)
    workspace.write_table(artefacts.CATALOGUE, table)
    return workspace


BITS = (
    r"uint8 of LT05 \(1 scene\), LE07 \(1 scene\); uint16 of LC08 \(1 scene\).*"
    r"catalogue\.spacecraft: \[LANDSAT_5, LANDSAT_7\] and catalogue\.sensors: \[TM, ETM\], or"
    r" catalogue\.spacecraft: \[LANDSAT_8\] and catalogue\.sensors: \[OLI_TIRS\]"
)
LEVELS = r"L1 of LT05 L1GS \(1 scene\); L2 of LT05 L2SP \(1 scene\).*catalogue\.levels: \[L1GS\]"


@pytest.mark.parametrize(
    ("product_ids", "says"),
    [((TM, ETM, OLI), BITS), ((TM, TM_LEVEL_2), LEVELS)],
    ids=["8 and 16 bits", "Level 1 and Level 2 of one scene"],
)
def test_mixtures_are_refused_before_anything_is_acquired(
    write: Write, client: Client, product_ids: tuple[str, ...], says: str
) -> None:
    config = write(*product_ids)
    workspace = Workspace(config.workspace)
    with pytest.raises(SettingsError, match=says):
        catalogue.plan(config)
    with pytest.raises(SettingsError, match=says):
        catalogue.main(config, client)
    assert not workspace.exists(artefacts.CATALOGUE)

    catalogue_of_old(config)
    with pytest.raises(SettingsError, match=rf"catalogue\.parquet: .*{says}.*another --workspace"):
        acquire.plan(config)
    with pytest.raises(SettingsError, match=rf"catalogue\.parquet: .*{says}.*another --workspace"):
        acquire.main(config, client)
    assert not workspace.exists(artefacts.CHIPS)
    assert not workspace.exists(artefacts.LEDGER)


def test_a_store_that_mixes_already_is_not_gone_on_with(write: Write, client: Client) -> None:
    config = write(TM, OLI)
    workspace = catalogue_of_old(config)
    chips = identities.plan_chips(workspace.read_table(artefacts.CATALOGUE))
    zarr_store.create_chips(workspace, chips, zarr_store.ImageLayout(("B7",), 32, 16, "uint16"))
    with pytest.raises(SettingsError, match=r"uint8 of LT05 \(1 scene\); uint16 of LC08 \(1 scene\)"):
        acquire.main(config, client)
    assert not workspace.exists(artefacts.LEDGER)


@pytest.mark.parametrize(
    ("section", "dtype", "chosen"),
    [
        ({"spacecraft": ["LANDSAT_5", "LANDSAT_7"], "sensors": ["TM", "ETM"]}, "uint8", [TM, ETM]),
        ({"spacecraft": ["LANDSAT_8"], "sensors": ["OLI_TIRS"]}, "uint16", [OLI]),
        ({"end": "2001-12-31"}, "uint8", [TM, ETM]),
        ({"limit": 2}, "uint8", [TM, ETM]),
    ],
)
def test_what_the_message_proposes_and_any_other_choice_of_one_type_is_acquired(
    write: Write, client: Client, section: dict[str, object], dtype: str, chosen: list[str]
) -> None:
    config = write(TM, ETM, OLI, **section)
    assert catalogue.main(config, client).done == len(chosen)
    assert acquire.plan(config).counts.planned == len(chosen)
    assert acquire.main(config, client).done == len(chosen)
    workspace = Workspace(config.workspace)
    table = ledger.read(workspace)
    assert (table["product_id"].tolist(), set(table["status"])) == (chosen, {"ok"})
    assert zarr_store.open_array(workspace).dtype == np.dtype(dtype)


def test_the_level_that_is_chosen_is_acquired(write: Write, client: Client) -> None:
    config = write(TM, TM_LEVEL_2, levels=["L1GS"])
    catalogue.main(config, client)
    assert Workspace(config.workspace).read_table(artefacts.CATALOGUE)["product_id"].tolist() == [TM]


def test_a_registered_sensor_obeys_the_rule(write: Write, client: Client) -> None:
    sensors.register(Sensor("XT01", "TOYSAT_1", "TOY", (Band("B7", "swir22", (2.1, 2.3)),), "uint16"))
    try:
        mixed = write(TM, TOY)
        says = r"uint8 of LT05 \(1 scene\); uint16 of XT01 \(1 scene\).* \[TOYSAT_1\] and catalogue\.sensors: \[TOY\]$"
        with pytest.raises(SettingsError, match=says):
            catalogue.main(mixed, client)
        chosen = mixed.catalogue.model_copy(update={"spacecraft": ["TOYSAT_1"], "sensors": ["TOY"]})
        config = mixed.model_copy(update={"catalogue": chosen})
        assert catalogue.main(config, client).done == 1
        assert acquire.main(config, client).done == 1
    finally:
        sensors.SENSORS.unregister("XT01")


def test_the_plan_and_the_run_say_it_in_one_line(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write(TM, OLI)
    file = tmp_path / "settings.yaml"
    file.write_text(
        yaml.safe_dump(config.model_dump(mode="json", include={"workspace", "jobs", "archive", "catalogue"}))
    )
    workspace = Path(config.workspace)
    for job, options in (("run", ["--plan"]), ("catalogue", ["--plan"]), ("run", ["--cluster", "threads"])):
        assert main([job, str(file), *options]) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1
        assert "uint8 of LT05 (1 scene); uint16 of LC08 (1 scene)" in lines[0]
        assert options != ["--plan"] or not workspace.exists(), "a plan writes nothing"

    catalogue_of_old(config)
    assert main(["acquire", str(file), "--plan"]) == 2
    assert "another --workspace" in capsys.readouterr().err
