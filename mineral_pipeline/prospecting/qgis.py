"""What QGIS opens: a style beside the layers, and a project in which all of them are styled.

QGIS applies a ``.qml`` file to a layer of the same name beside it. One file serves all: QGIS reads ``renderer-v2`` for
polygons and ``pipe`` for a raster. The layout is that of QGIS 3; the colours are ColorBrewer's YlOrBr, which
colour-blind readers can order.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import geopandas as gpd
import numpy as np
import numpy.typing as npt

from mineral_pipeline.geometry import CRS
from mineral_pipeline.learning import of_subject
from mineral_pipeline.prospecting.columns import BANDS, RANKING, band_title, commodity_of
from mineral_pipeline.workspace import artefacts

COLOURS = ("#ffffd4", "#fed98e", "#fe9929", "#d95f0e", "#993404")
OUTLINE = "#5a3a22"
VERSION = "3.22.0"
DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>"

LAYER = "prospects"
"""Layer of the GeoPackage."""

SPATIAL_REFERENCE = {
    "proj4": "+proj=longlat +datum=WGS84 +no_defs", "srsid": "3452", "srid": "4326", "authid": CRS,
    "description": "WGS 84", "projectionacronym": "longlat", "ellipsoidacronym": "EPSG:7030", "geographicflag": "true",
}  # fmt: skip
"""WGS 84 in the words of QGIS."""


def style(values: npt.ArrayLike, column: str) -> str:
    """QML of a column of the polygons, and of the raster's band of the same values.

    Args:
        values: (n,) values of the column; those that are not finite have no class.
        column: its name.
    """
    root = Element("qgis", version=VERSION, styleCategories="Symbology")
    breaks, colours = _classes(values)
    _polygons(root, column, breaks, colours)
    _raster(root, breaks)
    SubElement(root, "layerGeometryType").text = "2"  # polygons
    return _document(root)


def project(prospects: gpd.GeoDataFrame, extent: Sequence[float]) -> str:
    """A QGIS project (``.qgs``) of the prospects' GeoPackage and the bands of their raster, which lie beside it.

    Args:
        prospects: prospects as published.
        extent: west, south, east and north that the project shows first, degrees.
    """
    commodity = commodity_of(prospects)
    name = "Prospects" + of_subject(commodity)
    root = Element("qgis", version=VERSION, projectname=name)
    SubElement(root, "title").text = name
    _spatial_reference(SubElement(root, "projectCrs"))
    tree = SubElement(root, "layer-tree-group")
    canvas = SubElement(root, "mapcanvas", name="theMapCanvas")
    SubElement(canvas, "units").text = "degrees"
    west, south, east, north = extent
    _extent(canvas, (west, south, east if east >= west else east + 360, north))
    _spatial_reference(SubElement(canvas, "destinationsrs"))
    layers = SubElement(root, "projectlayers")
    source = f"./{artefacts.PROSPECTS_PACKAGE}|layername={LAYER}"
    polygons = _layer(layers, tree, (LAYER, f"{name} by rank", source, "ogr"), shown=True)
    polygons.attrib |= {"type": "vector", "geometry": "Polygon", "wkbType": "MultiPolygon"}
    _polygons(polygons, RANKING, *_classes(prospects[RANKING]))
    for number, (band, column) in enumerate(BANDS.items(), 1):
        layer = _layer(
            layers, tree, (band, band_title(band, commodity), f"./{artefacts.PROSPECTS_RASTER}", "gdal"), shown=False
        )
        layer.attrib |= {"type": "raster"}
        _raster(layer, _classes(prospects[column])[0], number)
    SubElement(SubElement(SubElement(root, "properties"), "Paths"), "Absolute", type="bool").text = "false"
    return _document(root)


def _layer(layers: Element, tree: Element, facts: tuple[str, str, str, str], *, shown: bool) -> Element:
    """A layer of the project, in its list and in its tree; ``facts`` are key, title, source and provider."""
    key, title, source, provider = facts
    checked = "Qt::Checked" if shown else "Qt::Unchecked"
    SubElement(
        tree, "layer-tree-layer", id=key, name=title, source=source, providerKey=provider, checked=checked, expanded="0"
    )
    layer = SubElement(layers, "maplayer")
    for tag, text in (("id", key), ("datasource", source), ("layername", title)):
        SubElement(layer, tag).text = text
    _spatial_reference(SubElement(layer, "srs"))
    SubElement(layer, "provider", encoding="UTF-8").text = provider
    return layer


def _spatial_reference(parent: Element) -> None:
    reference = SubElement(parent, "spatialrefsys")
    for tag, text in SPATIAL_REFERENCE.items():
        SubElement(reference, tag).text = text


def _extent(parent: Element, bounds: Sequence[float]) -> None:
    extent = SubElement(parent, "extent")
    for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), bounds, strict=True):
        SubElement(extent, tag).text = repr(float(value))


def _classes(values: npt.ArrayLike) -> tuple[np.ndarray, list[str]]:
    """Bounds and colours of five classes of equally many values, fewer when values repeat."""
    numbers = np.asarray(values, np.float64)
    finite = numbers[np.isfinite(numbers)]
    breaks = np.unique(np.quantile(finite, np.linspace(0, 1, len(COLOURS) + 1))) if len(finite) else np.zeros(1)
    breaks = np.repeat(breaks, 2) if len(breaks) == 1 else breaks
    return breaks, [COLOURS[index] for index in np.linspace(len(COLOURS) - 1, 0, len(breaks) - 1).astype(int)[::-1]]


def _polygons(parent: Element, column: str, breaks: np.ndarray, colours: list[str]) -> None:
    renderer = SubElement(parent, "renderer-v2", type="graduatedSymbol", attr=column, graduatedMethod="GraduatedColor")
    ranges, symbols = SubElement(renderer, "ranges"), SubElement(renderer, "symbols")
    for number, (lower, upper) in enumerate(pairwise(breaks)):
        label = f"{lower:.3f} to {upper:.3f}"
        SubElement(
            ranges,
            "range",
            symbol=str(number),
            lower=repr(float(lower)),
            upper=repr(float(upper)),
            label=label,
            render="true",
        )
        symbol = SubElement(symbols, "symbol", type="fill", name=str(number), alpha="0.75")
        layer = SubElement(symbol, "layer", attrib={"class": "SimpleFill", "enabled": "1"})
        options = {
            "color": _rgb(colours[number]),
            "outline_color": _rgb(OUTLINE),
            "outline_width": "0.2",
            "style": "solid",
        }
        for key, value in options.items():
            SubElement(layer, "prop", k=key, v=value)


def _raster(parent: Element, breaks: np.ndarray, band: int = 1) -> None:
    low, high = repr(float(breaks[0])), repr(float(breaks[-1]))
    renderer = SubElement(
        SubElement(parent, "pipe"), "rasterrenderer", type="singlebandpseudocolor", band=str(band), opacity="1",
        alphaBand="-1", classificationMin=low, classificationMax=high,
    )  # fmt: skip
    ramp = SubElement(
        SubElement(renderer, "rastershader"), "colorrampshader", colorRampType="INTERPOLATED", classificationMode="1",
        clip="0", minimumValue=low, maximumValue=high,
    )  # fmt: skip
    for value, colour in zip(np.linspace(breaks[0], breaks[-1], len(COLOURS)), COLOURS, strict=True):
        SubElement(ramp, "item", value=repr(float(value)), color=colour, alpha="255", label=f"{value:.3f}")


def _document(root: Element) -> str:
    indent(root)
    return f"{DOCTYPE}\n{tostring(root, encoding='unicode')}\n"


def _rgb(colour: str) -> str:
    return ",".join(str(int(colour[start : start + 2], 16)) for start in (1, 3, 5)) + ",255"
