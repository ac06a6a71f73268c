"""What is fuzzed: every reader of bytes that come from somewhere else."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import os
import re
import shutil
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
from affine import Affine
from rasterio.io import MemoryFile

import cluster
from mineral_pipeline import archive, imagery, labelling, settings, simulation
from mineral_pipeline.sensors.landsat import read_metadata

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Target:
    """A reader, and what its inputs are made of."""

    name: str
    read: Callable[[bytes, Path], object]
    """Reads an input; a folder for files is at its disposal."""
    seeds: Sequence[bytes]
    """Inputs that it accepts."""
    tokens: Sequence[bytes]
    """Bytes that mean something to it."""


YAML_TOKENS = [
    b"&a ", b"*a", b"<<: *a", b"!!set ", b"!!omap ", b"!!float ", b"!!int ", b"!!binary ", b"!!python/name:os.system ",
    b"[", b"]", b"{", b"}", b"- ", b"? ", b"|", b">", b"%YAML 9.9\n", b"---\n", b"...\n", b"${HOME}", b"${NOPE}", b"0x",
    b"1990-02-30", b"190:20:30", b"~", b"[[[[", b"{a: {a: ", b"s3://u@h/?x", b"http://[",
]  # fmt: skip
TEXT_TOKENS = [b"GROUP = A\n", b"END_GROUP = A\n", b"END\n", b" = "]
XML_TOKENS = [b"<a>", b"</a>", b"<!DOCTYPE a [", b"&amp;"]
JSON_TOKENS = [b"{", b"}", b"[", b"null", b'{"a":', b"true"]
INDEX_TOKENS = [b"LANDSAT_4,", b"gs://", b"1988-01-30", b",,,,", b'"\n"', b"_02_T1"]
ZIP_END = b"PK\x05\x06"
"""First bytes of the last record of a zip file that has no remark."""

DEPOSIT_TOKENS = [
    b"latitude", b"longitude", b"EPSG:4267", b"+proj=", b"crs,", b"91", b",,,", b"PK\x03\x04", b"<row r=\"9", b"GPKG",
    b'"type": "Polygon"', b"CREATE VIEW ", b"PAR1", b"Easting;Northing\n",
]  # fmt: skip
TAR_TOKENS = [
    b"ustar\0", b"/", b"../", b"0000644\0", b"77777777777\0", b"\x80", b"\xff" * 11, bytes(512), b"0", b"1", b"2",
    b"x", b"L", b"S",
]  # fmt: skip
TIFF_TOKENS = [*(bytes([tag, 1]) for tag in range(0, 64, 3)), b"\xff" * 8, bytes(8)]


def make_targets(folder: Path) -> dict[str, Target]:
    """All targets by name; ``folder`` is for the small archive whose files are the seeds."""
    planet = _write_archive(folder)
    real = _real_files()
    text = _first(planet, "*_MTL.txt")
    index, deposits = gzip.decompress(_first(planet, "index.csv.gz")), _first(planet, "deposits.csv")
    targets = [
        Target("settings", _read_settings, [f.read_bytes() for f in ROOT.glob("jobs/settings/*.yaml")], YAML_TOKENS),
        Target("clusters", _read_cluster, [f.read_bytes() for f in ROOT.glob("cluster/*.yaml")], YAML_TOKENS),
        Target("mtl-text", _read_mtl, [text, *real(".txt")], TEXT_TOKENS),
        Target("mtl-xml", _read_mtl, [_as_xml(text), *real(".xml")], XML_TOKENS),
        Target("mtl-json", _read_mtl, [_as_json(text), *real(".json")], JSON_TOKENS),
        Target("index", _read_index, [index], INDEX_TOKENS),
        Target("deposits", _read_deposits, [deposits, *_own_tables(folder)], DEPOSIT_TOKENS),
        Target("tiff", _read_tiff, _tiffs(planet), TIFF_TOKENS),
        Target("tar", _read_tar, [_as_tar(text), gzip.compress(_as_tar(text), 1)], TAR_TOKENS),
    ]
    return {target.name: target for target in targets}


def _read_settings(content: bytes, folder: Path) -> object:
    override = content[: content.find(b"\n")].decode("latin-1").replace("\0", "")
    return settings.load(
        _write(folder / "settings.yaml", content), [f"seed={override}"] if len(content) % 5 == 0 else []
    )


def _read_cluster(content: bytes, folder: Path) -> object:
    return cluster.load(_write(folder / "cluster.yaml", content))


def _read_mtl(content: bytes, folder: Path) -> object:
    return read_metadata(content, "scene_MTL.txt")


def _read_index(content: bytes, folder: Path) -> object:
    source = settings.Archive(url=str(folder), index=_write_table(folder / "index.csv", content))
    listing = archive.find_products(source, settings.Catalogue())
    return archive.build_catalogue(archive.select_scenes(listing).scenes, source.url, 4)


def _read_deposits(content: bytes, folder: Path) -> object:
    """The suffix decides on zip files only: what a file is, is told by its content."""
    name = "deposits.zip" if content[-22:-18] == ZIP_END and b".shp" in content else "deposits.csv"
    path = _write(folder / name, content) if name.endswith(".zip") else _write_table(folder / name, content)
    return labelling.read_deposits([path]).report()


def _own_tables(folder: Path) -> Sequence[bytes]:
    """Points with commodities in every kind of file that is read."""
    facts = {"Name": ["Hope", "Despair"], "Commodity": ["Gold, Silver", "Cu"], "Year": [1987, 1990]}
    table = gpd.GeoDataFrame(facts, geometry=gpd.points_from_xy([500_000, 510_000], [5e6, 5.1e6]), crs="EPSG:32633")
    own = folder / "own"
    own.mkdir()
    table.to_file(own / "own.gpkg")
    table.to_crs("EPSG:4326").to_file(own / "own.geojson")
    table.to_parquet(own / "own.parquet")
    plain = pd.DataFrame(facts | {"Longitude": [15, 16], "Latitude": [47.5, 48]})
    plain.to_excel(own / "own.xlsx", index=False)
    plain.to_csv(own / "own.csv", index=False, sep=";", decimal=",")
    (own / "parts").mkdir()
    table.to_file(own / "parts" / "own.shp")
    shutil.make_archive(str(own / "own"), "zip", own / "parts")
    return [path.read_bytes() for path in sorted(own.glob("own.*"))]


def _read_tiff(content: bytes, folder: Path) -> object:
    raster = imagery.decode(content, "B7.TIF", 16 if len(content) % 2 else None)
    corners = np.array([[10, 10], [12, 10], [12, 8], [10, 8]], float)
    return imagery.make_chip([raster], 16, "rescale", corners, "image")


def _read_tar(content: bytes, folder: Path) -> object:
    source = archive.open_source(settings.Archive(url=str(folder), retries=0))
    return source.fetch(f"{_write(folder / 'scene.tar', content)}/B7.TIF").content


def _as_tar(text: bytes) -> bytes:
    """A tar file with a metadata file and, in a folder behind it, a band."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, content in (("MTL.txt", text), ("scene/B7.TIF", text[:3000])):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


def _write(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


def _write_table(path: Path, content: bytes) -> str:
    """Path of a table that is compressed or not, and cut off or not when it is, as its content has it."""
    if len(content) % 4:
        return _write(path, content)
    packed = gzip.compress(content, 1)
    return _write(path.with_suffix(".csv.gz"), packed[: len(packed) - len(content) % 3])


def _write_archive(folder: Path) -> Path:
    """The archive of a planet of a few small scenes."""
    content = {
        "workspace": str(folder / "workspace"),
        "archive": {"url": str(folder / "archive")},
        "simulate": {"locations": 4, "islands": 2, "dates": 1, "scene_size": 40},
        "jobs": ["simulate"],
    }
    spec = simulation.ArchiveSpec.of(settings.parse(content))
    records = simulation.write_scenes(range(len(spec.scenes)), spec)
    simulation.finish(spec, {record.product_id: record.bytes for record in records})
    return folder / "archive"


def _first(folder: Path, pattern: str) -> bytes:
    return sorted(folder.rglob(pattern))[0].read_bytes()


def _real_files() -> Callable[[str], list[bytes]]:
    """Function that gives real metadata files of a syntax by suffix; none where there are no real data."""
    folder = os.environ.get("MINERAL_PIPELINE_DATA")
    return lambda suffix: [
        file.read_bytes() for file in sorted(Path(folder, "mtl", "other").glob(f"*MTL{suffix}"))[:8]
    ] if folder else []  # fmt: skip


def _as_json(text: bytes) -> bytes:
    """Metadata as a JSON document."""
    groups: dict[str, dict[str, str]] = {}
    for line in text.decode().splitlines():
        key, _, value = (part.strip(' "') for part in line.partition("="))
        if key == "GROUP":
            values = groups.setdefault(value, {})
        elif key not in ("END_GROUP", "END"):
            values[key] = value
    name, *_ = groups
    return json.dumps({name: {group: items for group, items in groups.items() if group != name}}).encode()


def _as_xml(text: bytes) -> bytes:
    """Metadata as an XML document."""
    root, groups = next(iter(json.loads(_as_json(text)).items()))
    tags = []
    for group, items in groups.items():
        inside = "".join(f"<{key}>{value}</{key}>" for key, value in items.items() if re.fullmatch(r"[A-Z]\w*", key))
        tags.append(f"<{group}>{inside}</{group}>")
    return f"<{root}>{''.join(tags)}</{root}>".encode()


def _tiffs(planet: Path) -> Sequence[bytes]:
    """Band files in every layout, and one with a coordinate system of its own."""
    pixels = np.arange(40 * 40).reshape(40, 40) % 251
    own = 'LOCAL_CS["Hope zone",UNIT["metre",1]]'
    layouts = [
        {"compress": "lzw", "blockysize": 4},
        {"compress": "deflate", "tiled": True, "blockxsize": 16, "blockysize": 16},
        {},
    ]
    made = [_first(planet, "*_B7.TIF")]
    for layout, dtype, crs in itertools.product(layouts, ("uint8", "uint16", "int16"), ("EPSG:32633", own)):
        profile = {
            "crs": crs,
            "transform": Affine(30, 0, 500_000, 0, -30, 1_000_000),
            "width": 40,
            "height": 40,
            "count": 1,
        }
        with MemoryFile() as file:
            with rasterio.Env(), file.open(driver="GTiff", dtype=dtype, **profile, **layout) as dataset:
                dataset.write(pixels.astype(dtype), 1)
            made.append(bytes(file.read()))
    return made
