"""What became of the rows that prove the instrument: the record that the report's appendix shows.

Rules: frozen records and what follows from them; nothing is measured here. A row is passed when
every figure that has a bound keeps it; a row without figures has shown nothing and is missed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from harness import files
from harness.model import FORMAT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FILE = "proof.jsonl"
ROWS = (
    *("reference", "wrk", "stall", "twin", "planted", "hog", "little", "recompute", "resume"),
    *("tax", "width", "memory", "order"),
)
"""The names of all rows that there are, in the order in which they run."""

Unit = Literal["", "%", "ms", "s", "KiB", "x"]
"""How a value is written: as a number, a share in per cent, a time, a size, a ratio."""


class Figure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One figure that a row reached, and the bound that it was to keep."""

    what: str
    value: float
    """A share where the unit is %: 0.03 is 3%."""
    unit: Unit = ""
    low: float | None = None
    """95% interval, where there is one; else the extremes, where `spread` says of what."""
    high: float | None = None
    spread: str = ""
    """What low and high are the extremes of; empty: they are the 95% interval."""
    least: float | None = None
    most: float | None = None
    best: float | None = None
    """The best that any block, slice or campaign reached, where the value is their median."""

    @property
    def bound(self) -> bool:
        """True when something is asked of it; others are there to be read."""
        return self.least is not None or self.most is not None

    @property
    def passed(self) -> bool:
        """True when it keeps its bound; a value that is no number keeps none."""
        above = self.least is None or self.value >= self.least
        below = self.most is None or self.value <= self.most
        return above and below


class Disturbance(msgspec.Struct, frozen=True, kw_only=True):
    """What else the machine did while a row was measured."""

    load_before: float
    """Runnable tasks, mean over a minute (the first number of /proc/loadavg)."""
    load_after: float
    pressure_before: float
    """Share of ten seconds in which some task had no core (PSI some avg10); 0 without PSI."""
    pressure_after: float
    pressure: float
    """The same share of the row's own time, from PSI's total; this project's tasks included."""
    steal: float
    """Share of all cores' time that the hypervisor gave to others."""
    others: float
    """Cores that processes other than this project's kept busy, mean over the row."""

    @property
    def text(self) -> str:
        """In one line, for a person."""
        return (
            f"load {self.load_before:.2f} before, {self.load_after:.2f} after; cpu pressure "
            f"{self.pressure_before:.0%} before, {self.pressure_after:.0%} after, "
            f"{self.pressure:.0%} over the row; steal {self.steal:.1%}; "
            f"other processes kept {self.others:.2f} cores busy"
        )


class Proven(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of the table, once it was run."""

    format: int = FORMAT
    row: str
    """Its name: `reference`, `wrk`, `stall`, ..."""
    what: str
    must: str
    """What must show, in words."""
    created: str
    """UTC, ISO 8601, to the second: when it ended."""
    evenloop: str
    python: str
    machine: dict[str, str] = {}
    wall_s: float
    figures: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences: what was measured, and with what deviation from the plan."""
    reasons: tuple[str, ...] = ()
    """Measured causes that a figure was missed by; a row that could not run has its reason here."""
    disturbance: Disturbance

    @property
    def passed(self) -> bool:
        """True when it has figures with bounds, and each keeps its own."""
        asked = [figure for figure in self.figures if figure.bound]
        return bool(asked) and all(figure.passed for figure in asked)


def amount(value: float, unit: Unit) -> str:
    """Return a value with its unit, as a person reads it."""
    if unit == "%":
        return f"{100 * value:.2f}%"
    if unit == "x":
        return f"{value:.3f}x"
    return f"{value:.4g}" + (f" {unit}" if unit else "")


def sentence(figure: Figure) -> str:
    """Return a figure in one line: what, how much, its interval, its bound, its best."""
    words = f"{figure.what}: {amount(figure.value, figure.unit)}"
    if figure.low is not None and figure.high is not None:
        ends = f"{amount(figure.low, figure.unit)} to {amount(figure.high, figure.unit)}"
        words += f" ({figure.spread or '95%'}: {ends})"
    if figure.least is not None:
        words += f", at least {amount(figure.least, figure.unit)}"
    if figure.most is not None:
        words += f", at most {amount(figure.most, figure.unit)}"
    if not figure.passed and figure.best is not None:
        words += f"; best reached {amount(figure.best, figure.unit)}"
    return words


def latest(records: Iterable[Proven]) -> dict[str, Proven]:
    """Return the last record of every row, in the order in which the rows first came."""
    return {record.row: record for record in records}


def read(file: Path) -> dict[str, Proven]:
    """Return what a file says of every row; nothing where there is no file."""
    return latest(files.read_jsonl(file, Proven)) if file.exists() else {}
