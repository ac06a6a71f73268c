"""What installs the project says the same thing everywhere, and names no index."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PYPROJECT_TEXT = (ROOT / "pyproject.toml").read_text()
PYPROJECT = tomllib.loads(PYPROJECT_TEXT)["project"]
LOCK = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if line]


def requirements() -> list[Requirement]:
    extras = PYPROJECT["optional-dependencies"]
    locked = [
        *PYPROJECT["dependencies"],
        *(line for name in ("cpu", "cloud", "hpc", "dev") for line in extras[name]),
    ]
    return [Requirement(line) for line in locked]


def test_environment_yml_delegates_to_the_project() -> None:
    python, pip, delegated = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]

    assert python == f"python {PYPROJECT['requires-python']}"
    assert (pip, delegated) == ("pip", {"pip": ["-e .[cpu]"]})
    assert "cpu" in PYPROJECT["optional-dependencies"]


def test_the_lock_pins_and_nothing_else() -> None:
    pinned = re.compile(r"^[A-Za-z0-9._-]+(\[[a-z0-9,_-]+\])?==\S+( ; .+)?$")

    assert [line for line in LOCK if not pinned.match(line)] == []


@pytest.mark.parametrize("wanted", requirements(), ids=lambda wanted: wanted.name)
def test_the_lock_satisfies_the_project(wanted: Requirement) -> None:
    found = [Requirement(line) for line in LOCK]
    versions = [next(iter(pin.specifier)).version for pin in found if pin.name.lower() == wanted.name.lower()]

    assert versions
    assert all(wanted.specifier.contains(version) for version in versions)


def test_every_lower_bound_has_its_reason() -> None:
    bound = re.compile(r'^\s+"[A-Za-z].*[>=]=.*"')
    lines = [line for line in PYPROJECT_TEXT.splitlines() if bound.match(line)]

    assert len(lines) > 20
    assert [line for line in lines if "  # " not in line] == []


def test_every_marked_test_is_left_out_of_make_test_and_run_by_make_test_all() -> None:
    pytest_settings = tomllib.loads(PYPROJECT_TEXT)["tool"]["pytest"]["ini_options"]
    markers = [marker.split(":")[0] for marker in pytest_settings["markers"]]

    assert pytest_settings["addopts"][-1] == " and ".join(f"not {marker}" for marker in markers)
    assert f'-m "{" or ".join(markers)}"\n' in (ROOT / "Makefile").read_text()
