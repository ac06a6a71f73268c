"""Files of some kilobytes that declare gigabytes: each is refused in one line, in bounded memory."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from rasterio.io import MemoryFile

from mineral_pipeline.errors import RasterError
from mineral_pipeline.imagery import decode
from mineral_pipeline.imagery.header import MAX_PIXELS

LONG = 4  # the type of all tags here: 32-bit integers


def directory(tags: dict[int, int], position: int, last: bool = True) -> bytes:
    """An image file directory at ``position`` of a little-endian TIFF (TIFF 6.0, p. 14), followed by the next one."""
    entries = b"".join(struct.pack("<HHII", tag, LONG, 1, tags[tag]) for tag in sorted(tags))
    following = 0 if last else position + 2 + len(entries) + 4
    return struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)


def tiled(lines: int, samples: int, tile: int, position: int, length: int) -> dict[int, int]:
    """Tags of a deflated 8-bit image of one tile, whose bytes lie at ``position``."""
    return {256: samples, 257: lines, 258: 8, 259: 8, 262: 1, 277: 1, 322: tile, 323: tile, 324: position, 325: length}


def one_tile(lines: int, samples: int, tile: int, content: bytes) -> bytes:
    """A file of one tile."""
    body = content + bytes(len(content) % 2)
    return (
        b"II*\0"
        + struct.pack("<I", 8 + len(body))
        + body
        + directory(tiled(lines, samples, tile, 8, len(content)), 8 + len(body))
    )


def huge_mask() -> bytes:
    """A small image and its mask in one tile of 65,536 x 65,536."""
    image, mask = zlib.compress(bytes(256)), zlib.compress(bytes(1000))
    body = image + bytes(len(image) % 2) + mask + bytes(len(mask) % 2)
    position = 8 + len(body)
    first = directory(tiled(16, 16, 16, 8, len(image)), position, last=False)
    tags = tiled(16, 16, 65_536, 8 + len(image) + len(image) % 2, len(mask)) | {254: 4, 258: 1, 262: 4}
    return b"II*\0" + struct.pack("<I", position) + body + first + directory(tags, position + len(first))


def written(image: np.ndarray | None, lines: int, samples: int, **profile: Any) -> bytes:
    """A file that GDAL writes; without an image, one that leaves out all strips."""
    grid = {"crs": "EPSG:32655", "transform": Affine(30, 0, 500_000, 0, -30, 6_000_000)}
    profile = {**grid, "dtype": "uint8", "count": 1, "height": lines, "width": samples, **profile}
    with MemoryFile() as file:
        with file.open(driver="GTiff", SPARSE_OK=image is None, **profile) as dataset:
            if image is not None:
                dataset.write(image, 1)
        return bytes(file.read())


E = int(MAX_PIXELS**0.5)
BOMBS = {
    "more pixels than any band": (lambda: written(None, E + 1, E + 1), "declares 20,001 x 20,001 pixels: no Landsat"),
    "strips left out": (
        lambda: written(None, E, E),
        "declares 20,000 x 20,000 pixels in a file of .* parts are missing",
    ),
    "16 bits, strips left out": (lambda: written(None, E, E // 2, dtype="uint16"), "parts are missing"),
    "a vast tile": (lambda: one_tile(1, 1, 65_536, zlib.compress(bytes(1000))), "in tiles of 65,536 x 65,536"),
    "a large tile": (lambda: one_tile(60, 60, 8_192, zlib.compress(bytes(1000))), "in tiles of 8,192 x 8,192"),
    "a line in large tiles": (lambda: written(None, 1, 200_000, tiled=True), "in tiles of 256 x 256"),
    "a mask in a vast tile": (huge_mask, "holds a mask"),
    "many bands": (lambda: written(None, 2000, 2000, count=2000), "holds 2000 bands"),
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("sampled", [None, 512])
def test_a_bomb_is_refused(name: str, sampled: int | None) -> None:
    content, reason = BOMBS[name][0](), BOMBS[name][1]
    assert len(content) < 400_000
    with pytest.raises(RasterError, match=f"^B7: [^\n]*{reason}[^\n]*$"):
        decode(content, "B7", sampled)


def test_bombs_are_refused_in_little_memory(tmp_path: Path) -> None:
    # GDAL allocates where tracemalloc does not look, and a process's largest size never shrinks: so in one of its own
    for number, (make, _) in enumerate(BOMBS.values()):
        (tmp_path / f"{number}.tif").write_bytes(make())
    overfull = zlib.compress(bytes(2**26))  # a strip that holds 64 MiB more than it declares
    (tmp_path / "overfull.tif").write_bytes(one_tile(16, 16, 16, overfull))
    program = """
import resource, sys
from pathlib import Path
from mineral_pipeline.imagery import RasterError, decode
largest = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
decode(Path(sys.argv[1]).read_bytes())
before = largest()
for path in map(Path, sys.argv[2:]):
    try:
        decode(path.read_bytes(), path.name)
    except RasterError:
        pass
print(largest() - before)
"""
    harmless = tmp_path / "harmless"
    harmless.write_bytes(written(np.ones((60, 60), np.uint8), 60, 60))
    paths = [harmless, *sorted(tmp_path.glob("*.tif"))]
    found = subprocess.run([sys.executable, "-c", program, *paths], check=True, capture_output=True, text=True)
    assert int(found.stdout) < (40_000 if sys.platform == "linux" else 40_000_000)  # kibibytes, elsewhere bytes


@pytest.mark.parametrize("compress", ["lzw", "deflate", "packbits"])
@pytest.mark.parametrize("layout", [{"blockysize": 1}, {"blockysize": 3000}, {"tiled": True}, {}])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_what_compresses_best_is_no_bomb(compress: str, layout: dict[str, Any], dtype: str) -> None:
    image = np.full((3000, 3100), 7, dtype)
    np.testing.assert_array_equal(
        decode(written(image, *image.shape, dtype=dtype, compress=compress, **layout)).pixels, image
    )


@pytest.mark.parametrize("tile", [256, 512, 1024, 4096])
def test_tiles_may_be_larger_than_a_small_image(tile: int) -> None:
    image = np.full((30, 40), 7, np.uint8)
    content = written(image, 30, 40, tiled=True, blockxsize=tile, blockysize=tile, compress="deflate")
    np.testing.assert_array_equal(decode(content).pixels, image)
