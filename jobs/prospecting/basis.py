"""On what a list of prospects rests: who has made it, what their predictions mean, how far they can be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.prospecting.scores import Spoken
from jobs.prospecting.voters import NEARBY, Voters
from mineral_pipeline.learning import Kind, Task, kind_of, of_subject, subject_of, task_title

ALONE: dict[Kind, str] = {
    "presence": "Richness is not learnt (tasks): where there is a deposit, the mean number of the known ones is taken.",
    "richness": "Presence is not learnt (tasks): there is no probability, and the number is that of a place that holds"
    " a deposit.",
}
"""What is missing where one task alone is learnt."""


def describe_basis(
    voters: Sequence[Voters],
    names: Mapping[int | None, Mapping[Task, Sequence[str]]],
    spoken: Sequence[Spoken],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Content of ``prospects-basis.json``.

    Returns:
        ``heading``, one sentence; ``commodity`` of the list, empty for all deposits; ``voters`` of every task with
        their ``members`` by fold and the ``reason``; the ``conversion`` of predictions; ``notes``; and what `score`
        tells of intervals, applicability and errors.
    """
    folds = [one.ground.fold for one in spoken]
    return {
        "heading": heading(voters),
        "commodity": subject_of(voters[0].task),
        "voters": [
            {
                "task": one.task,
                "kind": one.kind,
                "label": one.label,
                "pixels": one.sees_pixels,
                "proximity": one.is_near,
                "added": one.added,
                "beats_bar": one.beats_bar,
                "reason": one.reason,
                "members": [{"fold": fold, "names": list(names[fold][one.task])} for fold in folds],
            }
            for one in voters
        ],
        "conversion": spoken[0].conversion.facts,
        "notes": [ALONE[kind_of(voters[0].task)]] if len(voters) == 1 else [],
        **facts,
    }


def heading(voters: Sequence[Voters]) -> str:
    """Who has made the list, and whether it is better than a map without pixels, in one sentence."""
    blind, of = [one for one in voters if not one.sees_pixels], of_subject(subject_of(voters[0].task))
    what = f"Places for deposits{of} are ranked" if of else "Ranked"
    if len(blind) == len(voters):
        labels = " and ".join(dict.fromkeys(one.label for one in blind))
        return f"{what} without pixels, by {labels}: no model that sees pixels beats the bar."
    speaking = [
        f"for {task_title(one.task)}, no model that sees pixels beats the bar, and {one.label} speaks" for one in blind
    ]
    if adding := [one for one in voters if one.sees_pixels and one.beats_bar is False]:
        (one, *_) = adding
        who = f"{NEARBY} together with {one.label}" if one.is_near else f"{one.label} alone"
        but = "adds to proximity" if one.added else "is better than chance"
        said = f"{what} by {who}, which beats no map without pixels but {but}"
        return "; ".join([said, *speaking]) + "."
    if blind:
        return f"{what} in part without pixels: {speaking[0]}."
    labels = " and ".join(dict.fromkeys(one.label for one in voters))
    if any(one.is_near for one in voters):
        labels += f", together with {NEARBY}"
    if any(one.beats_bar is None for one in voters):
        return f"{what} by {labels}; whether pixels tell more than a map without them has not been evaluated."
    return f"{what} by {labels}, from pixels that tell more than a map without them."
