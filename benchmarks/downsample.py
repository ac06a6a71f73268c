"""From the bytes of a full-size scene to its small image: ours against GDAL, ImageMagick and odc-loader, on one core.

    python -m benchmarks.downsample [--json FILE] [--check] [--small]

Libraries start from the file's bytes in memory (odc-loader, which reads by name, from a file in memory where the system
has a place for those), programs from that file. The files have a nodata tag of 0, which real ones do not have, so that
GDAL knows what fill is. Compilation is not part of the time: a small image comes first. Seconds are those of the
processor, of programs too: on one core that is the time that passes, but for what other work there is on the machine.
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

from benchmarks.rivals.downsamplers import GDAL, LIBRARIES, PROGRAMS, SceneFile, Shrinker, bare, ours
from benchmarks.support.harness import Claim, Report, alternate, command_line, row
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
"""Lines and samples, and the layouts of each; the second are a real scene's."""

SMALL_SCENES = {(600, 650): ("striped LZW", "tiled deflate")}

OVERHEAD = 1.3
"""Most that the whole way may take, in bare decodes."""

EQUAL = {("sampling", "rasterio out_shape"): 0.8}
"""Methods in which a rival has GDAL decode the very lines that we have it decode: how fast it may be, in our times."""

RUNS = {DECODE: 10, OURS: 10, "rasterio out_shape": 3}
"""Of each way; one of the others, which are slower by far."""

PACKAGES = ("numba", "numpy", "odc-loader", "rasterio", "scipy")


def make_scene(shape: tuple[int, int]) -> np.ndarray:
    """A simulated band: a rotated footprint of smooth terrain with sensor noise, on fill."""
    rng = np.random.default_rng(0)
    coarse = rng.normal(70, 18, [edge // 40 + 2 for edge in shape])
    terrain = ndimage.zoom(coarse, 40, order=1)[: shape[0], : shape[1]]
    y, x = (np.linspace(-0.5, 0.5, edge) for edge in shape)
    y, x = y[:, None], x[None]
    inside = (np.abs(0.97 * x + 0.23 * y) < 0.41) & (np.abs(0.97 * y - 0.23 * x) < 0.41)
    noisy = terrain + rng.normal(0, 2, shape)
    return np.where(inside, noisy.clip(1, 255), 0).astype(np.uint8)


def encode(image: np.ndarray, layout: dict[str, Any]) -> bytes:
    """The bytes of a GeoTIFF."""
    lines, samples = image.shape
    grid = {"crs": "EPSG:32655", "transform": Affine(30, 0, 500_000, 0, -30, 6_000_000)}
    with MemoryFile() as file:
        profile = {"dtype": "uint8", "count": 1, "height": lines, "width": samples, "nodata": 0, **grid, **layout}
        with file.open(driver="GTiff", **profile) as dataset:
            dataset.write(image, 1)
        return bytes(file.read())


def make_files(folder: Path, small: bool) -> dict[str, SceneFile]:
    """Scenes of all shapes and layouts, by name."""
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


def rivals() -> dict[str, Shrinker]:
    """Those that this machine has."""
    return LIBRARIES | {name: way for name, (program, way) in PROGRAMS.items() if program}


def processor_seconds() -> float:
    """Of this process and of those that it has waited for."""
    spent = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)


def measure(small: bool) -> Report:
    """Run all by turns on every file."""
    ways = {OURS: ours} | rivals()
    for method in METHODS:
        downsample(make_scene((200, 200)), 50, method)  # compiles
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        files = make_files(Path(folder), small)
        jobs: dict[str, tuple[Callable[[], Any], int]] = {}
        for name, file in files.items():
            jobs[f"{DECODE}; {name}"] = (partial(bare, file), 1 if small else RUNS[DECODE])
            for method in METHODS:
                for way, shrink in ways.items():
                    runs = 1 if small else RUNS.get(way, 1)
                    jobs[f"{way} {method}; {name}"] = (partial(shrink, file, method), runs)
        seconds, found = alternate(jobs, clock=processor_seconds)
    # the shortest of the runs: other work on the machine only adds
    shortest = {name: min(runs) for name, runs in seconds.items()}
    rows = [replace(row(name, runs), facts=_relative(name, shortest)) for name, runs in seconds.items()]
    rows.sort(key=lambda found_row: found_row.method != f"{OURS} rescale; {next(iter(files))}")
    claims = [_agreement(files, found)] + ([] if small else _speed(files, shortest))
    size = next(iter(files.values())).size
    return Report(f"scenes of uint8 to fit in {size} x {size}", rows, claims, _notes())


def _relative(name: str, shortest: dict[str, float]) -> dict[str, str]:
    """A way's shortest time in bare decodes of its file, and in our times for its file and method."""
    way, _, file = name.partition("; ")
    own = f"{OURS} {way.split()[-1]}; {file}"
    facts = {"bare decodes": f"{shortest[name] / shortest[f'{DECODE}; {file}']:.2f}"}
    return facts | ({"x ours here": f"{shortest[name] / shortest[own]:.2f}"} if own in shortest else {})


def _agreement(files: dict[str, SceneFile], found: dict[str, Any]) -> Claim:
    def difference(name: str) -> float:
        mine, theirs = (found[f"{way} rescale; {name}"].astype(int) for way in (OURS, "rasterio out_shape"))
        both = (mine > 0) & (theirs > 0)
        return float(np.abs(mine - theirs)[both].max())

    close = sum(difference(name) <= 1 for name in files)
    return Claim("files of which our average is GDAL's within one level", close, len(files))


def _speed(files: dict[str, SceneFile], shortest: dict[str, float]) -> list[Claim]:
    claims = []
    for method in METHODS:
        share = min(shortest[f"{DECODE}; {name}"] / shortest[f"{OURS} {method}; {name}"] for name in files)
        claims.append(Claim(f"{method}: bare decoding over the whole way, least of all files", share, 1 / OVERHEAD))
        for rival in rivals():
            times = min(shortest[f"{rival} {method}; {x}"] / shortest[f"{OURS} {method}; {x}"] for x in files)
            wanted = EQUAL.get((method, rival), 1)
            claims.append(Claim(f"{method}: {rival} over ours, least of all files", times, wanted))
    return claims


def _notes() -> tuple[str, ...]:
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
