"""The products among files, in whatever layout: that of the bucket, product folders, loose files, tar files.

A product is where its metadata file is, or where a tar file has its name. Neither is opened.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from mineral_pipeline.archive.tar_file import SUFFIXES
from mineral_pipeline.errors import DataError, one_line
from mineral_pipeline.sensors.landsat import EXAMPLE_ID, PRODUCT_ID, metadata_file

COPY = "a second copy in another folder or tar file"
UNTOLD = "an _MTL.json or _MTL.xml without the _MTL.txt of the product"
IN_STORE = "tar files are read from folders only, not from a store"
"""Reasons for which a product is left out."""

MAX_DEPTH = 5
"""Levels of folders that are looked into: sensor, collection, path, row, product."""

MAX_SHOWN = 5
"""Kinds of files that are named when there is no product."""

METADATA = re.compile(f"({PRODUCT_ID}){re.escape(metadata_file(''))}", re.ASCII)
TAR = re.compile(f"({PRODUCT_ID})({'|'.join(map(re.escape, SUFFIXES))})", re.ASCII)

OTHER_METADATA = re.compile(f"({PRODUCT_ID})_MTL\\.(?:json|xml)", re.ASCII)
"""Metadata of Collection 2 in other notations, which stand beside the text in a whole product."""

BEFORE_COLLECTIONS = re.compile(r"L[A-Z]\d{14}[A-Z]{3}\d\d", re.ASCII)
"""Identifier of a scene before the collections, such as ``LC80100202015018LGN00``."""

LAYOUTS = (
    f"ID/{metadata_file('ID')} with ID/ID_B7.TIF; {metadata_file('ID')} with ID_B7.TIF in any folder; ID.tar or"
    " ID.tar.gz as USGS delivers it; SENSOR/COLLECTION/PATH/ROW/ID/... as in the public bucket"
)
"""The layouts that are understood, in words."""


class Product(NamedTuple):
    """A product and where it is."""

    product_id: str
    """Its identifier."""
    place: str
    """Its folder or tar file below the root of the archive; empty for the root itself."""


@dataclass
class _Others:
    """What is no product's metadata and no product's tar file."""

    kinds: Counter[str] = field(default_factory=Counter)
    """Files of each ending."""
    examples: dict[str, str] = field(default_factory=dict)
    """Name of one file of each ending."""
    folders: int = 0
    """Folders that were looked into, the root not counted."""
    before_collections: str = ""
    """Identifier of a scene of before the collections."""
    untold: dict[str, str] = field(default_factory=dict)
    """Name of a product's metadata file as JSON or XML, by its identifier."""

    def add(self, name: str) -> None:
        """Count a file."""
        kind = re.sub(r".*?((_MTL|_stac)?(\.tar)?\.\w+)?$", r"\1", name, flags=re.ASCII | re.DOTALL)
        self.kinds[kind] += 1
        self.examples.setdefault(kind, name)
        if old := BEFORE_COLLECTIONS.match(name):
            self.before_collections = old[0]
        if other := OTHER_METADATA.fullmatch(name):
            self.untold.setdefault(other[1], name)

    def describe(self) -> str:
        """Describe what there is in a few words."""
        shown = [
            f"{count:,} {kind or 'without an ending'} (such as {one_line(self.examples[kind], 80)})"
            for kind, count in self.kinds.most_common(MAX_SHOWN)
        ]
        more = [f"and {len(self.kinds) - MAX_SHOWN} kinds more"] if len(self.kinds) > MAX_SHOWN else []
        old = f"; {self.before_collections} is of before the collections: order it again, as Collection 2 Level 1"
        untold = next(iter(self.untold.values()), "")
        text = f"; {one_line(untold, 80)} is no _MTL.txt, which is read and which the product has as well: put it there"
        return (
            f"{self.folders:,} folders and {', '.join([*shown, *more]) or 'no file'}"
            f"{text if untold else ''}{old if self.before_collections else ''}"
        )


def find_local_products(root: str, source: str) -> tuple[list[Product], dict[str, int]]:
    """Find the products in a folder and in the folders below, `MAX_DEPTH` deep.

    Args:
        root: path of the folder.
        source: name of the archive in errors.

    Returns:
        As `choose_products`.

    Raises:
        DataError: as `choose_products`.
        OSError: a folder cannot be read.
    """
    others = _Others()
    return choose_products(_files(root, others), source, others)


def choose_products(
    files: Iterable[tuple[str, str]], source: str, others: _Others | None = None, *, reads_tar: bool = True
) -> tuple[list[Product], dict[str, int]]:
    """Choose the products among files.

    Args:
        files: folder below the root, empty for the root itself, and name of each.
        source: name of the archive in errors.
        others: takes what is no product.
        reads_tar: whether tar files can be read where these files are.

    Returns:
        The products, one of each identifier, in its order: the one with loose files, or the first by place. And how
        many are left out, by reason.

    Raises:
        DataError: there is none; the message shows the layouts that are understood, and what was found.
    """
    found: dict[str, list[tuple[bool, str]]] = {}
    others = others or _Others()
    packed: set[str] = set()
    for folder, name in files:
        if match := METADATA.fullmatch(name):
            found.setdefault(match[1], []).append((False, folder))
        elif match := TAR.fullmatch(name):
            packed.add(match[1])
            if reads_tar:
                found.setdefault(match[1], []).append((True, f"{folder}/{name}".lstrip("/")))
            else:
                others.add(name)
        else:
            others.add(name)
    if not found:
        tar = f"; {IN_STORE}: unpack them" if packed else ""
        raise DataError(
            f"{source} holds no scene: fix archive.url, or lay products out in one of these ways, where ID is such as"
            f" {EXAMPLE_ID}: {LAYOUTS}; found: {others.describe()}{tar}"
        )
    products = [Product(product_id, min(places)[1]) for product_id, places in sorted(found.items())]
    left_out = {
        COPY: sum(map(len, found.values())) - len(products),
        UNTOLD: len(others.untold.keys() - found.keys()),
        IN_STORE: len(packed - found.keys()),
    }
    return products, {reason: count for reason, count in left_out.items() if count}


def _files(root: str, others: _Others) -> Iterator[tuple[str, str]]:
    """Folder below the root, and name, of every file; a folder that links reach twice is looked into once."""
    seen = set()
    for path, folders, files in os.walk(root, onerror=_refuse, followlinks=True):
        status = os.stat(path)
        relative = os.path.relpath(path, root)
        level = 0 if relative == os.curdir else relative.count(os.sep) + 1
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        others.folders = len(seen) - 1
        folders.sort()
        if level == MAX_DEPTH:
            folders.clear()
        yield from (("" if level == 0 else relative, file) for file in sorted(files))


def _refuse(error: OSError) -> None:
    """Raise the error of a folder that cannot be read, which `os.walk` would pass over."""
    raise error
