"""Progress: how long it still takes, in a form that people read, within the terminal's width."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from rich.console import Console

from harness.progress import Pace, Progress, duration


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-3, "0s"), (0.4, "0s"), (59.4, "59s"), (59.6, "1m00s"), (365, "6m05s"), (3725, "1h02m")],
)
def test_durations_read_well(seconds: float, said: str) -> None:
    """Seconds, minutes, hours; what is over is nothing."""
    assert duration(seconds) == said


def test_a_pace_tells_what_is_left_once_it_is_known() -> None:
    """Ten of forty in five seconds: fifteen to go; nothing is said of a second's pace."""
    now = 100.0
    pace = Pace(lambda: now)
    now = 101.0
    assert pace.left_s(10, 40) is None
    now = 105.0
    assert pace.left_s(10, 40) == pytest.approx(15.0)
    assert pace.left_s(0, 40) is None


def test_plain_lines_tell_the_time_left() -> None:
    """Where nobody watches: one line, no control sequences."""
    out = StringIO()
    with Progress(Console(file=out, width=80)) as progress:
        progress.say("measure", "trio echo, block 3", left_s=125.0, share=0.5)
    assert out.getvalue() == "measure: trio echo, block 3; 2m05s left\n"


def test_the_live_line_fits_its_terminal() -> None:
    """One line of 60 columns with a bar and the time, and the text cut with a sign."""
    out = StringIO()
    terminal = {"TERM": "xterm"}
    console = Console(file=out, width=60, force_terminal=True, color_system=None, _environ=terminal)
    with Progress(console) as progress:
        progress.say("measure", "x" * 90, left_s=125.0, share=0.5)
    plain = re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", out.getvalue())
    shown = next(line for line in re.split(r"[\r\n]", plain) if line)
    assert "2m05s left" in shown
    assert "━" in shown
    assert "…" in shown
    assert len(shown) <= 60


def test_a_dumb_terminal_gets_plain_lines() -> None:
    """It cannot move its cursor, and is told all the same."""
    out = StringIO()
    console = Console(file=out, force_terminal=True, _environ={"TERM": "dumb"})
    with Progress(console) as progress:
        progress.say("check", "1 of 2", share=0.5)
    assert out.getvalue() == "check: 1 of 2\n"
