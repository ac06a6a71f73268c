"""One chip with its place on the Earth, as xarray and rioxarray understand it: CF's grid mapping, as GeoZarr has it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from affine import Affine
from pyproj import CRS

from mineral_pipeline.errors import DataError, WorkspaceError, did_you_mean
from mineral_pipeline.workspace import artefacts, ledger, zarr_store
from mineral_pipeline.workspace.workspace import Workspace

GRID_MAPPING = "spatial_ref"
"""Name of the coordinate with the grid mapping, by which rioxarray knows it."""

LEDGER_COLUMNS = [
    "chip_id", "chip_index", "product_id", "acquired", "status", "reason", "image_sha256", "crs", "geo_transform",
]  # fmt: skip


def open_chip(workspace: Workspace, chip_id: str, table: pd.DataFrame | None = None) -> xr.DataArray:
    """Read one chip with its place on the Earth.

    Args:
        workspace: the workspace.
        chip_id: key of the chip; see `mineral_pipeline.workspace.identities`.
        table: what `read_rows` gives or the whole ledger, where it has been read already.

    Returns:
        (band, y, x) in the store's numbers, 0 = fill, padded at the bottom or the right. ``x`` and ``y`` are the
        centres of pixels in metres of the scene's projection, unless its raster is turned against it. `GRID_MAPPING`
        tells the projection in CF's words, with GDAL's ``GeoTransform``. Of reflectance ``scale_factor`` and
        ``add_offset`` tell what the numbers mean: `xarray.decode_cf` of its dataset applies them.

    Raises:
        DataError: there is no such chip, or it is not ok.
        WorkspaceError: the ledger is of an earlier version, which did not tell where chips are; or a file is damaged.
    """
    row = _find(workspace, chip_id, read_rows(workspace) if table is None else table)
    layout = zarr_store.read_layout(workspace)
    images = zarr_store.open_images(workspace, artefacts.CHIPS, {int(row["chip_index"]): row["image_sha256"]})
    (image,) = images.read(np.array([row["chip_index"]]))
    transform = Affine.from_gdal(*map(float, row["geo_transform"].split()))
    lines, samples = (np.arange(length) + 0.5 for length in image.shape[1:])
    mapping = CRS.from_user_input(row["crs"]).to_cf() | {"GeoTransform": row["geo_transform"]}
    axis = {"units": "metre"}
    coordinates: dict[str, Any] = {"band": ("band", list(layout.bands)), GRID_MAPPING: ((), 0, mapping)}
    if transform.b == transform.d == 0:
        coordinates |= {
            "y": ("y", transform.f + transform.e * lines, {**axis, "standard_name": "projection_y_coordinate"}),
            "x": ("x", transform.c + transform.a * samples, {**axis, "standard_name": "projection_x_coordinate"}),
        }
    attributes = {"product_id": row["product_id"], "acquired": row["acquired"], "_FillValue": 0}
    attributes |= {key: value for key, value in layout.attributes.items() if key != "bands"}
    chip = xr.DataArray(image, coordinates, ("band", "y", "x"), chip_id, attributes)
    chip.encoding["grid_mapping"] = GRID_MAPPING
    return chip


def read_rows(workspace: Workspace) -> pd.DataFrame:
    """What `open_chip` needs of the ledger.

    Raises:
        WorkspaceError: the ledger is absent, damaged, or of an earlier version, which did not tell where chips are.
    """
    try:
        table: pd.DataFrame = ledger.read(workspace, LEDGER_COLUMNS)
    except WorkspaceError as error:
        if "has no column crs" not in str(error):
            raise
        where = workspace.uri(artefacts.LEDGER)
        raise WorkspaceError(
            f"{where} does not tell where chips are: acquire them again in another workspace"
        ) from error
    return table


def _find(workspace: Workspace, chip_id: str, table: pd.DataFrame) -> dict[str, Any]:
    """The row of a chip in the ledger."""
    rows = table[table["chip_id"] == chip_id].to_dict("records")
    if not rows:
        raise DataError(f"{workspace.url} has no chip {chip_id}{did_you_mean(chip_id, table['chip_id'])}")
    if rows[0]["status"] != ledger.State.OK:
        raise DataError(f"chip {chip_id} is {rows[0]['status']}: {rows[0]['reason']}")
    return {str(name): value for name, value in rows[0].items()}
