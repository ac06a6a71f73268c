"""What must be in one place: the verdict of corrupt, and everything that retries requests to an archive."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ARCHIVE = ROOT / "mineral_pipeline" / "archive"
SOURCES = sorted(
    path for folder in ("mineral_pipeline", "jobs", "benchmarks") for path in (ROOT / folder).rglob("*.py")
)
ACQUISITION = sorted(
    [
        *ARCHIVE.glob("*.py"),
        *(ROOT / "jobs" / "acquisition").glob("*.py"),
        ROOT / "jobs" / "acquire.py",
        ROOT / "jobs" / "catalogue.py",
    ]
)
LOOPS = (ast.For, ast.While, ast.AsyncFor)


def nodes(path: Path) -> Iterator[ast.AST]:
    """All nodes of a module's syntax tree."""
    return ast.walk(ast.parse(path.read_text()))


def called_name(node: ast.AST) -> str:
    """Last name of what a call calls; empty for other nodes."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def loops_around_a_handler(path: Path) -> list[int]:
    """Lines of loops that catch an error and may go on: those that could try again."""
    loops = (node for node in nodes(path) if isinstance(node, LOOPS))
    return [
        loop.lineno
        for loop in loops
        for inner in ast.walk(loop)
        if isinstance(inner, ast.Try) and not all(isinstance(handler.body[-1], ast.Raise) for handler in inner.handlers)
    ]


def relative(paths: set[Path]) -> set[str]:
    return {str(path.relative_to(ROOT)) for path in paths}


def test_only_validation_judges_what_is_corrupt() -> None:
    found = {path for path in SOURCES for node in nodes(path) if called_name(node) == "CorruptError"}
    assert relative(found) == {"mineral_pipeline/archive/validation.py"}


def test_only_retry_pauses_between_attempts() -> None:
    found = {path for path in ACQUISITION for node in nodes(path) if called_name(node) == "sleep"}
    limiter = "mineral_pipeline/archive/throttling.py"  # its pauses come before a request, and follow no error
    assert relative(found) == {"mineral_pipeline/archive/retry.py", limiter}


def test_only_retry_has_loops_that_go_on_after_an_error() -> None:
    found = {path for path in ACQUISITION if loops_around_a_handler(path)}
    assert relative(found) == {"mineral_pipeline/archive/retry.py"}
    assert len(loops_around_a_handler(ARCHIVE / "retry.py")) == 2


def test_only_retry_and_the_settings_know_how_often_to_retry() -> None:
    names = {"retries", "deadline_s"}
    for path in sorted(ARCHIVE.glob("*.py")):
        if path.name != "retry.py":
            used = {node.attr for node in nodes(path) if isinstance(node, ast.Attribute)}
            assert not used & names, path.name


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("while True:\n try:\n  read()\n except OSError:\n  pass", [1]),
        ("for _ in range(3):\n try:\n  read()\n except OSError:\n  if last: raise", [1]),
        ("for name in names:\n try:\n  read(name)\n except OSError as error:\n  raise ArchiveError from error", []),
        ("try:\n for name in names: read(name)\nexcept OSError:\n pass", []),
    ],
)
def test_a_loop_that_may_try_again_is_recognised(tmp_path: Path, text: str, lines: list[int]) -> None:
    path = tmp_path / "module.py"
    path.write_text(text)
    assert loops_around_a_handler(path) == lines
