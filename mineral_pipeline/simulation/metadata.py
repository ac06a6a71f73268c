"""A scene's metadata file (MTL), in the keys, the order and the notation of a Collection-1 product of Landsat 4.

Format: USGS LSDS-1415, Landsat 4-5 TM Level 1 Data Format Control Book. What has no meaning here, such as the
calibration, has the values of a real product.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mineral_pipeline.sensors.landsat import CORNERS, band_file, metadata_file
from mineral_pipeline.simulation.scene import GROUND_CONTROL_SALT, PROCESSED, SENSOR, SimulatedScene

Entry = tuple[str, str]

BAND_NUMBERS = tuple(int(band.name.removeprefix("B")) for band in SENSOR.bands)
RADIANCE = {
    1: (171.0, -1.52, "6.7921E-01", "-2.19921"), 2: (336.0, -2.84, "1.3340E+00", "-4.17402"),
    3: (254.0, -1.17, "1.0046E+00", "-2.17461"), 4: (221.0, -1.51, "8.7602E-01", "-2.38602"),
    5: (31.4, -0.37, "1.2508E-01", "-0.49508"), 6: (15.303, 1.238, "5.5375E-02", "1.18243"),
    7: (16.6, -0.15, "6.5945E-02", "-0.21594"),
}  # fmt: skip
"""Radiance of the largest and of the smallest count, gain and offset, by band."""

IRRADIANCE = {1: 1943.0, 2: 1758.0, 3: 1485.0, 4: 1033.0, 5: 221.7, 7: 83.24}
"""Solar irradiance outside the atmosphere, W/(m2 um), by reflective band; turns radiance into reflectance."""


def metadata(scene: SimulatedScene) -> str:
    """The text of a scene's MTL file."""
    groups = {
        "METADATA_FILE_INFO": _file_info(scene),
        "PRODUCT_METADATA": _product(scene),
        "IMAGE_ATTRIBUTES": _image(scene),
        "MIN_MAX_RADIANCE": _extremes("RADIANCE", {band: RADIANCE[band][:2] for band in BAND_NUMBERS}, 3),
        "MIN_MAX_REFLECTANCE": _extremes("REFLECTANCE", _reflectances(scene), 6),
        "MIN_MAX_PIXEL_VALUE": _extremes("QUANTIZE_CAL", dict.fromkeys(BAND_NUMBERS, (255.0, 1.0)), 0, ("MAX", "MIN")),
        "PRODUCT_PARAMETERS": _corrections(),
        "RADIOMETRIC_RESCALING": _rescaling(scene),
        "THERMAL_CONSTANTS": [("K1_CONSTANT_BAND_6", "671.62"), ("K2_CONSTANT_BAND_6", "1284.30")],
        "PROJECTION_PARAMETERS": _projection(scene),
    }
    lines = ["GROUP = L1_METADATA_FILE"]
    for name, entries in groups.items():
        lines += [f"  GROUP = {name}", *(f"    {key} = {value}" for key, value in entries), f"  END_GROUP = {name}"]
    return "\n".join([*lines, "END_GROUP = L1_METADATA_FILE", "END", ""])


def _file_info(scene: SimulatedScene) -> Iterator[Entry]:
    yield "ORIGIN", _text("Image simulated by mineral_pipeline")
    yield "REQUEST_ID", _text("0501702090000_00001")
    yield "LANDSAT_SCENE_ID", _text(scene.scene_id)
    yield "LANDSAT_PRODUCT_ID", _text(scene.product_id)
    yield "COLLECTION_NUMBER", "01"
    yield "FILE_DATE", f"{PROCESSED}T00:00:00Z"
    yield "STATION_ID", _text("XXX")
    yield "PROCESSING_SOFTWARE_VERSION", _text("LPGS_12.8.3")
    yield "DATA_CATEGORY", _text("NOMINAL")


def _product(scene: SimulatedScene) -> Iterator[Entry]:
    product, swath, day = scene.product_id, scene.location.swath, scene.overflight.day
    yield "DATA_TYPE", _text("L1TP" if scene.location.on_land else "L1GS")
    yield "DATA_TYPE_L0RP", _text("TMR_L0RP")
    yield "COLLECTION_CATEGORY", _text("T1" if scene.location.on_land else "T2")
    if scene.location.on_land:
        yield "ELEVATION_SOURCE", _text("GLS2000")
    yield "OUTPUT_FORMAT", _text("GEOTIFF")
    yield "EPHEMERIS_TYPE", _text("DEFINITIVE")
    yield "SPACECRAFT_ID", _text(SENSOR.spacecraft)
    yield "SENSOR_ID", _text(SENSOR.instrument)
    yield "SENSOR_MODE", _text("SAM")
    yield "WRS_PATH", f"{swath.path:03d}"
    yield "WRS_ROW", f"{swath.row:03d}"
    yield "DATE_ACQUIRED", str(day)
    yield "SCENE_CENTER_TIME", _text(sensing_time(scene))
    yield from _corners(scene)
    for kind in ("REFLECTIVE", "THERMAL"):
        yield f"{kind}_LINES", str(scene.grid.lines)
        yield f"{kind}_SAMPLES", str(scene.grid.samples)
    for band in BAND_NUMBERS:
        yield f"FILE_NAME_BAND_{band}", _text(band_file(product, f"B{band}"))
    yield "FILE_NAME_BAND_QUALITY", _text(band_file(product, "BQA"))
    if scene.location.on_land:
        yield "GROUND_CONTROL_POINT_FILE_NAME", _text(f"{product}_GCP.txt")
    yield "ANGLE_COEFFICIENT_FILE_NAME", _text(f"{product}_ANG.txt")
    if scene.location.on_land:
        yield "REPORT_VERIFY_FILE_NAME", _text(f"{product}_VER.txt")
        yield "BROWSE_VERIFY_FILE_NAME", _text(f"{product}_VER.jpg")
    yield "METADATA_FILE_NAME", _text(metadata_file(product))
    first = (day.month - 1) // 3 * 3 + 1
    last = {1: "0331", 4: "0630", 7: "0930", 10: "1231"}[first]
    yield "CPF_NAME", _text(f"LT04CPF_{day.year}{first:02d}01_{day.year}{last}_01.05")


def _corners(scene: SimulatedScene) -> Iterator[Entry]:
    """Corners, which are centres of pixels, in the order of the file."""
    degrees = dict(zip(CORNERS, scene.grid.corners, strict=True))
    metres = dict(zip(CORNERS, scene.grid.projected_corners, strict=True))
    for corner in ("UL", "UR", "LL", "LR"):
        yield f"CORNER_{corner}_LAT_PRODUCT", f"{degrees[corner][1]:.5f}"
        yield f"CORNER_{corner}_LON_PRODUCT", f"{degrees[corner][0]:.5f}"
    for corner in ("UL", "UR", "LL", "LR"):
        yield f"CORNER_{corner}_PROJECTION_X_PRODUCT", f"{metres[corner][0]:.3f}"
        yield f"CORNER_{corner}_PROJECTION_Y_PRODUCT", f"{metres[corner][1]:.3f}"


def _image(scene: SimulatedScene) -> Iterator[Entry]:
    yield "CLOUD_COVER", f"{scene.cloud_cover:.2f}"
    yield "CLOUD_COVER_LAND", f"{scene.cloud_cover:.2f}"
    yield "IMAGE_QUALITY", "9"
    yield "SUN_AZIMUTH", f"{scene.overflight.sun_azimuth:.8f}"
    yield "SUN_ELEVATION", f"{scene.overflight.sun_elevation:.8f}"
    yield "EARTH_SUN_DISTANCE", f"{_earth_sun_distance(scene):.7f}"
    yield from ((f"SATURATION_BAND_{band}", _text("N")) for band in BAND_NUMBERS)
    if scene.location.on_land:
        yield from _ground_control(scene.rng(GROUND_CONTROL_SALT))


def _ground_control(rng: np.random.Generator) -> Iterator[Entry]:
    y, x = rng.uniform(2.5, 4.5, 2)
    yield "GROUND_CONTROL_POINTS_VERSION", "4"
    yield "GROUND_CONTROL_POINTS_MODEL", str(rng.integers(40, 200))
    yield "GEOMETRIC_RMSE_MODEL", f"{np.hypot(x, y):.3f}"
    yield "GEOMETRIC_RMSE_MODEL_Y", f"{y:.3f}"
    yield "GEOMETRIC_RMSE_MODEL_X", f"{x:.3f}"
    yield "GROUND_CONTROL_POINTS_VERIFY", str(rng.integers(50, 500))
    yield "GEOMETRIC_RMSE_VERIFY", f"{rng.uniform(0.15, 0.4):.3f}"
    for quadrant in ("UL", "UR", "LL", "LR"):
        yield f"GEOMETRIC_RMSE_VERIFY_QUAD_{quadrant}", f"{rng.uniform(0.15, 0.4):.3f}"


def _earth_sun_distance(scene: SimulatedScene) -> float:
    """Distance in astronomical units."""
    return float(1 - 0.01672 * np.cos(np.radians(0.9856 * (scene.overflight.day.timetuple().tm_yday - 4))))


def _per_irradiance(scene: SimulatedScene, band: int) -> float:
    """Factor from radiance to reflectance."""
    return float(np.pi * _earth_sun_distance(scene) ** 2 / IRRADIANCE[band])


def _reflectances(scene: SimulatedScene) -> dict[int, tuple[float, float]]:
    factors = {band: _per_irradiance(scene, band) for band in IRRADIANCE}
    return {band: (RADIANCE[band][0] * factor, RADIANCE[band][1] * factor) for band, factor in factors.items()}


def _extremes(
    name: str, values: dict[int, tuple[float, float]], digits: int, words: tuple[str, str] = ("MAXIMUM", "MINIMUM")
) -> Iterator[Entry]:
    for band, extremes in values.items():
        for word, value in zip(words, extremes, strict=True):
            yield f"{name}_{word}_BAND_{band}", f"{value:.{digits}f}"


def _corrections() -> Iterator[Entry]:
    for band in BAND_NUMBERS:
        yield f"CORRECTION_GAIN_BAND_{band}", _text("INTERNAL_CALIBRATION" if band == 6 else "CPF")
    for band in BAND_NUMBERS:
        yield f"CORRECTION_BIAS_BAND_{band}", _text("INTERNAL_CALIBRATION")


def _rescaling(scene: SimulatedScene) -> Iterator[Entry]:
    yield from ((f"RADIANCE_MULT_BAND_{band}", RADIANCE[band][2]) for band in BAND_NUMBERS)
    yield from ((f"RADIANCE_ADD_BAND_{band}", RADIANCE[band][3]) for band in BAND_NUMBERS)
    for word, column, notation in (("MULT", 2, ".4E"), ("ADD", 3, ".6f")):
        for band in IRRADIANCE:
            value = float(RADIANCE[band][column]) * _per_irradiance(scene, band)
            yield f"REFLECTANCE_{word}_BAND_{band}", f"{value:{notation}}"


def _projection(scene: SimulatedScene) -> Iterator[Entry]:
    yield "MAP_PROJECTION", _text("UTM")
    yield "DATUM", _text("WGS84")
    yield "ELLIPSOID", _text("WGS84")
    yield "UTM_ZONE", str(scene.grid.zone)
    yield "GRID_CELL_SIZE_REFLECTIVE", f"{scene.pixel_m:.2f}"
    yield "GRID_CELL_SIZE_THERMAL", f"{scene.pixel_m:.2f}"
    yield "ORIENTATION", _text("NORTH_UP")
    yield "RESAMPLING_OPTION", _text("CUBIC_CONVOLUTION")
    yield "MAP_PROJECTION_L0RA", _text("NA")


def sensing_time(scene: SimulatedScene) -> str:
    """Time of day at the scene's centre, UTC, to a tenth of a microsecond as in the archive."""
    minutes, seconds = divmod(scene.overflight.seconds, 60)
    return f"{int(minutes) // 60:02d}:{int(minutes) % 60:02d}:{min(seconds, 59.9999999):010.7f}Z"


def _text(value: str) -> str:
    return f'"{value}"'
