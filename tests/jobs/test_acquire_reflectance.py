"""Chips of reflectance, of several sensors in one workspace; and a confounder of light that it takes away."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from affine import Affine
from distributed import Client
from own_scenes import REAL, SIMULATED, write_product

from jobs import acquire, catalogue
from jobs.__main__ import main
from mineral_pipeline import settings as reader
from mineral_pipeline.errors import SettingsError, WorkspaceError
from mineral_pipeline.evaluation import measure
from mineral_pipeline.imagery import Raster, downsample, to_reflectance
from mineral_pipeline.learning import Task
from mineral_pipeline.modelling.baselines import BASELINES, estimators, statistics
from mineral_pipeline.modelling.baselines.baseline import Examples
from mineral_pipeline.sensors.calibration import reflectance_line
from mineral_pipeline.sensors.landsat import SceneMetadata, band_file, metadata_file, read_metadata
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts, ledger, zarr_store
from mineral_pipeline.workspace.pixels import REFLECTANCE, PixelScale

TM, ETM, OLI = (next(one for one in SIMULATED if one.startswith(code)) for code in ("LT05", "LE07", "LC08"))
REAL_TM = next(one for one in REAL if one.startswith("LT05"))
IRRADIANCE = {TM: 83.44, ETM: 84.90, REAL_TM: 83.44}


def configure(root: Path, workspace: str = "workspace", **changes: object) -> Settings:
    return reader.parse(
        {
            "workspace": str(root.parent / workspace),
            "jobs": ["catalogue", "acquire"],
            "archive": {"url": str(root), "reduced": True},
            "catalogue": {"spacecraft": [], "sensors": []},
            "acquire": {"chip_size": 64, "method": "sampling", "radiometry": "reflectance", **changes},
        }
    )


def truth(folder: Path, product_id: str) -> np.ndarray:
    """Reflectance of every pixel of a band file by the published equations; nan where fill."""
    text = (folder / metadata_file(product_id)).read_text()
    values = {line.partition("=")[0].strip(): line.partition("=")[2].strip() for line in text.splitlines()}
    with rasterio.open(folder / band_file(product_id, "B7")) as file:
        numbers = np.where((pixels := file.read(1)) > 0, pixels.astype(float), np.nan)
    zenith = math.cos(math.radians(90 - float(values["SUN_ELEVATION"])))
    if product_id == OLI:
        return (numbers * 2e-5 - 0.1) / zenith
    radiance = numbers * float(values["RADIANCE_MULT_BAND_7"]) + float(values["RADIANCE_ADD_BAND_7"])
    return math.pi * radiance * float(values["EARTH_SUN_DISTANCE"]) ** 2 / (IRRADIANCE[product_id] * zenith)


def test_chips_of_several_sensors_are_on_one_scale(
    data: Path, tmp_path: Path, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "scenes"
    for product_id in (TM, ETM, OLI, REAL_TM):
        write_product(data, root, product_id)
    settings = configure(root)
    with pytest.raises(SettingsError, match=r"uint8 of .*uint16 of LC08.*acquire\.radiometry: reflectance, or choose"):
        catalogue.plan(configure(root, radiometry="dn"))
    catalogue.main(settings, client)
    night = root / metadata_file(ETM)
    write = night.read_text().replace("SUN_ELEVATION = 39.0", "SUN_ELEVATION = 4.0")
    night.write_text(write)
    counts = acquire.main(settings, client)
    assert (counts.done, counts.failed, counts.reasons) == (4, 0, {"rejected": 1})

    workspace = Workspace(settings.workspace)
    outcomes = ledger.read(workspace).set_index("product_id")
    reason = f"{ETM}: the Sun's elevation is 4.0 degrees: reflectance needs 5 degrees"
    assert outcomes.loc[ETM, ["status", "reason"]].tolist() == ["rejected", reason]
    chips = xr.open_zarr(workspace.path(artefacts.CHIPS)).image
    stored = zarr_store.open_dataset(workspace).image
    assert stored.dtype == np.uint16
    for product_id in (TM, OLI, REAL_TM):
        chip = chips.values[outcomes.loc[product_id, "chip_index"], 0]
        seen, known = np.sort(chip[np.isfinite(chip)]), truth(root, product_id)
        nearest = np.sort(known[np.isfinite(known)])
        place = np.clip(np.searchsorted(nearest, seen), 1, len(nearest) - 1)
        distance = np.minimum(np.abs(seen - nearest[place]), np.abs(seen - nearest[place - 1]))
        assert len(seen) > 1000
        assert distance.max() <= 2e-4, f"{product_id}: a pixel that no pixel of the scene has"
        numbers = stored.values[outcomes.loc[product_id, "chip_index"], 0]
        assert outcomes.loc[product_id, "brightness"] == pytest.approx(numbers[numbers > 0].mean())

    with pytest.raises(WorkspaceError, match=r"acquire\.radiometry was 'reflectance' and is 'dn' now"):
        acquire.main(replace_radiometry(configure(root), "dn"), client)
    assert main(["export", settings.workspace, OLI, "--to", str(tmp_path / "exported")]) == 0
    with rasterio.open(tmp_path / "exported" / f"{OLI}.tif") as file:
        assert (file.scales, file.offsets, file.nodata) == ((1e-4,), (-0.1001,), 0)
    capsys.readouterr()


def replace_radiometry(settings: Settings, radiometry: str) -> Settings:
    """The same settings, of the scenes of one data type only, so that they are not refused before the workspace."""
    catalogue_path = Workspace(settings.workspace)
    table = catalogue_path.read_table(artefacts.CATALOGUE)
    catalogue_path.write_table(artefacts.CATALOGUE, table[table["sensor"] != "LC08"])
    return settings.model_copy(update={"acquire": settings.acquire.model_copy(update={"radiometry": radiometry})})


def test_digital_numbers_of_several_sensors_are_told(
    data: Path, tmp_path: Path, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    for product_id in (TM, ETM):
        write_product(data, tmp_path / "scenes", product_id)
    settings = configure(tmp_path / "scenes", radiometry="dn")
    says = "of several sensors, LE07 (1 scene), LT05 (1 scene), whose digital numbers mean different radiances:"
    assert says in catalogue.plan(settings).details["sensors"]
    catalogue.main(settings, client)
    assert says in " ".join(capsys.readouterr().out.split())
    assert "sensors" not in catalogue.plan(configure(tmp_path / "scenes", "other")).details


def test_a_workspace_of_before_the_setting_goes_on(data: Path, tmp_path: Path, client: Client) -> None:
    write_product(data, tmp_path / "scenes", TM)
    settings = configure(tmp_path / "scenes", radiometry="dn")
    catalogue.main(settings, client)
    acquire.main(settings, client)
    workspace = Workspace(settings.workspace)
    made_with = zarr_store.read_attributes(workspace)["made_with"]
    del made_with["acquire"]["radiometry"]
    chips = pd.DataFrame({name: [TM] for name in ("chip_id", "scene_id", "location_id", "product_id")})
    layout = zarr_store.read_layout(workspace)
    zarr_store.create_chips(workspace, chips, layout, {"made_with": made_with}, keep_shards=True)
    assert acquire.main(settings, client).skipped == 1
    with pytest.raises(WorkspaceError, match=r"acquire\.radiometry was 'dn' and is 'reflectance' now"):
        acquire.main(configure(tmp_path / "scenes"), client)


def lit_scenes(metadata: SceneMetadata, scenes: int) -> tuple[list[SceneMetadata], list[Raster]]:
    """Scenes of one kind of ground under a Sun that stands lower the further north they lie: noise in 8 bits."""
    rng, found, rasters = np.random.default_rng(3), [], []
    for latitude in np.linspace(0, 50, scenes):
        lit = replace(metadata, sun_elevation=float(65 - latitude))
        line = reflectance_line(lit, "LT04", "B7")
        ground = np.clip(0.2 + rng.normal(0, 0.02) + rng.normal(0, 0.05, (64, 64)), 0.02, None)
        numbers = np.clip(np.rint((ground - line.offset) / line.gain), 1, 255).astype("uint8")
        found.append(lit)
        rasters.append(Raster(numbers, Affine.identity(), None))
    return found, rasters


def test_skill_that_light_by_latitude_gives_is_gone(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deposits lie in the north, and the ground tells nothing of them: all that pixels can show is the light."""
    monkeypatch.setattr(estimators, "MAX_TREES", 25)
    folder = data / "mtl/other"
    text = (folder / "LT05_L1TP_047027_20101006_20160512_01_T1_MTL.txt").read_text()
    metadata, rasters = lit_scenes(read_metadata(text), 300)
    rng = np.random.default_rng(4)
    label = (np.arange(300) + rng.normal(0, 40, 300) > 150).astype("float32")
    lines = [reflectance_line(one, "LT04", "B7") for one in metadata]
    converted = [to_reflectance(one, line.gain, line.offset) for one, line in zip(rasters, lines, strict=True)]
    found = {}
    for radiometry, scenes, scale in (
        ("dn", rasters, PixelScale.of_numbers("uint8")),
        ("reflectance", converted, REFLECTANCE),
    ):
        chips = np.stack([downsample(one.pixels, 16, "rescale") for one in scenes])[:, None]
        found[radiometry] = auc(statistics.describe(chips, scale), label)
    assert found["dn"] > 0.85, found
    assert abs(found["reflectance"] - 0.5) < 2 * 0.06, f"two standard errors of 100 scenes: {found}"


def auc(features: pd.DataFrame, label: np.ndarray) -> float:
    """Area under the ROC of a third of the scenes, learnt by boosted trees from the others."""
    task: Task = "presence"
    order = np.random.default_rng(5).permutation(len(label))
    train, validation, test = (
        Examples(
            features.iloc[part].reset_index(drop=True), task, "cross_entropy", label[part], np.ones(len(part), "f4")
        )
        for part in np.array_split(order, 3)
    )
    prediction = BASELINES["statistics"].fit(train, validation).predict(test.features)
    return measure(task, test.label, prediction)["auc"]
