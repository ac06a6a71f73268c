"""The ground truth of a simulated planet: every deposit, known or not, and what a perfect observer would expect."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from mineral_pipeline.geometry import Floats
from mineral_pipeline.simulation.planet import Near, Planet
from mineral_pipeline.simulation.swath import LENGTH_KM, WIDTH_KM
from mineral_pipeline.simulation.systems import BARREN, DEPOSITS_OF_SIZE, Sites
from mineral_pipeline.simulation.tables import SUITES, suite_numbers
from mineral_pipeline.workspace.identities import location_ids

DRAWS = 99
"""Planets that are drawn for the median of a location; odd, so that it is one of them."""

LAND_POINTS = 15
"""Points of the grid by which land is measured, each way."""

DRAW_SALT = 21


def deposits(planet: Planet) -> pd.DataFrame:
    """``true-deposits.parquet``: one row per deposit.

    Returns:
        ``lon``, ``lat``, ``known``, ``year`` of its discovery, and ``commodities``, the names of MRDS joined by ``;``.
    """
    found = planet.deposits
    year = pd.array(found.year, dtype="Int64")
    year[~found.is_known] = pd.NA
    names = np.array([", ".join(filter(None, suite)).replace(", ", ";") for suite in SUITES], dtype=object)
    return pd.DataFrame(
        {
            "lon": found.lonlat[:, 0],
            "lat": found.lonlat[:, 1],
            "known": found.is_known,
            "year": year,
            "commodities": names[suite_numbers(planet)[found.site]],
        }
    )


def locations(planet: Planet) -> pd.DataFrame:
    """``truth.parquet``: the simulated ground truth of every location.

    Returns:
        One row per location: ``location_id``, ``path``, ``row``, ``island``, ``on_land``; ``land_fraction`` of its
        outline, which pixels show too; ``n_deposits``, ``n_known`` and ``n_undiscovered`` within it; ``intensity``,
        the number of deposits to expect of ground so fertile;
        ``effort``, the share of them that would be known; ``climate`` and ``vegetation``; ``n_patches``, ``patch_area``
        (km2), ``patch_alteration`` (km2 by degree) and ``largest_patch`` (the same, of one); and what is expected by
        who knows all of these patches and this geography, and no deposit: ``presence``, the probability that one is
        known, ``median_known``, the median of their number, and ``median_if_known``, where there is one.
    """
    sites, found = planet.sites, planet.deposits
    inside = membership(planet, sites.lonlat)
    held = membership(planet, found.lonlat)
    n_deposits, n_known = (held @ np.ones(len(found.site), int), held @ found.is_known.astype(int))
    swaths = [location.swath for location in planet.locations]
    centres = np.array([(swath.projection.longitude, swath.projection.latitude) for swath in swaths])
    paths, rows = pd.Series([swath.path for swath in swaths]), pd.Series([swath.row for swath in swaths])
    expected = sites.chance * (1 + 2 * DEPOSITS_OF_SIZE)  # the mean square of an exponential variable is 2
    intensity, known = inside @ expected, inside @ (expected * sites.known_share)
    return pd.DataFrame(
        {
            "location_id": location_ids(paths, rows),
            "path": paths,
            "row": rows,
            "island": [location.island for location in planet.locations],
            "on_land": [location.on_land for location in planet.locations],
            "land_fraction": _land_fraction(planet),
            "n_deposits": n_deposits,
            "n_known": n_known,
            "n_undiscovered": n_deposits - n_known,
            "intensity": intensity,
            "effort": np.divide(known, intensity, out=np.zeros(len(swaths)), where=intensity > 0),
            "climate": planet.geography.climate(centres),
            "vegetation": planet.geography.vegetation(centres),
            **_patches(planet),
            **_bayes(planet, inside),
        }
    )


def membership(planet: Planet, lonlat: Floats) -> sparse.csr_array:
    """(locations, positions) 1 where a position, of (n, 2) lon/lat, is inside a location's outline."""
    near, columns = Near(lonlat), []
    for location in planet.locations:
        candidates = near(location.swath)
        columns.append(candidates[location.swath.contains(lonlat[candidates])])
    ends = np.cumsum([0, *map(len, columns)])
    indices = np.concatenate(columns)
    return sparse.csr_array((np.ones(len(indices)), indices, ends), shape=(len(columns), len(lonlat)))


def _land_fraction(planet: Planet) -> np.ndarray:
    """(locations,) share of the points of a grid over each location that are on land."""
    steps = np.linspace(-0.5, 0.5, LAND_POINTS)
    grid = np.stack(np.meshgrid(steps * WIDTH_KM, steps * LENGTH_KM), axis=-1).reshape(-1, 2)
    found = []
    for location in planet.locations:
        island = planet.islands[location.island]
        found.append((island.depth(*island.projection.to_local(location.swath.lonlat(grid)).T) > 0).mean())
    return np.array(found)


def _patches(planet: Planet) -> dict[str, np.ndarray]:
    patches, inside = planet.patches, membership(planet, planet.patches.lonlat)
    altered, largest = patches.area_km2 * patches.strength, np.zeros(inside.shape[0])
    np.maximum.at(largest, inside.nonzero()[0], altered[inside.nonzero()[1]])
    return {
        "n_patches": np.diff(inside.indptr),
        "patch_area": inside @ patches.area_km2,
        "patch_alteration": inside @ altered,
        "largest_patch": largest,
    }


def _bayes(planet: Planet, inside: sparse.csr_array) -> dict[str, np.ndarray]:
    """What is expected of every location by who knows the patches and the geography."""
    sites = planet.sites
    altered, hidden = _chances(planet)
    known, quantiles = sites.known_share, -np.log1p(-(np.arange(20) + 0.5) / 20)
    any_size = np.mean([_some_known(known, np.full(len(known), size)) for size in quantiles], axis=0)
    some = altered * _some_known(known, sites.shown_size) + hidden * any_size
    log_none = inside @ np.log1p(-np.minimum(some, 1 - 1e-12))
    rng = np.random.default_rng([planet.seed, DRAW_SALT])
    drawn = np.stack([inside @ _draw(rng, sites, altered, hidden) for _ in range(DRAWS)])
    with_known = np.sort(drawn, axis=0)  # draws with a known deposit come last, and their median is midway in them
    middle = (DRAWS + (with_known == 0).sum(axis=0)) // 2
    if_known = np.take_along_axis(with_known, np.minimum(middle, DRAWS - 1)[None], axis=0)[0]
    return {
        "presence": np.maximum(-np.expm1(log_none), 0),
        "median_known": np.median(drawn, axis=0),
        "median_if_known": np.maximum(if_known, 1),
    }


def _chances(planet: Planet) -> tuple[Floats, Floats]:
    """Probabilities that a site is a system whose rock shows, and that it is one whose rock does not.

    By Bayes' rule, given whether altered rock shows there, which may be that of barren ground.
    """
    signal, barren, prior = planet.settings.signal, BARREN * planet.settings.difficulty, planet.sites.chance
    other = np.where(planet.sites.is_shown, barren, 1 - barren)
    altered = np.where(planet.sites.is_shown, prior * signal, 0)
    hidden = prior * (1 - signal) * other
    total = np.maximum(altered + hidden + (1 - prior) * other, 1e-300)
    return altered / total, hidden / total


def _some_known(known_share: Floats, size: Floats) -> Floats:
    """Probability that a deposit of systems of some sizes is known: of one, and of a Poisson number of others."""
    return np.asarray(1 - (1 - known_share) * np.exp(-known_share * DEPOSITS_OF_SIZE * size**2))


def _draw(rng: np.random.Generator, sites: Sites, altered: Floats, hidden: Floats) -> np.ndarray:
    """(sites,) numbers of known deposits that there might be."""
    mark = rng.random(len(altered))
    systems = np.flatnonzero(mark < altered + hidden)
    is_seen = mark[systems] < altered[systems]
    size = np.where(is_seen, sites.shown_size[systems], rng.exponential(size=len(systems)))
    found = np.zeros(len(altered))
    found[systems] = rng.binomial(1 + rng.poisson(DEPOSITS_OF_SIZE * size**2), sites.known_share[systems])
    return found
