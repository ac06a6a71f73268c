"""Targets from known deposits: which lie in which footprint, how many, of which commodity."""

from mineral_pipeline.labelling.commodities import choose_groups
from mineral_pipeline.labelling.deposits import DepositTable, read_deposits
from mineral_pipeline.labelling.membership import membership, sum_inside
from mineral_pipeline.labelling.partitions import CHIPS, empty_counts, read_chips, write_labels
from mineral_pipeline.labelling.targets import (
    Deposits,
    choose_deposits,
    column_name,
    count_deposits,
    finish_labels,
    richness,
)

__all__ = [
    "CHIPS",
    "DepositTable",
    "Deposits",
    "choose_deposits",
    "choose_groups",
    "column_name",
    "count_deposits",
    "empty_counts",
    "finish_labels",
    "membership",
    "read_chips",
    "read_deposits",
    "richness",
    "sum_inside",
    "write_labels",
]
