"""The gate before a job: whether the machine is quiet now, and how long to wait for it if not.

Rules: preset, and blind to what comes after it. A probe spins for a millisecond on each of the two
cores and counts what it did not get, whoever took it: other processes, interrupts, a hypervisor.
The kernel's own account of tasks that waited (PSI) is read around it where there is one. A noisy
start is tried again for a bounded time, and all waiting together is a bounded share of the run: on
a machine that is never quiet it goes on, and the samples say what that did (`units`).
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from harness import machine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PROBE_NS = 1_000_000
GAP_NS = 20_000  # two reads of the clock are 0.1 us apart: so long a gap is somebody else's
NOISY = 0.30  # of a probe: moving to a core costs a tenth, a process that is at home there all
AGAIN_S = 0.05
START_MOST_S = 1.0
SHARE_MOST = 0.05  # of the time since the run began, all waits together
PRESSURE = Path("/proc/pressure/cpu")


class Waited(NamedTuple):
    """What came of waiting for a quiet machine."""

    wait_s: float
    """0 where the first probe was quiet: a probe itself is not counted."""
    noisy: bool
    """True where it was still noisy in the end."""


def pressure_us(file: Path = PRESSURE) -> int | None:
    """Return for how long, since boot, some task waited for a core; None where nobody counts."""
    try:
        total = machine.pressure(file.read_text()).get("total")
    except OSError:  # a kernel without PSI, or one that it is switched off in
        return None
    return None if total is None else int(total)


def lost(core: int, clock: Callable[[], int] = time.perf_counter_ns) -> float:
    """Spin for PROBE_NS on a core; return what was lost, as a share of that: 0 is all quiet.

    The way there counts: a core that is busy takes its time to let anyone in.
    """
    last = clock()
    with machine.pinned(core):
        now = clock()
        gone, end = now - last, now + PROBE_NS
        while now < end:
            last, now = now, clock()
            if now - last > GAP_NS:
                gone += now - last
    return gone / PROBE_NS


def noise(cores: Sequence[int]) -> float:
    """Return the worst of what the cores lost and of what PSI says, as a share of the time."""
    before_us, begin = pressure_us(), time.perf_counter_ns()
    worst = max(lost(core) for core in cores)
    after_us, took_ns = pressure_us(), time.perf_counter_ns() - begin
    if before_us is None or after_us is None:
        return worst
    return max(worst, (after_us - before_us) * 1e3 / took_ns)


class Gate:
    """Lets jobs pass once the machine is quiet, or once enough was waited."""

    def __init__(
        self,
        cores: Sequence[int],
        *,
        probe: Callable[[Sequence[int]], float] = noise,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Watch these cores; `probe` returns how noisy they are, `clock` seconds."""
        self._cores = tuple(cores)
        self._probe, self._sleep, self._clock = probe, sleep, clock
        self._begin = clock()
        self._waited_s = 0.0

    def wait(self) -> Waited:
        """Return when the machine is quiet, or when the time for that is over."""
        if self._probe(self._cores) <= NOISY:
            return Waited(0.0, noisy=False)
        begin = self._clock()
        left_s = SHARE_MOST * (begin - self._begin) - self._waited_s
        end = begin + min(START_MOST_S, left_s)
        noisy = True
        waited_s = 0.0
        while noisy and begin + waited_s + AGAIN_S <= end:
            self._sleep(AGAIN_S)
            noisy = self._probe(self._cores) > NOISY
            waited_s = self._clock() - begin
        self._waited_s += waited_s
        return Waited(waited_s, noisy)
