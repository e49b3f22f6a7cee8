"""A job: what one fresh process of one contestant is asked to give, and what a job may use.

Rules: a contestant's failure becomes a void Sample with its reason; only the harness's own failure
(the gauge does not start, or says what nobody asked) is an exception.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import msgspec

from harness import launch
from harness.cost import Ledger
from harness.model import Cell, HarnessError, Implementation, Sample, Workload

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import IO

T = TypeVar("T", bound=msgspec.Struct)

GAUGE_S = 60.0  # the longest that a single line of the gauge may take


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One process of one contestant, and the cells it is to give samples for."""

    block: int
    implementation: Implementation
    alias: str
    """The name its samples carry: the implementation's own, or the hidden twin's."""
    workload: Workload
    cells: tuple[Cell, ...]
    order: int
    """Seed of the order of cells and slices; the same for all contestants of a block."""
    burden: tuple[str, ...] = ()
    """Further words for the launcher, after its workload."""

    def void(self, reason: str) -> list[Sample]:
        """Return one void sample for each cell."""
        return [
            Sample(
                block=self.block,
                implementation=self.alias,
                workload=self.workload,
                cell=cell.name,
                index=0,
                of=1,
                error=reason,
            )
            for cell in self.cells
        ]


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """Where jobs run: the two cores, and a folder for what children write."""

    server_core: int
    gauge_core: int
    folder: Path
    """Holds the children's stderr and the lists of URLs."""
    ledger: Ledger = msgspec.field(default_factory=Ledger)
    """What the job at hand spends its time on."""

    def gauge(
        self,
        words: Sequence[str],
        *,
        fds: Sequence[int] = (),
        stdin: int | IO[bytes] = subprocess.DEVNULL,
    ) -> AbstractContextManager[launch.Child]:
        """Start a role of the gauge on its own core."""
        return launch.start(
            [sys.executable, "-m", "harness.gauge", *words],
            stderr=self.folder / "gauge.stderr",
            fds=fds,
            core=self.gauge_core,
            stdin=stdin,
        )


def tell(gauge: launch.Child, text: str) -> None:
    """Write a line to the gauge's stdin; one that has ended says why where it is read from."""
    with suppress(BrokenPipeError):
        gauge.stdin.write(text.encode() + b"\n")
        gauge.stdin.flush()


def gauge_line(gauge: launch.Child, kind: type[T]) -> T:
    """Return the gauge's next line as a record. Raises HarnessError with its last words."""
    try:
        text = gauge.line(GAUGE_S)
    except TimeoutError:
        raise HarnessError(f"the gauge said nothing for {GAUGE_S:g} s.") from None
    if text is None:
        raise HarnessError(f"the gauge ended early: {gauge.last_line() or 'it gave no reason'}")
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        raise HarnessError(f"the gauge said {text[:100]!r}: {error}.") from error
