"""The groups of a split: how much each depends on its neighbours, and the degrees of freedom that are left."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import cdist

from mineral_pipeline.evaluation.groups import degrees_of_freedom, find_groups, spatial_kernel
from mineral_pipeline.geometry import unit_vectors


def scattered(n: int, seed: int = 0) -> np.ndarray:
    """Positions (n, 2) spread evenly over the sphere, lon/lat in degrees."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.uniform(-180, 180, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))], axis=1)


def simulated_degrees(sizes: np.ndarray, kernel: np.ndarray) -> float:
    """By simulation: a variance with n degrees of freedom has a squared coefficient of variation of 2 / n."""
    means = np.random.default_rng(3).standard_normal((200_000, len(sizes)))
    total = sizes.sum()
    whole = means @ sizes / total
    changes = (total * whole[:, None] - means * sizes) / (total - sizes) - whole[:, None]
    variance = ((changes @ kernel) * changes).sum(axis=1)
    return float(2 * variance.mean() ** 2 / variance.var())


def test_unequal_groups_have_fewer_degrees_of_freedom() -> None:
    sizes = np.array([50, 30, 10, 5, 3, 2])
    found = degrees_of_freedom(sizes, sparse.eye_array(6, format="csr"))
    assert found == pytest.approx(simulated_degrees(sizes, np.eye(6)), rel=0.02)
    for pair, expected in (([1, 1], 1), ([400, 1], 1)):
        assert degrees_of_freedom(np.array(pair), sparse.eye_array(2, format="csr")) == pytest.approx(expected)


@pytest.mark.parametrize("n", [3, 8, 40])
def test_near_groups_have_fewer_degrees_of_freedom(n: int) -> None:
    sizes = np.random.default_rng(1).integers(1, 40, n)
    kernel = spatial_kernel(unit_vectors(scattered(n) / 4))
    found = degrees_of_freedom(sizes, kernel)
    assert found == pytest.approx(simulated_degrees(sizes, kernel.toarray()), rel=0.03)
    assert 1 <= found <= degrees_of_freedom(sizes, sparse.eye_array(n, format="csr"))


def test_the_kernel_is_the_spherical_model_of_some_neighbours() -> None:
    """Of 100 groups a group has 26 within the bandwidth on average; two spheres of its diameter overlap as much."""
    centres = unit_vectors(scattered(100))
    kernel, distance = spatial_kernel(centres).toarray(), cdist(centres, centres)
    bandwidth = np.partition(distance, 26, axis=1)[:, 26].mean()
    radius, half = bandwidth / 2, np.minimum(distance, bandwidth) / 2
    cap = np.pi * (radius - half) ** 2 * (2 * radius + half) / 3
    np.testing.assert_allclose(kernel, 2 * cap / (4 / 3 * np.pi * radius**3), atol=1e-12)
    assert np.linalg.eigvalsh(kernel)[0] > 0, "no variance is negative"


def test_a_group_lies_amid_its_samples_across_the_antimeridian() -> None:
    lonlat = np.array([[179.0, 0], [-179, 0], [0, 0], [90, 0], [-90, 0]])
    found = find_groups(np.array(["pacific", "pacific", "africa", "asia", "america"]), lonlat)
    kernel = found.kernel.toarray()
    assert found.number.tolist() == [3, 3, 0, 2, 1]
    assert kernel[3, 0] == pytest.approx(0, abs=1e-6), "the other side of the Earth"
    assert kernel[3, 1] == pytest.approx(kernel[3, 2])
    assert kernel[3, 1] > 0.05


@pytest.mark.parametrize("lonlat", [np.zeros((6, 2)), np.full((6, 2), 33.3)])
def test_groups_in_one_place_are_taken_for_independent(lonlat: np.ndarray) -> None:
    found = find_groups(np.array([0, 0, 0, 1, 1, 2]), lonlat)
    np.testing.assert_array_equal(found.kernel.toarray(), np.eye(3))


def test_thousands_of_groups_need_no_matrix_of_all_pairs() -> None:
    lonlat = scattered(4000)
    tracemalloc.start()
    try:
        found = find_groups(np.arange(4000), lonlat)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * 4000**2 / 2, "half of a dense matrix"
    assert 50 < found.degrees_of_freedom < 1000
