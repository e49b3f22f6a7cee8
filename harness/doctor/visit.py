"""The visit: every check in its order, and the diagnosis.

Rules: the order of the checks is this list. What spins comes after what only reads, and before the
control, which needs two cores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import machine, plan
from harness.doctor import business, control, hardware, limits
from harness.doctor.finding import Diagnosis, Finding, finding
from harness.model import BASELINE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.doctor.place import Place
    from harness.model import Sample
    from harness.summary import Estimate

    Check = Callable[[Place], Finding]

READING: tuple[Check, ...] = (
    hardware.cores,
    hardware.governor,
    hardware.turbo,
    business.load,
    business.pressure,
    limits.open_files,
    limits.ports,
    limits.tcp_memory,
    limits.queue,
    limits.congestion,
    limits.namespaces,
    hardware.timer,
    hardware.clock_source,
    hardware.cpu_clock,
    hardware.perf_events,
)
ALONE_S, TOGETHER_S = 0.3, 1.0


def spinning(place: Place) -> list[Finding]:
    """Return what spinning shows: on each core alone, then on both at once."""
    two = tuple(hardware.physical(place)[:2])
    alone = [spin for core in two for spin in place.spin((core,), ALONE_S)]
    before = business.ticks(place)
    together = place.spin(two, TOGETHER_S)
    after = business.ticks(place)
    return [business.steal(before, after), *hardware.interruptions(alone, together)]


def examine(
    place: Place,
    measured: Callable[[tuple[int, int]], Sequence[Sample]],
    say: Callable[[str], None],
) -> tuple[list[Finding], Estimate | None]:
    """Return every finding, and the control's ratio; `measured` gives the control's samples."""
    found: list[Finding] = []
    for check in READING:
        say(check.__name__.replace("_", " "))
        found.append(check(place))
    say("spinning")
    found += spinning(place)
    two = hardware.physical(place)[:2]
    if len(two) < 2:
        advice = "It needs two cores."
        return [*found, finding("control", "not measured", bad=True, advice=advice)], None
    last, ratio = control.judge(measured((two[0], two[1])))
    return [*found, last], ratio


def diagnose(place: Place, say: Callable[[str], None]) -> Diagnosis:
    """Examine this machine; takes about fifteen seconds."""
    baseline = plan.choose(plan.discover(), [BASELINE])[0]
    found, ratio = examine(place, lambda two: control.measure(baseline, two, say), say)
    return Diagnosis(
        created=plan.now(),
        evenloop=plan.version(),
        machine=machine.facts(),
        findings=tuple(found),
        control=ratio,
    )
