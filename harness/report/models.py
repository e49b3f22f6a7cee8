"""What waiting costs by model: the memory of idle connections as threads, greenlets, tasks, ...

Rules: Summary in, Markdown and words out. The model is the `style` of a meta.toml; the figure is
the slope of the scenario `memory`, so that what a process has before its first connection is not in
it. Nothing is ranked: everyone of a model is named with its own figure.
"""

from __future__ import annotations

from math import inf
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from harness.report import numbers
from harness.report.markdown import Markdown, join, small, table
from harness.report.sentences import connection_kib
from harness.report.tables import NOTHING

if TYPE_CHECKING:
    from harness.model import Implementation
    from harness.summary import Summary

WAITING = 5000  # connections: as many as the scenario holds at its last step
MODELS = {
    "callback": "callbacks",
    "coroutine": "tasks (coroutines)",
    "greenlet": "greenlets",
    "thread": "OS threads",
    "process": "OS processes",
}
"""A connection of each style is one of these; another style goes by its own word."""
_KIB_PER_MIB = 1024.0


class Model(NamedTuple):
    """One way to have a connection wait, and what it takes for everyone who goes it."""

    name: str
    own: tuple[tuple[Implementation, float], ...]
    """Each with its KiB a connection, the least first."""
    without: tuple[tuple[Implementation, str], ...]
    """Who gave no figure, and why."""

    @property
    def kib(self) -> float:
        """The median of its implementations; infinite where none has a figure."""
        return median(kib for _, kib in self.own) if self.own else inf


def models(summary: Summary) -> list[Model]:
    """Return the models whose memory was measured, the least first, those without figures last."""
    errors = {t.implementation: t.error for t in summary.traits if t.scenario == "memory"}
    by_style: dict[str, list[Implementation]] = {}
    for one in summary.implementations:
        if one.name in errors and one.kind == "framework":
            by_style.setdefault(one.style, []).append(one)
    made = []
    for style, every in by_style.items():
        known = [(one, kib.value) for one in every if (kib := connection_kib(summary, one.name))]
        without = tuple((one, errors[one.name]) for one in every if errors[one.name])
        own = tuple(sorted(known, key=lambda pair: pair[1]))
        made.append(Model(MODELS.get(style, style), own, without))
    return sorted(made, key=lambda model: (model.kib, model.name))


def mib(kib: float) -> float:
    """Return the memory of all that wait, MiB."""
    return kib * WAITING / _KIB_PER_MIB


def says(summary: Summary) -> str:
    """Return what waiting costs in the cheapest model and in the dearest; nothing of one alone."""
    found = [model for model in models(summary) if model.own]
    if len(found) < 2:
        return ""
    said = [f"{numbers.plain(mib(one.kib), 2)} MiB as {one.name}" for one in found]
    return f"{WAITING:,} connections that wait take {', '.join(said)}: the median of each model."


def _range(low: float, high: float, digits: int) -> str:
    ends = numbers.plain(low, digits), numbers.plain(high, digits)
    return ends[0] if ends[0] == ends[1] else "–".join(ends)  # noqa: RUF001


def by_model(summary: Summary) -> Markdown:
    """Return the table, a row a model; nothing where there are not two of them."""
    found = models(summary)
    if sum(bool(model.own) for model in found) < 2:
        return NOTHING
    rows = []
    for model in found:
        whose = [join([one.title, small(numbers.plain(kib, 3))], " ") for one, kib in model.own]
        whose += [join([one.title, small(why)], " ") for one, why in model.without]
        spans = [numbers.NONE, numbers.NONE]
        if model.own:
            least, most = model.own[0][1], model.own[-1][1]
            spans = [_range(least, most, 3), _range(mib(least), mib(most), 2)]
        rows.append([model.name, *spans, join(whose)])
    heads = ["each connection is", "KiB each", f"MiB for {WAITING:,}", "whose, KiB"]
    return table(heads, rows, "lrrl")
