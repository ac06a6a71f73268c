"""Write a settings file to begin with.

    mineral-pipeline init FOLDER [--from own]

Writes ``FOLDER/settings.yaml``, a commented copy of a settings file that comes with the package: ``own`` for scenes
of your own in a folder, ``demo`` for the simulated planet, ``landsat4`` for the study's archive, ... A file that is
there is never overwritten. Relative paths in it are those of the folder in which later commands are called.
"""

from __future__ import annotations

import os
import shlex

from jobs.running import bundled
from jobs.running.progress import CONSOLE
from mineral_pipeline.errors import SettingsError, did_you_mean

SETTINGS_FILE = "settings.yaml"


def main(folder: str, source: str) -> int:
    """Write the settings file, and say what to do with it.

    Args:
        folder: folder of the file, which is made if need be.
        source: bare name of the settings file that is copied.

    Raises:
        SettingsError: nothing comes with the package under that name, the folder cannot be made, or holds one already.
    """
    if source not in bundled.names():
        hint = did_you_mean(source, bundled.names())
        raise SettingsError(f"--from {source}: give one of {', '.join(bundled.names())}{hint}")
    path = os.path.join(folder, SETTINGS_FILE)
    text = (bundled.FOLDER / f"{source}.yaml").read_text(encoding="utf-8")
    try:
        os.makedirs(folder, exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            file.write(text.replace(f"mineral-pipeline run {source}", f"mineral-pipeline run {SETTINGS_FILE}"))
    except FileExistsError as error:
        raise SettingsError(f"{error.filename} exists: remove it, or name another folder") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}: name another folder") from error
    CONSOLE.print(f"wrote {path}: read its comments and change it, then")
    CONSOLE.print(f"  cd {shlex.quote(folder)}\n  mineral-pipeline run {SETTINGS_FILE} --plan", soft_wrap=True)
    return 0
