"""Which charts a summary gives, what is drawn in them, and what each says in words.

Rules: figures come from the summary; how a chart looks is `charts` and `svg`, what it is in all its
variants `picture`. One function a chart; `pictures` has them all, in the order of the report.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from harness import charts
from harness.report import numbers, siblings, words
from harness.report.answer import usual
from harness.report.picture import Picture, family, label
from harness.report.tables import fair_cells
from harness.summary import Estimate

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from harness.model import Implementation
    from harness.summary import CellSummary, Result, Standing, Summary, WorkloadSummary

    Row = dict[str, str | float | bool | None]

MEMORY = ("memory", "pss_bytes_per_connection")  # the scenario's figure that has a line's points
_MIB = 1024.0 * 1024.0


def _order(
    found: WorkloadSummary, known: Mapping[str, Implementation], drawn: Collection[object]
) -> list[str]:
    """Return the titles of those who are drawn: the best first, each before its variants."""
    names = [row.implementation for row in found.standings]
    there = [name for name in names if label(known[name]) in drawn]
    return [label(known[name]) for name, _ in siblings.grouped(there, known)]


def _below(known: Mapping[str, Implementation], drawn: Collection[object]) -> list[str]:
    """Return the titles of those who are drawn below another, whose variant they are."""
    there = [name for name, one in known.items() if label(one) in drawn]
    return [label(known[name]) for name, variant in siblings.grouped(there, known) if variant]


def _native(known: Mapping[str, Implementation], drawn: Collection[object]) -> list[str]:
    """Return the titles of those who are drawn and are native clients."""
    native = [label(one) for one in known.values() if one.kind == "native"]
    return [title for title in native if title in drawn]


def _said(rows: Iterable[Row]) -> str:
    """Return a panel in words."""
    return ", ".join(f"{row['name']} {row['label']}" for row in rows)


def _ratio(row: Standing | Result, one: Implementation, *, proven: bool) -> Row:
    """Return one bar: the ratio to the baseline."""
    found = row.ratio or Estimate(value=0.0)
    return {
        "name": label(one),
        "family": family(one),
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "end": max(found.value, found.high or 0.0),
        "label": numbers.figure(row.ratio),
        "share": False,
        "proven": proven,
    }


def _ratios(
    found: WorkloadSummary,
    rows: Iterable[Standing | Result],
    known: Mapping[str, Implementation],
    panel: str,
) -> list[Row]:
    """Return a panel of ratios; the ceiling is a note, for as a bar it would dwarf the others."""
    proven = {row.implementation for row in found.standings if row.status == "ok"}
    note, bars = "", []
    for row in rows:
        if row.ratio is None:
            continue
        name = row.implementation
        bar = _ratio(row, known[name], proven=name in proven)
        if name == found.reference:
            note = f"{label(known[name])}: {bar['label']}"
        else:
            bars.append(bar)
    for bar in bars:
        bar.update(panel=panel, note=note, unit=f"times {label(known[found.baseline])}")
    return bars


def _bars(
    name: str,
    title: str,
    panels: Sequence[Sequence[Row]],
    order: Sequence[str],
    summary: Summary,
) -> Picture | None:
    if not order:
        return None
    known = summary.by_name
    said = "; ".join(f"{rows[0]['panel']}: {_said(rows)}" for rows in panels)
    who = {
        "below": _below(known, order),
        "native": _native(known, order),
        "usual": [own for one in usual(summary) if (own := label(one)) in order],
    }

    def draw(phone: bool) -> dict[str, Any]:
        return charts.answer(panels, order, title=title, phone=phone, **who)

    return Picture(name, title, f"Bar chart, {title}, as ratios. {said}.", draw)


def _answer(summary: Summary) -> Picture | None:
    """Return the chart of the answer: everyone's rate over the baseline's, a panel a workload."""
    known = summary.by_name
    panels = []
    for found in summary.workloads:
        panel = f"{found.workload}: {words.NOUN[found.workload][1]} per second"
        if rows := _ratios(found, found.standings, known, panel):
            panels.append(rows)
    drawn = {row["name"] for rows in panels for row in rows}
    order = list(dict.fromkeys(t for w in summary.workloads for t in _order(w, known, drawn)))
    names = dict.fromkeys(label(known[w.baseline]) for w in summary.workloads if w.baseline)
    title = f"Rates, × {' and '.join(names)}'s in the same block"  # noqa: RUF001
    return _bars("answer", title, panels, order, summary)


def _conditions(summary: Summary, found: WorkloadSummary) -> Picture | None:
    """Return the chart of a workload's ranked cells without delay, a panel a cell."""
    known = summary.by_name
    ranked = [c for c in found.cells if c.cell.ranked and not c.cell.rate_per_s]
    cells = [c for c in ranked if not c.cell.delay_ms]
    panels = [r for c in cells if (r := _ratios(found, c.results, known, words.cell(c.cell)))]
    drawn = {row["name"] for rows in panels for row in rows}
    order = _order(found, known, drawn)
    title = f"{found.workload}: {words.NOUN[found.workload][1]} per second"
    return _bars(found.workload, title, panels, order, summary)


def _curves(
    name: str,
    title: str,
    rows: Sequence[Row],
    order: Sequence[str],
    axes: tuple[str, str],
    *,
    log: bool = False,
) -> Picture | None:
    if len({row["step"] for row in rows}) < 2 or not order:
        return None

    def draw(phone: bool) -> dict[str, Any]:
        x, y = axes
        return charts.curves(rows, order, x_title=x, y_title=y, title=title, phone=phone, log=log)

    ends = []
    for one in order:
        own = sorted((r for r in rows if r["name"] == one), key=lambda r: float(r["step"] or 0))
        first, last = (numbers.plain(float(r["value"] or 0)) for r in (own[0], own[-1]))
        ends.append(f"{one} {first} at {own[0]['x']}, {last} at {own[-1]['x']}")
    says = f"Line charts, one panel each: {title}. {axes[1]}: {'; '.join(ends)}."
    return Picture(name, title, says, draw)


def _count(number: float) -> str:
    """Return a number of connections as an axis has room for it."""
    return f"{number / 1000:g}k" if number >= 1000 else f"{number:g}"


def _bytes(number: int) -> str:
    return f"{number // 1024}Ki" if number >= 1024 else f"{number}"


def _rates(summary: Summary, found: WorkloadSummary, against: str) -> Picture | None:
    """Return echo's rate against connections or against size, a panel a contestant."""
    known = summary.by_name
    by_size = against == "sizes"
    closed = [c.cell for c in found.cells if not c.cell.rate_per_s]
    kept = {c.name for c in closed if (c.concurrency == 100 if by_size else c.size == 1024)}
    rows: list[Row] = []
    for each in found.cells:
        if each.cell.name not in kept:
            continue
        step = each.cell.size if by_size else each.cell.concurrency
        for result in each.results:
            one, rate = known[result.implementation], result.rate_per_s
            if one.kind == "reference":
                continue  # three times as high as all: their curves would be flat
            rows.append(
                {
                    "name": label(one),
                    "family": family(one),
                    "x": _bytes(step) if by_size else _count(step),
                    "step": step,
                    "value": rate.value,
                    "low": rate.low,
                    "high": rate.high,
                }
            )
    order = _order(found, known, {row["name"] for row in rows})
    title, axis = {
        "connections": ("echo: rate against connections, 1 KiB each", "connections"),
        "sizes": ("echo: rate against size, 100 connections", "bytes a message"),
    }[against]
    return _curves(f"echo-{against}", title, rows, order, (axis, "messages/s"))


def _memory(summary: Summary, found: WorkloadSummary) -> Picture | None:
    """Return the memory against idle connections, a panel a contestant."""
    known = summary.by_name
    rows: list[Row] = []
    for trait in summary.traits:
        if trait.workload != found.workload or (trait.scenario, trait.figure) != MEMORY:
            continue
        one = known[trait.implementation]
        if one.kind == "reference":
            continue  # it has none to speak of: a panel with a flat line
        rows += [
            {
                "name": label(one),
                "family": family(one),
                "x": _count(held),
                "step": held,
                "value": value / _MIB,
                "low": None,
                "high": None,
            }
            for held, value in trait.points
            if value > 0
        ]
    order = _order(found, known, {row["name"] for row in rows})
    title = f"{found.workload}: memory against idle connections"
    axes = ("connections", "MiB (PSS), logarithmic")
    return _curves(f"{found.workload}-memory", title, rows, order, axes, log=True)


def _latency(summary: Summary, found: WorkloadSummary) -> Picture | None:
    """Return the percentiles of the first cell with an equal rate for all."""
    known = summary.by_name
    each = next((c for c in found.cells if c.cell.rate_per_s and c.results), None)
    if each is None:
        return None
    rows: list[Row] = []
    for result in each.results:
        if result.latency is None:
            continue
        one, own = known[result.implementation], result.latency
        figures = (own.p50_us, own.p90_us, own.p99_us, own.p999_us)
        rows += [
            {
                "name": label(one),
                "family": family(one),
                "percentile": percentile,
                "value": figure.value,
                "low": figure.low,
                "high": figure.high,
            }
            for percentile, figure in zip(charts.PERCENTILES, figures, strict=True)
            if figure is not None
        ]
    order = list(dict.fromkeys(str(row["name"]) for row in rows))
    if not order:
        return None
    said = "; ".join(
        f"{name} "
        + ", ".join(numbers.plain(float(r["value"] or 0)) for r in rows if r["name"] == name)
        for name in order
    )
    title = f"{found.workload}: latency at {each.cell.rate_per_s:,} messages per second"

    def draw(phone: bool) -> dict[str, Any]:
        return charts.latencies(rows, order, title=title, phone=phone)

    says = f"Dot chart, {title}, µs at p50, p90, p99 and p99.9. {said}."
    return Picture(f"{found.workload}-latency", title, says, draw)


def _efficiency(result: Result) -> tuple[Estimate, str]:
    """Return the share of the ideal rate, its interval from the rate's."""
    share, rate = result.efficiency or 0.0, result.rate_per_s
    low, high = (None if end is None else end * share / rate.value for end in (rate.low, rate.high))
    return Estimate(value=share, low=low, high=high), f"{share:.1%}"


def _fairness(result: Result) -> tuple[Estimate, str]:
    jain = Estimate(value=result.jain, low=result.jain_low, high=result.jain_high)
    return jain, f"{result.jain:.3f}"


def _dots(
    known: Mapping[str, Implementation],
    each: CellSummary,
    figure: Callable[[Result], tuple[Estimate, str]],
) -> list[Row]:
    """Return a panel of shares; an interval without length is none."""
    rows: list[Row] = []
    for result in each.results:
        one, (found, said) = known[result.implementation], figure(result)
        spread = found.low != found.high
        rows.append(
            {
                "name": label(one),
                "family": family(one),
                "panel": words.cell(each.cell),
                "value": found.value,
                "low": found.low if spread else None,
                "high": found.high if spread else None,
                "label": said,
            }
        )
    return rows


def _shares(
    name: str,
    titles: tuple[str, str],
    panels: Sequence[Sequence[Row]],
    order: Sequence[str],
    axis: tuple[tuple[float, float], str],
    known: Mapping[str, Implementation],
) -> Picture | None:
    if not order:
        return None
    (title, x_title), (domain, form) = titles, axis
    native = _native(known, order)

    def draw(phone: bool) -> dict[str, Any]:
        words = {"title": title, "x_title": x_title, "form": form}
        return charts.shares(panels, order, domain, **words, phone=phone, native=native)

    said = "; ".join(f"{rows[0]['panel']}: {_said(rows)}" for rows in panels)
    return Picture(name, title, f"Dot chart, {title}. {said}.", draw)


def _efficiencies(summary: Summary, found: WorkloadSummary) -> Picture | None:
    """Return everyone's share of the ideal rate, a panel for each number of requests at once."""
    known = summary.by_name
    cells = sorted(
        (c for c in found.cells if c.cell.delay_ms and c.results), key=lambda c: c.cell.concurrency
    )
    panels = [_dots(known, each, _efficiency) for each in cells]
    rows = [row for panel in panels for row in panel]
    ends = [float(row[end] or row["value"] or 0) for row in rows for end in ("low", "high")]
    order = _order(found, known, {row["name"] for row in rows})
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    domain = (math.floor(low * 100 - 0.5) / 100, math.ceil(high * 100 + 0.5) / 100)
    titles = (f"{found.workload}: share of the ideal rate", "of the ideal rate")
    return _shares(f"{found.workload}-efficiency", titles, panels, order, (domain, "~%"), known)


def _fairnesses(summary: Summary, found: WorkloadSummary) -> Picture | None:
    """Return Jain's index over the connections, a panel for each number of them above one."""
    known = summary.by_name
    cells = fair_cells(found)
    panels = [_dots(known, each, _fairness) for each in cells]
    order = _order(found, known, {row["name"] for panel in panels for row in panel})
    titles = (f"{found.workload}: fairness over connections", "Jain's index")
    return _shares(f"{found.workload}-fairness", titles, panels, order, ((0.0, 1.0), "~g"), known)


def pictures(summary: Summary) -> dict[str, Picture]:
    """Return every chart that the summary has figures for, by name, in the report's order."""
    by_name = {found.workload: found for found in summary.workloads}
    found: list[Picture | None] = [_answer(summary)]
    found += [_conditions(summary, one) for one in summary.workloads]
    if echo := by_name.get("echo"):
        found += [_rates(summary, echo, "connections"), _rates(summary, echo, "sizes")]
        found += [draw(summary, echo) for draw in (_latency, _memory, _fairnesses)]
    if fetch := by_name.get("fetch"):
        found.append(_efficiencies(summary, fetch))
    return {picture.name: picture for picture in found if picture}
