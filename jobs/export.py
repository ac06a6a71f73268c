"""Write chips as GeoTIFFs, which a GIS overlays on its maps.

    mineral-pipeline export WORKSPACE CHIP... [--to FOLDER]

Reads ``chips.zarr`` and the ledger, and writes ``FOLDER/CHIP.tif`` for each chip (default: the current folder): every
band of the chip in its own projection, 0 = nodata, of reflectance with scale and offset. A chip's name is its
``chip_id`` in the ledger, that of the product.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import rasterio
import xarray as xr
from affine import Affine

from jobs.running.progress import CONSOLE
from mineral_pipeline.errors import WorkspaceError
from mineral_pipeline.workspace import Workspace, layout
from mineral_pipeline.workspace.chip import GRID_MAPPING, open_chip, read_rows


def main(url: str, chip_ids: Sequence[str], folder: str) -> int:
    """Write the chips of a workspace into a folder.

    Raises:
        DataError: there is no such chip, or it is not ok.
        WorkspaceError: there is no workspace, or it is damaged; or a file cannot be written.
    """
    workspace = Workspace(url)
    layout.check_version(workspace)
    table = read_rows(workspace)
    for chip_id in chip_ids:
        chip = open_chip(workspace, chip_id, table)
        path = os.path.join(folder, f"{chip_id}.tif")
        try:
            os.makedirs(folder, exist_ok=True)
            write_geotiff(path, chip)
        except OSError as error:
            raise WorkspaceError(f"{path} cannot be written: {error}: name another folder by --to") from error
        CONSOLE.print(f"wrote {path}", soft_wrap=True)
    return 0


def write_geotiff(path: str, chip: xr.DataArray) -> None:
    """Write a chip of `open_chip`.

    Raises:
        OSError: the file cannot be written.
    """
    mapping = chip.coords[GRID_MAPPING].attrs
    bands, height, width = chip.shape
    profile = {"driver": "GTiff", "height": height, "width": width, "count": bands, "dtype": chip.dtype}
    transform = Affine.from_gdal(*map(float, mapping["GeoTransform"].split()))
    with rasterio.open(
        path, "w", **profile, crs=mapping["crs_wkt"], transform=transform, nodata=0, compress="deflate"
    ) as file:
        file.write(np.asarray(chip))
        file.descriptions = tuple(chip["band"].values.tolist())
        if "scale_factor" in chip.attrs:  # reflectance
            file.scales, file.offsets = ((chip.attrs[name],) * bands for name in ("scale_factor", "add_offset"))
        file.update_tags(product_id=chip.attrs["product_id"], acquired=chip.attrs["acquired"])
