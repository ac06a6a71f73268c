"""What each baseline can learn and what it cannot, from planted structure; few samples, one class, weights, files."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from chips import stored_images
from synthetic_samples import write_catalogue

from mineral_pipeline.errors import DataError
from mineral_pipeline.evaluation import measure
from mineral_pipeline.learning import Task
from mineral_pipeline.modelling.baselines import BASELINES, Examples, estimators, random_convolutions
from mineral_pipeline.modelling.dataset import METADATA_COLUMNS, Samples
from mineral_pipeline.modelling.draft import begin
from mineral_pipeline.modelling.predictor_file import _load, save_baseline
from mineral_pipeline.modelling.spec import Loss, ModelSpec
from mineral_pipeline.settings import Hyperparameters
from mineral_pipeline.workspace import Workspace, artefacts

LEARNERS = ("coordinates", "metadata", "random-convolutions", "statistics")
LOSSES: dict[Task, list[Loss]] = {"presence": ["cross_entropy"], "richness": ["mae", "mse"]}


@pytest.fixture(autouse=True)
def _few_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimators, "MAX_TREES", 60)
    monkeypatch.setattr(random_convolutions, "PENALTIES", (100.0, 1.0))


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """240 chips of two bands on smooth ground; place, day and texture are independent of each other."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("planted")
    pixels = rng.normal(120, 8, (240, 2, 24, 24)) + rng.normal(0, 30, (240, 1, 1, 1))
    is_smooth = np.arange(240) % 2 == 0
    pixels[is_smooth] = np.sort(pixels[is_smooth], axis=-1)  # the same values, side by side with their like
    pixels[:, :, :6, :4] = 0
    images = stored_images(folder, np.clip(pixels, 0, 255).astype("uint8"))
    write_catalogue(Workspace(str(folder)), 240)
    lonlat = {"lon": rng.uniform(-180, 180, 240), "lat": np.degrees(np.arcsin(rng.uniform(-1, 1, 240)))}
    table = pd.DataFrame({"scene_id": [f"LT04_{n}" for n in range(240)], **lonlat})
    return Samples(images, np.arange(240), lambda: table)


def label_of(samples: Samples, what: str) -> np.ndarray:
    """A label in 0 and 1 that follows from one thing alone."""
    table = samples.table
    found = {
        "texture": np.arange(240) % 2,
        "east": table["lon"] > 0,
        "pole": table["lat"].abs() > 30,
        "summer": samples.metadata["acquired"].str[5:7].isin(["05", "06", "07", "08"]),
        "visits": samples.metadata["visits"] > 5,
        "cloud": samples.metadata["cloud_cover"].isna(),
    }
    return np.asarray(found[what], "float32")


@pytest.fixture(scope="module")
def features(samples: Samples) -> dict[str, pd.DataFrame]:
    """Features of all samples by baseline."""
    return {name: BASELINES[name].features(samples) for name in LEARNERS}


def examples(features: pd.DataFrame, label: np.ndarray, task: Task, loss: Loss, part: slice) -> Examples:
    rows = features.iloc[part].reset_index(drop=True)
    return Examples(rows, task, loss, label[part], np.ones(len(rows), "float32"))


def auc(features: pd.DataFrame, name: str, label: np.ndarray) -> float:
    """Area under the ROC of the last third, learnt from the first and chosen on the second."""
    train, validation, test = (
        examples(features, label, "presence", "cross_entropy", slice(n, None, 3)) for n in range(3)
    )
    prediction = BASELINES[name].fit(train, validation).predict(test.features)
    assert np.isfinite(measure("presence", test.label, prediction)["cross_entropy"])
    return measure("presence", test.label, prediction)["auc"]


@pytest.mark.parametrize(
    ("what", "sees"),
    [
        ("texture", {"statistics", "random-convolutions"}),
        ("east", {"coordinates"}),
        ("pole", {"coordinates"}),
        ("summer", {"metadata"}),
        ("visits", {"metadata"}),
        ("cloud", {"metadata"}),
    ],
)
def test_each_learns_what_it_sees_and_nothing_else(
    samples: Samples, features: dict[str, pd.DataFrame], what: str, sees: set[str]
) -> None:
    label = label_of(samples, what)
    found = {name: auc(features[name], name, label) for name in LEARNERS}
    assert {name for name, area in found.items() if area > 0.9} == sees, found
    assert all(area < 0.72 for name, area in found.items() if name not in sees), found


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("loss", ["mae", "mse"])
def test_richness_is_learnt_by_its_own_loss(
    samples: Samples, features: dict[str, pd.DataFrame], name: str, loss: Loss
) -> None:
    """Skewed labels: the median of the absolute error lies below the mean of the squared one."""
    what = {"coordinates": "east", "metadata": "visits"}.get(name, "texture")
    label = np.where(label_of(samples, what) > 0, 0.8, np.random.default_rng(0).choice([0.1, 0.1, 0.4], 240))
    train, validation, test = (
        examples(features[name], label.astype("float32"), "richness", loss, slice(n, None, 3)) for n in range(3)
    )
    prediction = BASELINES[name].fit(train, validation).predict(test.features)
    worst = {"mae": np.median(train.label), "mse": np.mean(train.label)}[loss]
    score = [measure("richness", test.label, one)[loss] for one in (prediction, np.full(len(test.label), worst))]
    assert score[0] < 0.7 * score[1]
    assert ((prediction >= 0) & (prediction <= 1)).all()


@pytest.mark.parametrize("name", LEARNERS)
def test_few_samples_and_one_class_are_learnt(
    samples: Samples, features: dict[str, pd.DataFrame], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimators, "MAX_TREES", 3)
    labels = np.zeros(240, "float32"), np.ones(240, "float32"), label_of(samples, "texture")
    losses = [(task, loss) for task, losses in LOSSES.items() for loss in losses]
    for number, label, (task, loss) in itertools.product((1, 2, 5), labels, losses):
        train = examples(features[name], label, task, loss, slice(0, number))
        validation = examples(features[name], 1 - label, task, loss, slice(10, 11))
        prediction = BASELINES[name].fit(train, validation).predict(features[name])
        assert prediction.shape == (240,)
        assert ((prediction >= 0) & (prediction <= 1)).all()


@pytest.mark.parametrize("name", LEARNERS)
def test_of_labels_that_contradict_each_other_the_heavier_win(features: dict[str, pd.DataFrame], name: str) -> None:
    """Labels that contradict each other at every place and in every picture: those that weigh more decide."""
    twice = pd.concat([features[name].iloc[:60]] * 2, ignore_index=True)
    label = np.repeat(np.array([0, 1], "float32"), 60)
    for heavy in (0, 1):
        weight = np.where(label == heavy, 1.8, 0.2).astype("float32")
        given = Examples(twice, "presence", "cross_entropy", label, weight)
        prediction = BASELINES[name].fit(given, given).predict(twice)
        assert ((prediction > 0.5) == heavy).all()


@pytest.mark.parametrize("name", LEARNERS)
def test_a_baseline_is_saved_and_is_the_same_again(
    samples: Samples, features: dict[str, pd.DataFrame], name: str, tmp_path: Path
) -> None:
    workspace = Workspace(str(tmp_path))
    for task, losses in LOSSES.items():
        spec = ModelSpec(task, name, name, None, Hyperparameters(), "none", 0, 1, 1, losses[0], None, "digest")
        draft = begin(workspace, spec)
        label = label_of(samples, "texture")
        given = [examples(features[name], label, task, losses[0], slice(n, None, 3)) for n in range(2)]
        expected = BASELINES[name].fit(*given).predict(features[name])
        save_baseline(draft, BASELINES[name].fit(*given))
        content = workspace.read_bytes(draft.file(artefacts.MODEL_BASELINE))
        assert len(content) < 2**21
        again = _load(content, BASELINES[name].types).predict(BASELINES[name].features(samples))
        np.testing.assert_array_equal(again, expected)


def test_validation_chooses_between_neighbours_and_trees(features: dict[str, pd.DataFrame]) -> None:
    """Many small islands are for neighbours, a meridian is for trees."""
    rng, sphere = np.random.default_rng(0), features["coordinates"]
    clusters = (sphere.iloc[np.repeat(np.arange(40), 6)] + rng.normal(0, 0.01, (240, 3))).reset_index(drop=True)
    planted = {
        "islands": (clusters, np.repeat(rng.permutation(40) % 2, 6)),
        "meridian": (sphere, (sphere["y"] > 0).to_numpy()),
    }
    chosen = {}
    for what, (positions, label) in planted.items():
        parts = (slice(n, None, 2) for n in range(2))
        given = [examples(positions, label.astype("float32"), "presence", "cross_entropy", part) for part in parts]
        chosen[what] = type(BASELINES["coordinates"].fit(*given)).__name__
    assert chosen == {"islands": "NearestNeighbours", "meridian": "EstimatorPredictor"}


def test_neighbours_across_the_antimeridian_are_near(samples: Samples) -> None:
    lon = np.array([179.9, -179.9, 10.0, 11.0, 12.0])
    table = pd.DataFrame({"lon": lon, "lat": 0.0})
    features = BASELINES["coordinates"].features(replace(samples, read_table=lambda: table))
    assert np.linalg.norm(features.iloc[0] - features.iloc[1]) < 0.01
    turned = BASELINES["coordinates"].features(replace(samples, read_table=lambda: table.assign(lon=lon + 360)))
    np.testing.assert_allclose(turned, features, atol=1e-12)


def test_metadata_of_a_catalogue_without_visits_are_unknown(samples: Samples, tmp_path: Path) -> None:
    old = replace(samples, images=replace(samples.images, workspace=Workspace(str(tmp_path))))
    write_catalogue(old.images.workspace, 240)
    table = old.images.workspace.read_table(artefacts.CATALOGUE)
    old.images.workspace.write_table(artefacts.CATALOGUE, table.drop(columns="visits").sample(frac=1, random_state=0))
    metadata = old.metadata
    assert list(metadata.columns) == METADATA_COLUMNS
    assert metadata["visits"].isna().all()
    pd.testing.assert_frame_equal(metadata.drop(columns="visits"), samples.metadata.drop(columns="visits"))
    label = label_of(samples, "summer")
    assert auc(BASELINES["metadata"].features(old), "metadata", label) > 0.9
    old.images.workspace.write_table(artefacts.CATALOGUE, table.iloc[:100])
    lacking = replace(old, read_table=old.read_table)
    with pytest.raises(DataError, match=r"catalogue\.parquet lacks some of the samples' scenes"):
        lacking.metadata  # noqa: B018


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("left", 2**32 - 1),
        ("right", 0),
        ("left", 0),
        ("feature_idx", 10**6),
        ("feature_idx", -1),
        ("is_categorical", 1),
    ],
)
def test_trees_that_lead_out_of_themselves_are_refused(
    features: dict[str, pd.DataFrame], samples: Samples, field: str, value: int
) -> None:
    given = examples(features["metadata"], label_of(samples, "visits"), "presence", "cross_entropy", slice(None))
    predictor = BASELINES["metadata"].fit(given, given)
    assert isinstance(predictor, estimators.EstimatorPredictor)
    predictor.estimator._predictors[3][0].nodes[field][0] = value
    with pytest.raises(ValueError, match="a tree leads out of itself"):
        predictor.predict(features["metadata"])
