"""What the answers of object stores to a conditional write mean."""

from __future__ import annotations

from typing import Any

import pytest

from mineral_pipeline.workspace._files import is_taken


def answered(response: Any) -> OSError:
    """An error as s3fs raises it, from one of botocore with the response."""
    cause = Exception("of botocore")
    cause.response = response  # type: ignore[attr-defined]
    error = OSError("something")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("status", "taken"), [(409, True), (412, True), (410, False), (411, False), (404, False), (500, False)]
)
def test_conflicts_and_failed_conditions_mean_that_the_name_is_taken(status: int, taken: bool) -> None:
    assert is_taken(answered({"ResponseMetadata": {"HTTPStatusCode": status}})) == taken


def test_a_file_that_exists_is_taken_whatever_the_cause() -> None:
    assert is_taken(FileExistsError("it is there"))
    assert not is_taken(OSError("something else"))
    assert not is_taken(answered({}))
    assert not is_taken(answered(None))
