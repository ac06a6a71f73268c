"""The three methods against the ImageMagick options whose meaning they share, away from the edge of the fill."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from mineral_pipeline import simulation
from mineral_pipeline.imagery import decode, downsample
from mineral_pipeline.settings import Simulate
from mineral_pipeline.simulation.render import render

pytestmark = pytest.mark.imagemagick

OPTIONS = {"sampling": ["-sample"], "rescale": ["-scale"], "resize": ["-filter", "Lanczos", "-resize"]}

ROUNDING = {"sampling": 0, "rescale": 1, "resize": 2}
"""Grey levels of difference allowed: ImageMagick truncates where we round, `-resize` along either axis."""

REACH = {"sampling": 1, "rescale": 1, "resize": 4}
"""Distance in small pixels over which fill has an effect: `-resize` has three lobes."""

LE07 = "archive/LE07/01/092/084"
REAL = {
    "LE07": f"{LE07}/LE07_L1TP_092084_19990925_20170217_01_T1/LE07_L1TP_092084_19990925_20170217_01_T1_B7.TIF",
    "LE07, stripes of fill": (
        f"{LE07}/LE07_L1TP_092084_20110809_20161206_01_T1/LE07_L1TP_092084_20110809_20161206_01_T1_B7.TIF"
    ),
    "LT05": "rasters/LT52240631988227CUB02_B7.TIF",
    "LT05, whole footprint": "rasters/LT05_L1GS_036029_20060523_test_WGS84.tif",
    "LC08, 16 bits": "rasters/one-edge-LC08_L1TP_224078_20200518_B2.TIF",
}


@pytest.fixture(scope="module")
def program() -> str:
    found = next(filter(None, map(shutil.which, ("magick", "convert-im6", "convert"))), None)
    assert found, "these tests need ImageMagick (apt install imagemagick)"
    return found


def convert(program: str, image: np.ndarray, option: list[str], shape: tuple[int, int]) -> np.ndarray:
    """Return the image as reduced by ImageMagick, exchanged as portable greymaps."""
    lines, samples = shape
    depth = str(8 * image.itemsize)
    header = f"P5 {image.shape[1]} {image.shape[0]} {np.iinfo(image.dtype).max}\n".encode()
    arguments = [program, "pgm:-", *option, f"{samples}x{lines}!", "-depth", depth, "pgm:-"]
    # a greymap has its high byte first
    content = header + image.astype(image.dtype.newbyteorder(">")).tobytes()
    made = subprocess.run(arguments, input=content, check=True, capture_output=True).stdout
    return np.asarray(Image.open(io.BytesIO(made))).astype(np.int64)


def far_from_fill(program: str, image: np.ndarray, shape: tuple[int, int], reach: int) -> np.ndarray:
    """Return which small pixels are farther than ``reach`` from fill, as computed by ImageMagick."""
    covered = convert(program, np.where(image > 0, 65_535, 0).astype(np.uint16), ["-scale"], shape) == 65_535
    return np.asarray(ndimage.binary_erosion(covered, np.ones((3, 3)), reach, border_value=1))


def check(program: str, image: np.ndarray, size: int, method: str) -> float:
    """Compare pixels away from fill; return their fraction of the small image."""
    found = downsample(image, size, method)
    expected = convert(program, image, OPTIONS[method], found.shape)
    inside = far_from_fill(program, image, found.shape, REACH[method])
    assert np.abs(found - np.maximum(expected, 1))[inside].max(initial=0) <= ROUNDING[method]
    if method == "sampling":  # takes single pixels, fill or not
        np.testing.assert_array_equal(found, expected)
    return float(inside.mean())


@pytest.mark.parametrize("method", OPTIONS)
@pytest.mark.parametrize("size", [37, 64, 128, 200])
@pytest.mark.parametrize("name", REAL)
def test_real_bands(program: str, name: str, size: int, method: str, data: Path) -> None:
    share = check(program, decode((data / REAL[name]).read_bytes()).pixels, size, method)
    assert share > 0.2 or "stripes" in name  # which leave nothing that is far from fill


@pytest.fixture(scope="module")
def simulated() -> list[np.ndarray]:
    planet = simulation.create(Simulate(locations=24, islands=2, dates=2), 0)
    return [render(planet, scene) for scene in simulation.scenes(planet)[:4]]


@pytest.mark.parametrize("method", ["sampling", "rescale"])
def test_simulated_scenes(program: str, simulated: list[np.ndarray], method: str) -> None:
    for image in simulated:
        assert check(program, image, max(image.shape) // 3, method) > 0.4


def test_simulated_scenes_filtered(program: str, simulated: list[np.ndarray]) -> None:
    # beside clouds the filter overshoots, which ImageMagick cuts off after either axis and we after both: give it room
    for image in simulated:
        found = downsample(image, max(image.shape) // 3, "resize")
        room = (2**14 + 2**7 * image.astype(np.uint16)).astype(np.uint16)
        expected = (convert(program, room, OPTIONS["resize"], found.shape) - 2**14) / 2**7
        inside = far_from_fill(program, image, found.shape, REACH["resize"])
        assert inside.mean() > 0.3
        assert np.abs(found - expected.clip(1, 255))[inside].max() <= 0.51  # half a level of rounding


@pytest.mark.parametrize("method", OPTIONS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_noise(program: str, method: str, dtype: type[np.uint8 | np.uint16]) -> None:
    # of the middle levels: ImageMagick cuts off what overshoots the range after either axis, we after both
    middle = np.iinfo(dtype).max // 2
    image = np.random.default_rng(0).integers(middle // 2, middle + middle // 2, (1000, 1203), dtype)
    assert check(program, image, 301, method) == 1
