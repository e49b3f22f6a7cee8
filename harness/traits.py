"""From the traits of scenarios to the figures that a report shows.

Rules: a figure is the median of its repetitions, with their extremes; a ratio is between slices of
the same number. Nothing is ranked. A repetition in which the gauge had no core for too long is left
out, by the constants that slices have (`units`), whoever's it is. `SCENARIOS` says what becomes of
each scenario's figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from harness import contrast, stats, units
from harness.model import WHOLE, UsageError
from harness.summary import Estimate, TraitSummary

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.model import Plan, Trait

POINTS_LEAST = 3  # of a line that says how well it fits

Series = Mapping[str, Mapping[float, float]]  # figure -> what was varied, or repetition -> value
Points = tuple[tuple[float, float], ...]
Found = tuple[str, Estimate | None, tuple[float, Points] | None]  # figure, estimate, of a line


def _estimate(values: Sequence[float], *, at_least: bool = False) -> Estimate:
    return Estimate(
        value=stats.significant(stats.median(values)),
        low=stats.significant(min(values)) if len(values) > 1 else None,
        high=stats.significant(max(values)) if len(values) > 1 else None,
        bound=">=" if at_least else "",
    )


def _good(series: Series, prefix: str = "") -> list[float]:
    """Return the repetitions in which the gauge had a core, and was not late."""
    waits, late = series.get(f"{prefix}gauge_wait", {}), series.get(f"{prefix}late_p99_ns", {})
    return sorted(
        at
        for at, wait in waits.items()
        if wait < units.GAUGE_WAIT and late.get(at, 0.0) <= units.LATE_NS
    )


def _limited(series: Series, at: Sequence[float], prefix: str = "") -> bool:
    """Tell whether the gauge had no rest while the contestant had some, in most repetitions."""
    core, busy = series[f"{prefix}core"], series[f"{prefix}gauge_busy"]
    hits = sum(core[one] < units.BUSY <= busy[one] for one in at)
    return 2 * hits > len(at)


def _plain(series: Series) -> Iterator[Found]:
    """Yield every figure as it is."""
    for figure, values in series.items():
        yield figure, _estimate(list(values.values())), None


def _memory(series: Series) -> Iterator[Found]:
    points = sorted(series.get("pss_bytes", {}).items())
    if len(points) >= POINTS_LEAST:
        value, low, high, r2 = stats.slope(*zip(*points, strict=True))
        line = Estimate(
            value=stats.significant(value),
            low=stats.significant(low),
            high=stats.significant(high),
        )
        yield "pss_bytes_per_connection", line, (stats.significant(r2), tuple(points))
        yield "held", Estimate(value=points[-1][0]), None


def _churn(series: Series) -> Iterator[Found]:
    good = _good(series)
    if good:
        limited = _limited(series, good)
        rates = [series["opened_per_s"][at] for at in good]
        yield "opened_per_s", _estimate(rates, at_least=limited), None
        for figure in ("cpu_ns", "p99_ns"):
            yield figure, _estimate([series[figure][at] for at in good]), None


def _beside(series: Series) -> Iterator[Found]:
    """Yield what is left of the rate beside a neighbour, and latencies with and without it."""
    alone, beside = _good(series, "alone_"), _good(series, "beside_")
    if not alone or not beside:
        return
    both = sorted(set(alone) & set(beside))
    pairs = [at for at in both if series["alone_rate_per_s"][at] > 0]
    if pairs:
        ratios = [series["beside_rate_per_s"][at] / series["alone_rate_per_s"][at] for at in pairs]
        limits = {"one": _limited(series, pairs, "beside_")}
        limits["other"] = _limited(series, pairs, "alone_")
        yield "rate_ratio", contrast.bounded(_estimate(ratios), **limits), None
    for prefix, good in (("alone_", alone), ("beside_", beside)):
        for figure in ("p50_ns", "p99_ns", "max_ns"):
            values = [series[prefix + figure][at] for at in good]
            if answered := [value for value in values if value > 0]:  # 0: nobody had an answer
                yield prefix + figure, _estimate(answered), None
    if flooded := series.get("flooded_bytes_per_s"):
        yield "flooded_bytes_per_s", _estimate(list(flooded.values())), None


def _stalled(series: Series) -> Iterator[Found]:
    """Yield the latencies; the rate is the gauge's own choice."""
    return (found for found in _beside(series) if found[0] != "rate_ratio")


SCENARIOS: dict[str, Callable[[Series], Iterator[Found]]] = {
    "size": _plain,
    "start": _plain,
    "import": _plain,
    "churn": _churn,
    "flood": _beside,
    "busy-thread": _beside,
    "stalled-main": _stalled,
    "memory": _memory,
    "contextvars": _plain,
    "start-and-end": _plain,
}


def _summary(own: Sequence[Trait]) -> Iterator[TraitSummary]:
    """Yield the figures of one implementation in one scenario, or why there are none."""
    one = own[0]
    series: dict[str, dict[float, float]] = {}
    for trait in own:
        if trait.figure not in ("", WHOLE):
            series.setdefault(trait.figure, {})[trait.at] = trait.value
    error = next((trait.error for trait in own if trait.error), "")
    found = [] if error else list(SCENARIOS[one.scenario](series))
    if not error and not found:
        error = "too few of its repetitions count"
    for figure, estimate, line in found or [("", None, None)]:
        r2, points = line or (None, ())
        yield TraitSummary(
            implementation=one.implementation,
            workload=one.workload,
            scenario=one.scenario,
            figure=figure,
            estimate=estimate,
            r2=r2,
            points=points,
            error=error,
        )


def summaries(plan: Plan, traits: Sequence[Trait]) -> tuple[TraitSummary, ...]:
    """Return what the traits of a run say, in the order of the table, then of the plan.

    Where a contestant failed in a scenario its error stands alone, even beside earlier repetitions:
    a figure that it reached now and then is none. What was cut short does not count. Raises
    UsageError with the line of a trait that does not belong to the plan.
    """
    order = {one.name: number for number, one in enumerate(plan.implementations)}
    grouped: dict[tuple[str, str, str], list[Trait]] = {}
    seen: set[tuple[object, ...]] = set()
    for line, trait in enumerate(traits, 1):
        wrong = ""
        if trait.implementation not in order:
            wrong = f"implementation {trait.implementation!r} is not in the plan"
        elif trait.scenario not in SCENARIOS:
            wrong = f"there is no scenario {trait.scenario!r}"
        key = trait.workload, trait.scenario, trait.implementation
        if (*key, trait.figure, trait.at) in seen:
            wrong = f"{trait.figure} of {trait.implementation} in {trait.scenario} stands twice"
        if wrong:
            raise UsageError(f"traits.jsonl, line {line}: {wrong}. The file was edited.")
        seen.add((*key, trait.figure, trait.at))
        grouped.setdefault(key, []).append(trait)
    steps = list(SCENARIOS)
    whole = [key for key, own in grouped.items() if own[-1].figure == WHOLE]
    whole.sort(key=lambda key: (key[0], steps.index(key[1]), order[key[2]]))
    return tuple(found for key in whole for found in _summary(grouped[key]))
