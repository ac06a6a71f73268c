"""Names and files of Landsat products: product identifiers, the archive's layout, and scene metadata (MTL).

Metadata of Collection 2 (text, XML or JSON), of Collection 1 and from before the collections are read. Formats, for
the Thematic Mapper: USGS data format control books LSDS-284 (Collection 1 and before) and LSDS-1415 (Collection 2).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from mineral_pipeline.errors import MetadataError, one_line
from mineral_pipeline.sensors.mtl import parse_metadata
from mineral_pipeline.sensors.sensor import SENSORS

CORNERS = ("UL", "UR", "LR", "LL")
"""Order of the corners everywhere: around the raster, clockwise from the upper left."""

PRODUCT_ID = (
    r"(?P<sensor>[A-Z]{2}\d\d)_(?P<level>L[12][A-Z]{2})_(?P<path>\d{3})(?P<row>\d{3})_(?P<acquired>\d{8})"
    r"_(?P<processed>\d{8})_(?P<collection>\d\d)_(?P<tier>RT|T1|T2)"
)
"""Pattern of a product identifier; its groups are the fields of `ProductId`. All identifiers are of one length."""

EXAMPLE_ID = "LT04_L1TP_181053_19880130_20170209_01_T1"

_FIELD_SPANS = {
    field: match.span(field) for match in re.finditer(PRODUCT_ID, EXAMPLE_ID) for field in match.groupdict()
}
"""Start and end of each field in an identifier: cutting many identifiers is faster than matching them."""

INDEX = "index.csv.gz"
"""Index of an archive's scenes, below its root."""

BUCKET = "gs://gcp-public-data-landsat"
"""Root of the archive in the index's BASE_URL, also when the archive lies elsewhere."""

COLLECTIONS = ("01", "02")
"""Folders of the collections below a sensor's folder."""

TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of a band file: TIFF, little and big-endian, classic and BigTIFF (TIFF 6.0, p. 13; BigTIFF design by
libtiff)."""


@dataclass(frozen=True, order=True)
class ProductId:
    """A Landsat product identifier, such as ``LT04_L1TP_181053_19880130_20170209_01_T1``."""

    sensor: str
    """Sensor and spacecraft, such as ``LT04``."""
    level: str
    """Processing level, such as ``L1TP``."""
    path: int
    """WRS path."""
    row: int
    """WRS row."""
    acquired: date
    """Day of acquisition."""
    processed: date
    """Day of processing."""
    collection: int
    """Collection, 1 or 2."""
    tier: str
    """``T1``, ``T2``, or ``RT`` (real time, to be replaced)."""

    def __str__(self) -> str:
        """The identifier itself."""
        acquired, processed = (day.isoformat().replace("-", "") for day in (self.acquired, self.processed))
        path_row = f"{self.path:03d}{self.row:03d}"
        return f"{self.sensor}_{self.level}_{path_row}_{acquired}_{processed}_{self.collection:02d}_{self.tier}"


def parse_product_id(text: str) -> ProductId:
    """Take a product identifier apart.

    Raises:
        MetadataError: ``text`` is not the identifier of a product of a collection.
    """
    match = re.fullmatch(PRODUCT_ID, text, re.ASCII)
    try:
        if match is None:
            raise ValueError(f"write it like {EXAMPLE_ID}")
        sensor, level, path, row, acquired, processed, collection, tier = match.groups()
        if sensor not in SENSORS:
            raise ValueError(f"no sensor is called {sensor}")
        first, last = (date(int(day[:4]), int(day[4:6]), int(day[6:])) for day in (acquired, processed))
        return ProductId(sensor, level, int(path), int(row), first, last, int(collection), tier)
    except ValueError as error:
        raise MetadataError(f"{text!r} is not a Landsat product identifier: {error}") from error


def product_folder(product_id: str) -> str:
    """Folder of a product below the root of the archive, as in ``gs://gcp-public-data-landsat``."""
    parts = parse_product_id(product_id)
    return f"{parts.sensor}/{parts.collection:02d}/{parts.path:03d}/{parts.row:03d}/{product_id}"


def split_ids(product_ids: pd.Series) -> pd.DataFrame:
    """Fields of many product identifiers as text, one column for each field of `ProductId`."""
    return pd.DataFrame({field: product_ids.str.slice(*span) for field, span in _FIELD_SPANS.items()})


def acquisition_days(fields: pd.DataFrame) -> pd.Series:
    """Days of acquisition in ISO 8601, from the fields of `split_ids`."""
    day = fields["acquired"].str
    return day[:4] + "-" + day[4:6] + "-" + day[6:]


def product_folders(product_ids: pd.Series, fields: pd.DataFrame) -> pd.Series:
    """Folders of many products below the root of the archive, as `product_folder`."""
    return (
        fields["sensor"] + "/" + fields["collection"] + "/" + fields["path"] + "/" + fields["row"] + "/" + product_ids
    )


def band_file(product_id: str, band: str) -> str:
    """File name of a band such as ``B7``."""
    return f"{product_id}_{band}.TIF"


def metadata_file(product_id: str) -> str:
    """File name of a product's metadata."""
    return f"{product_id}_MTL.txt"


@dataclass(frozen=True, eq=False)
class SceneMetadata:
    """The metadata of a scene."""

    product_id: str
    """Product identifier; the scene identifier before the collections."""
    scene_id: str
    """Scene identifier, such as ``LT41810531988030XXX04``."""
    spacecraft: str
    """Spacecraft, such as ``LANDSAT_4``."""
    sensor: str
    """Sensor: ``TM``, ``ETM``, ``MSS`` or ``OLI_TIRS``."""
    path: int
    """WRS path."""
    row: int
    """WRS row."""
    acquired: date
    """Day of acquisition."""
    cloud_cover: float
    """Cloud cover in percent; nan when unknown."""
    sun_elevation: float
    """Elevation of the Sun in degrees above the horizon; nan when unknown."""
    corners: np.ndarray
    """(4, 2) lon/lat of the centres of the raster's corner pixels, in the order of `CORNERS`."""
    projected_corners: np.ndarray
    """(4, 2) projected x/y of the same in metres; nan when unknown."""
    pixel_size: float
    """Pixel size of the reflective bands in metres; nan when unknown."""
    lines: int
    """Lines of the reflective bands; 0 when absent."""
    samples: int
    """Samples of a line of the reflective bands; 0 when absent."""
    panchromatic_shape: tuple[int, int]
    """Lines and samples of the panchromatic band; 0 when absent."""
    projection: str
    """Projection: ``UTM``, or ``PS`` (polar stereographic); empty when absent."""
    utm_zone: int
    """UTM zone: 1 to 60, northern also where northings are negative; negative with a false northing (until 2012); 0
    without one."""
    band_files: Mapping[str, str]
    """File name of each band, by band such as ``B7``; empty before 2012."""
    coefficients: Mapping[str, float]
    """Radiometric coefficients by key, such as ``RADIANCE_MULT_BAND_7``, and ``EARTH_SUN_DISTANCE``; none that is no
    finite number. `mineral_pipeline.sensors.calibration` knows what they mean."""

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Outer edges of the raster in its projection: left, bottom, right, top in metres; nan when unknown.

        The metadata's corners are centres of pixels, so that the edges lie half a pixel further out.
        """
        (left, bottom), (right, top) = self.projected_corners.min(axis=0), self.projected_corners.max(axis=0)
        half = self.pixel_size / 2
        return float(left - half), float(bottom - half), float(right + half), float(top + half)


def _finite(texts: Mapping[str, str]) -> dict[str, float]:
    """Those texts that are finite numbers: what is none is missed only by who needs it."""
    numbers: dict[str, float] = {}
    for key, text in texts.items():
        try:
            number = float(text)
        except ValueError:
            continue
        if math.isfinite(number):
            numbers[key] = number
    return numbers


def read_metadata(text: bytes | str, source: str = "") -> SceneMetadata:
    """Read a scene's metadata.

    Args:
        text: content of an MTL file, as text (NUL padding is allowed), XML or JSON.
        source: name of the file in errors.

    Raises:
        MetadataError: it is not a whole MTL file, or lacks a key, or a value is impossible.
    """
    found, coefficients = parse_metadata(text, source or "metadata")
    values = _Values(found, source or "metadata")
    scene_id = values.text("LANDSAT_SCENE_ID", "METADATA_L1_FILE_NAME").removesuffix("_MTL.txt")
    return SceneMetadata(
        product_id=values.text("LANDSAT_PRODUCT_ID", default=scene_id),
        scene_id=scene_id,
        spacecraft=re.sub("^LANDSAT_?", "LANDSAT_", values.text("SPACECRAFT_ID").upper()),
        sensor=values.text("SENSOR_ID").rstrip("+"),
        path=values.integer("WRS_PATH", within=(1, 251)),
        row=values.integer("WRS_ROW", "STARTING_ROW", within=(1, 248)),
        acquired=values.day("DATE_ACQUIRED", "ACQUISITION_DATE"),
        cloud_cover=values.percent("CLOUD_COVER"),
        sun_elevation=values.number("SUN_ELEVATION", within=(-90, 90), default=math.nan),
        corners=values.corners(("LON", "LON"), ("LAT", "LAT"), within=(180, 90)),
        projected_corners=values.corners(
            ("PROJECTION_X", "MAPX"), ("PROJECTION_Y", "MAPY"), within=(math.inf, math.inf), default=math.nan
        ),
        pixel_size=values.number("GRID_CELL_SIZE_REFLECTIVE", "GRID_CELL_SIZE_REF", default=math.nan),
        lines=values.integer("REFLECTIVE_LINES", "PRODUCT_LINES_REF", default=0),
        samples=values.integer("REFLECTIVE_SAMPLES", "PRODUCT_SAMPLES_REF", default=0),
        panchromatic_shape=(
            values.integer("PANCHROMATIC_LINES", "PRODUCT_LINES_PAN", default=0),
            values.integer("PANCHROMATIC_SAMPLES", "PRODUCT_SAMPLES_PAN", default=0),
        ),
        projection=values.text("MAP_PROJECTION", default=""),
        utm_zone=values.integer("UTM_ZONE", "ZONE_NUMBER", within=(-60, 60), default=0),
        band_files={
            f"B{key.removeprefix('FILE_NAME_BAND_')}": value
            for key, value in values.found.items()
            if key.startswith("FILE_NAME_BAND_")
        },
        coefficients=_finite({**coefficients, "EARTH_SUN_DISTANCE": found.get("EARTH_SUN_DISTANCE", "")}),
    )


@dataclass(frozen=True)
class _Values:
    """Values of a metadata file by key. The methods take all names of a key, those from before 2012 last."""

    found: Mapping[str, str]
    source: str

    def text(self, *names: str, default: str | None = None) -> str:
        value = next((self.found[name] for name in names if self.found.get(name)), default)
        if value is None:
            raise MetadataError(f"{self.source}: {names[0]} is absent")
        return value

    def number(self, *names: str, within: tuple[float, float] = (0, math.inf), default: float | None = None) -> float:
        text = self.text(*names, default=None if default is None else "")
        if not text and default is not None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (within[0] <= value <= within[1] and math.isfinite(value)):
            raise self._impossible(names, text)
        return value

    def integer(self, *names: str, within: tuple[int, float] = (0, math.inf), default: int | None = None) -> int:
        value = self.number(*names, within=within, default=default)
        if value != int(value):
            raise self._impossible(names, str(value))
        return int(value)

    def percent(self, name: str) -> float:
        value = self.number(name, within=(-math.inf, 100), default=math.nan)
        return value if value >= 0 else math.nan  # -1 says unknown

    def day(self, *names: str) -> date:
        text = self.text(*names)
        try:
            return date.fromisoformat(text)
        except ValueError as error:
            raise self._impossible(names, text) from error

    def corners(self, *axes: tuple[str, str], within: tuple[float, float], default: float | None = None) -> np.ndarray:
        """(4, 2) coordinates of the corners; ``axes`` holds the names of each axis, now and before 2012."""
        values = [
            self.number(
                f"CORNER_{c}_{now}_PRODUCT", f"PRODUCT_{c}_CORNER_{then}", within=(-limit, limit), default=default
            )
            for c in CORNERS
            for (now, then), limit in zip(axes, within, strict=True)
        ]
        array = np.array(values).reshape(4, 2)
        array.flags.writeable = False
        return array

    def _impossible(self, names: tuple[str, ...], value: str) -> MetadataError:
        key = next((name for name in names if name in self.found), names[0])
        return MetadataError(f"{self.source}: {key} = {one_line(value, 80)} is impossible")
