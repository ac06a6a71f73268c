"""A small world of artefacts for the report, drawn from a seed. Two locations lie across the antimeridian."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from run_records import RECORD

from mineral_pipeline.reporting import Evaluation, Example, ReportData
from mineral_pipeline.workspace.ledger import Outcome, State, to_table

SIZES = ("small", "medium", "big")
LONS = np.r_[np.linspace(-170, 160, 22), 179.8, 179.9]


def footprint(lon: float, lat: float = 10.0) -> shapely.Polygon:
    return shapely.box(lon - 1, lat - 1, lon + 1, lat + 1)


def keys(number: int) -> tuple[str, str, str, int, str]:
    """chip_id, scene_id, location_id, chip_index and product_id of a chip."""
    return f"C{number:03d}", f"P{number:03d}", f"{number:03d}{number:03d}", number, f"P{number:03d}"


def ledger() -> gpd.GeoDataFrame:
    good = [
        Outcome(
            *keys(chip), State.OK, geometry=footprint(lon), footprint_source="image", valid_fraction=0.66,
            seconds=0.5, bytes=2_000_000, brightness=100.0 - chip, cloud_cover=float(chip % 3),
        )
        for chip, lon in enumerate(LONS)
    ]  # fmt: skip
    n = len(good)
    bad = [Outcome(*keys(n + k), State.MISSING, f"P{n + k:03d}_B7.TIF is not in the archive") for k in (0, 1)]
    return to_table([*good, *bad])


def labels() -> pd.DataFrame:
    n = np.arange(len(LONS))
    deposits = np.where(n % 2 == 0, 0, n)
    return pd.DataFrame(
        {
            "chip_id": [f"C{k:03d}" for k in n],
            "scene_id": [f"P{k:03d}" for k in n],
            "location_id": [f"{k:03d}{k:03d}" for k in n],
            "chip_index": n,
            "lon": LONS,
            "lat": 10.0,
            "n_deposits": deposits,
            "richness": np.log1p(deposits) / np.log1p(deposits.max()),
            "max_deposits": deposits.max(),
            "n_gold": deposits // 2,
            "n_rare_earths": deposits // 9,
        }
    )


def samples() -> gpd.GeoDataFrame:
    subset = np.resize(["train", "train", "train", "validation", "test", "dropped"], len(LONS))
    return gpd.GeoDataFrame(labels().assign(subset=subset), geometry=[footprint(lon) for lon in LONS], crs="EPSG:4326")


SUMMARY: dict[str, Any] = {
    "task": "presence",
    "locations": {subset: {"0": 4, "1": 5} for subset in ("train", "validation", "test")},
    "samples": {"train": 12, "validation": 4, "test": 4},
    "leakage": {"area": 0.0123, "deposits": 7, "max_leakage": 0.02},
}


def network(name: str, kind: str, metric: str, value: float, size: tuple[str, str] | None = None) -> dict[str, Any]:
    convolution, dense = size or (None, None)
    about = {"name": name, "role": "network", "label": name, "kind": kind, "convolution": convolution, "dense": dense}
    return {**about, "metrics": {metric: {"value": value, "low": value - 0.05, "high": value + 0.05}}}


def baseline(name: str, kind: str, label: str, metric: str, value: float) -> dict[str, Any]:
    return {**network(name, kind, metric, value), "role": "baseline", "label": label}


def evaluation(task: str = "presence") -> Evaluation:
    metric, worst, step = ("accuracy", 0.6, 0.03) if task == "presence" else ("mae", 0.12, -0.005)
    pairs = [(convolution, dense) for convolution in SIZES for dense in SIZES]
    grid = [network(f"{a}-{b}-s0", "grid", metric, worst + k * step, (a, b)) for k, (a, b) in enumerate(pairs)]
    random = [
        baseline(f"random-labels-p{k}", "random-labels", "random labels", metric, value)
        for k, value in enumerate((0.48, 0.52))
    ]
    models = [
        *grid,
        *random,
        baseline("constant", "constant", "constant", metric, 0.5),
        baseline("brightness", "brightness", "brightness only", metric, 0.55),
    ]
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 40).astype(float) if task == "presence" else rng.uniform(0.1, 1, 40)
    predictions = [
        pd.DataFrame(
            {"name": one["name"], "label": truth, "prediction": np.clip(truth + rng.normal(0, 0.3, 40), 0.01, 0.99)}
        )
        for one in models
    ]
    chance = {metric: {"value": 0.5, "low": 0.44, "high": 0.56}}
    metrics = {
        "task": task,
        "primary_metric": metric,
        "models": models,
        "best": "big-big-s0",
        "baseline": {"kind": "random-labels", "models": 2, "metrics": chance},
        "interval": {"unit": "blocks", "units": 37},
        "significance": {
            "p_value": 0.004,
            "n_label_fields": 999,
            "models": 9,
            "variogram": {"range_km": 667.3, "nugget": 0.1},
        },
    }
    return Evaluation(metrics, pd.concat(predictions, ignore_index=True))


def with_bar(found: Evaluation) -> Evaluation:
    """The evaluation with what it tells of the bar: coordinates, which see no pixel, are best of seven baselines."""
    metric, is_presence, best = found.metric, found.metrics["task"] == "presence", found.best
    local = ["local_auc_500", "local_auc_1000"] if is_presence else ["concordance_500", "concordance_1000"]
    scores = [metric, "auc" if is_presence else "r2", *local]
    values = {"coordinates": 0.86, "metadata": 0.6, "statistics": 0.74, "random-convolutions": 0.7}
    more = [
        baseline(name, name, name.replace("-", " "), metric, value if is_presence else 0.25 - value / 4)
        for name, value in values.items()
    ]
    blind = ("coordinates", "metadata", "constant")
    models = [
        one | {"pixels": one["kind"] not in blind, "metrics": dict.fromkeys(scores, one["metrics"][metric])}
        for one in [*found.models, *more]
    ]
    baselines = [one for one in models if one["role"] == "baseline"]

    def difference(network: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
        value = network["metrics"][metric]["value"] - other["metrics"][metric]["value"]
        return {key: {"value": value, "low": value - 0.04, "high": value + 0.04} for key in scores}

    differences = [
        {"model": one["name"], "baseline": other["name"], "metrics": difference(one, other)}
        for one in models if one["role"] == "network" for other in baselines
    ]  # fmt: skip
    gain = {"alone": 0.701, "both": 0.744, "difference": {"value": 0.043, "low": -0.002, "high": 0.088}}
    added = [
        {"model": name, "to": "coordinates", "samples": 700, "folds": 5, "metrics": dict.fromkeys(scores[:2], gain)}
        for name in (best["name"], "statistics")
    ]
    names = [best["name"], *(one["name"] for one in baselines)]
    regions = [
        {"region": region, "samples": 120 + 7 * k, "positives": 60 + k,
         "metrics": {name: {"accuracy": 0.5 + k / 20, "mae": 0.1, "auc": None if k else 0.61} for name in names}}
        for k, region in enumerate(("Africa", "Europe", ""))
    ]  # fmt: skip
    more_metrics = {
        "primary_metric": metric,
        "models": models,
        "pairs": dict.fromkeys(local, {"pairs": 12_345} | ({"positives": 210} if is_presence else {})),
        "bar": {"best": "coordinates", "differences": differences, "beaten_by": []},
        "added": added,
        "regions": regions,
        "verdict": "No network beats the bar: coordinates, which sees no pixel, is better.",
    }
    return Evaluation({**found.metrics, **more_metrics}, found.predictions)


def prospects() -> gpd.GeoDataFrame:
    """Cut at the antimeridian, as they are published."""
    n = len(LONS)
    columns = {
        "rank": np.arange(1, n + 1),
        "location_id": [f"{k:03d}{k:03d}" for k in range(n)],
        "chip_id": [f"C{k:03d}" for k in range(n)],
        "scene_id": [f"P{k:03d}" for k in range(n)],
        "probability": np.linspace(0.6, 0.1, n),
        "expected_given_one": 4 / 3,
        "expected_number": np.linspace(0.8, 0.2, n),
        "expected_low": 0.0,
        "expected_high": [np.inf, *[2.5] * (n - 1)],
        "spread": 0.05,
        "first_10": np.linspace(1, 0, n),
        "dissimilarity": 0.3,
        "applicable": [False, *[True] * (n - 1)],
        "distance_km": 120.4,
        "lon": LONS,
        "lat": 10.0,
    }
    cut = shapely.MultiPolygon([shapely.box(178, 9, 180, 11), shapely.box(-180, 9, -179, 11)])
    return gpd.GeoDataFrame(columns, geometry=[footprint(lon) if lon < 179 else cut for lon in LONS], crs="EPSG:4326")


def basis(*, pixels: bool) -> dict[str, Any]:
    """As ``prospects-basis.json``: an ensemble of richness, or a map without pixels, has made the list."""
    kind = "ensemble" if pixels else "coordinates"
    voter = {"task": "richness", "kind": kind, "label": kind, "pixels": pixels, "beats_bar": pixels}
    return {
        "heading": "Ranked by the test.",
        "voters": [{**voter, "reason": "The reason.", "members": []}],
        "notes": [],
        "errors": {"inside": {"places": 40, "brier": 0.125, "log_error": 0.5}, "outside": {"places": 0}},
        "intervals": {"infinite": 0.25, "samples": 41},
    }


def run(job: str, **settings: object) -> dict[str, Any]:
    counts = {"unit": "scenes", "planned": 26, "done": 24, "skipped": 0, "failed": 2, "reasons": {}}
    return {
        **RECORD,
        "job": job,
        "seconds": 75.0,
        "settings": settings,
        "counts": counts,
        "python": "3.11.7",
        "packages": {"mineral-pipeline": "0.1.0", "numpy": "2.4.0"},
    }


def full() -> ReportData:
    labelled = run("label", label={"deposits": ["<script>alert(1)</script>.csv"]})
    labelled["counts"]["reasons"] = {"deposit rows without coordinates": 31}
    return ReportData(
        catalogue=26,
        ledger=ledger(),
        deposits=pd.DataFrame({"lon": [0.0, 1.0], "lat": [0.0, 1.0]}),
        labels=labels(),
        samples={"presence": samples()},
        summaries={"presence": SUMMARY},
        evaluations={task: evaluation(task) for task in ("presence", "richness")},
        prospects=prospects(),
        runs={"simulate": run("simulate"), "acquire": run("acquire"), "label": labelled},
    )


def empty() -> ReportData:
    return ReportData(None, None, None, None, {}, {}, {}, None, {})


def example() -> Example:
    image = np.random.default_rng(2).integers(1, 255, (40, 50)).astype("uint8")
    image[:6] = 0
    images = {"sampling": image, "rescale": image // 2, "resize": image // 3}
    corners = np.array([[0.0, 6.0], [49.0, 6.0], [49.0, 39.0], [0.0, 39.0]])
    deposits = np.array([[10.0, 20.0], [30.0, 15.0]])
    return Example("LT04_L1TP_001001", "LT04", "B7", images, corners, deposits, "rescale", 160)
