"""The greedy assignment of groups to subsets, and the buffer between them."""

from __future__ import annotations

import numpy as np
import pytest

from mineral_pipeline.curation.splits import assignment

FRACTIONS = np.array([0.64, 0.16, 0.2])


def test_every_subset_gets_its_due_of_every_stratum() -> None:
    rng = np.random.default_rng(1)
    group, strata = rng.integers(0, 300, 4000), rng.integers(0, 4, 4000)
    subset = assignment.assign_groups(group, strata, FRACTIONS, rng)
    for stratum in range(4):
        found = np.bincount(subset[strata == stratum], minlength=3) / (strata == stratum).sum()
        np.testing.assert_allclose(found, FRACTIONS, atol=0.02)
    assert all(len(np.unique(subset[group == number])) == 1 for number in range(300))


def test_locations_one_by_one_get_their_due() -> None:
    strata = np.repeat([0, 1], 500)
    subset = assignment.assign_groups(np.arange(1000), strata, FRACTIONS, np.random.default_rng(0))
    assert np.bincount(subset).tolist() == pytest.approx((1000 * FRACTIONS).tolist(), abs=2)


def test_locations_that_overlap() -> None:
    pairs = np.array([[0, 1], [1, 2], [3, 4]])
    found = assignment.overlapping(pairs, np.array([True, False, False, False, True]))
    assert found.tolist() == [False, True, False, True, False]


def test_training_gives_way_to_validation_and_both_to_test() -> None:
    pairs = np.array([[0, 1], [1, 2], [3, 4]])
    assert assignment.outside_buffer(np.array([0, 1, 2, 0, 1]), pairs).tolist() == [True, False, True, False, True]
