"""What a run says of itself while it runs: one live line, or plain lines where nobody watches.

Rules: no thread (children must be started from a process with none), nothing printed while a slice
is measured; the caller says when. Time left is what the caller knows: a budget's rest, or what is
still to do at the pace so far (`Pace`).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

PLAIN_EVERY_S = 5.0  # a log file wants to know that it goes on, not each step
PACE_AFTER_S = 3.0  # a pace known for less is a guess that jumps about
_BAR = 16  # columns


def duration(seconds: float) -> str:
    """Return a time as `45s`, `6m05s` or `1h02m`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02}m"


class Pace:
    """Tells how long what is left takes, if it goes on as it went so far."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin now, by this clock."""
        self._clock = clock
        self._begin = clock()

    def left_s(self, done: int, total: int) -> float | None:
        """Return the seconds that the rest takes; None while the pace is too young to tell."""
        spent = self._clock() - self._begin
        return spent / done * (total - done) if done and spent >= PACE_AFTER_S else None


def _line(stage: str, text: str, left: str, share: float | None) -> Text:
    """Return the live line; the text, which stands last, is cut where the terminal ends."""
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(stage, "bold")
    if share is not None:
        done = round(min(1.0, max(0.0, share)) * _BAR)
        line.append(" " + "━" * done, "green").append("─" * (_BAR - done), "dim")
    line.append(f" {left}" if left else "", "bold")
    return line.append(f" {text}")


class Progress:
    """One line on stderr that says what is running and how far it is."""

    def __init__(self, console: Console | None = None) -> None:
        """Write to this console; by default stderr, so that stdout holds results alone."""
        self.console = console or Console(stderr=True)
        self._live = (
            Live(console=self.console, auto_refresh=False, transient=True)
            if self.console.is_terminal and not self.console.is_dumb_terminal
            else None
        )
        self._last = 0.0
        self._stage = ""

    def __enter__(self) -> Self:
        """Begin."""
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the live line away."""
        if self._live:
            self._live.stop()

    def say(
        self,
        stage: str,
        text: str,
        *,
        left_s: float | None = None,
        share: float | None = None,
    ) -> None:
        """Show what is running now, the share of it that is done (0 to 1), and the time left."""
        left = "" if left_s is None else f"{duration(left_s)} left"
        if self._live:
            self._live.update(_line(stage, text, left, share), refresh=True)
            return
        now = time.monotonic()
        if stage != self._stage or now - self._last >= PLAIN_EVERY_S:
            self._stage, self._last = stage, now
            said = f"{stage}: {text}" + (f"; {left}" if left else "")
            self.console.print(said, highlight=False, markup=False, soft_wrap=True)

    def note(self, text: str, style: str = "") -> None:
        """Leave a line that stays."""
        self.console.print(Text(text, style=style), highlight=False, soft_wrap=True)
