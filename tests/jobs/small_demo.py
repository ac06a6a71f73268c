"""The demonstration on a small planet, for the tests of the jobs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mineral_pipeline import settings as reader
from mineral_pipeline.settings import Settings

DEMO = Path(__file__).parents[2] / "jobs" / "settings" / "demo.yaml"
SMALL = (
    "simulate.locations=48",
    "simulate.dates=1",
    "simulate.islands=8",
    "acquire.chips_per_shard=3",
    "curate.min_locations={}",
    "curate.richness_samples=positive",  # so few locations leave others to prospect
    "train.convolutions=[small]",
    "train.dense_layers=[small]",
    "train.epochs=2",
    "train.hyperparameters.learning_rate=0.05",  # else so few steps leave every network a constant
    "tune.candidates=2",
    "tune.learning_rate=[0.03, 0.05]",
    "tune.epochs=1",
    "prospect.ensemble_size=2",
)


def demo_overrides(folder: Path) -> list[str]:
    """The demonstration on a small planet whose archive lies in ``folder``."""
    archive = folder / "archive"
    return [
        *SMALL,
        f"archive.url={archive}",
        f"label.deposits=[{archive}/deposits.csv]",
        f"curate.land={archive}/land.geojson",
    ]


def demo_settings(folder: Path, changes: Sequence[str] = (), workspace: str = "workspace") -> Settings:
    """Settings of the demonstration on the small planet of ``folder``."""
    return reader.load(str(DEMO), [*demo_overrides(folder), *changes], str(folder / workspace))
