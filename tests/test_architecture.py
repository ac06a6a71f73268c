"""The structure is what docs/architecture.md says: floors, sizes, annotations."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path for room in ("mineral_pipeline", "jobs", "cluster", "benchmarks") for path in (ROOT / room).rglob("*.py")
)
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LIBRARY = sorted((ROOT / "mineral_pipeline").rglob("*.py"))
GROUND = {path.stem for path in (ROOT / "mineral_pipeline").glob("*.py")} - {"__init__"} | {"settings"}


def room_of(path: Path) -> str:
    """First part of a path below mineral_pipeline, without the suffix."""
    return path.relative_to(ROOT / "mineral_pipeline").parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Dotted names of all modules, and names from modules, that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_from_the_ground_floor_and_itself(path: Path) -> None:
    room = room_of(path)
    for name in imports(path):
        package, _, rest = name.partition(".")
        assert package not in {"jobs", "cluster", "benchmarks"}, f"{room} imports {name}"
        if package == "mineral_pipeline":
            other = rest.split(".")[0]
            assert other in GROUND or other == room, f"{room} imports {name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    limit = 150 if path.parent == ROOT / "jobs" else 400
    assert text.count("\n") < limit
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, node.name


def test_every_job_offers_plan_and_main() -> None:
    from jobs.running.provenance import JOBS
    from jobs.running.runner import module

    for job in JOBS:
        assert callable(module(job).plan), job
        assert callable(module(job).main), job


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_and_files_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target
