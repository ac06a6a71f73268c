"""What the voters say of the ground of every fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from distributed import Client

from jobs.prospecting.conversions import make_conversion
from jobs.prospecting.ensembles import Ensemble, predict, see
from jobs.prospecting.ground import Ground
from jobs.prospecting.nearby import PROXIMITY, Nearby
from jobs.prospecting.scores import Spoken
from mineral_pipeline.learning import Task, kind_of
from mineral_pipeline.workspace import Workspace, artefacts


def speak(
    client: Client,
    workspace: Workspace,
    ground: Sequence[Ground],
    names: Mapping[int | None, Mapping[Task, Sequence[str]]],
    nearby: Nearby | None,
) -> list[Spoken]:
    """What the models of every fold say of its ground.

    Args:
        client: client of the cluster, on which models predict.
        workspace: the workspace.
        ground: the ground of every fold.
        names: names of the models that speak for each task, by fold.
        nearby: what speaks for presence in place of models, or together with them.
    """
    tasks = [task for task, models in names[ground[0].fold].items() if PROXIMITY not in models]
    asked = [
        Ensemble(artefacts.sample_set(task, one.fold), names[one.fold][task], one.chips["chip_index"].tolist())
        for one in ground
        for task in tasks
    ]
    predicted = iter(predict(client, workspace, asked))
    predictions = [{kind_of(task): next(predicted) for task in tasks} for _ in ground]
    alone = nearby if len(tasks) < len(names[ground[0].fold]) else None
    if alone:
        first = next(task for task in names[ground[0].fold] if task not in tasks)
        predictions = [
            {"presence": alone.predict(one.chips), **found} for one, found in zip(ground, predictions, strict=True)
        ]
        seen = [alone.see(workspace, artefacts.sample_set(first, one.fold), one.chips) for one in ground]
    else:
        seen = see(client, workspace, asked[:: len(tasks)])
    conversion = make_conversion(workspace, {one.fold: names[one.fold] for one in ground}, alone)
    spoken = [
        Spoken(one, said, conversion, features) for one, said, features in zip(ground, predictions, seen, strict=True)
    ]
    return nearby.join(spoken) if nearby and not alone else spoken
