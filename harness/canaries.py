"""The controls inside every run: questions whose answer is known before anything is measured.

Rules: a control never looks at who won, and its limits stand here, set beforehand. It says what was
expected, what was seen, and whether that is a contradiction; a failed one withholds the ranks of
its workload. What was too short or too noisy to contradict anything is neither passed nor failed.

- twin: the baseline under a second name must come out equal to itself.
- planted: the baseline with a known loss must be told apart from itself, by about that loss.
- stall: the baseline asleep at known intervals must answer as late as arithmetic says.
- little: connections are the rate times the mean latency, whatever the server (law.py).
- headroom: the ceiling must be well above the fastest, or it is the gauge that was measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import contrast, latencies, law, stats, units
from harness.model import (
    BASELINE,
    BLOCKS_LEAST,
    PLANTED,
    PLANTED_SHARE,
    STALL_EVERY_S,
    STALL_S,
    STALLED,
    TWIN,
)
from harness.results import MEASURED, NOBODY
from harness.summary import Canary, CanaryName, Doubt, Estimate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.model import Cell, Sample, Workload
    from harness.results import Field, Where

HEADROOM = 1.10  # the fastest client or server in Python reached 0.85-0.90 of a native one
PLANTED_BLOCKS = 8  # with fewer a loss of 5% drowns now and then
LITTLE = 0.03  # of the connections
STALL_OFF = 0.02  # of the sleep: a timer's and a scheduler's lateness, many times over
# A p99 of a slice rests on ten messages: its interval is as wide as the noise, not as the tie, so
# that at 95% one run in twenty would lose its ranks to chance. A rate's tie leaves room enough.
TWIN_LEVEL_P99 = 0.99
# Half of an interval: a wider one reaches a tie whatever the twin does.
TWIN_WIDEST, TWIN_WIDEST_P99 = contrast.TIE, 0.10
_SHARES = {"p90_us": 0.9, "p99_us": 0.99, "p999_us": 0.999}


def _unjudged(name: CanaryName, workload: Workload, cell: str, why: Doubt) -> Canary:
    """Return a control of which nothing can be said."""
    return Canary(
        name=name,
        workload=workload,
        cell=cell,
        figure="",
        estimate=Estimate(value=0.0),
        passed=None,
        why=why,
    )


def _twin(where: Where, field: Field) -> Canary | None:
    """Return what the baseline is against itself: its interval must reach the tie around 1."""
    given = bool(where.cell.rate_per_s)
    logs = where.p99 if given else where.rates
    found = contrast.differences(logs, BASELINE + TWIN, BASELINE)
    if not found or field.baseline != BASELINE:
        return None
    level = TWIN_LEVEL_P99 if given else stats.LEVEL
    label = f"{where.label}/{BASELINE}{TWIN}/{BASELINE}"
    seen = contrast.estimate(found, field.seed, label, level)
    passed: bool | None = _within_a_tie(seen, 1.0)
    why: Doubt = ""
    if seen.low is None or seen.high is None:
        passed, why = None, "blocks"
    elif passed and (seen.high - seen.low) / 2 > (TWIN_WIDEST_P99 if given else TWIN_WIDEST):
        passed, why = None, "wide"
    return Canary(
        name="twin",
        workload=where.cell.workload,
        cell=where.cell.name,
        figure="p99" if given else "rate",
        least=stats.significant(1 / (1 + contrast.TIE)),
        most=1 + contrast.TIE,
        estimate=seen,
        passed=passed,
        why=why,
    )


def _within_a_tie(seen: Estimate, expected: float) -> bool:
    """Tell whether an interval reaches the tie around what was expected."""
    low = seen.value if seen.low is None else seen.low
    high = seen.value if seen.high is None else seen.high
    return low <= expected * (1 + contrast.TIE) and high >= expected / (1 + contrast.TIE)


def _planted(where: Where, field: Field) -> Canary | None:
    """Return by how much more CPU the burdened baseline was seen to take for a message."""
    found = contrast.differences(where.cpu, BASELINE + PLANTED, BASELINE)
    if not found or field.baseline != BASELINE or where.cell.rate_per_s:
        return None
    seen = contrast.estimate(found, field.seed, f"{where.label}/cpu{PLANTED}")
    expected = 1 + PLANTED_SHARE
    passed: bool | None = seen.value > 1 and _within_a_tie(seen, expected)
    why: Doubt = ""
    if len(found) < PLANTED_BLOCKS:
        passed, why = None, "blocks"
    elif passed and (seen.low or 0.0) <= 1:
        passed, why = None, "apart"
    return Canary(
        name="planted",
        workload=where.cell.workload,
        cell=where.cell.name,
        figure="cpu",
        expected=expected,
        least=stats.significant(expected / (1 + contrast.TIE)),
        most=stats.significant(expected * (1 + contrast.TIE)),
        estimate=seen,
        passed=passed,
        why=why,
    )


def _headroom(where: Where, field: Field) -> Canary | None:
    """Return how far the ceiling is above the fastest; native programs may come near it."""
    natives = {name for group in field.groups[1:] for name in group}
    names = [
        name
        for name, logs in where.rates.items()
        if logs
        and field.standings.get(name, NOBODY).status in MEASURED
        and name not in natives | {field.reference}
    ]
    closed = not (where.cell.delay_ms or where.cell.rate_per_s)
    if not closed or not names or not where.rates.get(field.reference):
        return None
    fastest = max(names, key=lambda name: (stats.median([*where.rates[name].values()]), name))
    label = f"{where.label}/headroom"
    seen = contrast.ratio(where.rates, field.reference, fastest, field.seed, label)
    limited = where.limited
    seen = contrast.bounded(seen, one=field.reference in limited, other=fastest in limited)
    if seen is None:
        return None
    few = len(where.rates[fastest]) < BLOCKS_LEAST
    return Canary(
        name="headroom",
        workload=where.cell.workload,
        cell=where.cell.name,
        implementation=fastest,
        expected=HEADROOM,
        least=HEADROOM,
        estimate=seen,
        passed=None if few else seen.value >= HEADROOM and fastest not in limited,
        why="blocks" if few else "",
    )


def _off(slices: Sequence[Sample], connections: int) -> float:
    """Return rate times mean latency over what it must be, minus 1: the median over units."""
    by_block: dict[int, list[float]] = {}
    for s in slices:
        by_block.setdefault(s.block, []).append(law.off([s], connections))
    return stats.median([stats.median(found) for found in by_block.values()])


def _undisturbed(
    cells: Sequence[Cell], samples: Sequence[Sample], field: Field
) -> dict[tuple[Cell, str], list[Sample]]:
    """Return the slices of closed-loop echo in which the law shows, by cell and contestant."""
    closed = {c.name: c for c in cells if c.workload == "echo" and not c.rate_per_s}
    found: dict[tuple[Cell, str], list[Sample]] = {}
    for s in samples:
        if s.workload != "echo" or s.cell not in closed or s.phase == "cold":
            continue
        if s.implementation not in field.standings or s.mean_latency_ns <= 0:
            continue
        if law.shows(s) and not units.void(s, closed[s.cell]):
            found.setdefault((closed[s.cell], s.implementation), []).append(s)
    return found


def _little(cells: Sequence[Cell], samples: Sequence[Sample], field: Field) -> Canary | None:
    """Return the closed-loop echo cell, over all contestants, in which Little's law is most off."""
    undisturbed = _undisturbed(cells, samples, field)
    off = {key: _off(slices, key[0].concurrency) for key, slices in undisturbed.items()}
    if not off:
        told = any(s.mean_latency_ns for s in samples if s.workload == "echo")
        return _unjudged("little", "echo", "", "short") if told else None
    cell, name = max(off, key=lambda key: (abs(off[key]), key[0].name, key[1]))
    connections = cell.concurrency
    return Canary(
        name="little",
        workload="echo",
        cell=cell.name,
        implementation=name,
        figure="connections",
        expected=float(connections),
        least=stats.significant(connections * (1 - LITTLE)),
        most=stats.significant(connections * (1 + LITTLE)),
        estimate=Estimate(value=stats.significant(connections * (1 + off[cell, name]), 4)),
        passed=abs(off[cell, name]) <= LITTLE,
    )


def _stall(workload: Workload, samples: Sequence[Sample]) -> Iterator[Canary]:
    """Yield what the stalled baseline's percentiles are, and what arithmetic makes of them.

    Later by what those cost who were due before, at the CPU time of each, is as it should be. Later
    still by no more than the server had no core shows a disturbance: it neither passes nor fails.
    """
    own = [s for s in samples if (s.workload, s.implementation) == (workload, BASELINE + STALLED)]
    if not own:
        return
    where = units.cell(workload, own[0].cell, ranked=False)
    kept = [s for s in own if where and s.latencies and not units.void(s, where)]
    held = latencies.stalls((s.wall_ns / 1e9 for s in kept), STALL_S, STALL_EVERY_S)
    if where is None or not held.fewest:
        yield _unjudged("stall", workload, own[0].cell, "short" if kept else "void")
        return
    merged = latencies.of(kept)
    queue = stats.median([s.child_cpu_ns / s.messages / 1e9 for s in kept]) * where.rate_per_s
    waited_s = sum(s.waited_ns for s in kept) / 1e9
    off_s = STALL_OFF * STALL_S + 1 / where.rate_per_s
    for figure, share in _SHARES.items():
        low_s, high_s = held.quantile_s(share)
        if low_s <= off_s:
            continue  # outside the sleeps arithmetic knows nothing
        seen_us = merged.quantile(share) / 1e3
        least_us = (low_s - off_s) * 1e6
        most_us = (high_s + off_s + queue * (STALL_S - low_s)) * 1e6
        disturbed = most_us < seen_us <= most_us + waited_s * 1e6
        yield Canary(
            name="stall",
            workload=workload,
            cell=own[0].cell,
            figure=figure,
            expected=stats.significant((low_s + high_s) / 2 * 1e6),
            least=stats.significant(least_us),
            most=stats.significant(most_us),
            estimate=Estimate(value=stats.significant(seen_us)),
            passed=None if disturbed else least_us <= seen_us <= most_us,
            why="short" if disturbed else "",
        )


def judge(
    workload: Workload, cells: Sequence[Where], samples: Sequence[Sample], field: Field
) -> tuple[Canary, ...]:
    """Return every control of a workload, in the order of this module's list."""
    ranked = [c for c in cells if c.cell.ranked]
    found: list[Canary | None] = [_twin(c, field) for c in ranked]
    found += [_planted(c, field) for c in ranked]
    found += _stall(workload, samples)
    if workload == "echo":
        found.append(_little([c.cell for c in cells], samples, field))
    found += [_headroom(c, field) for c in ranked]
    return tuple(canary for canary in found if canary is not None)
