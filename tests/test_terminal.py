"""The end of compare fits a screen, says who won, tied and failed, and is coloured when asked."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness import files
from harness.report import terminal
from harness.summary import Estimate, Standing, Summary

GOLDEN = Path(__file__).resolve().parent / "golden" / "run" / "summary.json"


@pytest.fixture(scope="module")
def summary() -> Summary:
    """Return the golden run's summary."""
    return files.read_json(GOLDEN, Summary)


def crowded(summary: Summary, many: int) -> Summary:
    """Return the summary with so many more implementations, each with a long title."""
    first = summary.implementations[0]
    added = [
        msgspec.structs.replace(first, name=f"more{n}", title=f"Another framework, number {n}")
        for n in range(many)
    ]
    rows = [
        Standing(
            implementation=one.name,
            status="ok",
            rank=f"{n + 6}",
            ratio=Estimate(value=123.456, low=120.0, high=130.0, bound=">="),
            of_reference=Estimate(value=0.01, bound="<="),
        )
        for n, one in enumerate(added)
    ]
    workloads = tuple(
        msgspec.structs.replace(w, standings=(*w.standings, *rows)) for w in summary.workloads
    )
    return msgspec.structs.replace(
        summary,
        implementations=(*summary.implementations, *added),
        workloads=workloads,
    )


def doubtful(summary: Summary) -> Summary:
    """Return the summary with every control failed."""
    workloads = tuple(
        msgspec.structs.replace(
            w,
            withheld="canary",
            canaries=tuple(msgspec.structs.replace(c, passed=False) for c in w.canaries),
        )
        for w in summary.workloads
    )
    return msgspec.structs.replace(summary, workloads=workloads)


@pytest.mark.parametrize("many", [0, 6, 30])
@pytest.mark.parametrize("doubt", [False, True])
def test_it_fits_a_screen(summary: Summary, many: int, doubt: bool) -> None:
    """80 columns, and 24 lines with the seven that stand below it; what is left out is counted."""
    one = crowded(summary, many)
    shown = terminal.text(doubtful(one) if doubt else one).splitlines()
    assert max(map(len, shown)) <= 80
    assert len(shown) <= 24 - 7
    rows = [line for line in shown if line.startswith("Another framework")]
    assert (len(rows) < many) == any(" more" in line for line in shown if many)
    assert any(line.startswith("! ") for line in shown) == doubt


def test_it_names_the_winner_the_ties_and_who_failed(summary: Summary) -> None:
    """In words, from the ranks and the clauses alone."""
    shown = terminal.text(summary)
    assert "echo: gevent is first." in shown
    assert "fetch: gevent is first; tied: Twisted and Tornado." in shown
    assert "failed: Tornado: E04 half-close, E13q quiet (SHOULD)" in shown
    assert "no rank: threads in fetch: declared F17" in shown
    assert "fails E04" in next(x for x in shown.splitlines() if x.startswith("Tornado"))


def test_a_lead_that_is_shared_is_no_win(summary: Summary) -> None:
    """Two with rank 1-2 share it."""
    first, *rest = summary.workloads
    rows = tuple(
        msgspec.structs.replace(row, rank="1-2") if row.rank in {"1", "2"} else row
        for row in first.standings
    )
    one = msgspec.structs.replace(
        summary, workloads=(msgspec.structs.replace(first, standings=rows), *rest)
    )
    assert "echo: gevent and asyncio may be first." in terminal.text(one)


def test_withheld_ranks_name_no_winner(summary: Summary) -> None:
    """A control that failed: why, and nobody first."""
    shown = terminal.text(doubtful(summary))
    assert "is first" not in shown
    assert "echo: No ranks: of the controls inside this run one failed" in shown


def test_nothing_failed_is_said(summary: Summary) -> None:
    """Not by silence."""
    clauses = tuple(
        msgspec.structs.replace(c, verdicts=dict.fromkeys(c.verdicts, "PASS"))
        for c in summary.clauses
    )
    shown = terminal.text(msgspec.structs.replace(summary, clauses=clauses))
    assert "failed: nothing" in shown


def test_colours_come_when_asked(summary: Summary) -> None:
    """And the words are the same."""
    plain, coloured = terminal.text(summary), terminal.text(summary, colour=True)
    assert "\x1b" not in plain
    assert "\x1b[31mfailed: Tornado" in coloured
