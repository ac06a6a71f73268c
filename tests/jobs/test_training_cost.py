"""What a plan tells of the cost of training: passes of images, hours by what is trained, and memory."""

from __future__ import annotations

from dataclasses import replace

import pytest
import zarr
from synthetic_samples import pretend_trained, settings, write_samples

from jobs import train, tune
from jobs.running.network_memory import prediction_bytes, training_bytes
from jobs.running.training_cost import describe_cost
from mineral_pipeline import modelling
from mineral_pipeline.modelling import ModelSpec
from mineral_pipeline.settings import Settings
from mineral_pipeline.workspace import Workspace, artefacts


@pytest.fixture
def config(workspace: Workspace) -> Settings:
    """Two architectures of 100 epochs."""
    write_samples(workspace, "presence", locations=20, chips=1, size=8)
    grid = {"convolutions": ["small"], "dense_layers": ["small", "big"], "epochs": 100, "n_label_permutations": 1}
    return settings(workspace, tasks=["presence"], train=grid, tune={"candidates": 4})


@pytest.fixture
def images(config: Settings, workspace: Workspace) -> int:
    subset = workspace.read_table(artefacts.samples_table("presence"))["subset"]
    return int((subset == "train").sum())


def specs(config: Settings) -> list[ModelSpec]:
    return train.model_specs(config, Workspace(config.workspace))


def test_before_anything_is_trained_the_passes_are_known_and_how_to_measure(config: Settings, images: int) -> None:
    details = train.plan(config).details
    assert images > 5
    assert details["image passes"] == f"at most {3 * 100 * images:,}"  # two of the grid and one of random labels
    assert details["time"].startswith("not known before a network is trained here: run train with one alone (--set")


def test_hours_follow_from_the_seconds_of_what_is_trained(config: Settings, workspace: Workspace, images: int) -> None:
    big, small, _, *baselines = specs(config)
    assert (big.name, small.name, baselines[0].network) == ("small-big-s0", "small-small-s0", None)
    pretend_trained(workspace, small, epochs=10, seconds=360.0)  # 36 s an epoch
    details = describe_cost(workspace, [small, big], [small])
    assert details["image passes"] == f"at most {100 * images:,}"
    assert details["time"].startswith("not known"), "the one that is left is another network"
    again = ModelSpec(**{**vars(small), "name": "small-small-s1", "seed": 1})
    assert describe_cost(workspace, [small, again, big], [small])["time"] == (
        "at most 1.0 h of one worker with a GPU, the longest model 1.0 h, by the seconds of 1 trained;"
        " not known of small-big"
    )
    twice = [ModelSpec(**{**vars(small), "name": name, "seed": 1}) for name in ("a", "b")]
    assert (
        "at most 2.0 h of one worker with a GPU, the longest model 1.0 h"
        in (describe_cost(workspace, [small, *twice], [small])["time"])
    )
    assert describe_cost(workspace, [small, *baselines], [small]) == {}


def test_the_search_is_planned_by_the_grid_s_seconds(config: Settings, workspace: Workspace, images: int) -> None:
    for spec in modelling.grid_specs(config, workspace, "presence"):
        pretend_trained(workspace, spec, validation={"accuracy": 0.5, "loss": 0.5}, epochs=100, seconds=3600.0)
    details = tune.plan(config).details
    assert details["image passes"] == f"at most {4 * 100 * images:,}"
    assert details["time"].startswith("at most 4.0 h of one worker with a GPU, the longest model 1.0 h")


def test_memory_is_that_of_the_images_and_of_the_widest_maps(config: Settings, workspace: Workspace) -> None:
    small = specs(config)[1]
    subsets = workspace.read_table(artefacts.samples_table("presence"))["subset"].value_counts()
    images = 8 * 8 * (subsets["train"] + subsets["validation"])
    # all samples of training are one batch; three blocks of 8, 16, 16 maps do not pool 8 pixels
    maps = 4 * subsets["train"] * 8 * 8 * (8 + 16 + 16)
    assert subsets["train"] < 16
    assert training_bytes(workspace, [small]) == images + 3 * maps
    largest = images + 3 * maps // 40 * (8 + 16 + 32 + 32)  # medium, which learns random labels
    assert train.plan(config).details["memory of a task"].startswith(f"about {largest / 1e6:.0f} MB beside the 800 MB")


def test_a_network_of_which_nothing_is_left_plans_no_memory(config: Settings, workspace: Workspace) -> None:
    small = specs(config)[1]
    narrow = replace(small, hyperparameters=small.hyperparameters.model_copy(update={"kernel": 11, "padding": "valid"}))
    assert training_bytes(workspace, [narrow]) < training_bytes(workspace, [small])


def test_a_prediction_takes_the_maps_of_as_many_images_as_are_predicted_at_once(config: Settings) -> None:
    images, small = zarr.zeros((100, 2, 512, 512), chunks=(16, 2, 512, 512), dtype="uint8"), specs(config)[1]
    pixels, at_once = 512 * 512, 8
    maps = 8 * pixels + 16 * (pixels // 16) + 16 * (pixels // 256)  # each block pools by four
    assert prediction_bytes(images, [small]) == 5 * 16 * 2 * pixels + at_once * (2 * 4 * 2 * pixels + 2 * 4 * maps)
