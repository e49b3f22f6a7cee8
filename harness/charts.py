"""What the charts show: one function a chart, each gives one Vega-Lite specification.

Rules: no colour, font or background of its own beyond the families' order: the theme is a `config`
that whoever renders lays over it (the named styles of the marks are its hooks).
A chart has its units on its axes, its intervals drawn, and a word beside what a colour means.
They are plain Vega-Lite: building them with Altair took longer than drawing them. A test holds each
against Altair's schema.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    Row = Mapping[str, str | float | bool | None]

Spec = dict[str, Any]
"""A part of a specification, or all of it."""

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"

FAMILIES = ("coroutine", "callback", "greenlet", "thread", "other", "native")
"""Twelve colours cannot be told apart by everyone; these six can, and names stand beside them."""

PERCENTILES = ("p50", "p90", "p99", "p99.9")
_SHAPES = ("circle", "square", "diamond", "triangle-right")

_ROW = 30  # pixels of a bar and its gap ...
_ROW_OF_MANY = 22  # ... where more than FEW stand below each other
FEW = 9

_NAME = (
    24  # characters of a name for which the widths leave room; longer ones take it from bars ...
)
_CHARACTER = 6  # ... so many pixels each, at the axis' 11 pixels
_LABEL = 150  # pixels of so long a name

_ONE: Spec = {  # a line at 1: the baseline, or the ideal
    "data": {"values": [{"x": 1}]},
    "mark": {"type": "rule", "style": "one"},
    "encoding": {"x": {"field": "x", "type": "quantitative"}},
}
_KNOWN = [{"filter": "isValid(datum.low)"}]
"""Of rows, those that have an interval."""


def number(field: str, **more: Any) -> Spec:
    """Return a channel on which a number is shown."""
    return {"field": field, "type": "quantitative", **more}


def name(field: str, **more: Any) -> Spec:
    """Return a channel on which a name is shown."""
    return {"field": field, "type": "nominal", **more}


def mark(kind: str, encoding: Spec, transform: Sequence[Spec] = (), **more: Any) -> Spec:
    """Return a layer; `more` is how its mark looks."""
    layer: Spec = {"transform": list(transform)} if transform else {}
    return {**layer, "mark": {"type": kind, **more}, "encoding": encoding}


def _family(rows: Sequence[Row], *, phone: bool) -> Spec:
    """Return the colour of a row's family, with a legend of the families that occur."""
    present = [family for family in FAMILIES if any(row["family"] == family for row in rows)]
    legend: Spec = {"orient": "top", "title": None, "values": present, "symbolType": "square"}
    legend |= {"offset": 12, **({"columns": 2} if phone else {})}
    return name("family", scale={"domain": list(FAMILIES)}, legend=legend)


def _height(order: Sequence[str]) -> int:
    """Return the pixels of rows one below the other."""
    return len(order) * (_ROW if len(order) <= FEW else _ROW_OF_MANY)


def _longer(order: Sequence[str]) -> int:
    """Return the pixels that the longest name takes beyond those that there is room for."""
    return max([0, *(len(one) - _NAME for one in order)]) * _CHARACTER


def _names(
    order: Sequence[str],
    *,
    shown: bool = True,
    below: Collection[str] = (),
    native: Collection[str] = (),
    usual: Collection[str] = (),
) -> Spec:
    """Return the axis of contestants.

    An arrow is before those who stand below another; native clients are in italics, those of every
    run bold.
    """
    axis: Spec = {
        "labels": shown,
        "labelLimit": _LABEL + _longer(order),
        "title": None,
        "ticks": False,
        "domain": False,
        "labelPadding": 8,
    }
    if below:  # titles are put into an expression as JSON, of which they can be no more than text
        listed = json.dumps(sorted(below))
        axis["labelExpr"] = f"(indexof({listed}, datum.label) < 0 ? '' : '↳ ') + datum.label"
    if native:
        test = f"indexof({json.dumps(sorted(native))}, datum.label) >= 0"
        italics = {"test": test, "value": "italic"}
        axis["labelFontStyle"] = {"condition": italics, "value": "normal"}
    if usual:
        test = f"indexof({json.dumps(sorted(usual))}, datum.label) >= 0"
        bold = {"test": test, "value": "bold"}
        axis["labelFontWeight"] = {"condition": bold, "value": "normal"}
    return axis


def _bars(
    data: str, rows: Sequence[Row], order: Sequence[str], width: int, y: Spec, *, phone: bool
) -> Spec:
    """Return one panel: a bar a contestant, its interval, its figure at the end."""
    first = rows[0]
    most = max(float(row["end"] or 0) for row in rows)
    form = "~%" if first["share"] else "~g"
    ticks = {"title": str(first["unit"]), "tickCount": 4, "format": form, "grid": False}
    x = number("value", axis=ticks, scale={"domain": [0, most * 1.2], "nice": False})
    pale = {"condition": {"test": "datum.proven", "value": 1}, "value": 0.4}
    bars = {"x": x, "y": y, "color": _family(rows, phone=phone), "opacity": pale}
    line = {"x": number("low"), "x2": {"field": "high"}, "y": y}
    label = {"x": number("end"), "y": y, "text": name("label")}
    tick = {"style": "end", "thickness": 1.5, "size": 9}
    layers = [
        _ONE,
        mark("bar", bars, cornerRadiusEnd=3),
        mark("rule", line, _KNOWN, style="interval", strokeWidth=1.5),
        *(mark("tick", {"x": number(end), "y": y}, _KNOWN, **tick) for end in ("low", "high")),
        mark("text", label, style="label", align="left", dx=7),
    ]
    says = [str(first["note"])] if first["note"] else []
    return {
        "title": {**_panel(first), "subtitle": says},
        "data": {"name": data},
        "width": width,
        "height": _height(order),
        "layer": layers,
    }


def _panel(row: Row) -> Spec:
    """Return the title of a row's panel."""
    return {"text": str(row["panel"]), "anchor": "start", "offset": 6, "fontSize": 13}


def _panels(drawn: Sequence[Spec], *, phone: bool) -> Spec:
    """Return panels side by side, or one under the other for a phone."""
    if phone:
        return {"vconcat": drawn, "spacing": 18}
    return {"hconcat": drawn, "spacing": 22}


def answer(
    panels: Sequence[Sequence[Row]],
    order: Sequence[str],
    *,
    title: str,
    phone: bool,
    below: Collection[str] = (),
    native: Collection[str] = (),
    usual: Collection[str] = (),
) -> Spec:
    """Return the ranked cells of a workload side by side, or one under the other for a phone.

    A row has: name, family, panel, value, low, high, end (where the label begins), label, unit,
    share (a share of the ideal instead of a ratio), note (the panel's), proven. `order` has the
    names, the best first; those `below` are variants of the one before them, those `native` are not
    frameworks, those `usual` take part in every run.
    """
    longer = _longer(order)
    width = 210 - longer if phone else (660 - longer - 12 * len(panels)) // len(panels)
    drawn = []
    for i, rows in enumerate(panels):
        own = _rows_of(rows, order, phone=phone)
        axis = _names(order, shown=phone or i == 0, below=below, native=native, usual=usual)
        scale = {"domain": own, "paddingInner": 0.3}
        y = name("name", sort=own, axis=axis, scale=scale)
        drawn.append(_bars(str(i), rows, own, width, y, phone=phone))
    return _finish(_panels(drawn, phone=phone), title, panels, native, usual)


def _rows_of(rows: Sequence[Row], order: Sequence[str], *, phone: bool) -> list[str]:
    """Return the names of a panel's rows: side by side a row of one is a row of all."""
    there = {row["name"] for row in rows}
    return [one for one in order if one in there or not phone]


def latencies(rows: Sequence[Row], order: Sequence[str], *, title: str, phone: bool) -> Spec:
    """Return percentiles on a line each, from p50 to p99.9, on a logarithmic axis.

    A row has: name, family, percentile (one of PERCENTILES), value, low, high (microseconds).
    `order` has the names, the best first. The shape tells the percentile, its place on the line
    says it again.
    """
    ends = [float(row[end] or row["value"] or 1.0) for row in rows for end in ("low", "high")]
    scale = {"type": "log", "domain": [min(ends) / 1.3, max(ends) * 1.3], "nice": False}
    axis = {"title": "µs, logarithmic", "tickCount": 5, "format": "~s", "grid": False}
    x, axis_y = number("value", axis=axis, scale=scale), _names(order)
    del axis_y["labels"]
    y = name("name", sort=list(order), axis=axis_y)
    legend = {"orient": "top", "title": None, "offset": 12, **({"columns": 2} if phone else {})}
    shapes = {"domain": list(PERCENTILES), "range": list(_SHAPES)}
    shape = name("percentile", sort=list(PERCENTILES), scale=shapes, legend=legend)
    color = _family(rows, phone=phone)
    line = {"x": x, "y": y, "detail": name("name")}
    span = {"x": number("low"), "x2": {"field": "high"}, "y": y, "color": color}
    points = {"x": x, "y": y, "color": color, "shape": shape}
    drawn: Spec = {
        "data": {"name": "0"},
        "width": 210 if phone else 520,
        "height": _height(order),
        "layer": [
            mark("line", line, style="context", strokeWidth=1),
            mark("rule", span, _KNOWN, strokeWidth=2.5, opacity=0.6),
            mark("point", points, filled=True, opacity=1, size=64),
        ],
    }
    return _finish(drawn, title, [rows])


def _dots(
    data: str,
    rows: Sequence[Row],
    order: Sequence[str],
    x: Spec,
    width: int,
    *,
    names: bool,
    native: Collection[str],
    phone: bool,
) -> Spec:
    """Return one panel: a dot a contestant, its interval, its figure in a column at the right."""
    axis, scale = _names(order, shown=names, native=native), {"domain": list(order)}
    y = name("name", sort=list(order), axis=axis, scale=scale)
    span = {"x": number("low"), "x2": {"field": "high"}, "y": y}
    dots = {"x": x, "y": y, "color": _family(rows, phone=phone)}
    figures = {"x": {"value": width + 10}, "y": y, "text": name("label")}
    return {
        "title": _panel(rows[0]),
        "data": {"name": data},
        "width": width,
        "height": _height(order),
        "layer": [
            _ONE,
            mark("rule", span, _KNOWN, style="interval", strokeWidth=1.5),
            mark("point", dots, filled=True, opacity=1, size=64),
            mark("text", figures, style="label", align="left"),
        ],
    }


def shares(
    panels: Sequence[Sequence[Row]],
    order: Sequence[str],
    domain: tuple[float, float],
    *,
    x_title: str,
    form: str,
    title: str,
    phone: bool,
    native: Collection[str] = (),
) -> Spec:
    """Return shares of 1 as dots, side by side, or one under the other for a phone.

    A row has: name, family, panel, value, low, high, label. `order` has the names, the best first;
    `domain` is where the axis begins and ends, the same in every panel; `form` is that of its
    numbers (d3-format); those `native` are not frameworks.
    """
    longer = _longer(order)
    width = 190 - longer if phone else (560 - longer - 12 * len(panels)) // len(panels)
    ticks = {"title": x_title, "tickCount": 4, "format": form, "grid": False}
    x = number("value", axis=ticks, scale={"domain": list(domain), "nice": False, "zero": False})
    drawn = []
    for i, rows in enumerate(panels):
        own, names = _rows_of(rows, order, phone=phone), phone or i == 0
        drawn.append(_dots(str(i), rows, own, x, width, names=names, native=native, phone=phone))
    return _finish(_panels(drawn, phone=phone), title, panels, native)


def _finish(
    chart: Spec,
    title: str,
    panels: Sequence[Sequence[Row]],
    native: Collection[str] = (),
    usual: Collection[str] = (),
) -> Spec:
    """Return the whole specification; the datasets named `0`, `1`, ... are the panels' rows."""
    lines = ["in bold: who takes part in every run"] if usual else []
    lines += ["in italics: native HTTP clients"] if native else []
    says = {"subtitle": lines} if lines else {}
    return {
        "$schema": SCHEMA,
        "title": {"text": title, "anchor": "start", **says},
        **chart,
        "datasets": {str(i): [dict(row) for row in panel] for i, panel in enumerate(panels)},
    }


_ROUND = [digit * 10.0**power for power in range(-6, 13) for digit in (1, 2, 5)]


def _around(values: Sequence[float]) -> list[float]:
    """Return where a logarithmic axis begins and ends: round numbers around all of the values."""
    begin = max((one for one in _ROUND if one <= min(values)), default=_ROUND[0])
    beyond = (one for one in _ROUND if one >= max(values) and one > begin)
    return [begin, min(beyond, default=_ROUND[-1])]


def _decades(begin: float, end: float) -> list[float]:
    """Return where an axis has numbers: at powers of ten, or at its ends where it holds few."""
    marks = [one for one in _ROUND[::3] if begin <= one <= end]
    return marks if len(marks) > 1 else sorted({begin, *marks, end})


def curves(
    rows: Sequence[Row],
    order: Sequence[str],
    *,
    x_title: str,
    y_title: str,
    title: str,
    phone: bool,
    log: bool = False,
) -> Spec:
    """Return a figure against what was varied: a small panel each, everyone in grey behind.

    More than FEW make them smaller, for a page that is not all charts. A row has: name, family,
    x (its label), step (its order), value (above 0 on an axis that is `log`), low, high (null: not
    known). A layer that names its data itself has all of it in each panel.
    """
    steps = [str(x) for _, x in sorted({(float(r["step"] or 0), str(r["x"])) for r in rows})]
    few = len(order) <= FEW
    size = {"width": 226, "height": 130} if few else {"width": 118, "height": 84}
    size = {"width": 124, "height": 110 if few else 84} if phone else size
    axis = {"title": x_title, "labelAngle": 0, "grid": False}
    x = name("x", sort=steps, axis=axis, scale={"type": "point", "padding": 0.25})
    ticks: Spec = {"title": y_title, "format": "~s", "tickCount": 4}
    y = number("value", axis=ticks)
    if log:
        ends = _around([float(row["value"] or 0.0) for row in rows])
        scale = {"type": "log", "domain": ends, "nice": False}
        y = number("value", axis={**ticks, "values": _decades(*ends)}, scale=scale)
    color = _family(rows, phone=phone)
    context, line = {"x": x, "y": y, "detail": name("name")}, {"x": x, "y": y, "color": color}
    span = {"x": x, "y": number("low"), "y2": {"field": "high"}}
    layers = [
        {"data": {"name": "0"}, **mark("line", context, style="context", strokeWidth=1)},
        mark("line", line, strokeWidth=2.5),
        mark("rule", span, _KNOWN, style="interval", strokeWidth=1.5),
        mark("point", line, filled=True, opacity=1, size=36),
    ]
    header = {"title": None, "labelAnchor": "start", "labelFontWeight": "bold", "labelFontSize": 13}
    drawn: Spec = {
        "data": {"name": "0"},
        "facet": name("name", sort=list(order), header=header),
        "columns": 2 if phone else 3 if few else 5,
        "spacing": 14 if few or phone else 10,
        "spec": {**size, "layer": layers},
    }
    return _finish(drawn, title, [rows])
