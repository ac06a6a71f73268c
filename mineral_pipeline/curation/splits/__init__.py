"""Splits: how locations are divided into training, validation and test, and into folds for cross-validation.

A new split is one new file here that calls `register` with a `Split`.
"""

from mineral_pipeline.curation.splits.assignment import SplitAssignment, make_folds, make_split
from mineral_pipeline.curation.splits.split import SPLITS, Locations, Split, find_split, register

SPLITS.import_modules(__name__)

__all__ = ["SPLITS", "Locations", "Split", "SplitAssignment", "find_split", "make_folds", "make_split", "register"]
