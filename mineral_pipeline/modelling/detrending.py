"""Labels of richness without their trend: how much richer a place is than those around it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mineral_pipeline.geometry import lonlat, unit_vectors
from mineral_pipeline.geometry.neighbour_means import neighbour_means
from mineral_pipeline.modelling.dataset import Subset


def detrend_labels(subset: Subset, length_km: float) -> Subset:
    """The subset with labels relative to those of the neighbours, on the scale of richness.

    A label is lowered by the mean over the other locations of the subset, by a Gaussian kernel of their distance, and
    raised by the mean over all locations: it is what the place would have in average surroundings, kept to 0..1. Chips
    of the same location, which show the same ground, are no neighbours, and have one trend. A location without another
    within three standard deviations of the kernel keeps its labels.

    Args:
        subset: samples of richness.
        length_km: standard deviation of the kernel in kilometres.
    """
    location = np.unique(subset.table["location_id"].to_numpy(), return_inverse=True)[1]
    chips = np.bincount(location)
    richness = np.bincount(location, subset.label) / chips
    vectors = unit_vectors(subset.table[["lon", "lat"]].to_numpy())
    centres = np.stack([np.bincount(location, axis) for axis in vectors.T], axis=1)
    trend = neighbour_means(lonlat(centres), richness, length_km)
    mean = richness.mean()
    relative = subset.label - np.where(np.isnan(trend), mean, trend)[location] + mean
    return replace(subset, label=np.clip(relative, 0, 1).astype("float32"))
