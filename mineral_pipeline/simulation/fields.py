"""Smooth random fields on the sphere: sums of plane waves in space, seen where they meet the sphere.

A field has the exponential covariance exp(-distance / range), which real deposits have: the wave vectors are drawn from
its spectral density, a Cauchy distribution in three dimensions (A. Rahimi and B. Recht, Random Features for Large-Scale
Kernel Machines, 2007).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mineral_pipeline.geometry import EARTH_RADIUS_KM, Floats, unit_vectors

WAVES = 128
"""Waves of a field."""

MAX_FREQUENCY = 20.0
"""Largest wave number, radians per range."""

POINTS_AT_ONCE = 2**14
"""Points that are evaluated at once, so that memory stays small."""


@dataclass(frozen=True, eq=False)
class Field:
    """A random field on the sphere with mean 0 and variance 1."""

    vectors: Floats
    """(3, k) wave vectors, radians per radius of the Earth."""
    phases: Floats
    """(k,) radians."""
    offset: float = 0.0
    """What is taken from the sum of the waves."""
    scale: float = np.sqrt(2 / WAVES)
    """What the difference is multiplied by."""

    def __call__(self, lonlat: Floats) -> Floats:
        """Values at positions, (..., 2) lon/lat in degrees, as (...) floats."""
        points = unit_vectors(lonlat.reshape(-1, 2))
        parts = np.array_split(points, max(len(points) // POINTS_AT_ONCE, 1))
        total = np.concatenate([self._sum(part) for part in parts])
        return np.asarray(((total - self.offset) * self.scale).reshape(lonlat.shape[:-1]))

    def standardised(self, lonlat: Floats) -> Field:
        """The field with mean 0 and variance 1 over positions (n, 2): a planet has few regions, and they differ."""
        points = unit_vectors(lonlat)[:: max(len(lonlat) // POINTS_AT_ONCE, 1)]
        values = self._sum(points)
        return replace(self, offset=float(values.mean()), scale=float(1 / max(values.std(), 1e-6)))

    def _sum(self, points: Floats) -> Floats:
        # without BLAS, whose threads wait for each other on busy cores; half the time of float64
        phases = (np.einsum("ij,jk->ik", points, self.vectors) + self.phases).astype(np.float32)
        return np.asarray(np.cos(phases).sum(axis=1, dtype=np.float64))


def draw(rng: np.random.Generator, range_km: float) -> Field:
    """Draw a field whose correlation falls by e over ``range_km``."""
    directions, spread = rng.standard_normal((3, WAVES)), np.abs(rng.standard_normal(WAVES))
    # A Cauchy distribution has no largest value; the shortest waves are a third of the range.
    spread = np.maximum(spread, np.linalg.norm(directions, axis=0) / MAX_FREQUENCY)
    vectors = directions / spread * (EARTH_RADIUS_KM / range_km)
    return Field(vectors, rng.uniform(0, 2 * np.pi, WAVES))
