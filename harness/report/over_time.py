"""One cell over time: a chart of characters for a terminal, and one for a file.

Rules: an interval is drawn where there is one. Points of runs that were not alike are never joined,
and stand under a letter of their own. What an implementation wrote never becomes a control
sequence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness import charts
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
    y_axis = {"title": None, "format": "~%" if figure == "of_reference" else "~s", "tickCount": 4}
    y = charts.number("value", scale={"zero": False}, axis=y_axis)
    x_axis = {"title": "UTC", "format": "%Y-%m-%d", "labelAngle": -30, "tickCount": 4}
    x = {
        "field": "when",
        "type": "temporal",
        "timeUnit": "utcyearmonthdatehoursminutesseconds",
        "axis": {**x_axis, "grid": False},
    }
    legend = {"title": "runs that were alike", "orient": "top"}
    letters = {"domain": sorted({str(row["group"]) for row in rows})}
    group = charts.name("group", legend=legend, scale=letters)
    line = {"x": x, "y": y, "color": group, "detail": charts.name("group")}
    span = {"x": x, "y": charts.number("low"), "y2": {"field": "high"}}
    known = [{"filter": "isValid(datum.low)"}]
    points = {"x": x, "y": y, "color": group, "shape": group}
    layers = [
        charts.mark("line", line, strokeWidth=2),
        charts.mark("rule", span, known, style="interval", strokeWidth=1.5),
        charts.mark("point", points, filled=True, opacity=1, size=50),
        *(
            charts.mark("point", {"x": x, "y": charts.number(end)}, opacity=0)
            for end in ("least", "most")
        ),
    ]
    header = {"title": None, "labelAnchor": "start", "labelFontWeight": "bold", "labelFontSize": 13}
    return {
        "$schema": charts.SCHEMA,
        "background": "white",  # it stands alone: nobody knows what lies behind it
        "title": {"text": f"{where.workload} {where.name}: {FIGURES[figure]}", "anchor": "start"},
        "data": {"values": rows},
        "facet": charts.name("name", header=header),
        "columns": 3,
        "spec": {"width": 240, "height": 120, "layer": layers},
        "resolve": {"scale": {"y": "independent"}},
    }


def drawing(where: Cell, found: Mapping[str, Sequence[Point]], titles: Mapping[str, str]) -> str:
    """Return the chart as SVG; the same runs give the same bytes."""
    return svg.svg(specification(where, found, titles), "light", name="history")
