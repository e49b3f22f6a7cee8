"""REPORT.md and report.html say the same of how everyone keeps the contract."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from markupsafe import escape

from harness import files
from harness.report import behaviour, marks, page, reading, tables
from harness.report.html import figures
from harness.report.html import page as whole
from harness.report.html.matrix import matrix
from harness.report.markdown import text
from harness.summary import Standing, Summary

if TYPE_CHECKING:
    from harness.model import VerdictKind

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


def of_cases(summary: Summary, clause: str, *kinds: VerdictKind) -> Summary:
    """Return a summary in which a clause of as many cases ended so for Trio, and its worst is told.

    The first kind is the clause's own.
    """
    suite = [one for one in summary.suite if one.text.case.partition(".")[0] != clause]
    (model, *_) = (one for one in summary.suite if one not in suite)
    for at, kind in enumerate(kinds):
        told = msgspec.structs.replace(model.text, case=f"{clause}.{at}")
        verdicts: dict[str, VerdictKind] = {**model.verdicts, "trio": kind}
        suite.append(msgspec.structs.replace(model, text=told, verdicts=verdicts))
    clauses = tuple(
        msgspec.structs.replace(c, verdicts={**c.verdicts, "trio": kinds[0]})
        if c.clause == clause
        else c
        for c in summary.clauses
    )
    return msgspec.structs.replace(summary, clauses=clauses, suite=tuple(suite))


def test_what_was_not_decided_hides_no_difference(summary: Summary) -> None:
    """Declared in two cases, undecided in one: both are said, in every place that says either."""
    found = of_cases(summary, "E18", "INCONCLUSIVE", "DECLARED", "DECLARED", "PASS")
    cases = behaviour.by_clause(found)["E18"]
    said = behaviour.tallies(cases, "trio", "INCONCLUSIVE")
    assert said == [("DECLARED", "2/4"), ("INCONCLUSIVE", "1/4")]
    text = behaviour.differences(found)
    assert "🔶 2/4 ❔ 1/4" in text
    assert "❔ not decided (the reason stands below)" in text
    (one,) = marks.marks(found, {"echo": Standing(implementation="trio", status="ok")})[1:]
    assert (one.kind, one.clauses) == ("DECLARED", ("E18",))
    made = matrix(found, {})
    assert made is not None
    (fold,) = [f for _, _, folds in made.workloads for f in folds if f.id == "E18"]
    shown = [(m.sign, m.many) for m in fold.marks if m]
    assert ("◆", "2/4, ? 1/4") in shown


def test_a_declared_difference_that_nothing_showed_is_told_as_that(summary: Summary) -> None:
    """Seen in none of the cases of this run, of which some were not decided."""
    (trio,) = (one for one in summary.implementations if one.name == "trio")
    trio = msgspec.structs.replace(trio, known={"E18": "of IPv6 it knows nothing"})
    ones = tuple(trio if one.name == "trio" else one for one in summary.implementations)
    ways: tuple[tuple[tuple[VerdictKind, ...], str], ...] = (
        (("PASS", "PASS"), "seen in none of 2 cases in this run"),
        (("INCONCLUSIVE", "PASS"), "seen in none of 2 cases in this run, 1 not decided"),
        (("DECLARED", "PASS"), "seen in 1 of 2 cases"),
    )
    for kinds, said in ways:
        found = msgspec.structs.replace(of_cases(summary, "E18", *kinds), implementations=ones)
        assert f"**Trio** <sub>{said}</sub>" in behaviour.declared(found)


def test_who_cannot_run_is_left_out_of_what_all_do(summary: Summary) -> None:
    """Curio takes no part: nobody is counted with it, and how to see why is said where it is so."""
    ones = tuple(
        msgspec.structs.replace(o, unfit=bool(o.cannot_run)) for o in summary.implementations
    )
    assert [one.title for one in ones if one.unfit] == ["curio"]
    clauses = tuple(
        msgspec.structs.replace(c, verdicts={**c.verdicts, "curio": "UNSUPPORTED"})
        for c in summary.clauses
    )
    found = msgspec.structs.replace(summary, implementations=ones, clauses=clauses)
    able = sum(one.kind == "framework" for one in ones) - 1
    assert f" of {able} frameworks that can take part keep " in behaviour.kept(found)
    assert "curio takes no part: why stands below the first table" in behaviour.played(found)
    assert behaviour.differences(found) == behaviour.differences(summary)
    rows = tables.without_figures(found, found.workloads[0])
    assert "delete `cannot_run` from `implementations/curio/meta.toml`" in rows
    assert "`nox -s check -- curio`" in rows
    assert "delete" not in tables.without_figures(summary, summary.workloads[0])
    everyone = tuple(msgspec.structs.replace(o, cannot_run="") for o in ones)
    whole = msgspec.structs.replace(summary, implementations=everyone)
    assert "can take part" not in behaviour.kept(whole)
