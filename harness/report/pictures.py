"""Which charts a summary gives, what is drawn in them, and what each says in words.

Rules: figures come from the summary; how a chart looks is `charts` and `svg`. Every picture has an
alternative text that gives its figures to who cannot see it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness import charts
from harness.report import FOLDER, numbers, words
from harness.report.markdown import Markdown, attribute, visible
from harness.report.svg import THEMES, svg
from harness.summary import Estimate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.model import Implementation
    from harness.summary import CellSummary, Result, Summary, WorkloadSummary

Row = dict[str, str | float | bool | None]

_PHONE_PX = 600  # below it GitHub shrinks the wide chart until its words are under 9 pixels

_TITLE_MAX = 24  # characters: longer ones would leave no room for the bars


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart in all its variants: its names, a text, and a specification by width."""

    name: str
    """As `echo-connections`: of its files, and unique in a report."""
    title: str
    """What it shows, in words; the specification has it as well."""
    alt: str
    """Its figures, for who cannot see it."""
    draw: Callable[[bool], dict[str, Any]]
    """Phone or not -> Vega-Lite specification without a theme (that is `svg.theme`)."""

    @property
    def spec(self) -> dict[str, Any]:
        """The wide specification, which a page of its own can make interactive."""
        return self.draw(False)

    def file(self, theme: str, *, phone: bool) -> str:
        """Return a variant's file, relative to REPORT.md."""
        return f"{FOLDER}/{self.name}-{theme}{'-narrow' if phone else ''}.svg"

    def files(self) -> dict[str, str]:
        """Return the SVG of every variant, by file."""
        found = {}
        for phone in (True, False):
            spec = self.draw(phone)
            for theme in THEMES:
                drawn = svg(spec, theme, name=self.name, phone=phone)
                found[self.file(theme, phone=phone)] = drawn
        return found

    def tag(self) -> Markdown:
        """Return the HTML that shows the variant that fits; the most particular stands first."""
        narrow, dark = f"(max-width: {_PHONE_PX}px)", "(prefers-color-scheme: dark)"
        sources = [
            (f"{dark} and {narrow}", self.file("dark", phone=True)),
            (narrow, self.file("light", phone=True)),
            (dark, self.file("dark", phone=False)),
        ]
        lines = [f'  <source media="{media}" srcset="{file}">' for media, file in sources]
        image = f'  <img alt="{attribute(self.alt)}" src="{self.file("light", phone=False)}">'
        return Markdown("\n".join(["<picture>", *lines, image, "</picture>"]))


def _label(one: Implementation) -> str:
    """Return a title that can be drawn: a control character in it would end the whole process."""
    said = visible(one.title)
    return said if len(said) <= _TITLE_MAX else said[: _TITLE_MAX - 1] + "…"


def _family(implementation: Implementation) -> str:
    if implementation.kind == "reference":
        return "native"
    return implementation.style if implementation.style in charts.FAMILIES else "other"


def _bar(result: Result, one: Implementation, *, proven: bool) -> Row:
    """Return one bar: the ratio to the baseline, or the share of the ideal where there is one."""
    found = result.ratio or Estimate(value=0.0)
    label = numbers.figure(result.ratio)
    if result.efficiency is not None:
        rate = result.rate_per_s
        scale = result.efficiency / rate.value
        low, high = (None if end is None else end * scale for end in (rate.low, rate.high))
        found = Estimate(value=result.efficiency, low=low, high=high)
        label = f"{result.efficiency:.0%}"
    return {
        "name": _label(one),
        "family": _family(one),
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "end": max(found.value, found.high or 0.0),
        "label": label,
        "share": result.efficiency is not None,
        "proven": proven,
    }


def _panel(
    each: CellSummary, found: WorkloadSummary, known: Mapping[str, Implementation]
) -> list[Row]:
    """Return the bars of a cell; the ceiling is a note, for as a bar it would dwarf the others."""
    proven = {row.implementation for row in found.standings if row.status == "ok"}
    note, rows = "", []
    for result in each.results:
        name = result.implementation
        row = _bar(result, known[name], proven=name in proven)
        if name == found.reference:
            note = f"{_label(known[name])}: {row['label']}"
        else:
            rows.append(row)
    for row in rows:
        unit = "of the ideal rate" if row["share"] else f"times {_label(known[found.baseline])}"
        row.update(panel=words.cell(each.cell), note=note, unit=unit)
    return rows


def _answer(summary: Summary, found: WorkloadSummary) -> Picture | None:
    """Return the chart of a workload's ranked cells."""
    known = {one.name: one for one in summary.implementations}
    ranked = [c for c in found.cells if c.cell.ranked and not c.cell.rate_per_s]
    panels = [rows for c in ranked if (rows := _panel(c, found, known))]
    drawn = {row["name"] for rows in panels for row in rows}
    titles = [_label(known[row.implementation]) for row in found.standings]
    order = [title for title in titles if title in drawn]
    if not order:
        return None
    said = "; ".join(
        f"{rows[0]['panel']}: " + ", ".join(f"{row['name']} {row['label']}" for row in rows)
        for rows in panels
    )
    many = words.NOUN[found.workload][1]
    title = f"{found.workload}: {many} per second"

    def draw(phone: bool) -> dict[str, Any]:
        return charts.answer(panels, order, title=title, phone=phone)

    return Picture(found.workload, title, f"Bar chart, {title}, as ratios. {said}.", draw)


def _curve(
    summary: Summary, cells: Sequence[CellSummary], against: str, title: str, name: str
) -> Picture | None:
    """Return echo's rate against connections or against size, a panel a contestant."""
    known = {one.name: one for one in summary.implementations}
    rows: list[Row] = []
    for each in cells:
        step = each.cell.concurrency if against == "connections" else each.cell.size
        label = f"{step:,}" if step < 1024 or against == "connections" else f"{step // 1024}Ki"
        for result in each.results:
            one = known[result.implementation]
            if one.kind == "reference":
                continue
            rate = result.rate_per_s
            rows.append(
                {
                    "name": _label(one),
                    "family": _family(one),
                    "x": label,
                    "step": step,
                    "value": rate.value,
                    "low": rate.low or rate.value,
                    "high": rate.high or rate.value,
                }
            )
    if len(cells) < 2 or not rows:
        return None
    order = [_label(known[row.implementation]) for row in summary.workloads[0].standings]
    order = [title for title in order if any(row["name"] == title for row in rows)]
    x_title = "connections" if against == "connections" else "bytes a message"

    def draw(phone: bool) -> dict[str, Any]:
        return charts.curves(
            rows, order, x_title=x_title, y_title="messages/s", title=title, phone=phone
        )

    says = f"Line charts: {title}, one panel each; the table has the figures."
    return Picture(name, title, says, draw)


def _latency(summary: Summary, found: WorkloadSummary) -> Picture | None:
    """Return the percentiles of the first cell with an equal rate for all."""
    known = {one.name: one for one in summary.implementations}
    each = next((c for c in found.cells if c.cell.rate_per_s and c.results), None)
    if each is None:
        return None
    rows: list[Row] = []
    for result in each.results:
        if result.latency is None:
            continue
        one, merged = known[result.implementation], result.latency.merged
        rows += [
            {"name": _label(one), "family": _family(one), "percentile": label, "value": value}
            for label, value in zip(
                charts.PERCENTILES,
                (merged.p50_us, merged.p90_us, merged.p99_us, merged.p999_us),
                strict=True,
            )
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


def pictures(summary: Summary) -> dict[str, Picture]:
    """Return every chart that the summary has figures for, by name, in the report's order."""
    found = [_answer(summary, one) for one in summary.workloads]
    found += [_latency(summary, one) for one in summary.workloads]
    for one in summary.workloads:
        if one.workload != "echo":
            continue
        closed = [c for c in one.cells if not c.cell.rate_per_s]
        width = [c for c in closed if c.cell.size == 1024]
        depth = [c for c in closed if c.cell.concurrency == 100]
        title = "echo: rate by number of connections, 1 KiB each"
        found.append(_curve(summary, width, "connections", title, "echo-connections"))
        title = "echo: rate by size of message, 100 connections"
        found.append(_curve(summary, depth, "size", title, "echo-sizes"))
    return {picture.name: picture for picture in found if picture}
