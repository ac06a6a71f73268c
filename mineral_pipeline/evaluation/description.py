"""Numbers as a document holds them: None where one is not defined, because JSON has no nan."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from mineral_pipeline.evaluation.jackknife import Jackknife, interval

Described = dict[str, float | None]
"""``value``, ``low`` and ``high``."""


def describe(
    found: Jackknife, metric: str, ends: Callable[[Jackknife, str], tuple[float, float]] = interval
) -> Described:
    """A metric with its 95 % interval."""
    numbers = (found.value[metric], *ends(found, metric))
    return {key: defined(one) for key, one in zip(("value", "low", "high"), numbers, strict=True)}


def defined(number: float) -> float | None:
    """A number; None for nan."""
    return float(number) if np.isfinite(number) else None


def in_words(found: Mapping[str, float | None]) -> str:
    """A value and its interval, such as ``0.722 (0.684 to 0.761)``."""
    ends = "" if found["low"] is None else f" ({found['low']:.3f} to {found['high']:.3f})"
    return f"{found['value']:.3f}{ends}"
