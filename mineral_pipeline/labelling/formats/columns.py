"""Columns of deposit tables: which column of a table holds what, whatever it is called.

Names are compared by their letters and digits in lower case, without accents. The settings may name columns
themselves; a column that seems to hold commodities and is not read is told.
"""

from __future__ import annotations

import difflib
import itertools
import re
import statistics
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from mineral_pipeline.errors import DataError, one_line
from mineral_pipeline.labelling.commodities import is_known, split_commodities
from mineral_pipeline.settings import DepositFile

Role = Literal[
    "lon", "lat", "x", "y", "crs", "id", "name", "country", "commodities", "dataset", "year", "size", "operation",
    "status", "position_error",
]  # fmt: skip
"""What a column holds."""

GEOMETRY = ("geometry x", "geometry y")
"""Columns that a reader makes of the points of a file."""

GLOBAL_IDS = ("depid", "mrdsid")
"""Names of identifiers that hold in all tables; others hold within their data set or file."""

RECORD_ID = "recordid"
"""Name of identifiers that hold within their data set or file."""

RECOGNISED: Mapping[Role, tuple[str, ...]] = {
    "lon": ("longitude", "lon", "long", "lng", "decimallongitude", "longdecimal", "londecimal", "longitudedd", "longdd",
            "londd", "ddlong", "ddlon", "longitudewgs84", "longwgs84", "lonwgs84", "wgs84longitude", "wgs84long",
            "wgs84lon", "gpslongitude", "longitudex", "xlongitude", "xlong", "longitud", "laengengrad", "langengrad"),
    "lat": ("latitude", "lat", "decimallatitude", "latdecimal", "latitudedd", "latdd", "ddlat", "latitudewgs84",
            "latwgs84", "wgs84latitude", "wgs84lat", "gpslatitude", "latitudey", "ylatitude", "ylat", "latitud",
            "breitengrad"),
    "x": ("x", "easting", "eastings", "east", "eastingm", "xcoord", "coordx", "xcoordinate", "coordinatex", "pointx",
          "utme", "utmx", "utmeast", "utmeasting", "xutm", "eutm", "mgae", "mgaeast", "rechtswert", "este",
          "coordenadax"),
    "y": ("y", "northing", "northings", "north", "northingm", "ycoord", "coordy", "ycoordinate", "coordinatey",
          "pointy", "utmn", "utmy", "utmnorth", "utmnorthing", "yutm", "nutm", "mgan", "mganorth", "hochwert", "norte",
          "coordenaday"),
    "crs": ("crs", "epsg", "epsgcode", "srs", "srid"),
    "id": (*GLOBAL_IDS, RECORD_ID, "depositid", "siteid", "occurrenceid", "occid", "mineid", "id", "objectid", "fid"),
    "name": ("sitename", "name", "depositname", "deposit", "minename", "occurrencename", "occurrence", "prospectname",
             "prospect", "mine", "locality", "nombre", "nom"),
    "country": ("country", "countryname", "pais", "pays"),
    "dataset": ("dataset",),
    "year": ("discyr", "discoveryyear", "yearofdiscovery", "yeardiscovered", "discyear", "yeardisc", "discovered",
             "year"),
    "size": ("prodsize", "depositsize", "depsize", "sizeclass", "size"),
    "operation": ("opertype", "operationtype", "miningmethod"),
    "status": ("devstat", "developmentstatus", "devstatus", "sitestatus", "minestatus", "operatingstatus", "status"),
    "position_error": ("positionerror", "positionerrorm", "positionalerror", "positionalerrorm", "locationerror",
                       "locationerrorm", "coordinateuncertaintyinmeters", "coordinateuncertainty",
                       "positionalaccuracy", "positionalaccuracym", "accuracym", "errorm"),
}  # fmt: skip
"""Names that columns go by, the likelier first. Commodities: see `COMMODITIES`."""

COMMODITIES = (
    r"(?:all|main|major|minor|primary|secondary|tertiary|other|mineral)?commod(?:ity|ities|itys|s)?(?:names?|list)?\d*",
    r"(?:main|major|primary)?(?:mineral|metal|substance|element|product|sustancia|rohstoff)e?s?\d*",
)
"""Names of columns of commodities: all that fit the first of these are read, else all that fit the second."""

CUT_LENGTH = 10
"""Characters of the longest name of a column in a shapefile, whose writers cut the others."""

_LONG_NAMES: Mapping[Role, tuple[str, ...]] = {
    **RECOGNISED,
    "commodities": (
        "commodities", "commoditylist", "commoditynames",
        *(f"{which}commodity" for which in ("primary", "tertiary", "main", "major", "minor", "other", "mineral")),
    ),
}  # fmt: skip
"""Names of columns that a shapefile can cut, by what they hold."""

SEEMS_COMMODITIES = re.compile(r"commod|mineral|metal|substanc|element|rohstoff|sustancia")
"""Part of the name of a column that seems to hold commodities."""

KNOWN_SHARE = 0.6
"""Share of a column's values that are commodities of the vocabulary from which on it seems to hold such."""

MIN_LETTERS = 3
"""Shortest name that counts for that: ``NA`` and ``S`` are symbols of elements, and much else."""

MAX_SAMPLED, MAX_TOLD = 1000, 5
"""Columns that are looked at whether they seem to hold commodities, and those that are told, at most."""

Layout = Mapping[Role, tuple[str, ...]]
"""Columns of a table by what they hold."""


def key_of(name: str) -> str:
    """Letters and digits of a name in lower case, without accents."""
    plain = unicodedata.normalize("NFKD", name[:200].casefold())
    return re.sub(r"[\W_]+", "", "".join(letter for letter in plain if not unicodedata.combining(letter)))


def find_layout(names: Sequence[str], file: DepositFile, has_points: bool = False) -> Layout:
    """Find which column holds what.

    Args:
        names: columns of the table.
        file: the table's path, and what the settings say of its columns.
        has_points: whether the file holds points, so that no column need have coordinates.

    Raises:
        DataError: the settings name a column that is not there, or no columns have coordinates; the message lists the
            columns and the nearest one.
    """
    keys = {key_of(name): name for name in reversed(names)}
    chosen = {
        role: tuple(_find_chosen(name, names, file) for name in ([given] if isinstance(given, str) else given))
        for role in get_args(Role) if (given := getattr(file.columns, role))
    }  # fmt: skip
    found: dict[Role, tuple[str, ...]] = {
        role: (keys[key],) for role, known in RECOGNISED.items() for key in known[::-1] if key in keys
    }
    patterns = ([name for name in names if re.fullmatch(pattern, key_of(name))] for pattern in COMMODITIES)
    if commodities := next(filter(None, patterns), None):
        found["commodities"] = tuple(commodities)
    layout = {**_find_cut(names), **found, **chosen}
    for pair in (("lon", "lat"), ("x", "y")):  # the settings, then the points of the file, then names
        if pair[0] in chosen:
            return _placed(layout, pair)
    if has_points:
        return _placed({**layout, "x": GEOMETRY[:1], "y": GEOMETRY[1:]}, ("x", "y"))
    # With a reference system of metres, longitudes beside eastings would be taken for metres.
    pairs = (("x", "y"), ("lon", "lat")) if file.crs else (("lon", "lat"), ("x", "y"))
    for pair in pairs:
        if all(role in layout for role in pair):
            return _placed(layout, pair)
    raise DataError(_without_coordinates(names, layout, file))


def _find_cut(names: Sequence[str]) -> Layout:
    """Columns whose names a shapefile has cut at `CUT_LENGTH` characters, where what they begin is of one kind only."""
    found: dict[Role, tuple[str, ...]] = {}
    for name in names:
        key = key_of(name)
        roles = {role for role, known in _LONG_NAMES.items() for one in known if one != key and one.startswith(key)}
        if len(name.strip()) == CUT_LENGTH and len(roles) == 1:
            role = roles.pop()
            found[role] = (*found.get(role, ()), name) if role == "commodities" else found.get(role, (name,))
    return found


def unread_commodities(names: Sequence[str], sample: Sequence[Sequence[str]], layout: Layout) -> list[str]:
    """Columns that seem to hold commodities, by their name or their values, and are not read: the first few.

    Args:
        names: columns of the table.
        sample: fields of its first rows.
        layout: columns that are read.
    """
    read = {name for names in layout.values() for name in names}
    columns = zip(names[:MAX_SAMPLED], zip(*(row[:MAX_SAMPLED] for row in sample), strict=False), strict=False)
    found = (name for name, values in columns if name not in read and _seems_commodities(name, values))
    return list(itertools.islice(found, MAX_TOLD))


def _seems_commodities(name: str, values: Sequence[str]) -> bool:
    texts = [value.strip() for value in values if value.strip()]
    if not texts or SEEMS_COMMODITIES.search(key_of(name)):
        return bool(texts)
    words = [split_commodities(text) for text in texts]
    known = sum(bool(found) and all(map(is_known, found)) for found in words)
    return known >= KNOWN_SHARE * len(texts) and statistics.median(map(len, texts)) >= MIN_LETTERS


def _placed(layout: Mapping[Role, tuple[str, ...]], pair: Sequence[str]) -> Layout:
    """The layout with these coordinates only."""
    return {role: names for role, names in layout.items() if role in pair or role not in ("lon", "lat", "x", "y")}


def _find_chosen(name: str, names: Sequence[str], file: DepositFile) -> str:
    for found in names:
        if found.strip().casefold() == name.strip().casefold():
            return found
    raise DataError(f"{file.path} has no column {one_line(name, 80)}: {_describe(names)}{_nearest(names, [name])}")


def _without_coordinates(names: Sequence[str], layout: Mapping[Role, tuple[str, ...]], file: DepositFile) -> str:
    """Say which coordinate is absent, which columns there are, and which could be it."""
    partners: dict[Role, Role] = {"lon": "lat", "lat": "lon", "x": "y", "y": "x"}
    role: Role = next((absent for found, absent in partners.items() if found in layout), "lon")
    word = {"lat": "latitude", "lon": "longitude"}.get(role, role)
    others = [name for name in names if (name,) not in layout.values()]
    near = _nearest(others, [*RECOGNISED[role], *(RECOGNISED["x"] if not layout.keys() & partners.keys() else ())])
    return (
        f"{file.path} has no column {word}: {_describe(names)}{near}; name its coordinates in"
        " the settings, as {path: ..., columns: {lon: NAME, lat: NAME}}, or x and y with a crs"
    )


def _describe(names: Sequence[str]) -> str:
    return f"its columns are {one_line(', '.join(map(repr, names[:MAX_SAMPLED])), 400)}"


def _nearest(names: Sequence[str], wanted: Sequence[str]) -> str:
    """The column whose name is nearest to one of the wanted, as the end of a sentence; none when all are far."""
    keys = {key_of(name): name for name in names[:MAX_SAMPLED]}
    near = {
        (difflib.SequenceMatcher(None, key, key_of(one)).ratio(), key)
        for one in wanted
        for key in difflib.get_close_matches(key_of(one), keys, n=1)
    }
    return f", of which {one_line(repr(keys[max(near)[1]]), 80)} is nearest" if near else ""
