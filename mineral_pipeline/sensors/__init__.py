"""Sensors and their products: bands, data types, identifiers, file names, metadata.

A new sensor is one new file in this package that calls `register` with a `Sensor`.
"""

from mineral_pipeline.sensors.radiometry import check_radiometry, describe_mixture
from mineral_pipeline.sensors.sensor import (
    SENSORS,
    Band,
    Sensor,
    any_panchromatic,
    check_bands,
    register,
    resolve_bands,
)
from mineral_pipeline.sensors.visible import visible_bands

SENSORS.import_modules(__name__)

__all__ = [
    "SENSORS",
    "Band",
    "Sensor",
    "any_panchromatic",
    "check_bands",
    "check_radiometry",
    "describe_mixture",
    "register",
    "resolve_bands",
    "visible_bands",
]
