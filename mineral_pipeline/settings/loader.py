"""Settings from a YAML file and the command line. Every error names the file and the key."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from mineral_pipeline.errors import SettingsError
from mineral_pipeline.settings.schema import Settings


def load(path: str, overrides: Sequence[str] = (), workspace: str | None = None) -> Settings:
    """Read a settings file.

    Args:
        path: YAML file.
        overrides: ``section.key=value`` each, the value in YAML.
        workspace: replaces the file's workspace.

    Raises:
        SettingsError: no such file, not YAML, an unknown key, a value out of range, an unset variable.
    """
    try:
        content = yaml.safe_load(Path(path).read_text())
    except OSError as error:
        raise SettingsError(
            f"{path}: {error.strerror}: name a settings file such as jobs/settings/demo.yaml"
        ) from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise SettingsError(f"{path}: a settings file is a mapping of sections")
    for override in overrides:
        _override(content, override)
    if workspace is not None:
        content["workspace"] = workspace
    return parse(expand(content, path), path)


def parse(content: Mapping[str, Any], source: str = "settings") -> Settings:
    """Settings from a mapping; errors name ``source`` and the key.

    Raises:
        SettingsError: an unknown key or a value out of range.
    """
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        raise SettingsError("; ".join(_describe(detail, source) for detail in error.errors())) from error


def _describe(detail: Mapping[str, Any], source: str) -> str:
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"{source}: unknown key {key}: remove it or correct its spelling"
    message = detail["msg"].removeprefix("Value error, ")
    is_secret = key == "archive" or key.startswith("archive.storage_options")
    given = "" if detail["type"] in ("missing", "value_error") or is_secret else f" (given: {detail['input']!r})"
    return f"{source}: {key + ': ' if key else ''}{message}{given}"


def _override(content: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise SettingsError(f"--set {override}: write section.key=value")
    *parents, last = key.split(".")
    for parent in parents:
        content = content.setdefault(parent, {})
        if not isinstance(content, dict):
            raise SettingsError(f"--set {override}: {parent} is not a section")
    content[last] = yaml.safe_load(value)


def expand(value: Any, path: str) -> Any:
    """Replace every ``${NAME}`` in the strings of a document; ``path`` names it in errors.

    Raises:
        SettingsError: a variable is not set.
    """
    if isinstance(value, dict):
        return {key: expand(item, path) for key, item in value.items()}
    if isinstance(value, list):
        return [expand(item, path) for item in value]
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in os.environ:
            raise SettingsError(f"{path}: the environment variable {name} is not set: export {name}=... first")
        return os.environ[name]

    return re.sub(r"\$\{(\w+)\}", variable, value)
