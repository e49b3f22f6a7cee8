"""One cell over time: a chart of characters for a terminal, and one for a file.

Rules: an interval is drawn where there is one. Points of runs that were not alike are never joined,
and stand under a letter of their own. What an implementation wrote never becomes a control
sequence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from harness.report import numbers, svg
from harness.report.markdown import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.history import Past, Point
    from harness.model import Cell

FIGURES = {
    "of_reference": "share of the ceiling's rate",
    "rate_per_s": "rate per second",
    "p99_us": "p99 in µs, less is better",
}
SPREAD = 0.04  # a scale shows at least so much around its middle: noise is not to look like news
_COLUMNS = 30


def legend(found: Mapping[str, Sequence[Past]]) -> list[str]:
    """Return what each letter stands for: what its runs have in common."""
    lines = []
    for letter, past in found.items():
        plan = past[0].plan
        machine = [visible(plan.machine.get(what, "")) for what in ("cpu", "kernel")]
        settings = [f"Python {plan.python}", f"evenloop {plan.evenloop}"]
        settings += ["quick"] if plan.quick else []
        lines.append(f"{letter}: {', '.join([*machine, *settings])}")
    return lines


def _ends(points: Sequence[Point]) -> tuple[float, float]:
    values = [
        each
        for point in points
        for each in (point.estimate.low, point.estimate.value, point.estimate.high)
        if each is not None
    ]
    middle = sum(point.estimate.value for point in points) / len(points)
    return min(*values, middle * (1 - SPREAD)), max(*values, middle * (1 + SPREAD))


def _drawn(point: Point, least: float, most: float) -> str:
    """Return a point on its scale, with its interval."""
    span = most - least or 1.0

    def column(value: float) -> int:
        return round((value - least) / span * (_COLUMNS - 1))

    line = [" "] * _COLUMNS
    low, high = point.estimate.low, point.estimate.high
    if low is not None and high is not None:
        first, last = column(low), column(high)
        line[first : last + 1] = "─" * (last - first + 1)
        line[first], line[last] = "├", "┤"
    line[column(point.estimate.value)] = "●"
    return "".join(line).rstrip()


def _figures(point: Point) -> tuple[str, str]:
    most = 3 if point.figure == "of_reference" else 2
    return numbers.figure(point.estimate, most=most), numbers.interval(point.estimate, most=most)


def lines(
    where: Cell, found: Mapping[str, Sequence[Point]], titles: Mapping[str, str]
) -> Iterator[str]:
    """Yield the chart, a line a run below the name of each implementation; 80 columns at most."""
    figure = next(point.figure for points in found.values() for point in points)
    yield f"{where.workload}:{where.name}, {FIGURES[figure]}, each on a scale of its own"
    for name, points in found.items():
        yield ""
        yield visible(titles.get(name, name))
        least, most = _ends(points)
        group = points[0].group
        for point in points:
            if point.group != group:
                group = point.group
                yield "   " + "┄" * 17
            value, interval = _figures(point)
            drawn = _drawn(point, least, most)
            yield f"{point.group}  {point.run.label}  {value:>7}  {interval:<13}  {drawn}".rstrip()


def specification(
    where: Cell, found: Mapping[str, Sequence[Point]], titles: Mapping[str, str]
) -> dict[str, Any]:
    """Return the chart as Vega-Lite: a panel an implementation, a line within like runs alone."""
    rows = [
        {
            "name": titles.get(name, name),
            "when": point.run.plan.created,
            "value": point.estimate.value,
            "low": point.estimate.low,
            "high": point.estimate.high,
            "group": point.group,
            "least": least,
            "most": most,
        }
        for name, points in found.items()
        for least, most in [_ends(points)]
        for point in points
    ]
    figure = next(point.figure for points in found.values() for point in points)
    y_axis = alt.Axis(title=None, format="~%" if figure == "of_reference" else "~s", tickCount=4)
    y = alt.Y("value:Q", scale=alt.Scale(zero=False), axis=y_axis)
    x_axis = alt.Axis(title="UTC", format="%Y-%m-%d", labelAngle=-30, tickCount=4, grid=False)
    x = alt.X("utcyearmonthdatehoursminutesseconds(when):T", axis=x_axis)
    legends = alt.Legend(title="runs that were alike", orient="top")
    letters = alt.Scale(domain=sorted({str(row["group"]) for row in rows}))
    color = alt.Color("group:N", legend=legends, scale=letters)
    shape = alt.Shape("group:N", legend=legends, scale=letters)
    base = alt.Chart().encode(x=x)
    layered = alt.layer(
        base.mark_line(strokeWidth=2).encode(y=y, color=color, detail="group:N"),
        base.transform_filter("isValid(datum.low)")
        .mark_rule(style="interval", strokeWidth=1.5)
        .encode(y="low:Q", y2="high:Q"),
        base.mark_point(filled=True, opacity=1, size=50).encode(y=y, color=color, shape=shape),
        *(base.mark_point(opacity=0).encode(y=f"{end}:Q") for end in ("least", "most")),
    ).properties(width=240, height=120)
    header = alt.Header(title=None, labelAnchor="start", labelFontWeight="bold", labelFontSize=13)
    chart = layered.facet(
        facet=alt.Facet("name:N", header=header), columns=3, data=alt.InlineData(values=rows)
    ).resolve_scale(y="independent")
    title = f"{where.workload} {where.name}: {FIGURES[figure]}"
    made: dict[str, Any] = chart.properties(title=alt.Title(title, anchor="start")).to_dict()
    made.pop("config", None)
    made["background"] = "white"  # it stands alone: nobody knows what lies behind it
    return made


def drawing(where: Cell, found: Mapping[str, Sequence[Point]], titles: Mapping[str, str]) -> str:
    """Return the chart as SVG; the same runs give the same bytes."""
    return svg.svg(specification(where, found, titles), "light", name="history")
