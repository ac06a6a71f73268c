"""What a cross-validation holds out: the fold of every location, and the chips that a fold's models have not seen."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import pandas as pd

from mineral_pipeline.curation.sampling import SURPLUS
from mineral_pipeline.curation.splits.assignment import SplitAssignment
from mineral_pipeline.learning import SUBSETS, TEST, TRAIN, VALIDATION, Task, subject_of
from mineral_pipeline.workspace import Workspace, artefacts


def fold_table(folds: Sequence[SplitAssignment]) -> pd.DataFrame:
    """Content of `artefacts.folds`: every location of the usable chips, also those that are no sample.

    Args:
        folds: folds as `make_folds` gives them.

    Returns:
        ``location_id``, ``group`` and ``fold``, that in whose test subset the location is or would be.
    """
    parts = [_locations(one)[one.subset == TEST].assign(fold=one.fold) for one in folds]
    table: pd.DataFrame = pd.concat(parts).sort_values("location_id", ignore_index=True)
    return table


def count_held_out(samples: gpd.GeoDataFrame, fold: SplitAssignment) -> dict[str, int]:
    """How many locations a fold holds out, and how many of them are predicted.

    Args:
        samples: samples of the fold as `select` gives them.
        fold: the fold.

    Returns:
        Locations of the fold's side, ``locations``; those that the task can use, ``usable``; those in the balanced test
        subset, ``sampled``.
    """
    side = samples[samples["location_id"].isin(_locations(fold)["location_id"][fold.subset == TEST])]
    is_sampled = side["subset"] == SUBSETS[TEST]
    is_usable = is_sampled | side["drop_reason"].isin(SURPLUS.values())
    flags = {"locations": is_usable | True, "usable": is_usable, "sampled": is_sampled}
    return {name: int(side["location_id"][flag].nunique()) for name, flag in flags.items()}


def count_candidates(samples: gpd.GeoDataFrame, assignment: SplitAssignment) -> dict[str, int]:
    """How many locations of the training side the task can use, by whether a deposit is known: ``0`` and ``1``.

    They tell how common deposits are, which the samples do not: these are what balance has left of them.

    Args:
        samples: samples as `select` gives them.
        assignment: the subsets of the locations.
    """
    side = samples["location_id"].isin(_locations(assignment)["location_id"][assignment.subset == TRAIN])
    is_usable = (samples["subset"] == SUBSETS[TRAIN]) | samples["drop_reason"].isin(SURPLUS.values())
    largest = samples[side & is_usable].groupby("location_id")["n_deposits"].max()
    return {"0": int((largest == 0).sum()), "1": int((largest > 0).sum())}


def held_out_chips(
    workspace: Workspace, task: Task, chips: gpd.GeoDataFrame, folds: Sequence[int]
) -> dict[int | None, gpd.GeoDataFrame]:
    """Chips by the fold whose models have seen neither their location nor one that shares ground with it.

    Without folds, those of the locations on which the models of the split were neither trained nor stopped, under None.

    Args:
        workspace: the workspace.
        task: task of the models.
        chips: ``location_id`` of every chip.
        folds: numbers of the folds.

    Raises:
        WorkspaceError: the task is not curated.
    """
    if folds:
        table = workspace.read_table(artefacts.folds(subject_of(task)), ["location_id", "fold"])
        fold_of = chips["location_id"].map(table.set_index("location_id")["fold"])
        return {fold: chips[fold_of == fold].reset_index(drop=True) for fold in folds}
    samples = workspace.read_table(artefacts.samples_table(task), ["location_id", "subset"])
    learnt = samples["location_id"][samples["subset"].isin([SUBSETS[TRAIN], SUBSETS[VALIDATION]])]
    return {None: chips[~chips["location_id"].isin(learnt)].reset_index(drop=True)}


def _locations(assignment: SplitAssignment) -> pd.DataFrame:
    return pd.DataFrame({"location_id": assignment.locations.ids, "group": assignment.group})
