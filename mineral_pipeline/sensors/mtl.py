"""The text of a Landsat metadata file (MTL), as ODL, XML or JSON: its values by key."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree

from mineral_pipeline.errors import MetadataError, one_line

MAX_METADATA_BYTES = 2**18
"""Size of the largest metadata file; real ones have 4 to 30 kB."""

MAX_GROUPS = 8
"""Largest number of groups within each other; real ones have two."""

_GROUPS = {
    "L1_METADATA_FILE": (
        "METADATA_FILE_INFO", "PRODUCT_METADATA", "IMAGE_ATTRIBUTES", "PRODUCT_PARAMETERS", "PROJECTION_PARAMETERS",
        "UTM_PARAMETERS",
    ),
    "LANDSAT_METADATA_FILE": (
        "PRODUCT_CONTENTS", "IMAGE_ATTRIBUTES", "PROJECTION_ATTRIBUTES", "LEVEL1_PROCESSING_RECORD",
    ),
}  # fmt: skip
"""Groups that are read, by outermost group. Collection 2 repeats keys: the first group that has one counts."""

_COEFFICIENTS = re.compile(r"(LEVEL1_)?(MIN_MAX_RADIANCE|MIN_MAX_PIXEL_VALUE|RADIOMETRIC_RESCALING)")
"""Groups with the radiometric coefficients of Level 1."""


def parse_metadata(content: bytes | str, source: str) -> tuple[dict[str, str], dict[str, str]]:
    """Take a metadata file apart.

    Args:
        content: as text (NUL padding is allowed), XML or JSON.
        source: name of the file in errors.

    Returns:
        Values of the groups that are read, by key, and those of the groups of radiometric coefficients.

    Raises:
        MetadataError: it is no whole MTL file.
    """
    try:
        if len(content) > MAX_METADATA_BYTES:
            raise ValueError(f"{len(content):,} bytes or characters are too many")
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
        text = text.partition("\0")[0].strip()
        scan = {"{": _scan_json, "<": _scan_xml}.get(text[:1], _scan_text)
        root, groups = scan(text)
    except (ValueError, RecursionError, ElementTree.ParseError) as error:  # UnicodeDecodeError, JSONDecodeError too
        raise MetadataError(f"{source}: not a whole Landsat MTL file: {one_line(error)}") from error
    values: dict[str, str] = {}
    for group in reversed(_GROUPS[root]):
        values |= groups.get(group, {})
    coefficients: dict[str, str] = {}
    for group, items in groups.items():
        if _COEFFICIENTS.fullmatch(group):
            coefficients |= items
    return values, coefficients


def _root(name: str) -> str:
    if name not in _GROUPS:
        raise ValueError(f"it opens with {name[:40]!r}, not with {' or '.join(_GROUPS)}")
    return name


def _scan_text(text: str) -> tuple[str, dict[str, dict[str, str]]]:
    """The outermost group, and the values of each group by its path below it."""
    lines = text.splitlines() or [""]
    first, _, name = lines[0].partition("=")
    root = _root(name.strip() if first.strip() == "GROUP" else lines[0])
    open_groups: list[str] = []
    groups: dict[str, dict[str, str]] = {}
    values: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition("=")
        key, value = key.strip(), value.strip(' \t"')
        if key == "END":
            break
        if key == "GROUP":
            open_groups.append(value)
            if len(open_groups) > MAX_GROUPS:
                raise ValueError(f"group {value} is within more than {MAX_GROUPS} others")
        elif key == "END_GROUP":
            if not open_groups or open_groups.pop() != value:
                raise ValueError(f"group {value} ends that is not open")
        else:
            values[key] = value
            continue
        values = groups.setdefault("/".join(open_groups[1:]), {})
    if open_groups or key != "END":
        raise ValueError("it is cut off before END")
    return root, groups


def _scan_xml(text: str) -> tuple[str, dict[str, dict[str, str]]]:
    root = ElementTree.fromstring(text)
    groups = {group.tag: {item.tag: (item.text or "").strip() for item in group} for group in root}
    return _root(root.tag), groups


def _scan_json(text: str) -> tuple[str, dict[str, dict[str, str]]]:
    document: dict[str, Any] = json.loads(text)
    if "stac_version" in document:
        raise ValueError("a STAC item lacks the corners of the raster: give the product's MTL")
    name, groups = next(iter(document.items()), ("{}", {}))
    root = _root(name)
    if not isinstance(groups, dict) or not all(isinstance(items, dict) for items in groups.values()):
        raise ValueError("its groups are not JSON objects")
    return root, {group: {key: str(value) for key, value in items.items()} for group, items in groups.items()}
