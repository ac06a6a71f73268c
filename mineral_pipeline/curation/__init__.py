"""From labelled chips to training sets: places, ocean mask, cloud rank, balance, split, leak gate, training stores."""

from mineral_pipeline.curation.blocks import SIDES
from mineral_pipeline.curation.chips import Division, divide, drop_places, find_places, read_chips
from mineral_pipeline.curation.land import mark_land, over_land, read_land
from mineral_pipeline.curation.leak import check_leak, measure_leak, summary_name
from mineral_pipeline.curation.selection import DROPPED, choose
from mineral_pipeline.curation.training_set import batches, create_stores, summarise, write_samples

__all__ = [
    "DROPPED",
    "SIDES",
    "Division",
    "batches",
    "check_leak",
    "choose",
    "create_stores",
    "divide",
    "drop_places",
    "find_places",
    "mark_land",
    "measure_leak",
    "over_land",
    "read_chips",
    "read_land",
    "summarise",
    "summary_name",
    "write_samples",
]
