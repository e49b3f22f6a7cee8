"""Checks of what else this machine does: load, pressure, and time that its host takes.

Rules: as in `harness.doctor`: a Place in, a Finding out. Bounds stand beside each check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import machine
from harness.doctor.finding import Finding, finding

if TYPE_CHECKING:
    from harness.doctor.place import Place

_LOAD_FAIR, _LOAD_BAD = 0.25, 0.75  # runnable threads a core, over a minute
_PRESSURE_FAIR, _PRESSURE_BAD = 2.0, 20.0  # per cent of ten seconds in which something waited
_STEAL_FAIR, _STEAL_BAD = 0.001, 0.02
_STEAL = 7  # the column of /proc/stat, from user on
_OTHERS = "Stop other programs and wait a minute: uptime and top show them."


def load(place: Place) -> Finding:
    """Return the load: whoever else runs takes a core from the contestant or the gauge."""
    words = place.read("proc/loadavg").split()
    if not words:
        return finding("load", "not visible", fair=True, advice="Mount /proc.")
    count = len(place.affinity())
    share = float(words[0]) / count
    return finding(
        "load",
        f"{words[0]} over a minute, {count} cores",
        bad=share > _LOAD_BAD,
        fair=share > _LOAD_FAIR,
        advice=_OTHERS,
    )


def pressure(place: Place) -> Finding:
    """Return how long something waited for a core or for memory, of the last ten seconds."""
    waits: dict[str, float] = {}
    for what in ("cpu", "memory"):
        some = machine.pressure(place.read(f"proc/pressure/{what}"))
        if "avg10" in some:
            waits[what] = some["avg10"]
    if not waits:
        advice = "The kernel was built or started without PSI (psi=1): busy moments go unseen."
        return finding("pressure", "not visible", fair=True, advice=advice)
    most = max(waits.values())
    return finding(
        "pressure",
        ", ".join(f"{what} {share:.1f}%" for what, share in waits.items()) + " of ten seconds",
        bad=most > _PRESSURE_BAD,
        fair=most > _PRESSURE_FAIR,
        advice=_OTHERS,
    )


def ticks(place: Place) -> list[int]:
    """Return the ticks of all cores so far, by what they went to; none where they are hidden."""
    for line in place.read("proc/stat").splitlines():
        if line.startswith("cpu "):
            return [int(word) for word in line.split()[1:9]]
    return []


def steal(before: list[int], after: list[int]) -> Finding:
    """Return what the host took between two `ticks`, while both cores were wanted."""
    passed = sum(after) - sum(before)
    if len(before) <= _STEAL or len(after) <= _STEAL or passed <= 0:
        return finding("steal", "not visible", fair=True, advice="Mount /proc.")
    share = (after[_STEAL] - before[_STEAL]) / passed
    return finding(
        "steal",
        f"{share:.1%}",
        bad=share > _STEAL_BAD,
        fair=share > _STEAL_FAIR,
        advice="The host gives this machine's cores to others: ask for dedicated ones.",
    )
