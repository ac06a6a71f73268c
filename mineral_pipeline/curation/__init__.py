"""From labelled chips to training sets: places, ocean mask, cloud rank, balance, split, leak gate, training stores."""

from mineral_pipeline.curation.blocks import SIDES
from mineral_pipeline.curation.chips import drop_places, find_places, read_chips
from mineral_pipeline.curation.division import Division, divide, divide_folds, set_name
from mineral_pipeline.curation.land import cut, land_fractions, mark_land, over_land
from mineral_pipeline.curation.land_file import cache_folder, read_land
from mineral_pipeline.curation.leak import Overlap, check_leak, leak_name, measure_leak, summary_name
from mineral_pipeline.curation.selection import DROPPED, choose
from mineral_pipeline.curation.training_set import batches, create_stores, summarise, write_samples

__all__ = [
    "DROPPED",
    "SIDES",
    "Division",
    "Overlap",
    "batches",
    "cache_folder",
    "check_leak",
    "choose",
    "create_stores",
    "cut",
    "divide",
    "divide_folds",
    "drop_places",
    "find_places",
    "land_fractions",
    "leak_name",
    "mark_land",
    "measure_leak",
    "over_land",
    "read_chips",
    "read_land",
    "set_name",
    "summarise",
    "summary_name",
    "write_samples",
]
