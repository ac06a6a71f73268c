"""Deposits that are left out as if no one had found them, for a back-test."""

from __future__ import annotations

from dataclasses import replace

import fsspec
import pandas as pd

from mineral_pipeline.errors import DataError, SettingsError, one_line
from mineral_pipeline.labelling.deposits import DepositTable


def hide(known: DepositTable, path: str | None) -> DepositTable:
    """The deposits without those that a table names.

    Args:
        known: deposits as `read_deposits` gives them.
        path: path or URL of a Parquet table with the column ``id``; None hides nothing.

    Raises:
        SettingsError: the table cannot be read.
        DataError: it names a deposit that there is not, or every one.
    """
    if path is None:
        return known
    try:
        with fsspec.open(path, "rb") as file:
            hidden = pd.read_parquet(file, columns=["id"])["id"]
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise SettingsError(
            f"label.hidden: {path} cannot be read ({one_line(error)}): give the table that the job backtest makes"
        ) from error
    if absent := sorted({*hidden} - {*known.table["id"]}):
        raise DataError(
            f"label.hidden: {path} names {len(absent):,} deposits that label.deposits lack, such as {absent[0]!r}: the"
            " tables have changed: run backtest again"
        )
    left = known.table[~known.table["id"].isin(hidden)]
    if left.empty:
        raise DataError(f"label.hidden: {path} hides every deposit: hide fewer")
    return replace(known, table=left.reset_index(drop=True), hidden=len(known.table) - len(left))
