"""Targets of the chips: which deposits and commodities are counted, and richness.

Richness is the study's log-normalised score ``ln(n + 1) / max ln(N + 1)``, over all labelled chips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, hstack

from mineral_pipeline.errors import DataError
from mineral_pipeline.geometry import Flags, Floats
from mineral_pipeline.labelling.commodities import list_commodities, split_commodities, vocabulary
from mineral_pipeline.learning import GROUP, name_subject
from mineral_pipeline.workspace import Workspace, artefacts

N_COMMONEST_SHOWN = 20
"""Commodities that an error message lists."""


@dataclass(frozen=True)
class Deposits:
    """Deposits as arrays, for counting on the workers."""

    positions: Floats
    """(m, 2) lon/lat in degrees."""
    columns: tuple[str, ...]
    """Label columns of the k commodities and groups that are counted, such as ``n_gold`` and ``n_group_precious``."""
    holds: Any
    """Sparse (m, k) int32, 1 where the deposit holds the commodity, or one of the group."""
    open_mine: Flags
    """(m,) true for large open mines."""
    barren: Floats = field(default_factory=lambda: np.empty((0, 2)))
    """(b, 2) lon/lat of places that were explored and hold no deposit."""

    @cached_property
    def weights(self) -> Any:
        """Sparse (m, 2 + k) int32: 1 for every deposit, 1 for open mines, and ``holds``."""
        own = csr_array(np.column_stack([np.ones(len(self.positions)), self.open_mine]), dtype=np.int32)
        return hstack([own, self.holds], format="csr")


def choose_deposits(
    table: pd.DataFrame,
    commodities: int | Sequence[str],
    groups: Sequence[str] = (),
    barren: pd.DataFrame | None = None,
    subjects: Sequence[str] = (),
) -> Deposits:
    """Prepare a deposit table for counting.

    Args:
        table: ``table`` of a `DepositTable`.
        commodities: names of the commodities to count, or the number of them, the commonest.
        groups: groups of the vocabulary to count.
        barren: ``table`` of `read_barren`.
        subjects: what tasks are about, which is counted too.

    Raises:
        DataError: no deposit holds a commodity of that name, or one that a subject is about.
    """
    names = list_commodities(table["commodities"])
    common = names.value_counts()
    ranked = sorted(common.index, key=lambda name: (-common[name], name))
    chosen = ranked[:commodities] if isinstance(commodities, int) else _find_names(commodities, ranked)
    members = {column_name(name): frozenset([name]) for name in chosen}
    members |= {column_name(f"group {group}"): vocabulary().groups[group] for group in groups}
    flags = {column: _holds(table, names, group) for column, group in members.items()}
    for subject in subjects:
        flags[column_name(subject)] = about = holding(table, subject)
        if not about.any():
            raise DataError(
                f"tasks: no deposit of label.deposits holds what {subject} stands for: choose among"
                f" {', '.join(ranked[:N_COMMONEST_SHOWN]) or 'none'}"
            )
    holds = np.column_stack([np.zeros((len(table), 0)), *flags.values()])
    return Deposits(
        table[["lon", "lat"]].to_numpy(np.float64),
        tuple(flags),
        csr_array(holds, dtype=np.int32),
        table["open_mine"].to_numpy(bool) if "open_mine" in table else np.zeros(len(table), dtype=bool),
        np.empty((0, 2)) if barren is None else barren[["lon", "lat"]].to_numpy(np.float64),
    )


def holding(table: pd.DataFrame, subject: str) -> Flags:
    """Return which deposits (m,) a task is about: every one, or those with a commodity, or one of a group.

    Args:
        table: m deposits with ``commodities``.
        subject: what the task is about.
    """
    if not subject:
        return np.ones(len(table), dtype=bool)
    names = list_commodities(table["commodities"])
    if subject.startswith(GROUP):
        return _holds(table, names, vocabulary().groups.get(subject.removeprefix(GROUP), frozenset()))
    meant = frozenset(name for name in names.unique() if name_subject(name) == subject)
    return _holds(table, names, meant)


def known_positions(workspace: Workspace, subject: str) -> Floats:
    """Return the positions (m, 2) in lon/lat of the known deposits that a task is about."""
    columns = ["lon", "lat", *(["commodities"] if subject else [])]
    table = workspace.read_table(artefacts.DEPOSITS, columns)
    return np.asarray(table.loc[holding(table, subject), ["lon", "lat"]], dtype=np.float64)


def _holds(table: pd.DataFrame, names: pd.Series[str], members: frozenset[str]) -> Flags:
    """Return where deposits (m,) hold a commodity of a group.

    Args:
        table: m deposits.
        names: all commodities that they hold, with the index of the table.
        members: commodities of the group.
    """
    found = np.zeros(len(table), dtype=bool)
    found[table.index.get_indexer(names.index[names.isin(members)])] = True
    return found


def column_name(commodity: str) -> str:
    """Return the label column of a commodity: ``Barium-Barite`` is counted in ``n_barium_barite``."""
    return f"n_{name_subject(commodity).replace(':', '_')}"


def richness(n_deposits: np.ndarray, max_deposits: int) -> Floats:
    """Return the log-normalised richness (n,) in 0..1 of counts (n,).

    Args:
        n_deposits: (n,) deposits of each chip.
        max_deposits: largest number of deposits of all chips; richness is 0 when it is 0.
    """
    return np.asarray(np.log1p(n_deposits) / np.log1p(max(max_deposits, 1)))


def _find_names(commodities: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return commodities of the settings in the spelling of the deposit table, whose commodities are ``known``."""
    spellings = {column_name(name): name for name in reversed(known)}
    found = []
    for name in commodities:
        meant = [spellings.get(column_name(one)) for one in split_commodities(name)]
        if not meant or None in meant:
            choices = ", ".join(known[:N_COMMONEST_SHOWN]) or "none"
            raise DataError(f"label.commodities: no deposit holds {name!r}: choose among {choices}")
        found += [one for one in meant if one is not None]
    return list(dict.fromkeys(found))
