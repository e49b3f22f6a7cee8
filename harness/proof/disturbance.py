"""What else the machine does while a row is measured: load, pressure, steal, other processes.

Rules: it reads /proc and its own resource usage; what a kernel does not tell (PSI may be switched
off) is 0. Between two readings only: what came before is nobody's business.
"""

from __future__ import annotations

import os
import resource
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness import machine
from harness.proven import Disturbance

STEAL = 0.01  # shares from which on a cause is worth a sentence
OTHERS = 0.05  # of a core
PRESSURE = 0.05
_TICKS = os.sysconf("SC_CLK_TCK")
_STEAL = 7  # column of a cpu line in /proc/stat, from 0 (proc(5))
_IDLE = (3, 4)  # idle and iowait


@dataclass(frozen=True, slots=True)
class Reading:
    """The machine's counters at one instant."""

    time_s: float
    load: float
    avg10: float
    stalled_s: float
    """Time in which some task had no core, since boot."""
    busy_s: float
    """Time that all cores spent on anything, steal left out, since boot."""
    steal_s: float
    own_s: float
    """CPU time of this process and of its ended children."""


def parse_pressure(text: str) -> tuple[float, float]:
    """Return avg10 as a share and total in seconds, of the line `some` of /proc/pressure/cpu."""
    some = machine.pressure(text)
    return some.get("avg10", 0.0) / 100, some.get("total", 0.0) / 1e6


def parse_stat(text: str) -> tuple[float, float]:
    """Return busy and stolen seconds of all cores, from the text of /proc/stat."""
    ticks = [int(word) for word in text.splitlines()[0].split()[1:9]]
    steal = ticks[_STEAL]
    return (sum(ticks) - steal - sum(ticks[i] for i in _IDLE)) / _TICKS, steal / _TICKS


def read() -> Reading:
    """Read the machine's counters now."""
    avg10 = stalled = 0.0
    with suppress(OSError):
        avg10, stalled = parse_pressure(Path("/proc/pressure/cpu").read_text())
    busy, steal = parse_stat(Path("/proc/stat").read_text())
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return Reading(
        time_s=time.monotonic(),
        load=os.getloadavg()[0],
        avg10=avg10,
        stalled_s=stalled,
        busy_s=busy,
        steal_s=steal,
        own_s=sum(one.ru_utime + one.ru_stime for one in used),
    )


def between(before: Reading, after: Reading, cores: int | None = None) -> Disturbance:
    """Return what happened between two readings; `cores` is how many the machine has."""
    length_s = max(after.time_s - before.time_s, 1e-9)
    own_s = after.own_s - before.own_s
    return Disturbance(
        load_before=round(before.load, 2),
        load_after=round(after.load, 2),
        pressure_before=round(before.avg10, 4),
        pressure_after=round(after.avg10, 4),
        pressure=round((after.stalled_s - before.stalled_s) / length_s, 4),
        steal=round(
            (after.steal_s - before.steal_s) / length_s / (cores or os.cpu_count() or 1), 4
        ),
        others=round(max(0.0, after.busy_s - before.busy_s - own_s) / length_s, 3),
    )


def causes(meanwhile: Disturbance) -> list[str]:
    """Return what a machine's other work may have to do with a miss, a sentence each."""
    found = []
    if meanwhile.steal >= STEAL:
        found.append(f"the hypervisor took {meanwhile.steal:.1%} of all cores' time")
    if meanwhile.others >= OTHERS:
        found.append(f"other processes kept {meanwhile.others:.2f} cores busy")
    if meanwhile.pressure >= PRESSURE:
        found.append(f"some task had no core for {meanwhile.pressure:.0%} of the time")
    return found or ["the machine was quiet: no steal, no other process worth mentioning"]
