"""The style that QGIS applies to a layer that has a ``.qml`` file of the same name beside it.

One file serves both layers: QGIS reads ``renderer-v2`` for polygons (the GeoJSON) and ``pipe`` for a raster (the
GeoTIFF). The layout is that of QGIS 3; the colours are ColorBrewer's YlOrBr, which colour-blind readers can order.
"""

from __future__ import annotations

from itertools import pairwise
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

COLOURS = ("#ffffd4", "#fed98e", "#fe9929", "#d95f0e", "#993404")
OUTLINE = "#5a3a22"


def style(expected: np.ndarray) -> str:
    """QML with five classes of equally many locations, fewer when values repeat.

    Args:
        expected: (n,) expected number of deposits of the locations.
    """
    breaks = np.unique(np.quantile(expected, np.linspace(0, 1, len(COLOURS) + 1)))
    breaks = np.repeat(breaks, 2) if len(breaks) == 1 else breaks
    colours = [COLOURS[index] for index in np.linspace(len(COLOURS) - 1, 0, len(breaks) - 1).astype(int)[::-1]]
    root = Element("qgis", version="3.22.0", styleCategories="Symbology")
    _polygons(root, breaks, colours)
    _raster(root, breaks, colours)
    SubElement(root, "layerGeometryType").text = "2"  # polygons
    indent(root)
    return f"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n{tostring(root, encoding='unicode')}\n"


def _polygons(root: Element, breaks: np.ndarray, colours: list[str]) -> None:
    renderer = SubElement(
        root, "renderer-v2", type="graduatedSymbol", attr="expected_number", graduatedMethod="GraduatedColor"
    )
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


def _raster(root: Element, breaks: np.ndarray, colours: list[str]) -> None:
    low, high = repr(float(breaks[0])), repr(float(breaks[-1]))
    renderer = SubElement(
        SubElement(root, "pipe"), "rasterrenderer", type="singlebandpseudocolor", band="1", opacity="1", alphaBand="-1",
        classificationMin=low, classificationMax=high,
    )  # fmt: skip
    ramp = SubElement(
        SubElement(renderer, "rastershader"), "colorrampshader", colorRampType="INTERPOLATED", classificationMode="1",
        clip="0", minimumValue=low, maximumValue=high,
    )  # fmt: skip
    for value, colour in zip(np.linspace(breaks[0], breaks[-1], len(colours)), colours, strict=True):
        SubElement(ramp, "item", value=repr(float(value)), color=colour, alpha="255", label=f"{value:.3f}")


def _rgb(colour: str) -> str:
    return ",".join(str(int(colour[start : start + 2], 16)) for start in (1, 3, 5)) + ",255"
