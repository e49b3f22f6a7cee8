"""What each contestant reached in each cell: rate, CPU, latency, ratios, rank.

Rules: what counts is settled by `units`, who stands where by `judge`; neither is judged here. A
ratio is always within blocks; a rank is always among those of one kind whose behaviour is proven.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from harness import contrast, latencies, precision, stats, units
from harness.summary import (
    CellSummary,
    Estimate,
    Latency,
    OnPython,
    Percentiles,
    Result,
    Standing,
    Temper,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.contrast import Logs, Place
    from harness.model import Cell, Implementation, Sample
    from harness.summary import Status, ThrownOut
    from harness.units import Unit

MEASURED: frozenset[Status] = frozenset({"ok", "declared", "unproven"})
"""Where an implementation stands when it has figures at all."""


NOBODY = Standing(implementation="", status="cannot-run")


@dataclass(frozen=True, slots=True)
class Where:
    """What one cell rests on: everyone's units, and their figures as logarithms by block."""

    cell: Cell
    warm: Mapping[str, Sequence[Unit]]
    cold: Mapping[str, Sequence[Unit]]
    rates: Logs
    cpu: Logs
    p99: Logs
    """Of the latencies in nanoseconds; empty in a closed loop."""
    limited: frozenset[str]
    void: Mapping[str, str]
    """Who was measured in vain -> the cause."""

    @property
    def merit(self) -> Logs:
        """What ranks are made of, the higher the better: the rate, or where that is given 1/p99."""
        if not self.cell.rate_per_s:
            return self.rates
        return {n: {block: -log for block, log in logs.items()} for n, logs in self.p99.items()}

    @property
    def label(self) -> str:
        """Which cell it is, for the seeds of its intervals."""
        return f"{self.cell.workload}/{self.cell.name}"


def _by_name(found: Iterable[Unit]) -> dict[str, list[Unit]]:
    names: dict[str, list[Unit]] = {}
    for unit in found:
        names.setdefault(unit.implementation, []).append(unit)
    return names


def collect(where: Cell, found: Sequence[Unit], void: Mapping[str, str] | None = None) -> Where:
    """Return a cell with its units; `void`: who was measured there in vain -> the cause."""
    warm = _by_name(u for u in found if u.phase == "warm")
    p99 = {
        n: {u.block: math.log(max(u.histogram.quantile(0.99), 1.0)) for u in us}
        for n, us in warm.items()
    }
    return Where(
        cell=where,
        warm=warm,
        cold=_by_name(u for u in found if u.phase == "cold"),
        rates={n: {u.block: math.log(u.rate_per_s) for u in us} for n, us in warm.items()},
        # a clock that saw no CPU at all in a slice is a clock too coarse, not a free message
        cpu={n: {u.block: math.log(max(u.cpu_us, 1e-3)) for u in us} for n, us in warm.items()},
        p99=p99 if where.rate_per_s else {},
        limited=frozenset(n for n, us in warm.items() if 2 * sum(u.limited for u in us) > len(us)),
        void=void or {},
    )


def gather(
    samples: Sequence[Sample], cells: Mapping[tuple[str, str], Cell]
) -> tuple[list[Where], ThrownOut]:
    """Return every cell with the units that count in it, and what was thrown out.

    Raises UsageError where the samples do not belong to the cells.
    """
    counted, thrown_out = units.units(samples, cells)
    by_cell: dict[tuple[str, str], list[Unit]] = {}
    for unit in counted:
        by_cell.setdefault((unit.workload, unit.cell), []).append(unit)
    void = units.missing(samples, cells, counted)
    found = [collect(where, by_cell.get(key, []), void.get(key)) for key, where in cells.items()]
    return found, thrown_out


def _spread(found: Sequence[Unit], what: str, where: Where, seed: int) -> Estimate:
    """Return a figure over blocks; of a cell measured once, over its slices."""
    name = found[0].implementation
    if where.cell.ranked or what != "rate_per_s":
        logs = [math.log(max(getattr(unit, what), 1e-3)) for unit in found]
        made = contrast.estimate(logs, seed, f"{where.label}/{what}/{name}")
    else:
        unit = found[0]
        low, high = stats.significant(unit.slowest_per_s), stats.significant(unit.fastest_per_s)
        made = Estimate(value=stats.significant(unit.rate_per_s), low=low, high=high)
    if what == "rate_per_s" and name in where.limited:
        return msgspec.structs.replace(made, bound=">=")
    return made


def _middle(found: Sequence[Unit], what: str) -> float:
    return stats.significant(stats.median([getattr(unit, what) for unit in found]))


def _temper(found: Sequence[Unit]) -> Temper | None:
    if not found:
        return None
    return Temper(
        rate_per_s=_middle(found, "rate_per_s"),
        cpu_us=_middle(found, "cpu_us"),
        faults=_middle(found, "faults"),
    )


def _fairness(found: Sequence[Unit], where: Where, seed: int) -> tuple[float | None, float | None]:
    """Return the ends of Jain's index: an interval over blocks, or the extremes of the only one.

    None where there is no fairness to speak of, or no interval yet.
    """
    one = found[0]
    if not one.most_jain:
        return None, None
    if not where.cell.ranked:
        return stats.significant(one.least_jain), stats.significant(one.most_jain)
    logs = [math.log(max(unit.jain, 1e-6)) for unit in found]
    made = contrast.estimate(logs, seed, f"{where.label}/jain/{one.implementation}")
    return made.low, made.high


def _us(nanoseconds: float) -> float:
    return stats.significant(nanoseconds / 1e3)


def _latency(where: Where, name: str, field: Field) -> Latency | None:
    """Return how long answers took at the cell's rate; None in a closed loop."""
    if not where.p99:
        return None
    found = where.warm[name]
    merged = latencies.merge(unit.histogram for unit in found)
    label = f"{where.label}/p99"

    def blocks(share: float, figure: str) -> Estimate:
        logs = [math.log(max(unit.histogram.quantile(share), 1.0) / 1e3) for unit in found]
        return contrast.estimate(logs, field.seed, f"{where.label}/{figure}/{name}")

    return Latency(
        p99_us=blocks(0.99, "p99"),
        p50_us=blocks(0.5, "p50"),
        p90_us=blocks(0.9, "p90"),
        p999_us=blocks(0.999, "p999"),
        ratio=Estimate(value=1.0)
        if name == field.baseline
        else contrast.ratio(where.p99, name, field.baseline, field.seed, label),
        merged=Percentiles(
            p50_us=_us(merged.quantile(0.5)),
            p90_us=_us(merged.quantile(0.9)),
            p99_us=_us(merged.quantile(0.99)),
            p999_us=_us(merged.quantile(0.999)),
            max_us=_us(merged.max_ns),
        ),
        messages=merged.many,
    )


def over(where: Where, name: str, other: str, seed: int) -> Estimate | None:
    """Return a name's rate over another's, with what the gauge's limit makes of it."""
    if not other or name == other:
        return Estimate(value=1.0) if other and name in where.rates else None
    found = contrast.ratio(where.rates, name, other, seed, where.label)
    return contrast.bounded(found, one=name in where.limited, other=other in where.limited)


def disagree(one: Estimate | None, other: Estimate | None) -> bool:
    """Tell whether two ratios of one contestant are more than a tie apart."""
    if one is None or other is None or one.bound:
        return False
    return abs(math.log(one.value / other.value)) > math.log1p(contrast.TIE)


@dataclass(frozen=True, slots=True)
class Field:
    """Who takes part in a workload: their standings, whom they are compared with, who is ranked."""

    standings: Mapping[str, Standing]
    baseline: str
    reference: str
    groups: Sequence[Sequence[str]]
    """Each ranked among itself."""
    seed: int


def _result(where: Where, name: str, field: Field) -> Result:
    found = where.warm[name]
    seed, delay_s, given = field.seed, where.cell.delay_ms / 1e3, bool(where.cell.rate_per_s)
    rate = _spread(found, "rate_per_s", where, seed)
    ratio = None if given else over(where, name, field.baseline, seed)
    cpu = contrast.ratio(where.cpu, field.baseline, name, seed, where.label + "/cpu")
    cpu = None if name == field.baseline else cpu
    ideal = where.cell.concurrency / delay_s if delay_s else 0.0
    low, high = _fairness(found, where, seed)
    return Result(
        implementation=name,
        units=len(found),
        rate_per_s=rate,
        cpu_us=_spread(found, "cpu_us", where, seed),
        faults=_middle(found, "faults"),
        jain=_middle(found, "jain"),
        jain_low=low,
        jain_high=high,
        ratio=ratio,
        cpu_ratio=cpu,
        of_reference=None if given else over(where, name, field.reference, seed),
        efficiency=stats.significant(rate.value / ideal) if ideal else None,
        disagree=not ideal and disagree(ratio, cpu),
        cold=_temper(where.cold.get(name, ())),
        latency=_latency(where, name, field),
    )


def _half_width(results: Iterable[Result], field: Field) -> tuple[float | None, str]:
    """Return the widest of the ratios' intervals as half its width over the ratio, and whose."""
    widths = [(0.0, "")]
    for result in results:
        ratio = result.latency.ratio if result.latency else result.ratio
        width = precision.half_width(ratio)
        if width is not None and result.implementation != field.reference:
            widths.append((width, result.implementation))
    most, name = max(widths)
    return (stats.significant(most, 3), name) if name else (None, "")


def cell_summary(where: Where, field: Field, *, rank: bool) -> CellSummary:
    """Return everyone's result in a cell; `rank`: whether there are ranks at all."""
    names = [n for n in where.warm if _measured(n, field)]
    results = {name: _result(where, name, field) for name in sorted(names)}
    if where.cell.ranked:
        for group in field.groups:
            here = [name for name in group if name in results]
            found = places(where.merit, here, field, where.label, where.limited) if rank else {}
            others = [name for name in here if name != field.baseline]
            p = contrast.against(where.merit, field.baseline, others, field.seed)
            for name in here:
                place = found.get(name)
                results[name] = msgspec.structs.replace(
                    results[name],
                    rank=place.rank if place else "",
                    ahead_of=place.ahead_of if place else (),
                    p=stats.significant(p[name], 3) if name in p else None,
                )
    half_width, widest = _half_width(results.values(), field) if where.cell.ranked else (None, "")
    return CellSummary(
        cell=where.cell,
        results=tuple(sorted(results.values(), key=_order)),
        half_width=half_width,
        widest=widest,
        without={n: why for n, why in where.void.items() if _measured(n, field)},
    )


def _measured(name: str, field: Field) -> bool:
    return field.standings.get(name, NOBODY).status in MEASURED


def _order(result: Result) -> tuple[float, str]:
    """Return what puts the fastest first."""
    first = result.latency.p99_us.value if result.latency else -result.rate_per_s.value
    return first, result.implementation


def places(
    logs: Logs, names: Sequence[str], field: Field, label: str, limited: frozenset[str]
) -> dict[str, Place]:
    """Return the place of each name, with the workload's seed."""
    return contrast.places(logs, names, seed=field.seed, label=label, limited=limited)


def on_pythons(
    whole: Where | None, field: Field, rows: Iterable[Implementation]
) -> tuple[OnPython, ...]:
    """Return every program of several Pythons against itself on the first that gave figures."""
    programs: dict[str, list[str]] = {}
    for one in rows:
        if one.on and one.name in field.standings:
            programs.setdefault(one.same_as or one.name, []).append(one.name)
    rates = whole.rates if whole else {}
    found = []
    for names in (names for names in programs.values() if len(names) > 1):
        there = [name for name in names if _measured(name, field) and rates.get(name)]
        for name in names:
            if whole is None or name not in there:
                found.append(OnPython(implementation=name))
                continue
            to = there[0]
            cpu = contrast.ratio(whole.cpu, to, name, field.seed, "cpu") if name != to else None
            ratio = over(whole, name, to, field.seed)
            found.append(OnPython(implementation=name, to=to, ratio=ratio, cpu_ratio=cpu))
    return tuple(found)


def overall(cells: Sequence[Where]) -> Where | None:
    """Return the ranked cells of a workload as one: the geometric mean, block by block.

    Cells with a delay stay out where there are others: there everyone comes near the ideal, and
    what they share would hide what they do not. So do those with a given rate.
    """
    ranked = [c for c in cells if c.cell.ranked and not c.cell.rate_per_s]
    chosen = [c for c in ranked if not c.cell.delay_ms] or ranked
    if not chosen:
        return None
    return Where(
        cell=msgspec.structs.replace(chosen[0].cell, concurrency=0, size=0, delay_ms=0),
        warm={},
        cold={},
        rates=contrast.mean_logs([c.rates for c in chosen]),
        cpu=contrast.mean_logs([c.cpu for c in chosen]),
        p99={},
        limited=frozenset().union(*(c.limited for c in chosen)),
        void={},
    )
