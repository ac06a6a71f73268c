"""The ranking loss by loops on the sphere, batches of neighbourhoods, and trainings with both."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from haversine import haversine_km
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from interrupted_fit import after_each_checkpoint, assert_same, content, toy_specs
from sample_orders import check_order
from synthetic_samples import settings, write_samples

from mineral_pipeline import modelling
from mineral_pipeline.errors import SettingsError
from mineral_pipeline.evaluation import measure
from mineral_pipeline.geometry import unit_vectors
from mineral_pipeline.modelling import draft
from mineral_pipeline.modelling.batch_sequence import BatchSequence
from mineral_pipeline.modelling.chunk_cache import NEIGHBOURHOOD, batch_rows, neighbourhood_rows, shuffle_rows
from mineral_pipeline.modelling.dataset import open_subset
from mineral_pipeline.modelling.networks import NETWORKS
from mineral_pipeline.settings import Hyperparameters
from mineral_pipeline.workspace import Workspace, artefacts

# Keras 3.15 makes arrays of TensorFlow variables in a way that numpy 2 announces to retire.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


samples = st.lists(
    st.tuples(
        st.floats(170, 190),
        st.floats(60, 90),
        st.sampled_from([0.0, 0.25, 1.0]),
        st.floats(0.01, 0.99),
        st.floats(0.1, 3),
    ),
    min_size=1,
    max_size=9,
)
"""About the antimeridian and the pole: longitude, latitude, label, prediction, weight."""


def by_loops(rows: Any, length_km: float) -> float:
    """Mean cross-entropy of the order of near pairs, from odds."""
    total = of_pairs = 0.0
    for *place, label, prediction, weight in rows:
        for *other, lower, below, other_weight in rows:
            km = haversine_km(place, other)
            if label > lower and km <= 3 * length_km:
                counts = weight * other_weight * math.exp(-((km / length_km) ** 2) / 2)
                odds, lower_odds = prediction / (1 - prediction), below / (1 - below)
                total -= counts * math.log(odds / (odds + lower_odds))
                of_pairs += counts
    return total / of_pairs if of_pairs else 0.0


def ours(rows: Any, length_km: float) -> Any:
    from mineral_pipeline.modelling.pairwise_ranking import ranking_loss

    table = np.array(rows, "float64")
    position = unit_vectors(table[:, :2]).astype("float32")
    label, prediction, weight = (table[:, column].astype("float32") for column in (2, 3, 4))
    return ranking_loss(label, prediction, weight, position, length_km)


@given(samples, st.floats(50, 5000))
@examples(max_examples=60, deadline=None)
def test_it_is_the_mean_over_near_pairs(rows: list[tuple[float, ...]], length_km: float) -> None:
    distances = [haversine_km(one[:2], other[:2]) for one in rows for other in rows]
    if any(abs(one / length_km - 3) < 1e-3 for one in distances):
        return  # whether such a pair counts is rounding
    assert float(ours(rows, length_km)) == pytest.approx(by_loops(rows, length_km), rel=2e-4, abs=1e-5)


def test_near_pairs_decide_and_far_ones_do_not_count() -> None:
    near_right = [(0, 0, 1, 0.8, 1), (1, 0, 0, 0.2, 1)]
    far_wrong = [(0, 40, 1, 0.2, 1), (40, 40, 0, 0.8, 1)]
    assert float(ours([*near_right, *far_wrong], 500)) == pytest.approx(math.log1p(1 / 16), rel=1e-4)
    assert float(ours(far_wrong, 500)) == 0


def test_without_a_pair_of_different_labels_it_is_0() -> None:
    assert float(ours([(0, 0, 1, 0.3, 1)], 500)) == 0
    assert float(ours([(0, 0, 1, 0.3, 1), (0, 0, 1, 0.6, 1)], 500)) == 0


def gradient(rows: Any) -> np.ndarray:
    import tensorflow as tf

    from mineral_pipeline.modelling.pairwise_ranking import ranking_loss

    table = np.array(rows, "float32")
    prediction = tf.Variable(table[:, 3])
    with tf.GradientTape() as tape:
        loss = ranking_loss(table[:, 2], prediction, table[:, 4], unit_vectors(table[:, :2]).astype("float32"), 500.0)
    return np.asarray(tape.gradient(loss, prediction))


def test_a_step_down_raises_what_should_be_higher() -> None:
    found = gradient([(0, 0, 1, 0.3, 1), (1, 1, 0, 0.6, 1), (90, 0, 1, 0.5, 1)])
    assert found[0] < 0 < found[1]
    assert found[2] == 0, "nothing is near"


def test_what_the_sigmoid_has_rounded_and_batches_without_pairs_have_finite_gradients() -> None:
    assert np.isfinite(gradient([(0, 0, 1, 0.0, 1), (0, 0, 0, 1.0, 1)])).all()
    np.testing.assert_array_equal(gradient([(0, 0, 1, 0.2, 1), (0, 0, 1, 0.7, 1)]), [0, 0])


@given(length=st.integers(1, 400), chunk=st.integers(1, 40), buffer=st.integers(1, 6), seed=st.integers(0, 9))
def test_an_order_by_neighbourhoods_is_a_permutation_that_needs_few_chunks_at_a_time(
    length: int, chunk: int, buffer: int, seed: int
) -> None:
    vectors = unit_vectors(np.random.default_rng(seed).uniform(-80, 80, (length, 2)))
    vectors[: length // 2] = vectors[0]  # many at one place
    check_order(lambda: neighbourhood_rows(vectors, chunk, np.random.default_rng(seed), buffer), length, chunk, buffer)


def near_pairs(vectors: np.ndarray, order: np.ndarray, chord: float) -> float:
    """Pairs of a batch of 16 that are nearer than a chord, on average."""
    batches = [vectors[rows] for rows in batch_rows(order, 16)]
    near = [(np.linalg.norm(one[:, None] - one[None], axis=-1) < chord).sum() - len(one) for one in batches]
    return float(np.mean(near) / 2)


def test_batches_hold_near_pairs_where_random_ones_hold_none() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2000, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    local, shuffled = (
        near_pairs(vectors, order, 0.2)
        for order in (neighbourhood_rows(vectors, 16, rng, 125), shuffle_rows(2000, 16, rng, 125))
    )
    assert local > 15 * shuffled
    assert local > 0.5 * 2 * math.comb(NEIGHBOURHOOD, 2)
    buffered = near_pairs(vectors, neighbourhood_rows(vectors, 16, rng, 25), 0.2)
    assert shuffled < buffered < local, "with less memory they are farther apart"


def test_batches_are_reproducible_and_change_with_the_epoch(curated: Workspace) -> None:
    subset = open_subset(curated, "presence", "train")
    position = unit_vectors(subset.table[["lon", "lat"]].to_numpy())

    def epoch(sequence: BatchSequence) -> list[tuple[np.ndarray, ...]]:
        sequence.on_epoch_begin()
        return [sequence[number] for number in range(len(sequence))]

    first, later = (BatchSequence(subset, 3, start, neighbourhoods=True) for start in (0, 1))
    epochs = [epoch(first), epoch(first)]
    for batch, other in zip(epochs[1], epoch(later), strict=True):
        for one, same in zip(batch, other, strict=True):
            np.testing.assert_array_equal(one, same)
    labels = [np.concatenate([batch[1] for batch in batches]) for batches in epochs]
    assert (labels[0] != labels[1]).any()
    by_pixels = {
        image.tobytes(): (label, *place)
        for image, label, place in zip(np.asarray(subset.images.array), subset.label, position, strict=True)
    }
    for batches in epochs:
        assert sum(len(images) for images, _, _ in batches) == len(subset) == len(by_pixels)
        for images, label, _ in batches:
            assert label.dtype == np.float32
            assert label.shape == (len(images), 4)
            np.testing.assert_allclose(label, [by_pixels[image.tobytes()] for image in images], atol=1e-7)
        assert len({image.tobytes() for images, _, _ in batches for image in images}) == len(subset)
    first.close()
    later.close()


def train(workspace: Workspace, epochs: int, **values: Any) -> Any:
    from mineral_pipeline.modelling.training import train

    one = {"convolutions": ["small"], "dense_layers": ["small"], "epochs": epochs, "patience": epochs}
    values = {"learning_rate": 0.01, **values}
    (spec,) = modelling.grid_specs(settings(workspace, train=one | {"hyperparameters": values}), workspace, "presence")
    subsets = open_subset(workspace, "presence", "train"), open_subset(workspace, "presence", "validation")
    return train(draft.begin(workspace, spec), spec, *subsets, state=None, keep=lambda state: None)


def test_the_loss_that_is_watched_has_no_ranking_in_it(workspace: Workspace) -> None:
    write_samples(workspace, "presence", locations=60, chips=1, size=16)
    network = train(workspace, 2, ranking=3.0, conv_l2=0.0, dense_l2=0.0)
    row = network.history.iloc[network.best_epoch]
    validation = open_subset(workspace, "presence", "validation")
    label, predicted = validation.label, network.predict(validation.images.read(np.arange(len(validation))))
    loss = -np.mean(label * np.log(predicted) + (1 - label) * np.log(1 - predicted))
    assert row["val_cross_entropy"] == pytest.approx(loss, rel=1e-4)
    assert row["val_loss"] == pytest.approx(loss, rel=1e-4)
    # ln 2 for each pair before it learns: more than 2 in all
    assert network.history["loss"][0] - network.history["cross_entropy"][0] > 1


@pytest.mark.slow
def test_a_network_learns_the_order_of_neighbours(curated: Workspace) -> None:
    """By the ranking alone nothing tells how high a prediction is: a hundred times the loss is nearly that."""
    network = train(curated, 8, ranking=100.0, learning_rate=0.003)
    test = open_subset(curated, "presence", "test")
    predicted = network.predict(test.images.read(np.arange(len(test))))
    scores = measure("presence", test.label, predicted, test.weight, test.table[["lon", "lat"]].to_numpy())
    assert scores["auc"] > 0.85


@pytest.mark.slow
def test_a_training_goes_on_bit_by_bit_and_its_file_needs_nothing_of_ours(workspace: Workspace) -> None:
    write_samples(workspace, "presence", locations=60, chips=1, size=16)
    values = {"learning_rate": 0.1, "ranking": 1.0, "augmentation": True}
    spec = toy_specs(workspace, epochs=4, hyperparameters=values)[1]

    class KilledError(BaseException):
        pass

    def kill(written: int) -> None:
        if written == 2:
            raise KilledError

    try:
        modelling.fit(workspace, spec, measure)
        undisturbed = content(workspace, spec.name)
        workspace.remove(artefacts.model(spec.task, spec.name))
        with after_each_checkpoint(kill), pytest.raises(KilledError):
            modelling.fit(workspace, spec, measure)
        assert modelling.fit(workspace, spec, measure)["resumed"] == 1
        assert_same(content(workspace, spec.name), undisturbed)
    finally:
        NETWORKS.unregister("toy")


def test_what_is_off_is_not_written() -> None:
    for name, value in {"ranking": 0.5, "ranking_km": 300.0, "detrending_km": 300.0}.items():
        on = Hyperparameters.model_validate({name: value})
        assert name not in Hyperparameters().model_dump_json()
        assert on.model_dump()[name] == value
        assert Hyperparameters.model_validate(on.model_dump()) == on


@pytest.mark.parametrize(
    ("name", "value"), [("ranking", -0.1), ("ranking_km", 0), ("ranking_km", 30_000), ("detrending_km", -1)]
)
def test_what_means_nothing_is_refused(workspace: Workspace, name: str, value: float) -> None:
    with pytest.raises(SettingsError, match=name):
        settings(workspace, train={"hyperparameters": {name: value}})


def test_they_can_be_searched(workspace: Workspace) -> None:
    choices = {"ranking": [0, 1], "ranking_km": [300, 500], "detrending_km": [0, 500]}
    assert settings(workspace, tune={"choices": choices}).tune.choices == choices
