"""A running fetch as a case sees it: its child, and the lines that it writes.

Rules: it reads stdout and never judges an outcome; a Stage has started the child and clears it up.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from harness.check.case import Failure, Late

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness import launch
    from harness.check.stage import Stage


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line that fetch writes: the outcome of one URL."""

    index: int
    url: str
    status: int | None
    bytes: int | None
    crc32: int | None
    error: str | None
    elapsed_s: float


class Totals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The one line that fetch writes with --summary."""

    summary: int
    """How many URLs there were."""
    errors: dict[str, int]
    """Word (or `ok`) -> how many URLs ended so."""
    bytes: int
    crc32: int
    """The sum modulo 2**64 over the URLs that are ok."""
    elapsed_s: float


class Client:
    """A running fetch: its child and the lines that it has written so far."""

    def __init__(
        self, stage: Stage, child: launch.Child, urls: Sequence[str], *, totals: bool = False
    ) -> None:
        """Take over a started child that is to fetch `urls`; `totals`: it was told --summary."""
        self.stage = stage
        self._expect_totals = totals
        self.totals: Totals | None = None
        self.child = child
        self.urls = tuple(urls)
        self.started_at = time.monotonic()
        self.lines: list[Line] = []
        self.arrivals: list[float] = []
        """When each line was read here (monotonic); as exact as the reader is attentive."""
        self.ended = False
        """True once stdout has come to its end."""

    def next_line(self, within_s: float = 5.0) -> Line | None:
        """Return its next outcome, None at the end of stdout. Raises Late when none comes."""
        while not self.ended:
            try:
                text = self.child.line(self.stage.within(within_s))
            except TimeoutError:
                raise Late("a line on stdout", f"none within {within_s:g} s") from None
            if text is None:
                self.ended = True
            elif (line := self._take(text)) is not None:
                return line
        return None

    def pump(self) -> bool:
        """Take the lines that are there without waiting; True at the end of stdout."""
        while not self.ended:
            try:
                text = self.child.line(0)
            except TimeoutError:
                return False
            if text is None:
                self.ended = True
            else:
                self._take(text)
        return True

    def _take(self, text: str) -> Line | None:
        """Keep a line of stdout, and return it when it is an outcome."""
        self.stage.note(f"stdout: {text[:300]}")
        try:
            if self._expect_totals and self.totals is None:
                self.totals = msgspec.json.decode(text, type=Totals)
                return None
            line = msgspec.json.decode(text, type=Line)
        except msgspec.DecodeError as error:
            raise Failure("a JSON line as SPEC.md says", f"{text[:200]!r} ({error})") from None
        self.lines.append(line)
        self.arrivals.append(time.monotonic())
        return line

    def finish(self, within_s: float = 5.0) -> int:
        """Read stdout to its end and return the exit status. Raises Late when that takes longer."""
        deadline = time.monotonic() + self.stage.within(within_s)
        while self.next_line(max(0.01, deadline - time.monotonic()) / self.stage.scale) is not None:
            pass
        try:
            status = self.child.wait(max(0.01, deadline - time.monotonic()))
        except TimeoutError:
            raise Late("an exit after the last line", "a process that lives on") from None
        self.stage.note(f"exit status {status}")
        return status

    def by_index(self) -> dict[int, Line]:
        """Return the outcomes by index. Raises Failure unless every URL has exactly one (F16)."""
        indexes = sorted(line.index for line in self.lines)
        if indexes != list(range(len(self.urls))):
            raise Failure(
                f"one line for each of {len(self.urls)} URLs", f"lines for {indexes[:40]}"
            )
        for line in self.lines:
            if line.url != self.urls[line.index]:
                raise Failure(f"{self.urls[line.index]} at index {line.index}", f"{line.url}")
        return {line.index: line for line in self.lines}
