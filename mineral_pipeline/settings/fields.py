"""Types of the fields of a settings file, with their bounds."""

from __future__ import annotations

import os
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from mineral_pipeline.errors import did_you_mean
from mineral_pipeline.learning import GROUP, TASKS, is_task, make_task, name_subject

Fraction = Annotated[float, Field(ge=0, le=1)]
OpenFraction = Annotated[float, Field(gt=0, lt=1)]
"""Neither 0 nor 1."""

HALF_EARTH_KM = 20_040
"""Greatest distance of two places in kilometres."""

Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]


def ordered(range_: tuple[float, float]) -> tuple[float, float]:
    """The range, if it begins with its smaller end."""
    if range_[0] > range_[1]:
        raise ValueError(f"the range {list(range_)} must begin with its smaller end")
    return range_


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


def is_off(value: Any) -> bool:
    """Whether an option is not used: it is then not written either, so that what was made before it is known again."""
    return not value


def text_encoding(name: str) -> str:
    """The name, if it is that of an encoding of text."""
    try:
        "".encode(name)
    except (LookupError, ValueError):
        raise ValueError(f"{name!r} is no encoding of text: give one of Python's, such as cp1250 or gbk") from None
    return name


def subject(text: str) -> str:
    """What a task is about as tasks write it: ``Gold`` is ``gold``. Whether there is such a thing is not known here."""
    found = name_subject(text)
    if not found.removeprefix(GROUP) or not is_task(make_task(TASKS[0], found)):
        raise ValueError(f"{text!r} is no commodity: write one such as gold, or {GROUP}NAME")
    return found


def task(text: str) -> str:
    """A task as it is written everywhere: ``presence:Barium-Barite`` is ``presence:barium_barite``."""
    kind, colon, about = text.partition(":")
    found = f"{kind.strip()}:{name_subject(about)}" if colon else text
    if not is_task(found):
        mistyped = "" if kind.strip() in TASKS else did_you_mean(kind, TASKS)
        alike = mistyped.replace("?", f":{about}?" if about else "?")
        raise ValueError(
            f"{text!r} is no task: write {' or '.join(TASKS)}, alone or with a commodity or group, as in"
            f" {TASKS[0]}:gold or {TASKS[0]}:{GROUP}precious{alike}"
        )
    return found


Uri = Annotated[str, Field(min_length=1), AfterValidator(_without_credentials), AfterValidator(absolute)]
"""A path or URL. Relative paths become absolute where settings are read, so that they mean the same on all workers."""
Range = Annotated[tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]], AfterValidator(ordered)]
Distinct = AfterValidator(_distinct)
SubjectName = Annotated[str, AfterValidator(subject)]
TaskName = Annotated[str, AfterValidator(task)]
PositiveInt = Annotated[int, Field(ge=1)]
