"""Settings from a YAML file and the command line. Every error names the file and the key."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from mineral_pipeline.errors import SettingsError, one_line
from mineral_pipeline.settings import document
from mineral_pipeline.settings.schema import Settings

MAX_ERRORS = 10
"""Errors of a settings file that are shown."""


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
        content = document.read(path)
    except OSError as error:
        raise SettingsError(
            f"{path}: {error.strerror}: name a settings file such as jobs/settings/demo.yaml"
        ) from error
    if not isinstance(content, dict):
        raise SettingsError(f"{path}: a settings file is a mapping of sections")
    content = expand(content, path)  # also makes what aliases share distinct
    for override in overrides:
        _override(content, override)
    if workspace is not None:
        content["workspace"] = expand(workspace, "--workspace")
    return parse(content, path)


def parse(content: Mapping[str, Any], source: str = "settings") -> Settings:
    """Settings from a mapping; errors name ``source`` and the key.

    Raises:
        SettingsError: an unknown key or a value out of range.
    """
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        details = [_describe(detail, source) for detail in error.errors()[:MAX_ERRORS]]
        more = f"; and {error.error_count() - MAX_ERRORS:,} more" if error.error_count() > MAX_ERRORS else ""
        raise SettingsError("; ".join(details) + more) from error


def _describe(detail: Mapping[str, Any], source: str) -> str:
    key = one_line(".".join(str(part) for part in detail["loc"]))
    if detail["type"] == "extra_forbidden":
        return f"{source}: unknown key {key}: remove it or correct its spelling"
    message = detail["msg"].removeprefix("Value error, ")
    is_secret = key == "archive" or key.startswith("archive.storage_options")
    given = "" if detail["type"] in ("missing", "value_error") or is_secret else f" (given: {detail['input']!r})"
    return f"{source}: {key + ': ' if key else ''}{one_line(message + given)}"


def _override(content: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    source = f"--set {one_line(override)}"
    if not equals or not key:
        raise SettingsError(f"{source}: write section.key=value")
    *parents, last = key.split(".")
    for parent in parents:
        content = content.setdefault(parent, {})
        if not isinstance(content, dict):
            raise SettingsError(f"{source}: {one_line(parent)} is not a section")
    content[last] = expand(document.parse(value, source), source)


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
            name = one_line(name)
            raise SettingsError(f"{path}: the environment variable {name} is not set: export {name}=... first")
        return os.environ[name]

    return re.sub(r"\$\{(\w+)\}", variable, value)
