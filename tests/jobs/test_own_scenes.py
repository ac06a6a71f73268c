"""Products of Landsat 4, 5, 7, 8 and 9, of Collections 1 and 2, become chips from a folder in any layout."""

from __future__ import annotations

from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
import rasterio
from distributed import Client
from own_scenes import EIGHT_BITS, SIMULATED, SIXTEEN_BITS, lay_out, write_product

from jobs import acquire, catalogue
from jobs.__main__ import main
from mineral_pipeline import settings as reader
from mineral_pipeline.archive import check_extent
from mineral_pipeline.errors import DataError, RasterError, SettingsError
from mineral_pipeline.sensors.landsat import band_file, metadata_file, read_metadata
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts, ledger, zarr_store

LAYOUTS = ("folder", "loose", "tar", "tar.gz")


def configure(root: Path, **sections: object) -> Settings:
    return reader.parse(
        {
            "workspace": str(root.parent / "workspace"),
            "jobs": ["catalogue", "acquire"],
            "archive": {"url": str(root), "reduced": True},
            "catalogue": {"spacecraft": [], "sensors": []},
            "acquire": {"chip_size": 64, "method": "sampling", "chips_per_shard": 2},
        }
        | sections
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "scenes").mkdir()
    return tmp_path / "scenes"


@pytest.mark.parametrize("product_ids", [EIGHT_BITS, SIXTEEN_BITS], ids=["8 bits", "16 bits"])
@pytest.mark.parametrize("first", [0, 1])
def test_every_product_in_every_layout(
    data: Path, root: Path, client: Client, product_ids: list[str], first: int
) -> None:
    layouts = cycle(LAYOUTS[2 * first :] + LAYOUTS[: 2 * first])
    for product_id, layout in zip(product_ids, layouts, strict=False):
        lay_out(data, root, product_id, layout)
    settings = configure(root)
    assert catalogue.main(settings, client).done == len(product_ids)
    assert acquire.main(settings, client).done == len(product_ids)
    workspace = Workspace(settings.workspace)
    outcomes, images = ledger.read(workspace).set_index("product_id"), zarr_store.open_dataset(workspace).image
    assert sorted(outcomes.index) == product_ids
    for product_id, outcome in outcomes.iterrows():
        assert (outcome["status"], outcome["reason"]) == ("ok", "")
        assert outcome["footprint_source"] == "image"
        write_product(data, root.parent / "again", str(product_id))
        with rasterio.open(root.parent / "again" / band_file(str(product_id), "B7")) as file:
            pixels = file.read(1)
        chip = images.values[outcome["chip_index"], 0]
        assert chip.dtype == pixels.dtype
        assert set(np.unique(chip)) <= set(np.unique(pixels)) | {0, 1}, "sampling keeps single pixels"


def test_bands_by_name_are_each_sensors_own(data: Path, root: Path, client: Client) -> None:
    """The near infrared is band 4 of TM and ETM+ and band 5 of OLI; the thermal band of ETM+ is two files."""
    first, second = (one for one in SIMULATED if one[:4] in ("LT05", "LE07"))
    lay_out(data, root, first, "tar", bands=("B6", "B4"))
    lay_out(data, root, second, "folder", bands=("B6_VCID_1", "B4"))
    settings = configure(root, acquire={"chip_size": 32, "bands": ["lwir", "nir"]})
    catalogue.main(settings, client)
    assert acquire.main(settings, client).done == 2
    store = zarr_store.open_dataset(Workspace(settings.workspace))
    assert store["band"].values.tolist() == ["lwir", "nir"]
    assert (store.image.values[:, 0] != store.image.values[:, 1]).any(axis=(1, 2)).all()

    third = next(one for one in SIMULATED if one.startswith("LC08"))
    lay_out(data, root, third, "loose", bands=("B5",))
    with pytest.raises(SettingsError, match=r"B5 is swir16 .* on LT05 and nir08 .* on LC08"):
        catalogue.plan(configure(root, workspace=f"{root.parent}/another", acquire={"bands": ["B5"]}))


def test_the_panchromatic_band_has_a_grid_of_its_own(data: Path, root: Path, client: Client) -> None:
    """A real one, reduced; and one of the size that the metadata give for it, which is not that of the others."""
    real = next(one for one in SIXTEEN_BITS if one.startswith("LC08") and one not in SIMULATED)
    lay_out(data, root, real, "folder", bands=("B8",))
    settings = configure(root, acquire={"chip_size": 64, "bands": ["pan"]})
    catalogue.main(settings, client)
    assert acquire.main(settings, client).failed == 0

    full = read_metadata((root / real / metadata_file(real)).read_text())
    left, bottom, right, top = full.extent
    lines, samples = full.panchromatic_shape
    assert (lines, samples) == (2 * full.lines - 1, 2 * full.samples - 1)
    check = partial(check_extent, full, (left, bottom, right, top), reduced=False, source="x")
    check((lines, samples), is_panchromatic=True)
    check((full.lines, full.samples))
    with pytest.raises(RasterError, match=f"has {lines} lines x {samples} samples, .* say {full.lines} x"):
        check((lines, samples))


def test_a_scene_whose_files_are_damaged_ends_in_the_ledger(data: Path, root: Path, client: Client) -> None:
    absent, cut, whole = EIGHT_BITS[:3]
    lay_out(data, root, absent, "tar", bands=())
    lay_out(data, root, cut, "tar.gz")
    (root / f"{cut}.tar.gz").write_bytes((root / f"{cut}.tar.gz").read_bytes()[:2000])
    lay_out(data, root, whole, "tar")
    settings = configure(root)
    catalogue.main(settings, client)
    acquire.main(settings, client)
    outcomes = ledger.read(Workspace(settings.workspace)).set_index("product_id")
    assert outcomes["status"].to_dict() == {absent: "missing", cut: "corrupt", whole: "ok"}
    assert outcomes.loc[absent, "reason"] == f"{absent}.tar/{absent}_B7.TIF is not in the archive"
    assert outcomes.loc[cut, "reason"].startswith(f"{cut}.tar.gz is cut off or no tar file: ")


def test_the_setting_that_hides_all_scenes_is_named(data: Path, root: Path) -> None:
    for product_id in SIXTEEN_BITS:
        lay_out(data, root, product_id, "folder", bands=())
    says = (
        r"none of 3 scenes is left by catalogue\.spacecraft: \['LANDSAT_4'\]: loosen that setting \(there are 2 of"
        r" LANDSAT_8 OLI_TIRS, 1 of LANDSAT_9 OLI_TIRS\)$"
    )
    with pytest.raises(DataError, match=says):
        catalogue.plan(configure(root, catalogue={}))


def test_a_plan_of_a_folder_that_does_not_do_is_an_error(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "LC80100202015018LGN00_MTL.txt").touch()
    options = [text for change in (f"archive.url={root}", f"workspace={root}/new") for text in ("--set", change)]
    assert main(["run", "own", "--plan", *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "holds no scene: fix archive.url, or lay products out in one of these ways" in line
    assert line.endswith("LC80100202015018LGN00 is of before the collections: order it again, as Collection 2 Level 1")
    assert main(["run", "own", "--plan", *options, "--set", f"archive.url={root}/absent"]) == 2
    assert "absent is not a folder: name the one that holds the products" in capsys.readouterr().err


def test_surface_reflectance_alone_is_refused_at_once(data: Path, root: Path) -> None:
    product_id = "LC08_L2SP_001062_20201031_20201106_02_T2"
    (root / product_id).mkdir()
    for path in (data / "rasters/more/rio-tiler-pds").glob(f"{product_id}*"):
        (root / product_id / path.name).write_bytes(path.read_bytes())
    with pytest.raises(SettingsError, match=r"LC08 L2SP \(1 scene\).*only Level 1 is read"):
        catalogue.plan(configure(root))


def test_a_product_in_two_places_is_one_scene(data: Path, root: Path, client: Client) -> None:
    product_id = next(iter(SIMULATED))
    lay_out(data, root, product_id, "tar")
    lay_out(data, root, product_id, "folder")
    counts = catalogue.main(configure(root), client)
    assert (counts.done, counts.reasons) == (1, {"a second copy in another folder or tar file": 1})
    table = Workspace(configure(root).workspace).read_table(artefacts.CATALOGUE)
    assert table["base_url"].tolist() == [f"{root}/{product_id}"]
