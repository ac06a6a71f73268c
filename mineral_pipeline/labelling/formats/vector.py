"""Deposits as points in a GeoPackage, a shapefile (zipped or not) or GeoJSON; also tables without points of the first.

The file is copied into a folder of its own before GDAL opens it, and begins as one of these: other formats can refer
to further files and addresses, which GDAL would read.
"""

from __future__ import annotations

import io
import tempfile
import warnings
import zipfile
from pathlib import Path

import fsspec
import pandas as pd
import pyogrio

from mineral_pipeline.errors import DataError
from mineral_pipeline.labelling.formats.content import (
    MAX_BYTES,
    SHAPEFILE_PARTS,
    ZIP_MAGIC,
    check_members,
    file_name,
    parts_of,
    read_content,
)
from mineral_pipeline.labelling.formats.deposit_format import DepositFormat, register
from mineral_pipeline.labelling.formats.features import choose_layer, read_features
from mineral_pipeline.settings import DepositFile

SQLITE_MAGIC = b"SQLite format 3\0"
SHAPEFILE_MAGIC = b"\0\0\x27\x0a"

DRIVERS = ("GPKG", "ESRI Shapefile", "GeoJSON")
"""Drivers of GDAL that may open a file."""


def is_vector(path: str, header: bytes) -> bool:
    """Whether a file begins as a GeoPackage, a shapefile or GeoJSON, or is a zip file whose path says so."""
    is_json = header.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
    is_zip = header.startswith(ZIP_MAGIC) and path.lower().endswith(".zip")
    return is_json or is_zip or header.startswith((SQLITE_MAGIC, SHAPEFILE_MAGIC))


def read_vector(file: DepositFile) -> pd.DataFrame:
    """Read a layer of points; see `DepositFormat.read` for the result.

    Raises:
        DataError: it is none of the `DRIVERS`, has several layers and none is named, or a geometry that is no point.
        OSError, RuntimeError, ValueError: it is absent or damaged.
    """
    with tempfile.TemporaryDirectory(prefix="deposits-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # GDAL's, of what becomes a row without coordinates
        source = _copy(file.path, Path(folder))
        layer = choose_layer(file, [str(name) for name, _ in pyogrio.list_layers(source)])
        encoding = file.encoding if source.suffix == SHAPEFILE_PARTS[0] else None  # the others are in UTF-8
        facts = pyogrio.read_info(source, layer=layer, encoding=encoding)
        if facts["driver"] not in DRIVERS:
            raise DataError(f"{file.path} is {facts['driver']}: give one of {', '.join(DRIVERS)}")
        table = pyogrio.read_dataframe(source, layer=layer, encoding=encoding)
    return read_features(table, file, facts["crs"] or "")


def _copy(path: str, folder: Path) -> Path:
    """Copy a file, or the files of a shapefile, into a folder; return the one that GDAL opens."""
    content = read_content(path)
    if content.startswith(ZIP_MAGIC):
        return _unpack(content, path, folder)
    if content.startswith(SHAPEFILE_MAGIC):
        for part in parts_of(path)[1:]:
            if _exists(part):
                (folder / f"deposits{part[-4:].lower()}").write_bytes(read_content(part))
    suffix = {SQLITE_MAGIC: ".gpkg", SHAPEFILE_MAGIC: ".shp"}
    found = next((name for magic, name in suffix.items() if content.startswith(magic)), ".geojson")
    (folder / f"deposits{found}").write_bytes(content)
    return folder / f"deposits{found}"


def _unpack(content: bytes, path: str, folder: Path) -> Path:
    """Unpack the one shapefile of a zip file."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        check_members(archive, path)
        names = archive.namelist()
        stems = [name[:-4] for name in names if name.lower().endswith(SHAPEFILE_PARTS[0])]
        if len(stems) != 1:
            found = ", ".join(map(file_name, stems)) or "none"
            raise DataError(f"{path} must hold one shapefile, and holds {len(stems)} ({found[:200]})")
        for name in names:
            if name[:-4] == stems[0] and name[-4:].lower() in SHAPEFILE_PARTS:
                with archive.open(name) as member:
                    (folder / f"deposits{name[-4:].lower()}").write_bytes(member.read(MAX_BYTES))
    return folder / f"deposits{SHAPEFILE_PARTS[0]}"


def _exists(path: str) -> bool:
    system, name = fsspec.core.url_to_fs(path)
    return bool(system.exists(name))


register(DepositFormat(name="vector", recognises=is_vector, read=read_vector))
