"""Convolutions that learn from images without labels, and weights from a file."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from interrupted_fit import after_each_checkpoint
from synthetic_samples import settings, write_samples

from mineral_pipeline import modelling
from mineral_pipeline.errors import DataError, SettingsError, WorkspaceError
from mineral_pipeline.evaluation import measure
from mineral_pipeline.modelling import ModelSpec, pretraining
from mineral_pipeline.modelling.initial_weights import copy_layers, describe_file
from mineral_pipeline.modelling.model_list import check_networks
from mineral_pipeline.modelling.networks import NETWORKS, Network
from mineral_pipeline.modelling.spec import PretrainingPlan
from mineral_pipeline.workspace import Workspace, artefacts, ledger, zarr_store
from mineral_pipeline.workspace.digests import digest_array
from mineral_pipeline.workspace.zarr_store import ImageLayout

# Keras 3.15 makes arrays of TensorFlow variables in a way that numpy 2 announces to retire.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CHIPS, SHARD = 48, 16
PLAN = PretrainingPlan(seed=0, chips="digest", masked_fraction=0.5, square=4)


class Killed(BaseException):
    """Ends a fit as a dying process does."""


def square(lon: float, lat: float = 0.0, edge: float = 1.0) -> Any:
    return shapely.box(lon - edge / 2, lat - edge / 2, lon + edge / 2, lat + edge / 2)


def write_chips(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of chips two degrees apart along the equator, across the antimeridian, and a ledger that knows them."""
    # slopes, whose hidden squares follow from the others: nothing can be learnt from noise
    rise, y = np.random.default_rng(3).uniform(-7, 7, (2, CHIPS, 1, 1)), np.arange(-8, 8)
    images = (128 + rise[0] * y + rise[1] * y[:, None]).astype("uint8")[:, None]
    names = [f"chip-{number}" for number in range(CHIPS)]
    table = pd.DataFrame({"chip_index": np.arange(CHIPS), "chip_id": names, "scene_id": names, "location_id": names})
    table["product_id"] = names
    zarr_store.create_chips(workspace, table, ImageLayout(("B7",), 16, SHARD))
    for shard in range(CHIPS // SHARD):
        zarr_store.write_shard(workspace, shard, images[shard * SHARD : (shard + 1) * SHARD])
    digests = {number: digest_array(one) for number, one in enumerate(images)}
    content = table.assign(geometry=[shapely.to_wkb(square(100 + 2 * number)) for number in range(CHIPS)])
    monkeypatch.setattr(ledger, "read_digests", lambda workspace, shards: digests)
    monkeypatch.setattr(ledger, "read_content", lambda workspace: content)


@pytest.fixture
def sampled(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    write_samples(workspace, "presence", locations=60, chips=1, size=16)
    write_chips(workspace, monkeypatch)
    return workspace


def specs(workspace: Workspace, **train: Any) -> list[ModelSpec]:
    few = {"convolutions": ["small"], "dense_layers": ["small", "medium"], "seeds": [0, 1], "epochs": 2}
    return modelling.grid_specs(settings(workspace, train={**few, **train}), workspace, "presence")


def test_what_is_hidden_is_not_seen_and_all_else_is() -> None:
    from mineral_pipeline.modelling.masked_autoencoder import hide

    rng = np.random.default_rng(0)
    images = rng.integers(1, 255, (5, 2, 10, 14), dtype="uint8")
    images[0, :, :3] = 0
    images[1] = 0
    given = images.copy()
    filled, target, weight = hide(images, PLAN, np.random.default_rng(1))
    np.testing.assert_array_equal(images, given)
    hidden = weight > 0
    assert ((filled != images).any(axis=1) <= hidden).all(), "only what is hidden changes"
    assert not hidden[0, :3].any(), "no fill is to be told"
    assert not hidden[1].any()
    np.testing.assert_array_equal(filled == 0, images == 0)
    assert weight.mean() == pytest.approx(1)
    for y, x in np.ndindex(3, 4):  # whole squares, cut at the edge
        piece = hidden[2:, 4 * y : 4 * y + 4, 4 * x : 4 * x + 4].reshape(3, -1)
        assert (piece.all(axis=1) | ~piece.any(axis=1)).all()
    for number, band in np.ndindex(5, 2):
        seen = images[number, band][(images[number, band] > 0) & ~hidden[number]].astype(float)
        if number == 1 or not len(seen):
            continue
        assert set(filled[number, band][hidden[number]]) <= {round(seen.mean())}
        expected = (images[number, band] - seen.mean()) / seen.std()
        valid = images[number, band] > 0
        np.testing.assert_allclose(target[number, ..., band][valid], expected[valid], rtol=1e-3, atol=1e-4)
    assert np.isfinite(target).all()


def test_chips_that_may_show_test_ground_are_left_out(sampled: Workspace) -> None:
    (before,) = modelling.pretraining_specs(specs(sampled, pretraining={}))
    name = artefacts.samples_table("presence")
    table = sampled.read_table(name)
    table = table.assign(subset="train", chip_index=np.arange(len(table)))
    test = [4, 40]  # at 108 and at 180 degrees, across the antimeridian
    sampled.write_table(name, table.assign(subset=np.where(table["chip_index"].isin(test), "test", "train")))
    rows = pretraining.open_unlabelled(sampled, before).rows
    assert set(range(CHIPS)) - set(rows.tolist()) == set(test), "two degrees apart, one degree wide: none touches"

    content = ledger.read_content(sampled)
    wide = [shapely.to_wkb(square(100 + 2 * number, edge=2.5)) for number in range(CHIPS)]
    wide[42] = shapely.to_wkb(shapely.affinity.translate(square(184, edge=2.5), -360))  # 184 degrees east is 176 west
    content["geometry"] = wide
    rows = pretraining.open_unlabelled(sampled, before).rows
    assert set(range(CHIPS)) - set(rows.tolist()) == {3, 4, 5, 39, 40, 41}

    assert before.pretraining is not None
    everything = replace(before, pretraining=before.pretraining.model_copy(update={"test_ground": True}))
    assert pretraining.open_unlabelled(sampled, everything).rows.tolist() == list(range(CHIPS))
    sampled.write_table(name, table.assign(subset="test"))
    with pytest.raises(DataError, match=r"no chip is far from the test ground: set train\.pretraining\.test_ground"):
        pretraining.open_unlabelled(sampled, before)


def test_one_pretraining_serves_all_networks_of_its_convolutions(sampled: Workspace) -> None:
    found = specs(sampled, convolutions=["small", "big"], pretraining={"epochs": 3})
    before = modelling.pretraining_specs(found)
    assert len(found) == 8
    assert [spec.name.rpartition("-")[0] for spec in before] == ["pretraining-big", "pretraining-small"]
    assert {(spec.epochs, spec.kind, spec.seed) for spec in before} == {(3, "pretraining", 0)}
    assert modelling.pretraining_specs(before) == []
    for change in ({"kernel": 5}, {"final_size": 16}):
        other = [replace(one, hyperparameters=one.hyperparameters.model_copy(update=change)) for one in found]
        assert {spec.name for spec in modelling.pretraining_specs(other)}.isdisjoint(spec.name for spec in before)
    assert modelling.pretraining_specs(specs(sampled)) == []
    kept = modelling.baseline_specs(settings(sampled, train={"pretraining": {}}), sampled, "presence")
    assert {spec.name.partition("-p")[0] for spec in kept if spec.pretraining} == {"random-labels"}


def test_an_interrupted_pretraining_becomes_what_it_would_have_become_and_networks_begin_with_it(
    sampled: Workspace,
) -> None:
    from mineral_pipeline.modelling.backend import keras

    def network(spec: ModelSpec) -> Any:
        path = Path(sampled.path(artefacts.model("presence", spec.name, artefacts.MODEL_NETWORK)))
        return keras.models.load_model(path, compile=False)

    def kill(written: int) -> None:
        if written == 2:
            raise Killed

    spec = specs(sampled, pretraining={"epochs": 20, "square": 4, "learning_rate": 0.01})[0]
    (before,) = modelling.pretraining_specs([spec])
    with pytest.raises(WorkspaceError, match=f"{before.name}"):
        modelling.fit(sampled, spec, measure)
    metrics = modelling.fit(sampled, before, measure)
    assert (metrics["epochs"], metrics["resumed"]) == (20, 0)
    whole = network(before)
    loss = sampled.read_table(artefacts.model("presence", before.name, artefacts.MODEL_HISTORY))["loss"]

    sampled.remove(artefacts.model("presence", before.name))
    with after_each_checkpoint(kill, pretraining), pytest.raises(Killed):
        modelling.fit(sampled, before, measure)
    assert modelling.fit(sampled, before, measure)["resumed"] == 1
    for one, other in zip(network(before).get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert modelling.is_done(sampled, before)
    assert not modelling.find_damaged_files(sampled, "presence", before.name)

    from mineral_pipeline.modelling.dataset import open_subset
    from mineral_pipeline.modelling.initial_weights import start
    from mineral_pipeline.modelling.training import compile_model

    keras.utils.clear_session()
    model = compile_model(spec, open_subset(sampled, "presence", "train"))
    random = model.get_layer("dense").get_weights()[0]
    start(model, sampled, spec)
    kinds = ("Conv2D", "BatchNormalization")
    copied = [layer for layer in model.layers if type(layer).__name__ in kinds]
    assert len(copied) == 6
    for layer in copied:
        for one, other in zip(layer.get_weights(), whole.get_layer(layer.name).get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(model.get_layer("dense").get_weights()[0], random)
    assert loss.iloc[-5:].mean() < 0.85 * loss.iloc[0], "it tells more of what is hidden than its mean"


def test_training_begins_with_the_layers_of_a_file(sampled: Workspace, tmp_path: Path) -> None:
    from mineral_pipeline.modelling.backend import keras
    from mineral_pipeline.modelling.networks import build_network
    from mineral_pipeline.workspace.pixels import PixelScale

    shape, scale, labels = (9, 1, 16, 16), PixelScale.of_numbers("uint8"), np.array([0.0, 1.0])
    first, other = (spec for spec in specs(sampled) if spec.seed == 0)  # medium and small dense layers

    def build(spec: ModelSpec, **values: Any) -> Any:
        keras.utils.clear_session()
        changed = spec.hyperparameters.model_copy(update=values)
        return build_network(replace(spec, hyperparameters=changed), shape, scale, labels)

    source, path = build(replace(first, seed=7), statistics=True), tmp_path / "other.keras"
    source.layers[-1].bias.assign([2.0])
    source.save(path)
    model = build(other, statistics=True)
    copied = copy_layers(model, path.read_bytes(), str(path))
    assert len(copied) == 6
    np.testing.assert_array_equal(model.get_layer("conv2d_1").get_weights(), source.get_layer("conv2d_1").get_weights())
    assert model.layers[-1].bias.numpy().tolist() == [0.0]
    assert not np.array_equal(
        model.get_layer("dense").get_weights()[0][:, 0], source.get_layer("dense").get_weights()[0][:, 0]
    )

    alien = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="alien")])
    alien.save(tmp_path / "alien.keras")
    with pytest.raises(DataError, match=r"alien.keras holds no layer of the network \(conv2d .*only alien \[\(4, 3\)"):
        copy_layers(model, (tmp_path / "alien.keras").read_bytes(), "alien.keras")
    with pytest.raises(DataError, match=r"x is no network of Keras .*: give a \.keras file"):
        copy_layers(model, b"nothing", "x")


def test_another_file_is_another_model_and_another_path_is_not(sampled: Workspace, tmp_path: Path) -> None:
    path, moved = tmp_path / "weights.keras", tmp_path / "moved.keras"
    path.write_bytes(b"one")
    spec = specs(sampled, pretrained=str(path))[0]
    assert spec.pretrained is not None
    assert spec.pretrained.sha256 == hashlib.sha256(b"one").hexdigest()
    moved.write_bytes(b"one")
    assert specs(sampled, pretrained=str(moved))[0] == spec
    path.write_bytes(b"two")
    assert specs(sampled, pretrained=str(path))[0] != spec
    with pytest.raises(DataError, match="has changed since this run began"):
        modelling.fit(sampled, spec, measure)
    with pytest.raises(SettingsError, match=r"train.pretrained: .*none.keras cannot be read"):
        describe_file(str(tmp_path / "none.keras"))
    with pytest.raises(SettingsError, match="give pretraining or pretrained"):
        settings(sampled, train={"pretrained": str(path), "pretraining": {}})


def test_a_network_without_convolutions_cannot_be_pretrained(workspace: Workspace) -> None:
    NETWORKS.register("bare", Network("bare", lambda *_: None))
    try:
        config = settings(workspace, train={"networks": ["bare"], "pretraining": {}})
        with pytest.raises(SettingsError, match=r"train\.pretraining: the network bare has no convolutional part"):
            check_networks(config)
    finally:
        NETWORKS.unregister("bare")
