"""What a run's wall clock went into: a line for each job and stage as it ends, and their shares.

Rules: it counts and never decides. What is in none of the columns is the harness's own: it
connects, drains, ends processes, writes, decides. Waiting for a quiet machine is its own as well,
and told apart. A run that is killed loses the line of the job that it was at, which is then done
again.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import msgspec

from harness import files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FILE = "costs.jsonl"

Part = Literal["check", "measure", "analyse", "report", "blocks", "once", "scenarios"]
Column = Literal["slices_s", "priming_s", "starts_s", "waits_s"]
_JOBS: frozenset[Part] = frozenset({"blocks", "once", "scenarios"})
"""What the jobs within `measure` belong to: they have columns, a stage has its wall clock alone.
A scenario of one implementation is a job, too."""


class Cost(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one job took, or one whole stage of a run."""

    part: Part
    wall_s: float
    """Of a job: from the end of the one before to its own."""
    slices_s: float = 0.0
    """Warm-ups and windows; of a fetch client, from its first request to its last answer; of a
    scenario, whatever else its figures are read from."""
    priming_s: float = 0.0
    starts_s: float = 0.0
    """Until a process was at work, and the gauge that starts beside it."""
    waits_s: float = 0.0
    """For the machine to be quiet."""
    noisy: bool = False
    """True where it began although the machine was not."""


class Shares(msgspec.Struct, frozen=True, kw_only=True):
    """What all jobs of a run took, in shares of their wall clock."""

    jobs: int
    noisy: int
    """How many began although the machine was not quiet."""
    wall_s: float
    slices: float
    priming: float
    starts: float
    waits: float
    own: float
    """The harness's own share, the waits within."""


class Ledger:
    """Adds up what the job at hand takes, column by column."""

    def __init__(self) -> None:
        """Begin with the first job."""
        self.noisy = False
        self._spent: dict[Column, float] = {}
        self._begin = time.monotonic()

    def add(self, column: Column, seconds: float) -> None:
        """Count seconds that the job at hand has spent."""
        self._spent[column] = self._spent.get(column, 0.0) + seconds

    @contextmanager
    def timed(self, column: Column) -> Iterator[None]:
        """Count the seconds that a `with` block takes, however it ends."""
        begin = time.monotonic()
        try:
            yield
        finally:
            self.add(column, time.monotonic() - begin)

    def close(self, part: Part) -> Cost:
        """Return what the job took, and begin with the next one."""
        now = time.monotonic()
        spent = {column: round(seconds, 6) for column, seconds in self._spent.items()}
        cost = Cost(part=part, wall_s=round(now - self._begin, 6), noisy=self.noisy, **spent)
        self.noisy, self._spent, self._begin = False, {}, now
        return cost


class Book:
    """The costs of a run folder."""

    def __init__(self, folder: Path) -> None:
        """Go on from what is written there; a line that an earlier process tore is dropped."""
        self._file = folder / FILE
        files.mend(self._file)

    def add(self, cost: Cost) -> None:
        """Write one down."""
        files.append_jsonl(self._file, [cost])

    @contextmanager
    def timed(self, part: Part) -> Iterator[None]:
        """Write down how long a `with` block took, however it ends."""
        begin = time.monotonic()
        try:
            yield
        finally:
            self.add(Cost(part=part, wall_s=round(time.monotonic() - begin, 6)))

    def read(self) -> list[Cost]:
        """Return all that is written there."""
        return files.read_jsonl(self._file, Cost) if self._file.exists() else []


def shares(costs: Iterable[Cost]) -> Shares | None:
    """Return what the jobs of a run took; None where there are none."""
    jobs = [cost for cost in costs if cost.part in _JOBS]
    wall_s = sum(job.wall_s for job in jobs)
    if wall_s <= 0:
        return None
    columns: tuple[Column, ...] = ("slices_s", "priming_s", "starts_s", "waits_s")
    slices, priming, starts, waits = (
        sum(getattr(job, column) for job in jobs) / wall_s for column in columns
    )
    return Shares(
        jobs=len(jobs),
        noisy=sum(job.noisy for job in jobs),
        wall_s=round(wall_s, 3),
        slices=slices,
        priming=priming,
        starts=starts,
        waits=waits,
        own=1 - slices - priming - starts,
    )


def walls(costs: Iterable[Cost]) -> dict[Part, float]:
    """Return the seconds that each stage of a run took, over all processes that came to its end."""
    found: dict[Part, float] = {}
    for cost in costs:
        if cost.part in _JOBS:
            continue
        found[cost.part] = found.get(cost.part, 0.0) + cost.wall_s
    return found


def sentences(costs: Iterable[Cost]) -> list[str]:
    """Return where the time of a run went, to be read at its end."""
    kept = list(costs)
    said = []
    if found := walls(kept):
        parts = ", ".join(f"{part} {seconds:.0f} s" for part, seconds in found.items())
        said.append(f"Time: {parts}.")
    if of := shares(kept):
        noisy = f"; {of.noisy} of {of.jobs} began on a noisy machine" if of.noisy else ""
        said.append(
            f"Of {of.wall_s:.0f} s in {of.jobs} jobs: slices {of.slices:.1%}, priming "
            f"{of.priming:.1%}, process starts {of.starts:.1%}, the harness's own {of.own:.1%}, "
            f"of which {of.waits:.1%} waiting for a quiet machine{noisy}."
        )
    return said
