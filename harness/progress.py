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
from rich.progress_bar import ProgressBar
from rich.table import Table
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


def _line(stage: str, text: str, left: str, share: float | None) -> Table:
    """Return the live line; the text is cut where the terminal ends."""
    line = Table.grid(padding=(0, 1))
    cells: list[Text | ProgressBar] = [Text(stage, style="bold")]
    line.add_column(no_wrap=True, min_width=len(stage))
    if share is not None:
        line.add_column(min_width=_BAR, max_width=_BAR)
        cells.append(ProgressBar(total=1.0, completed=min(1.0, share), width=_BAR))
    if left:
        line.add_column(no_wrap=True, min_width=len(left))
        cells.append(Text(left))
    line.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    line.add_row(*cells, Text(text, no_wrap=True, overflow="ellipsis"))
    return line


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
