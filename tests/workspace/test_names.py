"""Names of artefacts, and what they tell."""

from __future__ import annotations

import pytest

from mineral_pipeline.workspace import artefacts


@pytest.mark.parametrize("task", ["presence", "richness:gold", "presence:group:base"])
@pytest.mark.parametrize("fold", [None, 0, 12])
@pytest.mark.parametrize("file", ["", artefacts.MODEL_METRICS])
def test_the_name_of_a_model_tells_its_sample_set(task: str, fold: int | None, file: str) -> None:
    sample_set = artefacts.sample_set(task, fold)
    assert artefacts.find_model(artefacts.model(sample_set, "small-s0", file)) == (sample_set, "small-s0")
    assert (sample_set == task) == (fold is None)


@pytest.mark.parametrize("artefact", ["models/presence", "models/presence/fold-0", "chips.zarr", "samples/presence/x"])
def test_what_is_no_model_is_not_taken_for_one(artefact: str) -> None:
    assert artefacts.find_model(artefact) is None


def test_the_address_of_a_worker_becomes_part_of_a_file_s_name() -> None:
    run = artefacts.preflight("ab12")
    worker = artefacts.preflight("ab12", "tcp://10.0.0.7:8786")
    assert worker == f"{run}-tcp-10-0-0-7-8786"
    assert worker.count("/") == run.count("/") == 1
