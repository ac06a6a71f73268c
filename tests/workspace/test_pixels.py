"""A store of reflectance is read as such by xarray, and as the numbers it holds by the pipeline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from chips import chip_table

from mineral_pipeline.workspace import Workspace, artefacts, zarr_store
from mineral_pipeline.workspace.digests import digest_array
from mineral_pipeline.workspace.pixels import REFLECTANCE, PixelScale
from mineral_pipeline.workspace.zarr_store import ImageLayout

LAYOUT = ImageLayout(("B7",), 2, 2, "uint16", is_reflectance=True)
NUMBERS = np.array([[[[0, 1], [1_001, 3_501]]], [[[11_001, 65_535], [0, 0]]]], "uint16")
VALUES = np.array([[[[np.nan, -0.1], [0, 0.25]]], [[[1, 6.4534], [np.nan, np.nan]]]])


@pytest.fixture
def store(workspace: Workspace) -> Workspace:
    zarr_store.create_chips(workspace, chip_table(["a", "b"]), LAYOUT)
    zarr_store.write_shard(workspace, 0, NUMBERS)
    return workspace


def test_xarray_reads_reflectance_and_the_pipeline_numbers(store: Workspace) -> None:
    decoded = xr.open_zarr(store.path(artefacts.CHIPS)).image
    np.testing.assert_allclose(decoded.values, VALUES, atol=1e-9)
    assert decoded.attrs["units"] == "1"
    read = zarr_store.open_dataset(store).image
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read.values, NUMBERS)
    digests = {row: digest_array(image) for row, image in enumerate(NUMBERS)}
    images = zarr_store.open_images(store, artefacts.CHIPS, digests)
    np.testing.assert_array_equal(images.read(np.arange(2)), NUMBERS)
    assert images.scale == REFLECTANCE
    np.testing.assert_allclose(images.scale.share(NUMBERS)[NUMBERS > 0], VALUES[NUMBERS > 0], atol=1e-12)


def test_the_samples_of_a_store_are_what_its_chips_are(store: Workspace) -> None:
    layout = zarr_store.read_layout(store)
    assert layout == LAYOUT
    zarr_store.create_samples(store, "samples.zarr", replace(layout, images_per_write=1), {"label": np.ones(2, "f4")})
    assert zarr_store.read_layout(store, "samples.zarr").is_reflectance
    assert zarr_store.open_images(store, "samples.zarr", {}).scale == REFLECTANCE


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_digital_numbers_stay_numbers(workspace: Workspace, dtype: str) -> None:
    zarr_store.create_chips(workspace, chip_table(["a"]), ImageLayout(("B7",), 2, 1, dtype))
    zarr_store.write_shard(workspace, 0, NUMBERS[:1].astype(dtype))
    assert xr.open_zarr(workspace.path(artefacts.CHIPS)).image.dtype == dtype
    scale = zarr_store.open_images(workspace, artefacts.CHIPS, {}).scale
    assert scale == PixelScale(dtype, 0, 2 ** (8 * np.dtype(dtype).itemsize) - 1)
    assert scale.attributes == {}
    assert not zarr_store.read_layout(workspace).is_reflectance
