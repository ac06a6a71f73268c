"""The comparison of means: which network each trains, and what its table tells."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pandas as pd
import pytest
from synthetic_samples import settings

from benchmarks import attempts
from mineral_pipeline.workspace import Workspace, artefacts


def test_a_difference_is_paired_by_planet_and_seed() -> None:
    gain = {(0, 0): 0.02, (0, 1): 0.04, (1, 0): 0.00, (1, 1): 0.02}
    found = pd.DataFrame(
        [
            {
                "planet": planet,
                "seed": seed,
                "attempt": name,
                "metric": "auc",
                "value": 0.6 + planet / 10 + more,
                "seconds": 1.0 + more,
            }
            for planet, seed in product(range(2), range(2))
            for name, more in (("base", 0.0), ("means", gain[planet, seed]))
        ]
    )
    base, means = attempts.summarise(found).to_dict("records")
    assert (base["metric"], base["value"], base["difference"]) == ("auc", pytest.approx(0.65), 0)
    assert means["difference"] == pytest.approx(0.02)
    half = 3.182 * 0.016330 / 2  # t of three degrees of freedom, standard deviation, root of four pairs
    assert (means["low"], means["high"]) == (pytest.approx(0.02 - half, abs=1e-4), pytest.approx(0.02 + half, abs=1e-4))
    assert (means["pairs"], means["seconds"]) == (4, pytest.approx(1.02))


def test_the_mean_of_the_seeds_is_paired_by_planet() -> None:
    base = [
        {
            "planet": planet,
            "seed": seed,
            "attempt": "base",
            "metric": "auc",
            "value": 0.6 + planet / 10 + seed / 50,
            "seconds": 1.0,
        }
        for planet, seed in product(range(2), range(2))
    ]
    averaged = [
        {"planet": planet, "attempt": attempts.SEEDS_AVERAGED, "metric": "auc", "value": 0.61 + planet / 10 + gain}
        for planet, gain in enumerate((0.03, 0.05))
    ]
    found = attempts.summarise(pd.DataFrame(base + averaged)).set_index("attempt").loc[attempts.SEEDS_AVERAGED]
    assert (found["value"], found["difference"], found["pairs"]) == (pytest.approx(0.70), pytest.approx(0.04), 2)


def test_richness_is_compared_with_richness() -> None:
    scores = {
        "base": ("auc", 0.9),
        "base of richness": ("concordance_500", 0.6),
        "relative richness": ("concordance_500", 0.65),
    }
    found = pd.DataFrame(
        [
            {"planet": planet, "seed": 0, "attempt": name, "metric": metric, "value": value, "seconds": 1.0}
            for planet, (name, (metric, value)) in product(range(2), scores.items())
        ]
    )
    table = attempts.summarise(found).set_index("attempt")
    assert table.loc["relative richness", "difference"] == pytest.approx(0.05)
    assert table["metric"].to_dict() == {name: metric for name, (metric, _) in scores.items()}


def test_each_means_is_one_change_of_the_base(workspace: Workspace, tmp_path: Path) -> None:
    for task in ("presence", "richness"):
        workspace.write_json(artefacts.samples_summary(task), {"digest": task})
    (another := tmp_path / "model.keras").write_bytes(b"weights")
    config = settings(workspace)
    found = {name: attempts.specs(config, name, 2, str(another), None) for name in attempts.ATTEMPTS}
    assert [spec.seed for spec in found["base"]] == [0, 1]
    names = [spec.name for specs in found.values() for spec in specs]
    assert len(set(names)) == len(names)
    for name, specs in found.items():
        spec, base = specs[0], found[attempts.base_of(name)][0]
        assert spec.task == base.task == ("richness" if "richness" in name else "presence")
        means = ("hyperparameters", "normalisation", "pretraining", "pretrained")
        changed = [key for key in means if getattr(spec, key) != getattr(base, key)]
        assert len(changed) + (name in attempts.CURATION) == (name != attempts.base_of(name)), name
        assert spec.hyperparameters.augmentation
    small = attempts.specs(config, "pretraining", 1, str(another), 3)[0]
    assert small.pretraining is not None
    assert (small.epochs, small.pretraining.epochs) == (3, 3)
