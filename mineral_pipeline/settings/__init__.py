"""The settings of a pipeline: the schema of a YAML file such as those in ``jobs/settings/``, and its loader.

Unknown keys are errors. ``${NAME}`` in a value is replaced by the environment variable ``NAME``.
"""

from mineral_pipeline.settings.loader import expand, load, parse
from mineral_pipeline.settings.schema import (
    JOBS,
    Acquire,
    Archive,
    Catalogue,
    Curate,
    Evaluate,
    Hyperparameters,
    JobName,
    Label,
    MinLocations,
    Normalisation,
    Prospect,
    Report,
    Settings,
    Simulate,
    Size,
    Train,
    Tune,
)

__all__ = [
    "JOBS",
    "Acquire",
    "Archive",
    "Catalogue",
    "Curate",
    "Evaluate",
    "Hyperparameters",
    "JobName",
    "Label",
    "MinLocations",
    "Normalisation",
    "Prospect",
    "Report",
    "Settings",
    "Simulate",
    "Size",
    "Train",
    "Tune",
    "expand",
    "load",
    "parse",
]
