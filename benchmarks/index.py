"""Reading the index of a whole archive: time and peak memory, compared with decompressing it.

    python -m benchmarks.index [--json FILE] [--check] [--small]

The index is synthetic: 8 million rows, more than 2 GB of CSV in one gzip member, with the columns of the Google
bucket's; 45,000 rows are Landsat-4 TM, as in the bucket, and a million Landsat 8. Eight blocks of 100,000 rows occur
ten times each, which helps neither gzip, whose window is 32 KiB, nor any method. Every method runs in its own process;
its time from start to exit and its peak memory are measured. Rivals: ``zcat``, which does nothing but decompress,
``zcat | grep``, and pandas, which reads the same columns and, to save time, only the first rows.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from benchmarks.support.harness import alternate, command_line
from benchmarks.support.results import BenchmarkResult, Claim, Row, row

PACKAGES = ("numpy", "pandas", "pyarrow", "obstore")
ZCAT = "zcat"
PRODUCTS = (
    ("LT04", "LANDSAT_4", "TM"),
    ("LC08", "LANDSAT_8", "OLI_TIRS"),
    ("LE07", "LANDSAT_7", "ETM"),
    ("LT05", "LANDSAT_5", "TM"),
)
DAYS = np.arange("1982-08-01", "1993-12-31", dtype="M8[D]").astype(str)
THREE = [f"{number:03d}" for number in range(1000)]
NOTES = (
    "seconds of every process from its start, for ours 1 to 2 s of imports",
    "peak_MB of pandas whole is that of an eighth of the rows",
)
DISTINCT_BLOCKS = 8
"""Different blocks of which the index consists."""

OURS = """
import sys
from hashlib import sha256
from mineral_pipeline import archive, settings
config = settings.Catalogue(spacecraft=[sys.argv[2]], sensors=[sys.argv[3]])
products = archive.find_products(settings.Archive(url=sys.argv[1]), config).rows["PRODUCT_ID"]
digest = sha256()
for start in range(0, len(products), 10_000):
    digest.update("".join(products[start : start + 10_000]).encode())
print(len(products), digest.hexdigest())
"""
PANDAS = """
import sys
import pandas as pd
names = "PRODUCT_ID SPACECRAFT_ID SENSOR_ID DATE_ACQUIRED COLLECTION_CATEGORY DATA_TYPE WRS_PATH WRS_ROW CLOUD_COVER"
columns = [*names.split(), "NORTH_LAT", "SOUTH_LAT", "WEST_LON", "EAST_LON", "BASE_URL"]
rows, chunk = int(sys.argv[2]), int(sys.argv[3])
chunks = pd.read_csv(sys.argv[1], usecols=columns, nrows=rows, chunksize=chunk)
parts = [part[(part["SPACECRAFT_ID"] == "LANDSAT_4") & (part["SENSOR_ID"] == "TM")] for part in chunks]
print(len(pd.concat(parts)))
"""
WATCH = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""Runs a command as its child: a process that is forked from a large one would start with that one's peak memory."""


@dataclass(frozen=True)
class ProcessResult:
    """The result of a process."""

    output: str
    """Standard output."""
    peak_mb: float
    """Peak resident memory of the process, or of its largest child, in 10^6 bytes."""


def run(*command: str) -> ProcessResult:
    """Run a command to its end, and measure its peak memory."""
    found = subprocess.run((sys.executable, "-S", "-c", WATCH, *command), stdout=subprocess.PIPE, text=True, check=True)
    *output, peak = found.stdout.splitlines()
    return ProcessResult("\n".join(output), int(peak) * 1024 / 1e6)


def make_rows(number: int, count: int, landsat_4: int | None = None) -> pa.Table:
    """Make rows of an index in random order: 1 in 178 is Landsat-4 TM, or as many as given; 1 in 8 is Landsat 8."""
    rng = np.random.default_rng(number)
    products = rng.choice([2, 3], count)
    if landsat_4 is None:
        landsat_4 = (count * (number + 1) * 45 // 8000) - count * number * 45 // 8000
    products[:landsat_4], products[landsat_4 : landsat_4 + count // 8] = 0, 1
    rng.shuffle(products)

    def pick(values: list[str] | np.ndarray, indices: np.ndarray | None = None) -> pa.Array:
        indices = rng.integers(0, len(values), count) if indices is None else indices
        return pa.array(values, pa.string()).take(pa.array(indices))

    path_row, days = [pick(THREE[1:234]), pick(THREE[1:249])], rng.integers(0, len(DAYS), (2, count))
    sensor, spacecraft, instrument = (pick([names[i] for names in PRODUCTS], products) for i in range(3))
    tiers = rng.integers(0, 2, count)
    level, tier = pick(["L1TP", "L1GS"], tiers), pick(["T1", "T2"], tiers)
    compact = np.char.replace(DAYS, "-", "")
    acquired, processed = (pick(compact, indices) for indices in days)
    product = _join([sensor, level, _join(path_row), acquired, processed, "01", tier], "_")
    south, west = rng.uniform(-82, 80, count).round(5), rng.uniform(-180, 176, count).round(5)
    seconds = [f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}." for s in range(86400)]
    return pa.table(
        {
            "SCENE_ID": _join([sensor, *path_row, acquired, "XXX01"]),
            "PRODUCT_ID": product,
            "SPACECRAFT_ID": spacecraft,
            "SENSOR_ID": instrument,
            "DATE_ACQUIRED": pick(DAYS, days[0]),
            "COLLECTION_NUMBER": pick(["01"]),
            "COLLECTION_CATEGORY": tier,
            "SENSING_TIME": _join([pick(DAYS, days[0]), "T", pick(seconds), pick(THREE), pick(THREE), "0Z"]),
            "DATA_TYPE": level,
            "WRS_PATH": pc.cast(path_row[0], pa.int16()),
            "WRS_ROW": pc.cast(path_row[1], pa.int16()),
            "CLOUD_COVER": rng.integers(-1, 101, count).astype(float),
            "NORTH_LAT": (south + 1.9).round(5),
            "SOUTH_LAT": south,
            "WEST_LON": west,
            "EAST_LON": (west + 2.4).round(5),
            "TOTAL_SIZE": rng.integers(10**8, 10**9, count),
            "BASE_URL": _join(["gs://gcp-public-data-landsat", sensor, "01", *path_row, product], "/"),
        }
    )


def _join(parts: list[pa.Array | str], separator: str = "") -> pa.Array:
    return pc.binary_join_element_wise(*parts, separator)


@dataclass(frozen=True)
class Block:
    """A part of the index, which may be anywhere in it."""

    text: bytes
    """CSV without header."""
    deflated: bytes
    """The same, compressed to whole bytes and without references to earlier data."""
    products: dict[str, list[str]]
    """Identifiers by spacecraft."""


def make_block(number: int, count: int, landsat_4: int | None = None) -> Block:
    """Make block ``number`` with ``count`` rows; see `make_rows`."""
    rows, text = make_rows(number, count, landsat_4), BytesIO()
    csv.write_csv(rows, text, csv.WriteOptions(include_header=False, quoting_style="none"))
    found = {
        name: rows.filter(pc.field("SPACECRAFT_ID") == name)["PRODUCT_ID"].to_pylist() for _, name, _ in PRODUCTS[:2]
    }
    return Block(text.getvalue(), _deflate(text.getvalue()), found)


def _deflate(text: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)  # gzip's default level
    return packer.compress(text) + packer.flush(zlib.Z_FULL_FLUSH)


def write_index(path: Path, blocks: list[Block], times: int) -> int:
    """Write the blocks ``times`` times as one gzip member (RFC 1952), and return the bytes of the CSV."""
    header = (",".join(make_rows(0, 8).column_names) + "\n").encode()
    crc, size = zlib.crc32(header), len(header)
    with path.open("wb") as file:
        file.write(b"\x1f\x8b\x08" + bytes(6) + b"\xff" + _deflate(header))
        for block in blocks * times:
            file.write(block.deflated)
            crc, size = zlib.crc32(block.text, crc), size + len(block.text)
        file.write(b"\x03\x00" + crc.to_bytes(4, "little") + (size % 2**32).to_bytes(4, "little"))
    return size


def measure(small: bool) -> BenchmarkResult:
    """Run all methods by turns."""
    count, times, repeats = (1_000, 2, 1) if small else (100_000, 10, 2)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        path = Path(folder) / "index.csv.gz"
        blocks = list(pool.map(make_block, range(DISTINCT_BLOCKS), [count] * DISTINCT_BLOCKS))
        size = write_index(path, blocks, times)
        rows = DISTINCT_BLOCKS * count * times
        expected = [_expected(blocks * times, spacecraft) for _, spacecraft, _ in PRODUCTS[:2]]
        del blocks
        names = [f"mineral_pipeline, {found.split()[0]} of the rows" for found in expected]
        python = (sys.executable, "-c")
        seconds, results = alternate(
            {
                names[0]: (partial(run, *python, OURS, folder, *PRODUCTS[0][1:]), repeats),
                ZCAT: (partial(run, "bash", "-c", 'zcat "$0" > /dev/null', str(path)), repeats),
                names[1]: (partial(run, *python, OURS, folder, *PRODUCTS[1][1:]), 1),
                "zcat | grep": (partial(run, "bash", "-c", 'zcat "$0" | grep -c ,LANDSAT_4,TM,', str(path)), 1),
                "pandas in chunks": (partial(run, *python, PANDAS, str(path), str(rows // 4), str(count)), 1),
                "pandas whole": (partial(run, *python, PANDAS, str(path), str(rows // 8), str(rows)), 1),
            }
        )
    shares = {"pandas in chunks": 1 / 4, "pandas whole": 1 / 8}
    table = [
        row(
            name,
            runs,
            shares.get(name, 1.0),
            peak_MB=f"{results[name].peak_mb:,.0f}",
            rows=results[name].output.split(" ")[0],
        )
        for name, runs in seconds.items()
    ]
    correct = [results[name].output == found for name, found in zip(names, expected, strict=True)]
    correct.append(results["zcat | grep"].output == expected[0].split()[0])
    peaks = [results[name].peak_mb for name in names]
    title = f"{rows:,} rows of index, {size / 1e9:.2f} GB of CSV"
    return BenchmarkResult(title, table, _claims(table, correct, peaks, small), NOTES)


def _expected(blocks: list[Block], spacecraft: str) -> str:
    """Output of `OURS` when it finds every product, in the order of the index."""
    products = [block.products[spacecraft] for block in blocks]
    digest = hashlib.sha256("".join(chain.from_iterable(products)).encode())
    return f"{sum(map(len, products))} {digest.hexdigest()}"


def _claims(rows: list[Row], correct: list[bool], peaks: list[float], small: bool) -> list[Claim]:
    exact = Claim("counts and identifiers that are right", sum(correct), len(correct))
    if small:
        return [exact]
    best = {found.method: min(found.runs) for found in rows}
    return [
        exact,
        Claim("MB that our memory stays below 300 when 45,000 rows are wanted", 300 - peaks[0], 0),
        Claim("MB that it stays below 400 when a million are wanted", 400 - peaks[1], 0),
        Claim("time of zcat, in ours (at least half)", best[ZCAT] / best[rows[0].method], 0.5),
    ]


if __name__ == "__main__":
    sys.exit(command_line("index", measure, PACKAGES))
