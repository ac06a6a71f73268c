"""A folder of products as users have them, in every layout: real ones, and simulated ones where there is none.

There is no real raster of Collection 2 Level 1. Its products have pixels that are simulated on the grid of a real MTL;
the MTL is that of the product itself, or a real one of the nearest kind whose identifiers are changed.
"""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_bounds

from mineral_pipeline.sensors import SENSORS
from mineral_pipeline.sensors.landsat import SceneMetadata, band_file, metadata_file, parse_product_id, read_metadata

REAL = {
    "LT05_L1GS_092091_19910506_20170126_01_T2": "archive/LT05/01/092/091/LT05_L1GS_092091_19910506_20170126_01_T2",
    "LE07_L1TP_092084_19990925_20170217_01_T1": "archive/LE07/01/092/084/LE07_L1TP_092084_19990925_20170217_01_T1",
    "LC08_L1TP_016037_20170813_20170814_01_RT": "rasters/more/rio-tiler-pds",
}
"""Collection 1: folder of the real product, MTL and pixels."""

SIMULATED = {
    "LT04_L1TP_107068_19880110_20200917_02_T1": "LE07_L1TP_107068_20220310_20220405_02_T1_MTL.txt",
    "LT05_L1TP_107068_20090310_20200827_02_T1": "LE07_L1TP_107068_20220310_20220405_02_T1_MTL.txt",
    "LE07_L1TP_107068_20220310_20220405_02_T1": "LE07_L1TP_107068_20220310_20220405_02_T1_MTL.txt",
    "LC08_L1TP_204030_20180226_20180226_02_T1": "LC08_L1TP_204030_20180226_20180226_02_T1_MTL.txt",
    "LC09_L1TP_140047_20220128_20220128_02_T1": "test_L9C2L1_MTL.txt",
}
"""Collection 2 Level 1: the real MTL that the product's is made from; the first two have another sensor's."""

EIGHT_BITS = sorted(one for one in {**REAL, **SIMULATED} if SENSORS[one[:4]].dtype == "uint8")
SIXTEEN_BITS = sorted(one for one in {**REAL, **SIMULATED} if SENSORS[one[:4]].dtype == "uint16")

PIXEL_M = 1200.0
"""Size of a simulated pixel in metres."""


def write_product(data: Path, folder: Path, product_id: str, bands: tuple[str, ...] = ("B7",)) -> list[Path]:
    """Write the metadata and some bands of a product into a folder, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in (metadata_file(product_id), *(band_file(product_id, band) for band in bands))]
    if product_id in REAL:
        for path in paths:
            shutil.copyfile(data / REAL[product_id] / path.name, path)
        return paths
    text = change_identifiers((data / "mtl/other" / SIMULATED[product_id]).read_text(), product_id)
    paths[0].write_text(text)
    for number, path in enumerate(paths[1:]):
        simulate_band(path, read_metadata(text), SENSORS[product_id[:4]].dtype, number)
    return paths


def change_identifiers(text: str, product_id: str) -> str:
    """An MTL under another product identifier, with its spacecraft, sensor, thermal band and day."""
    before, part = read_metadata(text), parse_product_id(product_id)
    sensor = SENSORS[part.sensor]
    for old, new in (
        (before.product_id, product_id),
        (f'"{before.spacecraft}"', f'"{sensor.spacecraft}"'),
        (f'SENSOR_ID = "{before.sensor}"', f'SENSOR_ID = "{sensor.instrument}"'),
        (f"DATE_ACQUIRED = {before.acquired}", f"DATE_ACQUIRED = {part.acquired}"),
        *((("_6_VCID_1 ", "_6 "), ("_B6_VCID_1.TIF", "_B6.TIF")) if sensor.instrument == "TM" else ()),
    ):
        text = text.replace(old, new)
    return text


def simulate_band(path: Path, metadata: SceneMetadata, dtype: str, number: int) -> None:
    """Write a raster of the extent of a real grid, reduced in resolution: a tilted image on fill, its pixels noise."""
    left, bottom, right, top = metadata.extent
    height, width = round((top - bottom) / PIXEL_M), round((right - left) / PIXEL_M)
    y, x = np.mgrid[:height, :width]
    inside = (np.abs(x - width / 2 + 0.2 * (y - height / 2)) < 0.38 * width) & (np.abs(y - height / 2) < 0.46 * height)
    largest = np.iinfo(dtype).max
    pixels = np.random.default_rng(number).integers(largest // 4, largest // 2, (height, width))
    profile = {"driver": "GTiff", "height": height, "width": width, "count": 1, "dtype": dtype}
    transform = from_bounds(left, bottom, right, top, width, height)
    with rasterio.open(path, "w", **profile, crs=f"EPSG:{32600 + metadata.utm_zone}", transform=transform) as file:
        file.write(np.where(inside, pixels, 0).astype(dtype), 1)


def lay_out(data: Path, root: Path, product_id: str, layout: str, bands: tuple[str, ...] = ("B7",)) -> None:
    """Put a product into a folder, as ``folder``, ``loose`` files, ``tar`` or ``tar.gz``."""
    if layout in ("folder", "loose"):
        write_product(data, root / (product_id if layout == "folder" else ""), product_id, bands)
        return
    files = write_product(data, root.parent / "unpacked", product_id, bands)
    with tarfile.open(root / f"{product_id}.{layout}", "w:gz" if layout.endswith("gz") else "w") as tar:
        for path in files:
            tar.add(path, path.name)
