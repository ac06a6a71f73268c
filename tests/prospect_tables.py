"""Tables of prospects as the job prospect publishes them, for tests."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import shapely

from mineral_pipeline.geometry import cut_at_antimeridian


def make_prospects(lons: Sequence[float], lats: Sequence[float] | float = 12.0, half: float = 0.8) -> gpd.GeoDataFrame:
    """Square prospects, the first in the list ranked first; every second has an interval without end."""
    n = len(lons)
    latitudes = np.broadcast_to(lats, n)
    squares = [shapely.box(x - half, y - half, x + half, y + half) for x, y in zip(lons, latitudes, strict=True)]
    probability, given_one = np.linspace(0.9, 0.1, n), np.linspace(3, 1, n)
    columns = {
        "rank": np.arange(1, n + 1),
        "location_id": [f"{k:03d}{k:03d}" for k in range(n)],
        "chip_id": [f"C{k:03d}" for k in range(n)],
        "scene_id": [f"P{k:03d}" for k in range(n)],
        "probability": probability,
        "expected_given_one": given_one,
        "expected_number": probability * given_one,
        "expected_low": 0.0,
        "expected_high": np.where(np.arange(n) % 2, np.inf, 7.5),
        "spread": np.linspace(0.4, 0.2, n),
        "first_10": np.linspace(1, 0, n),
        "dissimilarity": np.linspace(0.1, 2, n),
        "applicable": np.arange(n) % 3 < 2,
        "distance_km": 120.44,
        "lon": np.asarray(lons, float),
        "lat": latitudes.astype(float),
    }
    return gpd.GeoDataFrame(columns, geometry=cut_at_antimeridian(np.array(squares)), crs="EPSG:4326")
