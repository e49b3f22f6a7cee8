"""What a row of the proof says of itself follows from its figures and their bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from harness import files, proven
from harness.proven import Disturbance, Figure, Proven
from harness.report import appendix

if TYPE_CHECKING:
    from pathlib import Path

QUIET = Disturbance(
    load_before=0.1,
    load_after=0.2,
    pressure_before=0.0,
    pressure_after=0.01,
    pressure=0.02,
    steal=0.001,
    others=0.03,
)


def record(*figures: Figure, row: str = "hog", **changes: object) -> Proven:
    """Return a row's record with these figures."""
    made = Proven(
        row=row,
        what="a busy process | on the core",
        must="corrected rate within 2%",
        created="2026-11-25T12:00:00Z",
        evenloop="1.0",
        python="3.13.0",
        wall_s=12.0,
        figures=figures,
        disturbance=QUIET,
    )
    return msgspec.structs.replace(made, **changes)


@pytest.mark.parametrize(
    ("value", "least", "most", "passed"),
    [
        (1.1, 1.1, None, True),
        (1.0999, 1.1, None, False),
        (0.02, None, 0.02, True),
        (0.0201, None, 0.02, False),
        (1.0, 0.99, 1.01, True),
        (1.02, 0.99, 1.01, False),
        (0.98, 0.99, 1.01, False),
        (float("nan"), 0.99, None, False),
        (7.0, None, None, True),
    ],
)
def test_a_figure_keeps_its_bounds(
    value: float, least: float | None, most: float | None, *, passed: bool
) -> None:
    """At a bound is within; what is no number keeps none."""
    figure = Figure(what="x", value=value, least=least, most=most)
    assert figure.passed is passed
    assert figure.bound is (least is not None or most is not None)


def test_a_row_without_a_bound_has_proven_nothing() -> None:
    """Figures to be read alone do not pass a row; one missed bound misses it."""
    read = Figure(what="x", value=1.0)
    kept = Figure(what="y", value=1.0, least=0.5)
    missed = Figure(what="z", value=1.0, most=0.5)
    assert not record().passed
    assert not record(read).passed
    assert record(read, kept).passed
    assert not record(read, kept, missed).passed


def test_a_figure_reads_as_a_sentence() -> None:
    """Value, interval and bound have the unit; a missed one says the best that was reached."""
    figure = Figure(what="ratio", value=1.05, unit="x", low=1.0, high=1.1, least=1.1, best=1.12)
    said = proven.sentence(figure)
    assert said == ("ratio: 1.050x (95%: 1.000x to 1.100x), at least 1.100x; best reached 1.120x")
    assert "best" not in proven.sentence(msgspec.structs.replace(figure, value=1.2))
    width = Figure(what="w", value=0.006, unit="%", low=0.004, high=0.01, spread="all", most=0.006)
    assert proven.sentence(width) == "w: 0.60% (all: 0.40% to 1.00%), at most 0.60%"


def test_the_last_record_of_a_row_counts(tmp_path: Path) -> None:
    """A row that was run again replaces what it said before; no file says nothing."""
    file = tmp_path / proven.FILE
    assert proven.read(file) == {}
    missed, kept = (record(Figure(what="x", value=value, least=1.0)) for value in (0.5, 1.5))
    files.append_jsonl(file, [missed, record(row="wrk"), kept])
    assert proven.read(file) == {"hog": kept, "wrk": record(row="wrk")}


def test_the_appendix_shows_rows_misses_and_the_machine() -> None:
    """Every row has its figures, a missed one its reason; what comes from a record is escaped."""
    assert not appendix.instrument({})
    kept = record(Figure(what="corrected", value=1.0, unit="x", least=0.98))
    missed = record(
        Figure(what="rate", value=0.9, unit="x", least=1.25),
        row="wrk",
        reasons=("other processes | kept 0.50 cores busy",),
    )
    shown = appendix.instrument({"hog": kept, "wrk": missed})
    absent = ", ".join(name for name in proven.ROWS if name not in {"hog", "wrk"})
    said = f"{len(proven.ROWS)} claims: 1 reached, 1 missed, {len(proven.ROWS) - 2} not run ("
    assert f"{said}{absent}); the oldest record is of 2026-11-25" in shown
    assert "**rate: 0.900x, at least 1.250x**" in shown
    assert r"why: other processes \| kept 0.50 cores busy" in shown
    assert r"| **hog** a busy process \| on the core |" in shown
    assert shown.count("steal 0.1%") == 2
