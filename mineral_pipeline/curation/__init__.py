"""From labelled chips to training sets: places, ocean mask, cloud rank, balance, split, leak gate, training stores."""

from mineral_pipeline.curation.chips import drop_locations, find_locations, read_chips
from mineral_pipeline.curation.dataset import batches, create_stores, summarise, write_samples
from mineral_pipeline.curation.land import is_on_land, land_fractions, over_land, subdivide
from mineral_pipeline.curation.land_file import cache_folder, read_land
from mineral_pipeline.curation.leakage import SplitLeakage, check_leakage, leak_name, measure_leakage, summary_name
from mineral_pipeline.curation.sampling import DROPPED, select
from mineral_pipeline.curation.splits.assignment import SplitAssignment, make_folds, make_split, set_name
from mineral_pipeline.curation.splits.blocks import SUBSETS

__all__ = [
    "DROPPED",
    "SUBSETS",
    "SplitAssignment",
    "SplitLeakage",
    "batches",
    "cache_folder",
    "check_leakage",
    "create_stores",
    "drop_locations",
    "find_locations",
    "is_on_land",
    "land_fractions",
    "leak_name",
    "make_folds",
    "make_split",
    "measure_leakage",
    "over_land",
    "read_chips",
    "read_land",
    "select",
    "set_name",
    "subdivide",
    "summarise",
    "summary_name",
    "write_samples",
]
