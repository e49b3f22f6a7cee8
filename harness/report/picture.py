"""A chart of the report in all its variants, and how names and colours stand in every chart.

Rules: no figure is known here; `pictures` says what is drawn. A chart without a text that gives its
figures to who cannot see it cannot be made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness import charts
from harness.report import FOLDER, words
from harness.report.markdown import Markdown, attribute
from harness.report.svg import darkened, renumbered, themed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.model import Implementation

_PHONE_PX = 600  # below it GitHub shrinks the wide chart until its words are under 9 pixels

_TITLE_MAX = 40  # characters: longer ones would leave no room for the bars ...
_TITLE_MAX_ON = 24  # ... and those with a Python behind them stand in many small panels as well


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
    """Phone or not -> Vega-Lite specification without a theme (that is `svg.config`)."""

    def file(self, theme: str, *, phone: bool) -> str:
        """Return a variant's file, relative to REPORT.md."""
        return f"{FOLDER}/{self.name}-{theme}{'-narrow' if phone else ''}.svg"

    def whole(self, *, phone: bool) -> dict[str, Any]:
        """Return the specification that the chart engine draws."""
        return themed(self.draw(phone), "light", phone=phone)

    def files(self, drawn: Mapping[bool, str]) -> dict[str, str]:
        """Return the SVG of every variant, by file; `drawn`: phone or not -> the engine's."""
        found = {}
        for phone, one in drawn.items():
            light = renumbered(one, self.name)
            found[self.file("light", phone=phone)] = light
            found[self.file("dark", phone=phone)] = darkened(light)
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


def label(one: Implementation) -> str:
    """Return a title that can be drawn: a control character in it would end the whole process."""
    return words.short(one, _TITLE_MAX_ON if one.on else _TITLE_MAX)


def family(implementation: Implementation) -> str:
    """Return what an implementation's colour stands for: its style, or native."""
    if implementation.kind == "reference":
        return "native"
    return implementation.style if implementation.style in charts.FAMILIES else "other"
