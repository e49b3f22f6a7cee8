"""The board: every clause has its sign, what turned is named, and it fits the screen it gets."""

from __future__ import annotations

from harness.check import cases, told
from harness.check.case import CLAUSES
from harness.model import Verdict, VerdictKind
from harness.report import board as boards

TEXTS = {text.case: text for text in told.texts(cases.ALL)}


def verdict(case: str, kind: VerdictKind, reason: str = "") -> Verdict:
    """Return the verdict of a case."""
    level = CLAUSES[case.partition(".")[0]].level
    return Verdict(implementation="mine", case=case, level=level, verdict=kind, reason=reason)


def board(*verdicts: Verdict, clauses: tuple[str, ...] = ("E01", "E10", "F12")) -> boards.Board:
    """Return a board of three clauses that knows these verdicts."""
    return boards.Board(
        name="mine", folder="/x/mine", clauses=clauses, texts=TEXTS, verdicts=list(verdicts)
    )


def shown(one: boards.Board, width: int = 80, lines: int = 24) -> list[str]:
    """Return the lines of a board."""
    return boards.rows(one, width, lines).plain.split("\n")


def test_every_clause_has_its_sign() -> None:
    """One that has not been played yet, too."""
    found = board(verdict("E01.1", "PASS"), verdict("E10.1", "FAIL", "expected a FIN; got silence"))
    assert shown(found)[1:3] == ["echo   ✓E01  ✗E10  ", "fetch  ·F12  "]
    assert "FAIL E10.1 expected a FIN; got silence" in shown(found)


def test_the_worst_of_a_clause_counts() -> None:
    """One case that fails is enough, and a declared difference holds."""
    found = board(verdict("E01.1", "PASS"), verdict("E01.2", "FAIL"), verdict("F12.1", "DECLARED"))
    assert boards.line(found) == "1 of 3 clauses hold; FAIL: E01"


def test_what_turned_is_named() -> None:
    """Against the last whole run, both ways; what was not known then has not turned."""
    found = board(verdict("E01.1", "PASS"), verdict("E10.1", "FAIL"))
    found.end()
    found.begin("echo.py changed")
    found.verdicts = [verdict("E01.1", "FAIL"), verdict("E10.1", "PASS"), verdict("F12.1", "PASS")]
    said = "echo.py changed: 2 of 3 clauses hold; now green: E10; no longer: E01"
    assert boards.line(found) == f"{said}; FAIL: E01"
    assert said in shown(found)


def test_the_first_failure_is_told_whole_where_there_is_room() -> None:
    """What is done, what must be seen; without room, a line a clause and how many are left out."""
    found = board(*(verdict(f"E{n:02}.1", "FAIL", "expected this; got that") for n in range(1, 13)))
    roomy = shown(found, lines=40)
    assert any(line.startswith("  does ") for line in roomy)
    assert [line for line in roomy if line.startswith("FAIL E12.1")]
    tight = shown(found, lines=12)
    assert len(tight) == 12
    assert "and 7 more" in tight


def test_it_fits_its_screen() -> None:
    """Never more lines or columns than it gets, whatever an implementation said."""
    verdicts = [
        verdict(case.id, "FAIL", "expected \x1b[2J [bold]markup; got " + "x" * 500)
        for case in cases.ALL
    ]
    clauses = tuple(dict.fromkeys(one.clause for one in verdicts))
    found = board(*verdicts, clauses=clauses)
    found.doing = "waiting " * 40
    for width, lines in ((80, 24), (40, 10), (20, 5), (200, 60)):
        rows = shown(found, width, lines)
        assert len(rows) <= lines
        assert max(map(len, rows)) <= width
        assert rows[-1].startswith("waiting")
        assert not any("\x1b" in row for row in rows)
    assert any("[bold]markup" in row for row in shown(found, 200, 60))


def test_a_fault_stands_in_the_place_of_verdicts() -> None:
    """Why nothing can be played is all there is to say."""
    found = board(verdict("E01.1", "FAIL"))
    found.begin("meta.toml changed")
    found.fault = "meta.toml: not valid TOML."
    assert boards.line(found) == "meta.toml changed: meta.toml: not valid TOML."
    assert "meta.toml: not valid TOML." in shown(found)
    found.begin("meta.toml changed")
    assert found.fault == ""
