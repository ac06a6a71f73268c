"""From labelled chips to training sets: ocean mask, cloud rank, balance, splits, leakage check, training stores."""

from mineral_pipeline.curation.chips import about, drop_locations, find_locations, read_chips
from mineral_pipeline.curation.dataset import chips_by_batch, create_stores, digest_samples, summarise, write_batches
from mineral_pipeline.curation.exclusion import drop_inside, drop_snow, excluded_chips
from mineral_pipeline.curation.folds import count_candidates, count_held_out, fold_table, held_out_chips
from mineral_pipeline.curation.gathering import MAX_BYTES, Batch, gather, plan_copy, write_bundle
from mineral_pipeline.curation.land import is_on_land, land_fractions, over_land, subdivide
from mineral_pipeline.curation.leakage import SplitLeakage, check_leakage, measure_leakage
from mineral_pipeline.curation.own_tables import SplitOptions, measure_split, split_footprints
from mineral_pipeline.curation.polygon_file import cache_folder, read_land, read_polygons, read_shapes
from mineral_pipeline.curation.polygons import find_containing
from mineral_pipeline.curation.regions import NOWHERE, assign_regions, check_test_regions, find_regions, read_regions
from mineral_pipeline.curation.sampling import select
from mineral_pipeline.curation.snow import snow_shares
from mineral_pipeline.curation.splits import SPLITS, SplitAssignment, find_split, make_folds, make_split

__all__ = [
    "MAX_BYTES",
    "NOWHERE",
    "SPLITS",
    "Batch",
    "SplitAssignment",
    "SplitLeakage",
    "SplitOptions",
    "about",
    "assign_regions",
    "cache_folder",
    "check_leakage",
    "check_test_regions",
    "chips_by_batch",
    "count_candidates",
    "count_held_out",
    "create_stores",
    "digest_samples",
    "drop_inside",
    "drop_locations",
    "drop_snow",
    "excluded_chips",
    "find_containing",
    "find_locations",
    "find_regions",
    "find_split",
    "fold_table",
    "gather",
    "held_out_chips",
    "is_on_land",
    "land_fractions",
    "make_folds",
    "make_split",
    "measure_leakage",
    "measure_split",
    "over_land",
    "plan_copy",
    "read_chips",
    "read_land",
    "read_polygons",
    "read_regions",
    "read_shapes",
    "select",
    "snow_shares",
    "split_footprints",
    "subdivide",
    "summarise",
    "write_batches",
    "write_bundle",
]
