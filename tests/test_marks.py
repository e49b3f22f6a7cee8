"""REPORT.md and report.html say the same of how everyone keeps the contract."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from markupsafe import escape

from harness import files
from harness.report import marks, page, reading
from harness.report.html import figures
from harness.report.html import page as whole
from harness.report.markdown import text
from harness.summary import Standing, Summary

GOLDEN = Path(__file__).resolve().parent / "golden" / "run" / "summary.json"


@pytest.fixture(scope="module")
def summary() -> Summary:
    """Return the golden run's summary."""
    return files.read_json(GOLDEN, Summary)


def test_who_differs_below_must_is_said_to_in_both(summary: Summary) -> None:
    """Tornado fails a SHOULD of echo: REPORT.md has it, and of report.html's tables echo's."""
    clause = "E13q"
    echo, fetch = (figures.answer(summary, found) for found in summary.workloads)
    by_table = []
    for table in (echo, fetch):
        (row,) = [row for row in table.rows if row[1].text == "Tornado"]
        by_table.append(row[-1].text)
    assert clause in by_table[0]
    assert clause not in by_table[1]
    (line,) = [x for x in page.page(summary, {}).splitlines() if x.startswith("| Tornado | ❌")]
    assert clause in line


def test_a_pass_and_a_difference_stand_beside_each_other(summary: Summary) -> None:
    """Each with its own sign; what is sorted by is the worse of them."""
    clauses = tuple(
        msgspec.structs.replace(c, verdicts={**c.verdicts, "trio": "DECLARED"})
        if c.clause == "E18"
        else c
        for c in summary.clauses
    )
    found = msgspec.structs.replace(summary, clauses=clauses)
    said = marks.marks(found, {"echo": Standing(implementation="trio", status="ok")})
    assert [(one.status, one.which) for one in said] == [("ok", ""), ("declared", "E18")]
    (row,) = [r for r in figures.answer(found, found.workloads[0]).rows if r[1].text == "Trio"]
    assert row[-1].text == "✓ pass ◆ declared E18"
    assert [css for css, _ in row[-1].signed] == ["P", "D"]
    assert row[-1].by == list(marks.KINDS).index("declared")


def test_a_native_client_is_never_a_plain_pass(summary: Summary) -> None:
    """It is ranked with what it declares; more clauses than have room are counted."""
    row = Standing(implementation="trio", status="ok", clauses=("F01", "F02", "F03", "F04"))
    (one,) = marks.marks(summary, {"fetch": row})
    assert (one.kind, one.which) == ("DECLARED", "4 clauses")


def test_both_pages_read_their_figures_alike(summary: Summary) -> None:
    """Every word is told in both, and report.html tells what its short names of cells are."""
    markdown, html = page.page(summary, {}), whole.page(summary, {}, (), "")
    for one in reading.terms(summary):
        assert str(text(one.means)) in markdown
        assert f"<dt>{one.term}</dt><dd>{escape(one.means)}.</dd>" in html
    how = html.partition('id="how"')[2].partition("</section>")[0]
    assert "10x1KiB: 10 connections × 1 KiB" in how  # noqa: RUF001
    assert "these places cannot be told apart" in how
    assert "below it" not in how
    assert "With 8 blocks the smallest possible is 0.0078" in how
