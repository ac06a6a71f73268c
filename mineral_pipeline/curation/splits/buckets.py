"""The study's split: every location by itself. Neighbouring locations overlap, so that it leaks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mineral_pipeline.curation.splits.split import Locations, Split, register
from mineral_pipeline.geometry import Integers
from mineral_pipeline.settings import Curate


def single_locations(locations: Locations, config: Curate, rng: np.random.Generator) -> Sequence[Integers]:
    """One grouping, in which every location is a group of its own."""
    return [np.arange(len(locations.ids))]


register(Split("buckets", single_locations, buffered=False))
