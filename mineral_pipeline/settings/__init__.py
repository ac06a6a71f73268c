"""The settings of a pipeline: what a YAML file in ``jobs/`` may say, and how it is read.

Unknown keys are errors. ``${NAME}`` in a value is replaced by the environment variable ``NAME``.
"""

from mineral_pipeline.settings.reading import expand, load, parse
from mineral_pipeline.settings.sections import (
    JOBS,
    Acquire,
    Archive,
    Catalogue,
    Curate,
    Evaluate,
    Hyperparameters,
    JobName,
    Label,
    MinPlaces,
    Prospect,
    Report,
    Settings,
    Simulate,
    Size,
    Task,
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
    "MinPlaces",
    "Prospect",
    "Report",
    "Settings",
    "Simulate",
    "Size",
    "Task",
    "Train",
    "Tune",
    "expand",
    "load",
    "parse",
]
