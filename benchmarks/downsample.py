"""Downsampling from the bytes of a full-size scene: ours against GDAL, ImageMagick and odc-loader, on one core.

    python -m benchmarks.downsample [--json FILE] [--check] [--small]

Libraries start from the file's bytes in memory (odc-loader, which reads by name, from a file in memory where the system
has a folder for those), programs from that file. The files have a nodata tag of 0, which real ones do not have, so that
GDAL knows what fill is. Compilation is not part of the time: a small image is downsampled first. Seconds are processor
time, including that of programs: on one core they equal the elapsed time, without that of other work on the machine.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from affine import Affine
from rasterio.io import MemoryFile
from scipy import ndimage

from benchmarks.rivals.downsamplers import GDAL, LIBRARIES, PROGRAMS, Downsampler, SceneFile, bare, ours
from benchmarks.support.harness import alternate, command_line
from benchmarks.support.results import BenchmarkResult, Claim, row
from mineral_pipeline.imagery import downsample
from mineral_pipeline.imagery.grid import reduced_shape

METHODS = tuple(GDAL)
OURS, DECODE = "mineral_pipeline", "bare decode"
TILES = {"tiled": True, "blockxsize": 256, "blockysize": 256}
LAYOUTS: dict[str, dict[str, Any]] = {
    "striped LZW": {"compress": "lzw"},
    "striped deflate": {"compress": "deflate"},
    "tiled LZW": {"compress": "lzw", **TILES},
    "tiled deflate": {"compress": "deflate", **TILES},
}
SCENES = {(7500, 7500): tuple(LAYOUTS), (7211, 7811): ("striped LZW",)}
"""Layouts by lines and samples; the second shape is that of a real scene."""

SMALL_SCENES = {(600, 650): ("striped LZW", "tiled deflate")}

MAX_OVERHEAD = 1.3
"""Maximum time of decoding and downsampling, in bare decodes."""

EQUAL = {("sampling", "rasterio out_shape"): 0.8}
"""Minimum time of a rival in our times, where GDAL decodes the same lines for it as for us."""

RUNS = {DECODE: 10, OURS: 10, "rasterio out_shape": 3}
"""Number of runs; one of those not named here, which are much slower."""

PACKAGES = ("numba", "numpy", "odc-loader", "rasterio", "scipy")


def make_scene(shape: tuple[int, int]) -> np.ndarray:
    """Simulate a band: a rotated footprint of smooth terrain with sensor noise, surrounded by fill."""
    rng = np.random.default_rng(0)
    coarse = rng.normal(70, 18, [edge // 40 + 2 for edge in shape])
    terrain = ndimage.zoom(coarse, 40, order=1)[: shape[0], : shape[1]]
    y, x = (np.linspace(-0.5, 0.5, edge) for edge in shape)
    y, x = y[:, None], x[None]
    inside = (np.abs(0.97 * x + 0.23 * y) < 0.41) & (np.abs(0.97 * y - 0.23 * x) < 0.41)
    noisy = terrain + rng.normal(0, 2, shape)
    return np.where(inside, noisy.clip(1, 255), 0).astype(np.uint8)


def encode(image: np.ndarray, layout: dict[str, Any]) -> bytes:
    """Return the bytes of a GeoTIFF of an image (y, x)."""
    lines, samples = image.shape
    grid = {"crs": "EPSG:32655", "transform": Affine(30, 0, 500_000, 0, -30, 6_000_000)}
    with MemoryFile() as file:
        profile = {"dtype": "uint8", "count": 1, "height": lines, "width": samples, "nodata": 0, **grid, **layout}
        with file.open(driver="GTiff", **profile) as dataset:
            dataset.write(image, 1)
        return bytes(file.read())


def make_files(folder: Path, small: bool) -> dict[str, SceneFile]:
    """Write scenes of all shapes and layouts to a folder, and return them by name."""
    files = {}
    size = 64 if small else 512
    for shape, layouts in (SMALL_SCENES if small else SCENES).items():
        image = make_scene(shape)
        for layout in layouts:
            name = f"{shape[0]} x {shape[1]} {layout}"
            path = folder / f"{name.replace(' ', '-')}.tif"
            path.write_bytes(encode(image, LAYOUTS[layout]))
            files[name] = SceneFile(path.read_bytes(), path, size, reduced_shape(shape, size))
    return files


def rivals() -> dict[str, Downsampler]:
    """Return the rivals that are installed, by name."""
    return LIBRARIES | {name: function for name, (program, function) in PROGRAMS.items() if program}


def processor_seconds() -> float:
    """Return the processor time of this process and of the finished ones that it started."""
    spent = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)


def measure(small: bool) -> BenchmarkResult:
    """Run all methods by turns on every file."""
    downsamplers = {OURS: ours} | rivals()
    for method in METHODS:
        downsample(make_scene((200, 200)), 50, method)  # compiles
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        files = make_files(Path(folder), small)
        jobs: dict[str, tuple[Callable[[], Any], int]] = {}
        for name, file in files.items():
            jobs[f"{DECODE}; {name}"] = (partial(bare, file), 1 if small else RUNS[DECODE])
            for method in METHODS:
                for program, function in downsamplers.items():
                    runs = 1 if small else RUNS.get(program, 1)
                    jobs[f"{program} {method}; {name}"] = (partial(function, file, method), runs)
        seconds, found = alternate(jobs, clock=processor_seconds)
    # the shortest run is compared, since other work on the machine only adds time
    shortest = {name: min(runs) for name, runs in seconds.items()}
    rows = [replace(row(name, runs), facts=_relative(name, shortest)) for name, runs in seconds.items()]
    rows.sort(key=lambda found_row: found_row.method != f"{OURS} rescale; {next(iter(files))}")
    claims = [_agreement(files, found)] + ([] if small else _speed(files, shortest))
    size = next(iter(files.values())).size
    return BenchmarkResult(f"scenes of uint8 to fit in {size} x {size}", rows, claims, _notes())


def _relative(name: str, shortest: dict[str, float]) -> dict[str, str]:
    """Return the shortest time in bare decodes of the same file, and in our times for the same file and method."""
    program, _, file = name.partition("; ")
    own = f"{OURS} {program.split()[-1]}; {file}"
    facts = {"bare decodes": f"{shortest[name] / shortest[f'{DECODE}; {file}']:.2f}"}
    return facts | ({"x ours here": f"{shortest[name] / shortest[own]:.2f}"} if own in shortest else {})


def _agreement(files: dict[str, SceneFile], found: dict[str, Any]) -> Claim:
    """Claim that our averages are GDAL's."""

    def difference(name: str) -> float:
        mine, theirs = (found[f"{program} rescale; {name}"].astype(int) for program in (OURS, "rasterio out_shape"))
        both = (mine > 0) & (theirs > 0)
        return float(np.abs(mine - theirs)[both].max())

    close = sum(difference(name) <= 1 for name in files)
    return Claim("files of which our average is GDAL's within one level", close, len(files))


def _speed(files: dict[str, SceneFile], shortest: dict[str, float]) -> list[Claim]:
    """Claim that we are almost as fast as bare decoding, and faster than each rival."""
    claims = []
    for method in METHODS:
        share = min(shortest[f"{DECODE}; {name}"] / shortest[f"{OURS} {method}; {name}"] for name in files)
        claims.append(Claim(f"{method}: bare decoding over the whole way, least of all files", share, 1 / MAX_OVERHEAD))
        for rival in rivals():
            times = min(shortest[f"{rival} {method}; {x}"] / shortest[f"{OURS} {method}; {x}"] for x in files)
            minimum = EQUAL.get((method, rival), 1)
            claims.append(Claim(f"{method}: {rival} over ours, least of all files", times, minimum))
    return claims


def _notes() -> tuple[str, ...]:
    """Return the notes below the table, with the time that programs take to start."""
    notes = [
        f"{rival}, {method}: GDAL decodes the same lines for it as for us, so that neither can be much faster; we also"
        " read the georeference, and the last line, where a file cut short shows"
        for method, rival in EQUAL
    ]
    for name, (program, _) in PROGRAMS.items():
        if not program:
            notes.append(f"{name}: absent from this machine, not measured")
            continue
        start = partial(subprocess.run, [program, "--version"], check=True, capture_output=True)
        seconds, _ = alternate({name: (start, 5)}, clock=processor_seconds)
        notes.append(f"{name}: the times include starting the program, {min(seconds[name]):.3f} s for --version alone")
    return tuple(notes)


if __name__ == "__main__":
    sys.exit(command_line("downsample", measure, PACKAGES))
