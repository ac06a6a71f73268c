"""Progress says planned, done, skipped and failed, wherever it is shown."""

from __future__ import annotations

import pytest
from rich.console import Console

from jobs.running import progress
from jobs.running.progress import Progress


def test_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    with Progress("acquire", "scenes", planned=1200, skipped=200) as running:
        running.advance(done=900, failed=3)
        running.advance(done=100)

    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "acquire    1,200 scenes: 900 done, 200 skipped, 3 failed",
        "acquire    1,200 scenes: 1,000 done, 200 skipped, 3 failed",
        "acquire    1,200 scenes: 1,000 done, 200 skipped, 3 failed",
    ]


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Console(force_terminal=True, record=True, width=120, highlight=False)
    monkeypatch.setattr(progress, "CONSOLE", terminal)
    with Progress("label", "chips", planned=4) as running:
        running.advance(done=3, failed=1)

    assert "label      4 chips: 3 done, 0 skipped, 1 failed" in terminal.export_text()


def test_a_stopped_job_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> None:
        with Progress("train", "models", planned=2) as running:
            running.advance(done=1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert capsys.readouterr().out == "train      stopped: 2 models: 1 done, 0 skipped, 0 failed\n"
