"""The settings of a pipeline: the schema of a YAML file such as those in ``jobs/settings/``, and its loader.

Unknown keys are errors. ``${NAME}`` in a value is replaced by the environment variable ``NAME``. Relative paths
are those of the directory in which the settings are read, and become absolute there.
"""

from mineral_pipeline.settings.backtest import Backtest
from mineral_pipeline.settings.curate import Curate, Exclusion, MinLocations
from mineral_pipeline.settings.fields import absolute
from mineral_pipeline.settings.hyperparameters import (
    GlobalPooling,
    Hyperparameters,
    Initialiser,
    Normalisation,
    Pooling,
    Pretraining,
)
from mineral_pipeline.settings.label import DepositColumns, DepositFile, Label
from mineral_pipeline.settings.loader import expand, load, parse
from mineral_pipeline.settings.prospect import Prospect
from mineral_pipeline.settings.prospect_layer import ProspectLayer
from mineral_pipeline.settings.schema import (
    JOBS,
    Acquire,
    Archive,
    Catalogue,
    Evaluate,
    JobName,
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
    "Backtest",
    "Catalogue",
    "Curate",
    "DepositColumns",
    "DepositFile",
    "Evaluate",
    "Exclusion",
    "GlobalPooling",
    "Hyperparameters",
    "Initialiser",
    "JobName",
    "Label",
    "MinLocations",
    "Normalisation",
    "Pooling",
    "Pretraining",
    "Prospect",
    "ProspectLayer",
    "Report",
    "Settings",
    "Simulate",
    "Size",
    "Train",
    "Tune",
    "absolute",
    "expand",
    "load",
    "parse",
]
