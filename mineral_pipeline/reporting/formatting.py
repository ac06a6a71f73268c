"""Numbers and names as text: thin spaces before units, a real minus sign, a dash for undefined values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

THIN = "\u202f"
"""Narrow space that does not break."""

UNDEFINED = "–"
"""In place of a value that is not defined."""

PERCENT_METRICS = frozenset({"accuracy"})
"""Metrics shown in percent."""

METRIC_NAMES = {
    "f1": "F1",
    "auc": "area under the ROC",
    "brier": "Brier score",
    "calibration": "calibration error",
    "cross_entropy": "cross-entropy",
    "mae": "mean absolute error",
    "mse": "mean squared error",
    "rmse": "root mean squared error",
    "r2": "R²",
}
"""Names of metrics that differ from their keys."""


LOCAL_NAMES = {"local_auc": "local AUC", "concordance": "concordance"}
"""Names of metrics whose keys end in a distance in kilometres."""


def metric_name(metric: str) -> str:
    """Name of a metric, to show."""
    kind, _, km = metric.rpartition("_")
    if kind in LOCAL_NAMES:
        return f"{LOCAL_NAMES[kind]}, {km}{THIN}km"
    return METRIC_NAMES.get(metric, metric.replace("_", " "))


def short_name(metric: str) -> str:
    """Name of a metric for the head of a table."""
    return {"auc": "AUC", "mae": "MAE", "mse": "MSE", "rmse": "RMSE"}.get(metric) or metric_name(metric)


def percent(value: float, decimals: int = 1) -> str:
    """A fraction such as 0.731 as 73.1 %."""
    return f"{100 * value:.{decimals}f}{THIN}%"


def score(metric: str, value: float | None) -> str:
    """Value of a metric; adding 0 removes the sign of a negative zero."""
    if value is None or value != value:
        return UNDEFINED
    return percent(value) if metric in PERCENT_METRICS else f"{round(value, 3) + 0:.3f}".replace("-", "−")


def difference_name(metric: str) -> str:
    """Name of a difference of a metric, with its unit."""
    return f"difference in {metric_name(metric)}" + (", percentage points" if metric in PERCENT_METRICS else "")


def signed(metric: str, value: float | None) -> str:
    """A difference of a metric with its sign; of one shown in percent, in percentage points."""
    if value is None:
        return UNDEFINED
    decimals, scale = (1, 100) if metric in PERCENT_METRICS else (3, 1)
    return f"{round(scale * value, decimals) + 0:+.{decimals}f}".replace("-", "−")


def signed_interval(metric: str, found: Mapping[str, float | None]) -> str:
    """The 95 % interval of a difference; empty when it has none."""
    low, high = found.get("low"), found.get("high")
    return "" if low is None or high is None else f"{signed(metric, low)} to {signed(metric, high)}"


def interval(metric: str, found: Mapping[str, float | None]) -> str:
    """The 95 % interval of ``found`` (``low``, ``high``); empty when it has none."""
    low, high = found.get("low"), found.get("high")
    if low is None or high is None or low != low:
        return ""
    return f"{score(metric, low)} to {score(metric, high)}"


def duration(seconds: float) -> str:
    """Seconds, minutes or hours."""
    if seconds < 60:
        return f"{seconds:.1f}{THIN}s"
    minutes, rest = divmod(round(seconds), 60)
    return (
        f"{minutes}{THIN}min {rest:02d}{THIN}s"
        if minutes < 60
        else f"{minutes // 60}{THIN}h {minutes % 60:02d}{THIN}min"
    )


def size(number: float) -> str:
    """Bytes in the unit that keeps the number short."""
    for unit, bytes_ in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= bytes_:
            return f"{number / bytes_:.1f}{THIN}{unit}"
    return f"{number:.0f} bytes"


def position(lon: float, lat: float) -> str:
    """A position such as 34.25° S, 149.08° E; longitudes beyond 180 are brought back."""
    lon = (lon + 180) % 360 - 180
    return f"{abs(lat):.2f}°{THIN}{'S' if lat < 0 else 'N'}, {abs(lon):.2f}°{THIN}{'W' if lon < 0 else 'E'}"


def location(location_id: str) -> str:
    """A WRS-2 location such as 034033 as 034/033; any other key as it is."""
    return f"{location_id[:3]}/{location_id[3:]}" if re.fullmatch(r"\d{6}", location_id) else location_id


def flatten(values: Mapping[str, Any], name: str = "") -> list[tuple[str, str]]:
    """Nested settings as pairs of dotted name and text, without empty values."""
    pairs: list[tuple[str, str]] = []
    for key, value in values.items():
        dotted = f"{name}.{key}".lstrip(".")
        if isinstance(value, Mapping) and value:
            pairs += flatten(value, dotted)
        elif value not in (None, [], {}, ""):
            pairs.append((dotted, ", ".join(map(str, value)) if isinstance(value, list) else str(value)))
    return pairs
