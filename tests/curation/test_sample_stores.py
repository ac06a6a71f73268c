"""The training stores of a sample set: empty, in order, and not complete until their summary says so."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
from chips import chip_table

from mineral_pipeline import curation
from mineral_pipeline.learning import SUBSETS
from mineral_pipeline.workspace import Workspace, artefacts, zarr_store

SAMPLES = {"train": [3, 0, 5], "validation": [1], "test": [4]}
"""The chips of the samples of every subset, in their order."""


def make_samples() -> gpd.GeoDataFrame:
    """Six chips, of which the third is in no subset."""
    table = chip_table([f"scene-{number}" for number in range(6)]).assign(subset="dropped", sample=-1)
    for subset, chips in SAMPLES.items():
        table.loc[chips, "subset"] = subset
        table.loc[chips, "sample"] = np.arange(len(chips))
    number = np.arange(6.0)
    facts = {"label": number / 5, "weight": number + 1, "lon": 10 * number, "lat": -number}
    return gpd.GeoDataFrame(table.assign(image_sha256=[f"{one}" for one in range(6)], **facts))


def test_every_subset_has_an_empty_store_in_its_order(workspace: Workspace) -> None:
    samples = make_samples()
    zarr_store.create_chips(workspace, samples, zarr_store.ImageLayout(("B5", "B7"), 8, 4, "uint16"))
    workspace.write_json(artefacts.samples_summary("presence"), {"samples": {}})  # of an earlier run
    curation.create_stores(workspace, "presence", samples, batch_size=2)

    assert not workspace.exists(artefacts.samples_summary("presence"))
    for subset in SUBSETS:
        name, chips = artefacts.samples_store("presence", subset), SAMPLES[subset]
        layout = zarr_store.read_layout(workspace, name)
        assert (layout.bands, layout.size, layout.dtype) == (("B5", "B7"), 8, "uint16")
        assert layout.images_per_write == min(2, len(chips))
        store = zarr_store.open_dataset(workspace, name)
        assert store["image"].shape == (len(chips), 2, 8, 8)
        assert store.attrs["sample_set"] == "presence"
        assert store.attrs["subset"] == subset
        assert store["chip_id"].values.tolist() == [f"scene-{chip}" for chip in chips]
        np.testing.assert_allclose(store["label"], np.array(chips) / 5, rtol=1e-6)
        np.testing.assert_array_equal(store["weight"], np.array(chips) + 1)
        np.testing.assert_array_equal(store["lon"], 10.0 * np.array(chips))
        assert store["label"].dtype == store["weight"].dtype == "float32"
        found = curation.chips_by_batch(samples, subset, 2)
        assert [len(batch) for batch in found] == ([2, 1] if len(chips) == 3 else [1])
        assert [chip for batch in found for chip in batch] == [(chip, f"{chip}") for chip in chips]
