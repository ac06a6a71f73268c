"""Tasks: what they are about, what they are called, and the files that are theirs."""

from __future__ import annotations

import itertools
import re

import pytest

from mineral_pipeline.labelling.commodities import vocabulary
from mineral_pipeline.learning import TASKS, in_order, is_task, kind_of, name_subject, subject_column, subject_of
from mineral_pipeline.learning import task_title as title
from mineral_pipeline.workspace import artefacts

SUBJECTS = [*sorted({*vocabulary().names.values()}), *(f"group:{group}" for group in vocabulary().groups)]
EVERY = [*TASKS, *(f"{kind}:{name_subject(text)}" for kind, text in itertools.product(TASKS, SUBJECTS))]


def test_every_task_has_a_folder_of_its_own_that_tells_it() -> None:
    folders = [artefacts.file_name(task) for task in EVERY]
    assert all(map(is_task, EVERY))
    assert len({*folders}) == len({*EVERY}) > 200
    assert [artefacts.task_of(folder) for folder in folders] == EVERY
    assert all(re.fullmatch(r"[a-z0-9_-]+", folder) for folder in folders), "no colon, nothing that a store may refuse"
    assert folders[:2] == ["presence", "richness"], "where they were before there were others"


@pytest.mark.parametrize("fold", [None, 3])
@pytest.mark.parametrize("task", ["presence", "richness:gold", "presence:group:precious"])
def test_a_file_of_a_model_tells_its_sample_set(task: str, fold: int | None) -> None:
    sample_set = artefacts.sample_set(task, fold)
    for file in ("", "metrics.json"):
        assert artefacts.find_model(artefacts.model(sample_set, "small-small-s0", file)) == (
            sample_set,
            "small-small-s0",
        )


def test_parts_and_names() -> None:
    task = "richness:group:precious"
    assert (kind_of(task), subject_of(task), title(task)) == (
        "richness",
        "group:precious",
        "richness of the group precious",
    )
    assert title("presence:barium_barite") == "presence of barium barite"
    assert (subject_of("presence"), title("presence")) == ("", "presence")
    assert name_subject(" Niobium (Columbium)") == "niobium_columbium"
    columns = [subject_column(name, "group:precious") for name in ("n_deposits", "has_deposit", "richness")]
    assert columns == ["n_group_precious", "has_group_precious", "richness_group_precious"]
    assert in_order(["richness:gold", "richness", "presence:gold", "presence"]) == [
        *TASKS,
        "presence:gold",
        "richness:gold",
    ]


@pytest.mark.parametrize(
    "text", ["", "gold", "presence:", "presence:Gold", "presence:group:", "presence:group", "presence:a:b"]
)
def test_what_is_no_task(text: str) -> None:
    assert not is_task(text)
