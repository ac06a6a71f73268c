"""What every section of a settings file is made of: its base class, and types of values."""

from __future__ import annotations

import os
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, le=1)]
OpenFraction = Annotated[float, Field(gt=0, lt=1)]
"""Neither 0 nor 1."""


def _distinct(values: list[Any]) -> list[Any]:
    if len(set(values)) < len(values):
        raise ValueError(f"{values} names something twice")
    return values


def _without_credentials(uri: str) -> str:
    parts = urlsplit(uri)
    if "@" in parts.netloc or (parts.scheme and parts.query):
        raise ValueError("the URL holds credentials or a query: it is written to run files, so give them another way")
    return uri


def absolute(uri: str) -> str:
    """A path, also one after ``file://``, from the root of the file system; a URL as it is.

    A relative path is one of the current directory, and a cluster has many: the client's and one of every worker.
    """
    scheme, separator, path = uri.rpartition("://")
    if scheme not in ("", "file") or "::" in uri:  # fsspec chains URLs with ::
        return uri
    return f"{scheme}{separator}{os.path.abspath(os.path.expanduser(path))}"


Uri = Annotated[str, Field(min_length=1), AfterValidator(_without_credentials), AfterValidator(absolute)]
"""A path or URL. Relative paths become absolute where settings are read, so that they mean the same on all workers."""
Distinct = AfterValidator(_distinct)


class Section(BaseModel):
    """A section of a settings file: frozen, and unknown keys are errors."""

    # Inputs may hold credentials, which a traceback must not show.
    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True, allow_inf_nan=False
    )
