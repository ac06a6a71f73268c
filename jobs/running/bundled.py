"""The settings files that come with the package, found by their bare names, such as ``demo``."""

from __future__ import annotations

import os
from pathlib import Path

from mineral_pipeline.errors import SettingsError, did_you_mean

FOLDER = Path(__file__).parents[1] / "settings"


def names() -> list[str]:
    """Bare names of the settings files that come with the package."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def find_settings(name: str) -> str:
    """Path of a settings file.

    Args:
        name: path, or bare name of a file that comes with the package; a path that exists goes first.

    Raises:
        SettingsError: there is neither.
    """
    if os.path.exists(name):
        return name
    if name in names():
        return str(FOLDER / f"{name}.yaml")
    hint = did_you_mean(Path(name).name.removesuffix(".yaml"), names())
    raise SettingsError(
        f"{name}: no such file: name a settings file, write one by `mineral-pipeline init FOLDER`, or name one that"
        f" comes with the package ({', '.join(names())}){hint}"
    )
