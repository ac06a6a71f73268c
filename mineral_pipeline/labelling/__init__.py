"""Targets from known deposits: which deposits are in which footprint, how many, of which commodity."""

from mineral_pipeline.labelling.commodities import check_task, choose_groups
from mineral_pipeline.labelling.deposits import MERGE_KM, DepositTable, read_barren, read_deposits
from mineral_pipeline.labelling.formats import parts_of
from mineral_pipeline.labelling.hidden import hide
from mineral_pipeline.labelling.membership import membership, sum_inside
from mineral_pipeline.labelling.partitions import (
    EMPTY_CHIPS,
    count_deposits,
    empty_counts,
    finish_labels,
    partition_bytes,
    read_chips,
    summarise_counts,
    write_labels,
)
from mineral_pipeline.labelling.targets import (
    Deposits,
    choose_deposits,
    column_name,
    holding,
    known_positions,
    richness,
)

__all__ = [
    "EMPTY_CHIPS",
    "MERGE_KM",
    "DepositTable",
    "Deposits",
    "check_task",
    "choose_deposits",
    "choose_groups",
    "column_name",
    "count_deposits",
    "empty_counts",
    "finish_labels",
    "hide",
    "holding",
    "known_positions",
    "membership",
    "partition_bytes",
    "parts_of",
    "read_barren",
    "read_chips",
    "read_deposits",
    "richness",
    "sum_inside",
    "summarise_counts",
    "write_labels",
]
