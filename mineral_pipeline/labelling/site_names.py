"""What deposits are called, so that the same name is found again in another table.

A name becomes its letters and digits in lower case, without accents, blanks and words that say what kind of site it
is: ``Kara Oba``, ``Karaoba mine`` and ``KARA-OBA Deposit`` are all ``karaoba``. Numbers and bearings count: ``Halibut
Bay 47`` is not ``Halibut Bay 49``, and ``Xerolivado (SE)`` is not ``Xerolivado (NE)``.

Tables list other names of a site after commas, semicolons and slashes. The first one counts like the whole; a further
one only where a single site has it, because it may be that of a parent: there are many ``..., Collins Group``. Names
that say no more than the kind of site or what is mined there, such as ``Unnamed prospect``, ``Gold mine`` or ``Gravel
pit``, tell sites apart at one and the same position only; they begin with `VAGUE`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from mineral_pipeline.labelling.commodities import vocabulary

PARTS, WORDS = re.compile(r"[,;/]"), re.compile(r"[^\W_]+")

KINDS = frozenset(
    WORDS.findall(
        """adit adits and area borrow claim claims deposit deposits group location lode lodes mine mines mining name
        near no nr number occurrence occurrences of operation operations pit pits project projects property prospect
        prospects quarry quarries reported shaft shafts showing showings site the undetermined unidentified unknown
        unnamed working workings"""
    )
)
"""Words that tell no site from another."""

VAGUE = "@"
"""First letter of a name that tells no site from its neighbours."""

SHORT = 5
"""Letters that one of several names must have to count: initials and ``Co`` would join strangers."""


def site_names(texts: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """Names of sites, by how they are written; none for a text without a word."""
    own: dict[str, tuple[str, ...]] = {}
    further: dict[str, list[str]] = {}
    owners: dict[str, set[str]] = defaultdict(set)
    for text in set(texts):
        plain = _plain(text)
        words = WORDS.findall(plain)
        whole = _joined(words)
        own[text] = (whole,) if whole else _vague(words)
        first, *others = PARTS.split(plain)
        if others:
            start = _joined(WORDS.findall(first))
            if whole and start and start != whole:
                own[text] = (whole, start)
            further[text] = [name for name in (_joined(WORDS.findall(part)) for part in others) if len(name) >= SHORT]
            for name in further[text]:
                owners[name].add(start)
    for text, names in further.items():
        own[text] = tuple(dict.fromkeys((*own[text], *(name for name in names if len(owners[name]) == 1))))
    return own


def _plain(text: str) -> str:
    """Lower case, without accents and apostrophes."""
    plain = text.casefold().replace("'", "").replace("’", "")
    if plain.isascii():
        return plain
    return "".join(letter for letter in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(letter))


def _joined(words: Sequence[str]) -> str:
    """The telling words of a name, without blanks; empty when they do not tell it from its neighbours."""
    telling, materials = [word for word in words if word not in KINDS], _materials()
    for word in telling:
        if word not in materials and not word.isdecimal():
            return "".join(telling)
    return ""


def _vague(words: Sequence[str]) -> tuple[str, ...]:
    return (VAGUE + "".join(words),) if words else ()


@cache
def _materials() -> frozenset[str]:
    """Words for what is mined; gems make names of mines that hold none."""
    known = vocabulary()
    mined = {word for word, name in known.names.items() if name not in known.groups["gemstones"]}
    return frozenset(mined | {f"{word}s" for word in mined})
