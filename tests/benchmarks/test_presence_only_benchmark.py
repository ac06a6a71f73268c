"""The benchmark of presence only: the non-negative risk by its formula, and a small run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import presence_only
from benchmarks.support.harness import command_line
from benchmarks.support.positive_unlabelled import PENALTY, Logistic, fit_unlabelled, fit_weighted


def non_negative_risk(model: Logistic, features: np.ndarray, known: np.ndarray, prior: float) -> float:
    said = model.predict(features)
    as_negative = said.mean() - prior * said[known].mean()
    return prior * (1 - said[known]).mean() + max(as_negative, 0) + PENALTY * (model.coefficients[1:] ** 2).sum()


def test_the_risk_of_positive_and_unlabelled_is_descended() -> None:
    """Half of the positives are known, at random: told the share, the model calls the others positive too."""
    rng = np.random.default_rng(0)
    positive = rng.random(600) < 0.4
    features = rng.normal(size=(600, 2)) + 2.5 * positive[:, None]
    known = positive & (rng.random(600) < 0.5)
    taken_for_negative = fit_weighted(features, known, np.ones(600))
    found = fit_unlabelled(features, known, 0.4)
    risks = [non_negative_risk(one, features, known, 0.4) for one in (found, taken_for_negative)]
    assert risks[0] < risks[1]
    hidden = positive & ~known
    assert (found.predict(features[hidden]) > 0.5).mean() > 0.85
    assert (found.predict(features[~positive]) > 0.5).mean() < 0.1
    assert (taken_for_negative.predict(features[hidden]) > 0.5).mean() < 0.6


def test_a_small_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "result.json"
    packages = presence_only.PACKAGES
    assert command_line("presence_only", presence_only.measure, packages, ["--small", "--json", str(file)]) == 0
    (report,) = json.loads(file.read_text())["reports"]
    assert [row["method"] for row in report["rows"]] == list(presence_only.METHODS)
    assert "places without a known deposit" in capsys.readouterr().out
