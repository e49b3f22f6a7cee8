"""From a specification to the SVG files of the report, light and dark, wide and narrow.

Rules: the same specification gives the same bytes, whatever was rendered before it and whichever
fonts the machine has.
"""

from __future__ import annotations

import re
from typing import Any

from harness.report import engine

# The first is carried by vl-convert itself, so widths are measured alike everywhere.
_FONT = "Liberation Sans, Arial, Helvetica, sans-serif"

# Okabe and Ito's colours, which every kind of colour vision tells apart; the blue and the green are
# lighter on dark ground, where theirs have too little contrast. The last two: other, native.
_INK = {
    "light": {
        "text": "#1f2328",
        "muted": "#59636e",
        "line": "#d1d9e0",
        "context": "#c8d0d8",
        "families": ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8c6d31", "#aeb7c0"],
    },
    "dark": {
        "text": "#f0f6fc",
        "muted": "#9da7b1",
        "line": "#343b43",
        "context": "#4a525c",
        "families": ["#3d9bdc", "#ea7627", "#1fb88d", "#d990b8", "#c9a24f", "#59626c"],
    },
}

THEMES = tuple(_INK)


def config(theme: str, *, phone: bool) -> dict[str, Any]:
    """Return the theme as Vega-Lite's config."""
    ink: dict[str, Any] = _INK[theme]
    text, muted, line = ink["text"], ink["muted"], ink["line"]
    return {
        "background": "transparent",
        "font": _FONT,
        "aria": False,
        "padding": 6,
        "view": {"stroke": None},
        "text": {"color": text, "fontSize": 12},
        "style": {
            "label": {"color": text, "fontSize": 12},
            "interval": {"color": text},
            "end": {"color": text},
            "context": {"color": ink["context"]},
            "one": {"color": line, "strokeWidth": 1.5},
        },
        "title": {
            "color": text,
            "subtitleColor": muted,
            "subtitleFontSize": 11,
            "subtitlePadding": 4,
            "fontSize": 13 if phone else 15,
            "fontWeight": "bold",
            "offset": 12,
        },
        "header": {"labelColor": text, "titleColor": muted},
        "legend": {
            "labelColor": text,
            "labelFontSize": 12,
            "symbolSize": 110,
            "symbolOpacity": 1,
            "symbolBaseFillColor": text,  # of shapes, which have no colour of their own
            "symbolBaseStrokeColor": text,
        },
        "axis": {
            "labelColor": muted,
            "titleColor": muted,
            "titleFontWeight": "normal",
            "labelFontSize": 11,
            "titleFontSize": 11,
            "gridColor": line,
            "domainColor": line,
            "tickColor": line,
        },
        "axisY": {"labelLimit": 150},
        "range": {"category": ink["families"]},
    }


def themed(spec: dict[str, Any], theme: str, *, phone: bool) -> dict[str, Any]:
    """Return a specification with its theme: all that the chart engine needs to draw it."""
    return {**spec, "config": config(theme, phone=phone)}


def renumbered(drawn: str, name: str) -> str:
    """Return what the chart engine drew, as a file whose ids count from 0 behind its name.

    The engine's own count on for as long as its process lives.
    """
    found: dict[str, str] = {}
    for one in re.findall(r'\bid="([^"]+)"', drawn):
        found.setdefault(one, f"{name}-{len(found)}")

    def own(match: re.Match[str]) -> str:
        return match[1] + found.get(match[2], match[2]) + match[3]

    return re.sub(r'(\bid="|url\(#|href="#)([^")]+)([")])', own, drawn) + "\n"


def svg(spec: dict[str, Any], theme: str, *, name: str, phone: bool = False) -> str:
    """Return the SVG of a specification in a theme (`light`, `dark`); its ids have the name."""
    return renumbered(engine.svg(themed(spec, theme, phone=phone)), name)


def darkened(drawn: str) -> str:
    """Return an SVG of the light theme in the dark one: only its colours are others.

    The same bytes as drawing it once more (a test compares), in a hundredth of the time.
    """
    light, dark = (_colours(theme) for theme in ("light", "dark"))
    to = {one.lower(): other for one, other in zip(light, dark, strict=True)}
    return re.sub(r"(?<=\")#[0-9a-fA-F]{6}(?=\")", lambda m: to.get(m[0].lower(), m[0]), drawn)


def _colours(theme: str) -> list[str]:
    """Return the colours of a theme, in an order that is the same in each."""
    ink: dict[str, Any] = _INK[theme]
    return [ink["text"], ink["muted"], ink["line"], ink["context"], *ink["families"]]
