"""A row of the table: what it is to show, what it may use, and how it becomes a record.

Rules: a row that cannot run (a program is missing, a run failed) is a record without figures whose
reason says what to do; whether a row is passed follows from its figures alone.
"""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from harness import machine, plan
from harness.measure.job import Bench
from harness.model import BASELINE, HarnessError, Implementation
from harness.proof import disturbance
from harness.proven import Figure, Proven

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.proven import Disturbance

MEASURED_S = 10.0  # a row that took less only read what others had measured


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What the rows run on, and how much of it."""

    implementations: tuple[Implementation, ...]
    """Those of a usual run that can run here."""
    everyone: tuple[Implementation, ...]
    """All that can run an echo server here."""
    server_core: int
    gauge_core: int
    folder: Path
    """For what children write; gone afterwards."""
    seed: int
    blocks: int
    """Blocks of an interleaved comparison."""
    campaigns: int
    campaign_s: float
    kills: int
    memory_s: float
    """How long the run is whose memory is watched."""
    say: Callable[[str], None]
    full_run: Callable[[int], Path]
    """Returns the folder of full run number 0 or 1, measured now where it is not there yet."""

    @property
    def bench(self) -> Bench:
        """Where jobs run."""
        return Bench(server_core=self.server_core, gauge_core=self.gauge_core, folder=self.folder)

    @property
    def baseline(self) -> Implementation:
        """The baseline. Raises HarnessError where it cannot run."""
        return self._one(lambda one: one.name == BASELINE, f"the baseline, {BASELINE},")

    @property
    def reference(self) -> Implementation:
        """The ceiling. Raises HarnessError where it cannot run."""
        return self._one(lambda one: one.kind == "reference", "the reference")

    def _one(self, fits: Callable[[Implementation], bool], what: str) -> Implementation:
        for one in self.implementations:
            if fits(one):
                return one
        raise HarnessError(f"{what} cannot run here: nox -s list says why.")


@dataclass(frozen=True, kw_only=True)
class Reached:
    """What a row measured."""

    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    """What was measured that can explain a miss."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One claim, and what puts it to the proof."""

    name: str
    what: str
    must: str
    run: Callable[[Setting], Reached]


def record(
    row: Row, reached: Reached, meanwhile: Disturbance, wall_s: float, error: str = ""
) -> Proven:
    """Return the record of a row; the machine's part in a miss is among the reasons."""
    made = Proven(
        row=row.name,
        what=row.what,
        must=row.must,
        created=plan.now(),
        evenloop=plan.version(),
        python=platform.python_version(),
        machine=machine.facts(),
        wall_s=round(wall_s, 1),
        figures=reached.figures,
        notes=reached.notes,
        reasons=(),
        disturbance=meanwhile,
    )
    if made.passed:
        return made
    causes = (error,) if error else reached.causes
    if wall_s >= MEASURED_S:
        causes = (*causes, *disturbance.causes(meanwhile))
    return msgspec.structs.replace(made, reasons=causes)


def prove(row: Row, setting: Setting) -> Proven:
    """Run a row to its record; the harness's own failure in it is a miss with a reason."""
    begin = time.monotonic()
    before = disturbance.read()
    reached, error = Reached(figures=()), ""
    try:
        reached = row.run(setting)
    except HarnessError as failure:
        error = str(failure)
    meanwhile = disturbance.between(before, disturbance.read())
    return record(row, reached, meanwhile, time.monotonic() - begin, error)
