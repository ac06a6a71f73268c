"""Settings from a YAML file and the command line. Every error names the file and the key."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from mineral_pipeline.errors import SettingsError, did_you_mean, one_line
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
        raise SettingsError(f"{path}: {error.strerror}: name a settings file") from error
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
        return f"{source}: unknown key {key}: remove it or correct its spelling{_nearest(key)}"
    message = detail["msg"].removeprefix("Value error, ")
    is_secret = key == "archive" or key.startswith("archive.storage_options")
    given = "" if detail["type"] in ("missing", "value_error") or is_secret else f" (given: {detail['input']!r})"
    meant = did_you_mean(str(detail["input"]), _choices(detail)) if detail["type"] == "literal_error" else ""
    return f"{source}: {key + ': ' if key else ''}{one_line(message + given + meant)}"


def _choices(detail: Mapping[str, Any]) -> list[str]:
    """Values that an error of pydantic says would do."""
    return re.findall("'([^']*)'", str(detail["ctx"]["expected"]))


def _nearest(key: str) -> str:
    """The end of a message on a key that there is not: one of the same name elsewhere, or one of its section alike."""
    section, _, name = key.rpartition(".")
    known = [other.rpartition(".") for other in _keys(Settings)]
    if len(elsewhere := [".".join(filter(None, (above, last))) for above, _, last in known if last == name]) == 1:
        return f"; did you mean {elsewhere[0]}?"
    alike = did_you_mean(name, [last for above, _, last in known if above == section])
    return alike.replace("mean ", f"mean {section}.") if section else alike


def _keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every key of a section and of those below, such as ``train.hyperparameters.dropout``."""
    for name, field in model.model_fields.items():
        yield prefix + name
        types = [field.annotation, *get_args(field.annotation)]
        for section in (one for one in types if isinstance(one, type) and issubclass(one, BaseModel)):
            yield from _keys(section, f"{prefix}{name}.")


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
