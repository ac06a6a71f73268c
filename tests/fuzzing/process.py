"""One target, fuzzed in a process of its own."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fuzzing.damaged_workspace import damage_workspace
from tests.fuzzing.fuzz import fuzz
from tests.fuzzing.targets import make_targets

WORKSPACE = "workspace"
"""Name of the target that is not made of bytes."""

INPUTS_PER_DAMAGE = 40
"""After each damage everything is read, which takes as long as many inputs of the other targets."""

MIN_DAMAGES = 20

RESULT = "result.json"
"""File of the process that holds its findings."""


def fuzz_in_process(name: str, inputs: int, seed: int, folder: str) -> None:
    """Fuzz one target, and leave the findings in a file."""
    place = Path(folder)
    if name == WORKSPACE:
        findings = damage_workspace(max(inputs // INPUTS_PER_DAMAGE, MIN_DAMAGES), seed, place)
    else:
        findings = fuzz(make_targets(place)[name], inputs, seed, place)
    (place / RESULT).write_text(json.dumps(vars(findings)))
