"""Vocabulary of commodities, and the groups that they belong to.

The vocabulary is a data file (``commodities.yaml``): the names of MRDS, other spellings of each, classes and groups
with the publication that each follows. Names that are not in it are kept as they are written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Literal

import pandas as pd
import yaml

from mineral_pipeline.errors import SettingsError, did_you_mean
from mineral_pipeline.learning import GROUP, Task, kind_of, make_task, name_subject, subject_of

UNITS = re.compile(r"^(?:g t|oz t|ppm|wt) ")
"""Units before a name, without punctuation, as in ``g/t Pt``."""

MODIFIERS = re.compile(r"^(?:minor|native|poss?ible|potent?ial|trace)\s+", re.IGNORECASE)
"""Words before a name that do not change the commodity."""

SEPARATORS = re.compile(r"\s{2,}|\s+and\s+|\s*[&/+]\s*|-", re.IGNORECASE)
"""Separators of names that are written as one: ``HAL  K``, ``lead and zinc``, ``Copper/Gold``."""


@dataclass(frozen=True)
class Vocabulary:
    """Names of commodities and their groups."""

    names: Mapping[str, str]
    """MRDS name of every spelling, by its `_key`."""
    groups: Mapping[str, frozenset[str]]
    """Members of each class and group."""
    sources: Mapping[str, str]
    """Publication that each class or group follows."""
    qualifiers: frozenset[str]
    """Keys of words that name no commodity of their own."""


@cache
def vocabulary() -> Vocabulary:
    """Return the vocabulary of the package."""
    text = resources.files(__package__).joinpath("commodities.yaml").read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    every = content["classes"] | content["groups"]
    spellings = [item for part in content["classes"].values() for item in part["names"].items()]
    return Vocabulary(
        names={_key(word): name for name, others in spellings for word in (name, *others)},
        groups={group: frozenset(part["names"]) for group, part in every.items()},
        sources={group: part["source"] for group, part in every.items()},
        qualifiers=frozenset(_key(word) for word in content["qualifiers"]),
    )


def is_known(name: str) -> bool:
    """Return whether the vocabulary has this name or spelling."""
    return _find(name) is not None


def choose_groups(groups: Sequence[str] | Literal["all"]) -> tuple[str, ...]:
    """Check the names of commodity groups; ``all`` stands for all groups in the order of the vocabulary.

    Raises:
        SettingsError: there is no group of that name.
    """
    known = vocabulary().groups
    if groups == "all":
        return tuple(known)
    for name in groups:
        if name not in known:
            raise SettingsError(f"label.groups: no commodity group {name!r}: choose among {', '.join(known)}")
    return tuple(dict.fromkeys(groups))


def check_task(task: Task, own: Sequence[str] = ()) -> None:
    """Refuse a task about a commodity or a group that there is not.

    Args:
        task: task of the settings.
        own: further names of commodities that the settings use.

    Raises:
        SettingsError: the vocabulary has no such name, nor ``own``; the message proposes another.
    """
    subject, groups = subject_of(task), vocabulary().groups
    names = {
        name_subject(name) for name in (*vocabulary().names.values(), *(n for o in own for n in split_commodities(o)))
    }
    if not subject or subject in names or (subject.removeprefix(GROUP) in groups and subject.startswith(GROUP)):
        return
    if subject.startswith(GROUP):
        problem = f"no commodity group {subject.removeprefix(GROUP)!r}: choose among {', '.join(groups)}"
    else:
        problem = f"no commodity {subject!r}: take a name of docs/deposits.md, or list yours in label.commodities"
    meant = _find(subject.removeprefix(GROUP).replace("_", " "))
    if subject in groups:
        hint = f"; did you mean {make_task(kind_of(task), GROUP + subject)}?"
    elif meant:
        hint = f"; did you mean {make_task(kind_of(task), name_subject(meant))}?"
    else:
        known = groups if subject.startswith(GROUP) else names
        alike = did_you_mean(subject.removeprefix(GROUP), sorted(known))
        hint = alike.replace("mean ", f"mean {kind_of(task)}:{GROUP if subject.startswith(GROUP) else ''}")
    raise SettingsError(f"tasks: {task}: {problem}{hint}")


def split_commodities(text: str) -> list[str]:
    """Split a list of commodities at commas and semicolons into names of the vocabulary, each once.

    Names that are not in the vocabulary are trimmed and put in title case.
    """
    return list(dict.fromkeys(name for word in re.split("[,;]", text) for name in _names(word)))


def list_commodities(texts: pd.Series[str]) -> pd.Series[str]:
    """The commodities of deposits, each in a row with the index of its deposit.

    Args:
        texts: (m,) names of the commodities of each deposit, joined by ``;``; empty where there is none.
    """
    names = {text: [name for name in text.split(";") if name] for text in texts.unique()}
    return texts.map(names).explode().dropna().astype("str")


@lru_cache(maxsize=100_000)
def _names(word: str) -> tuple[str, ...]:
    """Return the names in one entry of a list: none, one, or several that are written as one."""
    key = _key(word)
    if not key or key in vocabulary().qualifiers:
        return ()
    for reading in (word, MODIFIERS.sub("", word.strip()), re.sub(r"\(.*?\)", "", word)):
        found = _find(reading)
        if found is not None:
            return (found,)
    parts = [_find(part) for part in SEPARATORS.split(word.strip())]
    known = [part for part in parts if part is not None]
    if len(known) == len(parts):
        return tuple(known)
    return (re.sub(r"\s+", " ", word).strip().title().replace(" And ", " and "),)


def _find(word: str) -> str | None:
    """Return the vocabulary's name for a spelling."""
    names, key = vocabulary().names, _key(word)
    return names.get(key) or names.get(key.removesuffix("s"))


def _key(word: str) -> str:
    """Return letters and digits in lower case without accents, words separated by single spaces."""
    plain = unicodedata.normalize("NFKD", word.casefold())
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return UNITS.sub("", re.sub(r"[\W_]+", " ", letters).strip())
