"""A run record with all that `runs.FIELDS` demands, for tests that need some of it."""

from __future__ import annotations

from typing import Any

RECORD: dict[str, Any] = {
    "job": "label",
    "run": "",
    "started": "2026-11-22T10:00:00.000000Z",
    "state": "done",
    "counts": {"unit": "chips"},
    "settings": {},
    "inputs": {},
    "outputs": {},
    "packages": {},
}
