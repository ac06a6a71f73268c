"""The search on a cluster of two workers; its networks are doubles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from distributed import Client, LocalCluster, get_worker
from synthetic_samples import criterion, pretend_trained, settings

from jobs.running.tasks import make_scheduler
from mineral_pipeline import modelling
from mineral_pipeline.errors import DataError, LeaseLostError
from mineral_pipeline.evaluation import measure
from mineral_pipeline.modelling import Measure, ModelSpec, search
from mineral_pipeline.modelling.candidates import candidate_specs
from mineral_pipeline.settings import Settings, Tune
from mineral_pipeline.workspace import Workspace, artefacts

GRID = ["small-small-s0"]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Two workers, one of them with a GPU slot."""
    with (
        LocalCluster(
            processes=False, n_workers=1, threads_per_worker=2, resources={"GPU": 1}, dashboard_address="127.0.0.1:0"
        ) as cluster,
        Client(cluster) as client,
    ):
        cluster.new_spec["options"] |= {"resources": {}}
        cluster.scale(2)
        client.wait_for_workers(2)
        yield client


@pytest.fixture
def config(curated: Workspace) -> Settings:
    """Five candidates over a grid of one model, which is there."""
    made = settings(
        curated, train={"convolutions": ["small"], "dense_layers": ["small"]}, tune={"candidates": 5, "epochs": 3}
    )
    (spec,) = modelling.grid_specs(made, curated, "presence")
    pretend(curated, spec, 0.8)
    return made


def pretend(workspace: Workspace, spec: ModelSpec, accuracy: float, collapsed: bool = False) -> dict[str, Any]:
    workspace.write_bytes(artefacts.model(spec.task, spec.name, artefacts.MODEL_NETWORK), spec.name.encode())
    validation = {"accuracy": accuracy, "loss": 1 - accuracy}
    return pretend_trained(workspace, spec, collapsed=collapsed, validation=validation)


def double(workspace: Workspace, spec: ModelSpec, measure: Measure) -> dict[str, Any]:
    """Trains nothing: the more dropout, the better; very little makes it fail."""
    assert get_worker().state.total_resources == {"GPU": 1}, "a fit landed on a worker without a GPU"
    dropout = spec.hyperparameters.dropout
    if dropout < 0.3:
        workspace.write_json(
            artefacts.model(spec.task, spec.name, artefacts.MODEL_FAILURE), {"reason": "DataError: diverged"}
        )
        raise DataError("diverged")
    if modelling.is_done(workspace, spec):
        return modelling.read_metrics(workspace, spec.task, spec.name)
    return pretend(workspace, spec, dropout)


def test_the_search_records_every_candidate_and_keeps_the_best(
    client: Client, curated: Workspace, config: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "fit", double)
    ended: list[search.CandidateResult] = []
    scheduler = make_scheduler(client, "tune", lambda key, value: ended.append(search.candidate_result(key, value)))
    table = search.search(config, curated, "presence", measure, scheduler)
    specs = candidate_specs(config, curated, "presence", criterion("presence"))
    assert table["name"].tolist() == [spec.name for spec in specs]
    assert table["dropout"].tolist() == [spec.hyperparameters.dropout for spec in specs]
    failed = table["dropout"] < 0.3
    assert failed.any(), "the seed should draw a candidate that fails"
    assert (table["reason"] == np.where(failed, "DataError: diverged", "")).all()
    assert {(one.number, one.succeeded) for one in ended} == set(enumerate(~failed))
    assert len(ended) == len(table)
    tuned = modelling.read_spec(curated, "presence", "tuned")
    assert tuned.kind == "tuned"
    assert tuned.hyperparameters.dropout == table["dropout"].max()
    assert (tuned.network, tuned.epochs) == ("small-small", 3)
    winner = table["name"][table["dropout"].idxmax()]
    assert curated.read_bytes(artefacts.model("presence", "tuned", artefacts.MODEL_NETWORK)) == winner.encode(), (
        "trained twice"
    )
    assert modelling.read_metrics(curated, "presence", "tuned")["kind"] == "tuned"
    best = modelling.select_model(curated, "presence", [*GRID, "tuned"], criterion("presence"))
    assert best is not None
    assert best.name == GRID[0], "no candidate reaches 0.8"
    kept = curated.read_table(artefacts.model("presence", "tuned", artefacts.MODEL_SEARCH))
    assert kept["score"].max() == table["dropout"].max()


def test_collapsed_candidates_lose(
    client: Client, curated: Workspace, config: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = max(
        spec.hyperparameters.dropout for spec in candidate_specs(config, curated, "presence", criterion("presence"))
    )

    def collapsing(workspace: Workspace, spec: ModelSpec, measure: Measure) -> dict[str, Any]:
        """The better half collapses, the best by its score among it."""
        dropout = spec.hyperparameters.dropout
        return pretend(workspace, spec, dropout, collapsed=dropout > threshold)

    monkeypatch.setattr(search, "fit", collapsing)
    scores: list[float] = []
    scheduler = make_scheduler(client, "tune", lambda key, value: scores.append(value[1]))
    threshold = 0.75 * most
    table = search.search(config, curated, "presence", measure, scheduler)
    assert 0 < table["collapsed"].sum() < len(table)
    assert scores.count(search.COLLAPSED_SCORE) == table["collapsed"].sum()
    tuned = modelling.read_spec(curated, "presence", "tuned")
    assert tuned.hyperparameters.dropout == table["dropout"][~table["collapsed"]].max()
    threshold = 0.0  # all collapse
    for name in table["name"]:
        curated.remove(artefacts.model("presence", name))
    assert search.search(config, curated, "presence", measure, scheduler)["collapsed"].all()
    assert modelling.select_model(curated, "presence", ["tuned"], criterion("presence")) is None


def test_a_search_of_failures_says_why(
    client: Client, curated: Workspace, config: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise DataError("diverged")

    (own, *_) = candidate_specs(config, curated, "presence", criterion("presence"))
    only = config.model_copy(update={"tune": config.tune.model_copy(update={"candidates": 1})})
    failure = artefacts.model("presence", own.name, artefacts.MODEL_FAILURE)
    curated.write_json(failure, {"reason": "DataError: diverged"})
    monkeypatch.setattr(search, "fit", failing)
    with pytest.raises(DataError, match="every candidate for presence failed, the first with DataError: diverged"):
        search.search(only, curated, "presence", measure, make_scheduler(client, "tune", lambda key, value: None))
    assert not curated.exists(artefacts.model("presence", "tuned"))


def test_a_candidate_whose_run_is_over_has_not_failed(
    curated: Workspace, config: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def over(*_: object) -> None:
        raise LeaseLostError("it has ended")

    monkeypatch.setattr(search, "fit", over)
    (spec,) = modelling.grid_specs(config, curated, "presence")
    with pytest.raises(LeaseLostError):
        search.Candidate(curated, spec, criterion("presence")).fit(np.arange(3), np.arange(3))


def test_candidates_lie_in_the_ranges_and_come_from_the_seed(curated: Workspace, config: Settings) -> None:
    many = config.model_copy(update={"tune": config.tune.model_copy(update={"candidates": 200})})
    specs = candidate_specs(many, curated, "presence", criterion("presence"))
    values = {name: np.array([getattr(spec.hyperparameters, name) for spec in specs]) for name in ("kernel", "dropout")}
    rates = np.log10([spec.hyperparameters.learning_rate for spec in specs])
    assert len({spec.name for spec in specs}) == 200
    assert set(values["kernel"]) == {3, 5, 7, 9, 11}
    assert 0.1 <= values["dropout"].min() < 0.15 < 0.45 < values["dropout"].max() <= 0.5
    assert -7 <= rates.min() < -6.5 < -3.5 < rates.max() <= -3
    assert np.median(rates) == pytest.approx(-5, abs=0.4), "uniform in the logarithm"
    assert candidate_specs(many, curated, "presence", criterion("presence")) == specs
    other = candidate_specs(many.model_copy(update={"seed": 1}), curated, "presence", criterion("presence"))
    assert {spec.name for spec in other[1:]}.isdisjoint(spec.name for spec in specs)


def test_the_first_candidate_is_the_point_of_the_grid(curated: Workspace, config: Settings) -> None:
    (grid,) = modelling.grid_specs(config, curated, "presence")
    own, *drawn = candidate_specs(config, curated, "presence", criterion("presence"))
    assert own.hyperparameters == grid.hyperparameters
    assert (own.kind, own.epochs) == ("candidate", 3)
    assert all(spec.hyperparameters != grid.hyperparameters for spec in drawn)
    unlimited = config.model_copy(update={"tune": config.tune.model_copy(update={"epochs": None})})
    assert {one.epochs for one in candidate_specs(unlimited, curated, "presence", criterion("presence"))} == {
        grid.epochs
    }


def test_choices_are_drawn_too(curated: Workspace, config: Settings) -> None:
    tune = Tune(candidates=40, choices={"augmentation": [True, False], "stride": [1, 2], "activation": ["elu"]})
    specs = candidate_specs(config.model_copy(update={"tune": tune}), curated, "presence", criterion("presence"))[1:]
    drawn = [(spec.hyperparameters.augmentation, spec.hyperparameters.stride) for spec in specs]
    assert set(drawn) == {(True, 1), (True, 2), (False, 1), (False, 2)}
    assert {spec.hyperparameters.activation for spec in specs} == {"elu"}


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"kernel": [3]}, "kernel is no hyperparameter without a range: choose among schedule"),
        ({"padding": []}, "padding has no values"),
        ({"padding": ["half"]}, "padding\n.*'same' or 'valid'"),
    ],
)
def test_choices_that_are_none(choices: dict[str, list[Any]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Tune(choices=choices)


# scikit-learn says that there is but one point, which is what is tested
@pytest.mark.filterwarnings("ignore:The total space of parameters 1 is smaller:UserWarning")
def test_equal_candidates_are_tried_once(curated: Workspace, config: Settings) -> None:
    point = {name: (0.2, 0.2) for name in ("learning_rate", "conv_l1", "conv_l2", "dense_l1", "dense_l2", "dropout")}
    tune = config.tune.model_copy(update={**point, "kernel": (4, 4)})
    _, spec = candidate_specs(config.model_copy(update={"tune": tune}), curated, "presence", criterion("presence"))
    assert spec.hyperparameters.kernel == 4
    assert replace(spec, name="", kind="grid").hyperparameters.dropout == 0.2
