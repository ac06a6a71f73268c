"""Points with attributes, of any file that has a geometry, as a table of texts."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from mineral_pipeline.errors import DataError, one_line
from mineral_pipeline.labelling.formats.columns import GEOMETRY, find_layout, unread_commodities
from mineral_pipeline.labelling.formats.rows import to_rows
from mineral_pipeline.labelling.formats.sheet import SAMPLED_ROWS
from mineral_pipeline.settings import DepositFile


def choose_layer(file: DepositFile, layers: Sequence[str]) -> str:
    """The layer, or sheet, that the settings name; else the only one.

    Raises:
        DataError: there is no such layer, or there are several; the message lists them.
    """
    known = f"it has {one_line(', '.join(layers), 200) or 'none'}"
    if file.layer is None and len(layers) == 1:
        return layers[0]
    if file.layer is None:
        raise DataError(f"{file.path} has {len(layers)} layers: name one in layer; {known}")
    if file.layer not in layers:
        raise DataError(f"{file.path} has no layer {one_line(repr(file.layer), 80)}: {known}")
    return file.layer


def read_features(table: pd.DataFrame, file: DepositFile, crs: str) -> pd.DataFrame:
    """Bring features, or a table without geometry, into the columns of `DepositFormat.read`.

    Args:
        table: attributes of any type, with points or without.
        file: the file's path, and what the settings say of its columns.
        crs: reference system of the points, as the file has it; empty where it has none.

    Raises:
        DataError: a geometry is no point, or there are neither points nor columns with coordinates.
    """
    has_points = isinstance(table, gpd.GeoDataFrame)
    attributes = table.drop(columns=table.geometry.name) if has_points else table
    texts = pd.DataFrame({str(name): _texts(attributes[name]) for name in attributes}, dtype="str")
    texts.index = pd.RangeIndex(1, len(table) + 1)
    names = [str(name) for name in texts]
    layout = find_layout(names, file, has_points)
    unread = unread_commodities(names, texts.head(SAMPLED_ROWS).to_numpy().tolist(), layout)
    if layout.get("x") == GEOMETRY[:1]:
        for name, numbers in zip(GEOMETRY, _coordinates(np.asarray(table.geometry), file), strict=True):
            texts[name] = np.where(np.isnan(numbers), "", numbers.astype(str))
    else:
        crs = ""  # that of the points
    texts.attrs["unread"] = unread
    return to_rows(texts, layout, file, crs)


def _texts(values: pd.Series) -> list[str]:
    """Values as texts; whole numbers without a decimal point, absent ones empty."""
    absent = values.isna().to_numpy()
    if values.dtype.kind == "f":
        return ["" if no else f"{value:.15g}" for value, no in zip(values, absent, strict=True)]
    return ["" if no else str(value) for value, no in zip(values, absent, strict=True)]


def _coordinates(shapes: np.ndarray, file: DepositFile) -> np.ndarray:
    """Coordinates (2, n) of points; nan where there is none.

    Raises:
        DataError: a geometry is no point.
    """
    several = shapely.get_type_id(shapes) == shapely.GeometryType.MULTIPOINT
    single = several & (shapely.get_num_geometries(shapes) == 1)
    shapes = np.where(single, shapely.get_geometry(shapes, 0), shapes)
    is_point = np.isin(shapely.get_type_id(shapes), (-1, shapely.GeometryType.POINT)) | shapely.is_empty(shapes)
    if not is_point.all():
        row = int(np.argmin(is_point))
        raise DataError(
            f"{file.path} has a {shapes[row].geom_type} in row {row + 1}, not a point: give points, such as centroids"
        )
    points = shapes.copy()
    points[shapely.is_empty(shapes)] = None
    return np.stack([shapely.get_x(points), shapely.get_y(points)])
