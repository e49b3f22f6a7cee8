"""What the charts show: one function a chart, each gives one Vega-Lite specification.

Rules: no colour, font or background of its own beyond the families' order: the theme is a `config`
that whoever renders lays over it (the named styles of the marks are its hooks).
A chart has its units on its axes, its intervals drawn, and a word beside what a colour means.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import altair as alt
from altair.utils import schemapi

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    Row = Mapping[str, str | float | bool | None]

FAMILIES = ("coroutine", "callback", "greenlet", "thread", "other", "native")
"""Twelve colours cannot be told apart by everyone; these six can, and names stand beside them."""

PERCENTILES = ("p50", "p90", "p99", "p99.9")
_SHAPES = ("circle", "square", "diamond", "triangle-right")

# Altair holds every part against its schema as it is made, which takes longer than all the drawing;
# a test does so for whole specifications.
schemapi.disable_debug_mode()

_ROW = 30  # pixels of a bar and its gap ...
_ROW_OF_MANY = 22  # ... where more than FEW stand below each other
FEW = 9


def _family(rows: Sequence[Row], *, phone: bool) -> alt.Color:
    """Return the colour of a row's family, with a legend of the families that occur."""
    present = [family for family in FAMILIES if any(row["family"] == family for row in rows)]
    legend = alt.Legend(orient="top", title=None, values=present, symbolType="square", offset=12)
    if phone:
        legend.columns = 2
    return alt.Color("family:N", scale=alt.Scale(domain=list(FAMILIES)), legend=legend)


def _height(order: Sequence[str]) -> int:
    """Return the pixels of rows one below the other."""
    return len(order) * (_ROW if len(order) <= FEW else _ROW_OF_MANY)


def _names(*, shown: bool, below: Collection[str]) -> alt.Axis:
    """Return the axis of contestants; an arrow is before those who stand below another."""
    axis = alt.Axis(labels=shown, title=None, ticks=False, domain=False, labelPadding=8)
    if below:  # titles are put into an expression as JSON, of which they can be no more than text
        listed = json.dumps(sorted(below))
        axis.labelExpr = f"(indexof({listed}, datum.label) < 0 ? '' : '↳ ') + datum.label"
    return axis


def _bars(
    data: str, rows: Sequence[Row], order: Sequence[str], width: int, y: alt.Y, *, phone: bool
) -> alt.LayerChart:
    """Return one panel: a bar a contestant, its interval, its figure at the end."""
    first = rows[0]
    share = bool(first["share"])
    most = max(float(row["end"] or 0) for row in rows)
    form = "~%" if share else "~g"
    ticks = alt.Axis(title=str(first["unit"]), tickCount=4, format=form, grid=False)
    x = alt.X("value:Q", axis=ticks, scale=alt.Scale(domain=[0, most * 1.2], nice=False))
    base = alt.Chart(alt.NamedData(data))
    pale = alt.condition("datum.proven", alt.value(1), alt.value(0.4))
    color = _family(rows, phone=phone)
    one = alt.Chart(alt.InlineData(values=[{"x": 1}])).mark_rule(style="one").encode(x="x:Q")
    bars = base.mark_bar(cornerRadiusEnd=3).encode(x=x, y=y, color=color, opacity=pale)
    whole = base.transform_filter("isValid(datum.low)")
    line = whole.mark_rule(style="interval", strokeWidth=1.5).encode(x="low:Q", x2="high:Q", y=y)
    ends = [
        whole.mark_tick(style="end", thickness=1.5, size=9).encode(x=alt.X(f"{end}:Q"), y=y)
        for end in ("low", "high")
    ]
    text = base.mark_text(style="label", align="left", dx=7).encode(x="end:Q", y=y, text="label:N")
    says = [str(first["note"])] if first["note"] else []
    title = alt.Title(str(first["panel"]), subtitle=says, anchor="start", offset=6, fontSize=13)
    drawn = alt.LayerChart(layer=[one, bars, line, *ends, text])
    return drawn.properties(width=width, height=_height(order), title=title)


def answer(
    panels: Sequence[Sequence[Row]],
    order: Sequence[str],
    *,
    title: str,
    phone: bool,
    below: Collection[str] = (),
) -> dict[str, Any]:
    """Return the ranked cells of a workload side by side, or one under the other for a phone.

    A row has: name, family, panel, value, low, high, end (where the label begins), label, unit,
    share (a share of the ideal instead of a ratio), note (the panel's), proven. `order` has the
    names, the best first; those `below` are variants of the one before them.
    """
    width = 210 if phone else (660 - 12 * len(panels)) // len(panels)
    drawn = []
    for i, rows in enumerate(panels):
        axis = _names(shown=phone or i == 0, below=below)
        y = alt.Y("name:N", sort=list(order), axis=axis, scale=alt.Scale(paddingInner=0.3))
        drawn.append(_bars(str(i), rows, order, width, y, phone=phone))
    whole = alt.vconcat(*drawn, spacing=18) if phone else alt.hconcat(*drawn, spacing=22)
    return _finish(whole, title, panels)


def latencies(
    rows: Sequence[Row], order: Sequence[str], *, title: str, phone: bool
) -> dict[str, Any]:
    """Return percentiles on a line each, from p50 to p99.9, on a logarithmic axis.

    A row has: name, family, percentile (one of PERCENTILES), value, low, high (microseconds).
    `order` has the names, the best first. The shape tells the percentile, its place on the line
    says it again.
    """
    ends = [float(row[end] or row["value"] or 1.0) for row in rows for end in ("low", "high")]
    scale = alt.Scale(type="log", domain=[min(ends) / 1.3, max(ends) * 1.3], nice=False)
    axis = alt.Axis(title="µs, logarithmic", tickCount=5, format="~s", grid=False)
    x = alt.X("value:Q", axis=axis, scale=scale)
    names = alt.Axis(title=None, ticks=False, domain=False, labelPadding=8)
    y = alt.Y("name:N", sort=list(order), axis=names)
    base = alt.Chart(alt.NamedData("0")).encode(y=y)
    legend = alt.Legend(orient="top", title=None, offset=12)
    if phone:
        legend.columns = 2
    shape = alt.Shape(
        "percentile:N",
        sort=list(PERCENTILES),
        scale=alt.Scale(domain=list(PERCENTILES), range=list(_SHAPES)),
        legend=legend,
    )
    color = _family(rows, phone=phone)
    line = base.mark_line(style="context", strokeWidth=1).encode(x=x, detail="name:N")
    known = base.transform_filter("isValid(datum.low)")
    span = known.mark_rule(strokeWidth=2.5, opacity=0.6).encode(x="low:Q", x2="high:Q", color=color)
    points = base.mark_point(filled=True, opacity=1, size=64)
    layers = [line, span, points.encode(x=x, color=color, shape=shape)]
    drawn = alt.LayerChart(layer=layers)
    sized = drawn.properties(width=210 if phone else 520, height=_height(order))
    return _finish(sized, title, [rows])


def _dots(
    data: str,
    rows: Sequence[Row],
    order: Sequence[str],
    axis: alt.X,
    width: int,
    *,
    names: bool,
    phone: bool,
) -> alt.LayerChart:
    """Return one panel: a dot a contestant, its interval, its figure in a column at the right."""
    labels = alt.Axis(labels=names, title=None, ticks=False, domain=False, labelPadding=8)
    y = alt.Y("name:N", sort=list(order), axis=labels)
    base = alt.Chart(alt.NamedData(data)).encode(y=y)
    ideal = alt.Chart(alt.InlineData(values=[{"x": 1}])).mark_rule(style="one").encode(x="x:Q")
    known = base.transform_filter("isValid(datum.low)")
    color = _family(rows, phone=phone)
    span = known.mark_rule(style="interval", strokeWidth=1.5).encode(x="low:Q", x2="high:Q")
    dots = base.mark_point(filled=True, opacity=1, size=64).encode(x=axis, color=color)
    figures = base.mark_text(style="label", align="left").encode(
        x=alt.value(width + 10), text="label:N"
    )
    title = alt.Title(str(rows[0]["panel"]), anchor="start", offset=6, fontSize=13)
    drawn = alt.LayerChart(layer=[ideal, span, dots, figures])
    return drawn.properties(width=width, height=_height(order), title=title)


def shares(
    panels: Sequence[Sequence[Row]],
    order: Sequence[str],
    domain: tuple[float, float],
    *,
    x_title: str,
    form: str,
    title: str,
    phone: bool,
) -> dict[str, Any]:
    """Return shares of 1 as dots, side by side, or one under the other for a phone.

    A row has: name, family, panel, value, low, high, label. `order` has the names, the best first;
    `domain` is where the axis begins and ends, the same in every panel; `form` is that of its
    numbers (d3-format).
    """
    width = 190 if phone else (560 - 12 * len(panels)) // len(panels)
    ticks = alt.Axis(title=x_title, tickCount=4, format=form, grid=False)
    scale = alt.Scale(domain=list(domain), nice=False, zero=False)
    axis = alt.X("value:Q", axis=ticks, scale=scale)
    drawn = [
        _dots(str(i), rows, order, axis, width, names=phone or i == 0, phone=phone)
        for i, rows in enumerate(panels)
    ]
    whole = alt.vconcat(*drawn, spacing=18) if phone else alt.hconcat(*drawn, spacing=22)
    return _finish(whole, title, panels)


def _finish(
    chart: alt.VConcatChart | alt.HConcatChart | alt.FacetChart | alt.LayerChart,
    title: str,
    panels: Sequence[Sequence[Row]],
) -> dict[str, Any]:
    """Return the specification; the datasets named `0`, `1`, ... are the panels' rows.

    They come in last: Altair copies all of a chart at each step of its making.
    """
    titled = chart.properties(title=alt.Title(title, anchor="start"))
    found: dict[str, Any] = titled.to_dict(validate=False)
    found.pop("config", None)
    rows = {str(i): [dict(row) for row in panel] for i, panel in enumerate(panels)}
    found["datasets"] = {**found.get("datasets", {}), **rows}
    return found


def _context(rows: Sequence[Row]) -> list[Row]:
    """Return every contestant's line once more for every panel but its own."""
    names = list(dict.fromkeys(str(row["name"]) for row in rows))
    return [
        {**row, "of": row["name"], "name": name, "own": row["name"] == name}
        for name in names
        for row in rows
    ]


def curves(
    rows: Sequence[Row],
    order: Sequence[str],
    *,
    x_title: str,
    y_title: str,
    title: str,
    phone: bool,
) -> dict[str, Any]:
    """Return a figure against what was varied: a small panel each, the others in grey.

    More than FEW make them smaller, for a page that is not all charts. A row has: name, family,
    x (its label), step (its order), value, low, high (null: not known).
    """
    steps = [str(x) for _, x in sorted({(float(r["step"] or 0), str(r["x"])) for r in rows})]
    few = len(order) <= FEW
    size = {"width": 226, "height": 130} if few else {"width": 118, "height": 84}
    size = {"width": 124, "height": 110 if few else 84} if phone else size
    axis = alt.Axis(title=x_title, labelAngle=0, grid=False)
    x = alt.X("x:N", sort=steps, axis=axis, scale=alt.Scale(type="point", padding=0.25))
    y = alt.Y("value:Q", axis=alt.Axis(title=y_title, format="~s", tickCount=4))
    color = _family(rows, phone=phone)
    base = alt.Chart().encode(x=x)
    others = base.transform_filter("!datum.own").mark_line(style="context", strokeWidth=1)
    own = base.transform_filter("datum.own")
    layered = alt.layer(
        others.encode(y=y, detail="of:N"),
        own.mark_line(strokeWidth=2.5).encode(y=y, color=color),
        own.transform_filter("isValid(datum.low)")
        .mark_rule(style="interval", strokeWidth=1.5)
        .encode(y="low:Q", y2="high:Q"),
        own.mark_point(filled=True, opacity=1, size=36).encode(y=y, color=color),
    ).properties(**size)
    header = alt.Header(title=None, labelAnchor="start", labelFontWeight="bold", labelFontSize=13)
    whole = layered.facet(
        facet=alt.Facet("name:N", sort=list(order), header=header),
        columns=2 if phone else 3 if few else 5,
        spacing=14 if few or phone else 10,
        data=alt.NamedData("0"),
    )
    return _finish(whole, title, [_context(rows)])
