"""What a run says of itself while it runs: one live line, or plain lines where nobody watches.

Rules: no thread (children must be started from a process with none), nothing printed while a slice
is measured; the caller says when.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

if TYPE_CHECKING:
    from types import TracebackType

PLAIN_EVERY_S = 5.0  # a log file wants to know that it goes on, not each step


class Progress:
    """One line on stderr that says what is running and how far it is."""

    def __init__(self, console: Console | None = None) -> None:
        """Write to this console; by default stderr, so that stdout holds results alone."""
        self.console = console or Console(stderr=True)
        self._live = (
            Live(console=self.console, auto_refresh=False, transient=True)
            if self.console.is_terminal
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

    def say(self, stage: str, text: str) -> None:
        """Show what is running now."""
        if self._live:
            self._live.update(
                Text(f"{stage}: {text}", no_wrap=True, overflow="ellipsis"), refresh=True
            )
            return
        now = time.monotonic()
        if stage != self._stage or now - self._last >= PLAIN_EVERY_S:
            self._stage, self._last = stage, now
            self.console.print(f"{stage}: {text}", highlight=False, markup=False, soft_wrap=True)

    def note(self, text: str, style: str = "") -> None:
        """Leave a line that stays."""
        self.console.print(Text(text, style=style), highlight=False, soft_wrap=True)
