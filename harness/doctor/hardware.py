"""Checks of the cores and the clocks.

Rules: as in `harness.doctor`: a Place in, a Finding out. Bounds stand beside each check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import machine
from harness.doctor.finding import Finding, finding

if TYPE_CHECKING:
    from harness.doctor.place import Place
    from harness.doctor.probes import Spin

_CPU = "sys/devices/system/cpu"
# a clock that the kernel reads from a device, by a system call, takes a microsecond and more
_READING_FAIR_NS, _READING_BAD_NS = 200, 1_000
_LATE_FAIR_NS, _LATE_BAD_NS = 200_000, 1_000_000
_EXACT_NS = 1_000_000  # a tick is 1, 4 or 10 ms: a smaller step is no tick
_LOST_FAIR, _LOST_BAD = 0.005, 0.03  # of a second; 0.03 is what counts as a tie
_LONGEST_FAIR_NS, _LONGEST_BAD_NS = 2_000_000, 10_000_000  # a slice is 50 ms
_SPEED_FAIR, _SPEED_BAD = 0.95, 0.80  # threads of one core reach 0.5 to 0.7 of it alone
_HIDDEN = "A virtual machine hides it; if the control below is not good, ask for a real one."


def physical(place: Place) -> list[int]:
    """Return one usable core of each physical core; the first two are those of a run."""
    return machine.physical(place.affinity(), place.root / _CPU)


def cores(place: Place) -> Finding:
    """Return the cores: contestant and gauge need one each, and everything else a third."""
    usable, own = len(place.affinity()), len(physical(place))
    threads = f" ({usable} threads)" if usable != own else ""
    if own < 2 <= usable:
        advice = "The cores are two threads of one: they slow each other. Allow another core."
    elif own < 2:
        advice = "Measuring needs two cores: allow this process another (taskset, cpuset, VM)."
    else:
        advice = "Whatever else runs here shares the two cores: stop it, or allow a third core."
    return finding("cores", f"{own} usable{threads}", bad=own < 2, fair=own == 2, advice=advice)


def governor(place: Place) -> Finding:
    """Return the governor: a frequency that follows the load makes the first slices slow."""
    two = physical(place)[:2]
    found = [place.read(f"{_CPU}/cpu{core}/cpufreq/scaling_governor") for core in two]
    names = sorted(set(filter(None, found)))
    if not names:
        return finding("governor", "not visible", fair=True, advice=_HIDDEN)
    differ = len(set(found)) > 1
    return finding(
        "governor",
        " and ".join(names),
        bad=differ,
        fair=names != ["performance"],
        advice="Give all cores the same: sudo cpupower frequency-set -g performance",
    )


def turbo(place: Place) -> Finding:
    """Return turbo: it ends when the chip is warm, and the same work then takes longer."""
    no_turbo = place.read(f"{_CPU}/intel_pstate/no_turbo")
    boost = place.read(f"{_CPU}/cpufreq/boost")
    throttled = sum(
        sum(place.numbers(f"{_CPU}/cpu{core}/thermal_throttle/core_throttle_count"))
        for core in physical(place)[:2]
    )
    if throttled:
        return finding(
            "turbo",
            f"throttled {throttled:,} times since the start",
            bad=True,
            advice="The chip gets too hot and slows down: cool it, or turn turbo off.",
        )
    if not no_turbo and not boost:
        return finding("turbo", "not visible", fair=True, advice=_HIDDEN)
    on = no_turbo == "0" or boost == "1"
    where, off = ("cpufreq/boost", 0) if boost else ("intel_pstate/no_turbo", 1)
    return finding(
        "turbo",
        "on" if on else "off",
        fair=on,
        advice=f"Turn it off for narrower intervals: echo {off} | sudo tee /{_CPU}/{where}",
    )


def timer(place: Place) -> Finding:
    """Return the timers: slices begin and origins answer by them."""
    found = place.timer()
    return finding(
        "timer",
        f"{found.resolution_ns:,.0f} ns fine, a sleep of 1 ms ends {found.late_ns / 1e3:,.0f} us"
        " late",
        bad=found.resolution_ns > _EXACT_NS or found.late_ns > _LATE_BAD_NS,
        fair=found.resolution_ns > 1_000 or found.late_ns > _LATE_FAIR_NS,
        advice="Sleepers wake late: stop what keeps the cores busy, or use a kernel with "
        "high-resolution timers.",
    )


def clock_source(place: Place) -> Finding:
    """Return the clock: every message is stamped, and a slow one takes its share of each."""
    folder = "sys/devices/system/clocksource/clocksource0"
    name = place.read(f"{folder}/current_clocksource") or "unknown"
    reading_ns = place.timer().reading_ns
    others = place.read(f"{folder}/available_clocksource").split()
    better = next((one for one in ("tsc", "kvm-clock") if one in others and one != name), "")
    return finding(
        "clock source",
        f"{name}, {reading_ns:,.0f} ns a reading",
        bad=reading_ns > _READING_BAD_NS,
        fair=reading_ns > _READING_FAIR_NS,
        advice=f"echo {better} | sudo tee /{folder}/current_clocksource"
        if better
        else "Reading the clock is a slow system call here: ask for a machine with a stable TSC.",
    )


def cpu_clock(place: Place) -> Finding:
    """Return the clock of another process: CPU per message rests on it."""
    found = place.cpu_clock()
    exact = found.exact or 0 < found.step_ns < _EXACT_NS
    figure = f"in ticks of {found.step_ns / 1e6:.0f} ms" if found.step_ns else "it does not move"
    if exact:
        figure = "exact" if found.exact else f"exact, steps of {found.step_ns:,} ns"
    return finding(
        "CPU clock",
        figure,
        bad=not exact,
        advice="CPU per message cannot be told: let perf events count one's own processes "
        "(sudo sysctl kernel.perf_event_paranoid=2), or use a kernel with exact accounting.",
    )


def perf_events(place: Place) -> Finding:
    """Return the hardware counters: they explain figures, and none needs them."""
    refusal = place.perf_events()
    paranoid = place.read("proc/sys/kernel/perf_event_paranoid") or "unknown"
    return finding(
        "perf events",
        f"{refusal} (paranoid {paranoid})" if refusal else f"available (paranoid {paranoid})",
        fair=bool(refusal),
        advice="No figure needs them. To look closer with perf, a real machine and "
        "sudo sysctl kernel.perf_event_paranoid=1",
    )


def interruptions(alone: list[Spin], together: list[Spin]) -> list[Finding]:
    """Return what spinning on both cores showed: interruptions, and whether they share a core."""
    lost = max(spin.lost_ns / spin.wall_ns for spin in together)
    longest = max(spin.longest_ns for spin in together)
    seen = "; ".join(
        f"core {spin.core}: {spin.gaps:,} in {spin.wall_ns / 1e9:.1f} s, "
        f"{spin.lost_ns / spin.wall_ns:.1%} of it"
        for spin in together
    )
    before = sum(spin.readings / spin.wall_ns for spin in alone)
    speed = sum(spin.readings / spin.wall_ns for spin in together) / before
    return [
        finding(
            "interruptions",
            f"{seen}; longest {longest / 1e6:.2f} ms",
            bad=lost > _LOST_BAD or longest > _LONGEST_BAD_NS,
            fair=lost > _LOST_FAIR or longest > _LONGEST_FAIR_NS,
            advice="Something takes the cores away: stop other programs, and on a shared host ask "
            "for dedicated cores.",
        ),
        finding(
            "cores at once",
            f"{speed:.0%} of the speed of each alone",
            bad=speed < _SPEED_BAD,
            fair=speed < _SPEED_FAIR,
            advice="The two cores slow each other: they may be threads of one, or their host is "
            "overbooked. Ask for whole cores.",
        ),
    ]
