"""The controls inside a run, in words: what was expected, what was seen, what to do about it.

Rules: figures come from the summary. A failed control says what disturbed the run and what to
change. Plain text goes out: whoever places it escapes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.model import BASELINE, PLANTED_SHARE, STALL_EVERY_S, STALL_S
from harness.report import numbers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.model import Workload
    from harness.summary import Canary, CanaryName, Doubt, WorkloadSummary

TITLES: dict[CanaryName, str] = {
    "twin": "A/A control",
    "planted": "planted loss",
    "stall": "planted stall",
    "little": "Little's law",
    "headroom": "headroom",
}
DOES: dict[CanaryName, str] = {
    "twin": f"{BASELINE} a second time under a hidden name must come out equal to itself",
    "planted": (
        f"{BASELINE} with {PLANTED_SHARE:.0%} more to do must be told apart from itself by that"
    ),
    "stall": (
        f"{BASELINE} asleep for {STALL_S * 1e3:.0f} ms of every {STALL_EVERY_S * 1e3:.0f} ms must "
        "answer as late as arithmetic says, counted from when a message was due"
    ),
    "little": "the rate times the mean latency must be the number of connections",
    "headroom": "the native ceiling must be well above the fastest, or it was the gauge that ended",
}
FIGURES = {
    "rate": "rate",
    "p99": "p99",
    "cpu": "CPU",
    "p90_us": "p90, ms",
    "p99_us": "p99, ms",
    "p999_us": "p99.9, ms",
    "connections": "connections",
}
DOUBTS: dict[Doubt, str] = {
    "": "",
    "blocks": "too few blocks to judge",
    "apart": "too noisy to be told apart: take differences of this size for ties",
    "void": "measured, and nothing of it counts",
    "wide": "too wide an interval for it to fail",
    "short": "too short, or too disturbed, to judge",
}
_ECHO_ALONE: frozenset[CanaryName] = frozenset({"planted", "stall", "little"})
_QUIET = (
    "Something disturbed the run: close what else runs on this machine (nox -s doctor looks for "
    "it), and measure again."
)
_FAULT = "If it stays on a quiet machine, it is a fault of evenloop: please report it."


def missing(found: Iterable[Canary], workload: Workload) -> list[str]:
    """Return the titles of the controls that a workload's run did not have and can have."""
    there = {canary.name for canary in found}
    return [
        title
        for name, title in TITLES.items()
        if name not in there and (workload == "echo" or name not in _ECHO_ALONE)
    ]


def _number(canary: Canary, value: float | None) -> str:
    """Return a bound or a figure in the unit that FIGURES says."""
    if value is None:
        return ""
    return numbers.plain(value / 1e3 if canary.figure.endswith("_us") else value)


def expected(canary: Canary) -> str:
    """Return what was expected: `1.05 (1.02-1.08)`, or `1.10 or more`."""
    if not canary.figure:
        return numbers.NONE
    if canary.least is None:
        return _number(canary, canary.expected)
    if canary.most is None:
        return f"{_number(canary, canary.least)} or more"
    ends = f"{_number(canary, canary.least)}–{_number(canary, canary.most)}"  # noqa: RUF001
    return f"{_number(canary, canary.expected)} ({ends})"


def seen(canary: Canary) -> str:
    """Return what was seen, with its interval where it has one."""
    if not canary.figure:
        return numbers.NONE
    if canary.figure.endswith("_us") or canary.figure == "connections":
        return _number(canary, canary.estimate.value)
    ends = numbers.interval(canary.estimate, most=3)
    return numbers.figure(canary.estimate, most=3) + (f" ({ends})" if ends else "")


def verdict(canary: Canary) -> str:
    """Return whether it passed, or why nobody can tell."""
    if canary.passed is None:
        return DOUBTS[canary.why]
    return "✅ passed" if canary.passed else "❌ failed"


def unjudged(workloads: Iterable[WorkloadSummary]) -> str:
    """Return which controls could not be judged, and why: `echo: planted loss (rate: ...), ...`."""
    said = []
    for found in workloads:
        doubts: dict[tuple[CanaryName, Doubt], list[str]] = {}
        for one in found.canaries:
            if one.passed is None:
                figure = FIGURES.get(one.figure, one.figure).partition(",")[0]
                doubts.setdefault((one.name, one.why), []).append(figure)
        own = []
        for (name, why), figures in doubts.items():
            which = " and ".join(filter(None, dict.fromkeys(figures)))
            own.append(f"{TITLES[name]} ({': '.join(filter(None, (which, DOUBTS[why])))})")
        if own:
            said.append(f"{found.workload}: {', '.join(own)}")
    return "; ".join(said)


def failure(canary: Canary) -> str:
    """Return a failed control as a warning: what was seen, what disturbed it, what to change."""
    name = f" ({canary.implementation})" if canary.implementation else ""
    figure = FIGURES.get(canary.figure, canary.figure)
    return (
        f"{canary.workload}, {canary.cell}: the {TITLES[canary.name]} failed. {figure}{name}: "
        f"expected {expected(canary)}, saw {seen(canary)}. {_advice(canary)}"
    )


def _advice(canary: Canary) -> str:
    """Return what to make of a failure and what to change."""
    value, least = canary.estimate.value, canary.least or 0.0
    if canary.name == "twin":
        return f"{BASELINE} is not equal to itself here. {_QUIET}"
    if canary.name == "planted":
        how = "the wrong way round" if value <= 1 else "by another size than was planted"
        return f"A known loss was seen {how}, and so may others have been. {_QUIET} {_FAULT}"
    if canary.name == "stall" and value < least:
        return f"The gauge missed waits that were there: its latencies are too good. {_FAULT}"
    if canary.name == "stall":
        return (
            "Somebody else held the contestant's core, or the machine stood still (a virtual one "
            f"does when its host is busy). {_QUIET}"
        )
    if canary.name == "little":
        return (
            "Rates and latencies of the same slices contradict each other: the gauge lost its core "
            f"without knowing. Give it a core that nobody shares, and measure again. {_FAULT}"
        )
    return (
        "The gauge, and not the fastest, may have been the limit, so that the fastest look slower "
        "than they are. Give the gauge a faster core (a whole one, governor performance), and "
        "measure again; CPU per message stands all the same."
    )
