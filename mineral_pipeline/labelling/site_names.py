"""Normalised names of deposits, so that the same name is found again in another table.

A name is reduced to its letters and digits in lower case, without accents, blanks and words for the kind of site:
``Kara Oba``, ``Karaoba mine`` and ``KARA-OBA Deposit`` are all ``karaoba``. Numbers and bearings count: ``Halibut Bay
47`` is not ``Halibut Bay 49``, and ``Xerolivado (SE)`` is not ``Xerolivado (NE)``.

Tables list other names of a site after commas, semicolons and slashes. The first one counts like the whole text. A
further one counts only where a single site has it, because it may be the name of a parent: there are many ``...,
Collins Group``. Names that consist of the kind of site and what is mined there, such as ``Unnamed prospect``, ``Gold
mine`` or ``Gravel pit``, are vague: they identify a site at exactly one position only. Vague names begin with `VAGUE`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from mineral_pipeline.labelling.commodities import vocabulary

NAME_SEPARATORS, WORDS = re.compile(r"[,;/]"), re.compile(r"[^\W_]+")

SITE_WORDS = frozenset(
    WORDS.findall(
        """adit adits and area borrow claim claims deposit deposits group location lode lodes mine mines mining name
        near no nr number occurrence occurrences of operation operations pit pits project projects property prospect
        prospects quarry quarries reported shaft shafts showing showings site the undetermined unidentified unknown
        unnamed working workings"""
    )
)
"""Words for kinds of sites, which do not identify a site."""

VAGUE = "@"
"""First letter of vague names."""

MIN_LETTERS = 5
"""Smallest length of a further name that counts: initials and ``Co`` would link unrelated sites."""


def site_names(texts: Iterable[str], others: Iterable[str] = ()) -> Mapping[str, tuple[str, ...]]:
    """Return the normalised names of every text; none for a text without a word.

    Args:
        texts: texts as tables have them.
        others: further ones, whose names are not asked for, but are not those of a single site where a text has them.
    """
    own: dict[str, tuple[str, ...]] = {}
    further: dict[str, list[str]] = {}
    owners: dict[str, set[str]] = defaultdict(set)
    for text in {*texts, *filter(NAME_SEPARATORS.search, others)}:
        plain = _plain(text)
        words = WORDS.findall(plain)
        whole = _joined(words)
        own[text] = (whole,) if whole else _vague(words)
        first, *others = NAME_SEPARATORS.split(plain)
        if others:
            start = _joined(WORDS.findall(first))
            if whole and start and start != whole:
                own[text] = (whole, start)
            joined = (_joined(WORDS.findall(part)) for part in others)
            further[text] = [name for name in joined if len(name) >= MIN_LETTERS]
            for name in further[text]:
                owners[name].add(start)
    for text, names in further.items():
        own[text] = tuple(dict.fromkeys((*own[text], *(name for name in names if len(owners[name]) == 1))))
    return own


def _plain(text: str) -> str:
    """Return a text in lower case, without accents and apostrophes."""
    plain = text.casefold().replace("'", "").replace("’", "")
    if plain.isascii():
        return plain
    return "".join(letter for letter in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(letter))


def _joined(words: Sequence[str]) -> str:
    """Return the identifying words of a name, joined; empty when it is vague."""
    identifying, materials = [word for word in words if word not in SITE_WORDS], _materials()
    for word in identifying:
        if word not in materials and not word.isdecimal():
            return "".join(identifying)
    return ""


def _vague(words: Sequence[str]) -> tuple[str, ...]:
    """Return the vague name of these words, if there are any."""
    return (VAGUE + "".join(words),) if words else ()


@cache
def _materials() -> frozenset[str]:
    """Return words for what is mined, without gemstones, after which mines are named that hold none."""
    known = vocabulary()
    mined = {word for word, name in known.names.items() if name not in known.groups["gemstones"]}
    return frozenset(mined | {f"{word}s" for word in mined})
