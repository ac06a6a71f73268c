"""Great-circle distances by haversines: an oracle in other arithmetic than the unit vectors of the library."""

from __future__ import annotations

import math
from collections.abc import Iterable


def haversine_km(a: Iterable[float], b: Iterable[float]) -> float:
    """Kilometres between two positions of longitude and latitude in degrees."""
    (lon_a, lat_a), (lon_b, lat_b) = (map(math.radians, one) for one in (a, b))
    h = math.sin((lat_b - lat_a) / 2) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    return 2 * 6371.0088 * math.asin(min(1.0, math.sqrt(h)))
