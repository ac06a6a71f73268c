"""The user's layers beside the prospects: columns of reasons, and ground that is left out, with counts."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from mineral_pipeline import curation, prospecting
from mineral_pipeline.errors import DataError, SettingsError
from mineral_pipeline.geometry import CRS
from mineral_pipeline.settings import ProspectLayer, Settings


def apply_layers(settings: Settings, prospects: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, dict[str, int]]:
    """Leave out the prospects on excluded ground, and tell of the others what the layers say.

    Args:
        settings: ``prospect.layers``.
        prospects: ranked prospects with ``lon`` and ``lat`` of their centres.

    Returns:
        The prospects that are left, ranked anew from 1, with a column of each layer of reasons before the geometry;
        how many were left out, by reason. A prospect on several excluded grounds counts for the first.

    Raises:
        SettingsError: a layer cannot be read, or does not fit its role; the message names it.
        DataError: a layer holds no shapes, or nothing is left.
    """
    layers, shapes = settings.prospect.layers or [], read_layers(settings)
    reasons: dict[str, int] = {}
    for layer, table in zip(layers, shapes, strict=True):
        if layer.role == "exclude":
            outside = ~is_excluded(prospects, layer, table)
            where = f"within {layer.within_km:g} km of" if layer.within_km else "inside"
            reasons[f"{where} {layer.name}"] = int((~outside).sum())
            prospects = prospects[outside]
    if prospects.empty:
        raise DataError(f"prospect.layers exclude every location ({reasons}): leave one of them out")
    prospects = prospects.assign(rank=np.arange(1, len(prospects) + 1)).reset_index(drop=True)
    for layer, table in zip(layers, shapes, strict=True):
        if layer.role == "reason":
            for name, values in reason_columns(prospects, layer, table).items():
                if name in prospects:
                    raise SettingsError(f"prospect.layers: prospects have a column {name}: rename {layer.name!r}")
                prospects.insert(len(prospects.columns) - 1, name, values)
    return prospects, {reason: count for reason, count in reasons.items() if count}


def read_layers(settings: Settings) -> list[gpd.GeoDataFrame]:
    """The shapes of every layer; raises as `read_layer`."""
    return [read_layer(number, layer) for number, layer in enumerate(settings.prospect.layers or ())]


def read_layer(number: int, layer: ProspectLayer) -> gpd.GeoDataFrame:
    """The shapes of a layer, one row per part, with ``label``, the name of each polygon.

    Raises:
        SettingsError: it cannot be read, lacks its column of names, or needs ``within_km``.
        DataError: it holds no shapes.
    """
    setting = f"prospect.layers[{number}]"
    table = curation.read_shapes(layer.path, f"{setting}.path")
    is_area = table.geom_type == "Polygon"
    if layer.role == "exclude" and layer.within_km is None and not is_area.all():
        raise SettingsError(
            f"{setting}: {layer.path} holds lines or points: set within_km, the distance up to which they exclude"
        )
    if layer.within_km is not None and is_area.any():
        raise SettingsError(f"{setting}.within_km: {layer.path} holds polygons, which exclude what is inside them")
    names = {str(name).lower(): name for name in table.columns.drop(table.geometry.name)}
    column = layer.column if layer.column is not None else names.get("name")
    if column is not None and column not in table:
        known = ", ".join(map(str, names.values())) or "none"
        raise SettingsError(f"{setting}.column: {layer.path} has no column {column}: choose among {known}")
    numbers = (table.index.to_numpy() + 1).astype(str)
    label = numbers if column is None else np.where(table[column].isna(), numbers, table[column].astype("string"))
    return gpd.GeoDataFrame({"label": label}, geometry=table.geometry.to_numpy(), crs=table.crs)


def is_excluded(prospects: gpd.GeoDataFrame, layer: ProspectLayer, shapes: gpd.GeoDataFrame) -> np.ndarray:
    """(prospect,) whether a layer excludes each."""
    if layer.within_km is not None:
        return np.asarray(distances(prospects, shapes) <= layer.within_km)
    inside = np.zeros(len(prospects), bool)
    inside[curation.find_containing(_centres(prospects), shapes)[0]] = True
    return inside


def reason_columns(
    prospects: gpd.GeoDataFrame, layer: ProspectLayer, shapes: gpd.GeoDataFrame
) -> dict[str, np.ndarray]:
    """Columns (prospect,) of a layer: names of polygons joined by ``; ``, empty for none; kilometres to lines, points.

    A layer of both has both: ``tenements`` and ``tenements_km``.
    """
    is_area = (shapes.geom_type == "Polygon").to_numpy()
    found: dict[str, np.ndarray] = {}
    if is_area.any():
        areas = shapes[is_area]
        point, row = curation.find_containing(_centres(prospects), areas)
        named = pd.Series(areas["label"].to_numpy()[row]).groupby(point).agg(lambda one: "; ".join(dict.fromkeys(one)))
        found[layer.slug] = named.reindex(range(len(prospects)), fill_value="").to_numpy(object)
    if not is_area.all():
        found[f"{layer.slug}_km"] = distances(prospects, shapes[~is_area]).round(2)
    return found


def distances(prospects: gpd.GeoDataFrame, shapes: gpd.GeoDataFrame) -> np.ndarray:
    """(prospect,) kilometres from each centre to the nearest line or point."""
    found = prospecting.distance_km(_centres(prospects), shapes.geometry.to_crs(CRS).to_numpy())
    return np.asarray(found)


def _centres(prospects: gpd.GeoDataFrame) -> np.ndarray:
    return np.asarray(prospects[["lon", "lat"]], np.float64)
