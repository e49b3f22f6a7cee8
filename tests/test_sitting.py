"""Cases that share a process get the verdicts that they would have got alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.check import cases, sitting
from harness.check.case import Case, Failure
from harness.check.fetch_rows import ok, row, sized
from harness.check.origin import Step
from harness.check.stage import Stage
from harness.check.table import AFTERWARDS, FIRST_ROW, Setting, _doors, followed, rows_alone, table
from harness.model import Implementation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.check.player import Played
    from harness.check.shelf import Shelf

FAKES = Path(__file__).resolve().parent / "fakes"
BY_ID = {case.id: case for case in cases.ALL}
GOOD = [
    row("five bytes", sized(b"hello"), ok(b"hello")),
    row("no byte", sized(b""), ok()),
    row("cut off", (sized(b"hello")[:-1], Step.READ, Step.FIN), "truncated"),
]


def echo(fault: str = "") -> Implementation:
    """Return the fake echo with this fault."""
    run = ("{python}", "{here}/echo_base.py", *((fault,) if fault else ()))
    return Implementation(name="fake", folder=str(FAKES), title="", style="", run=run)


def fetch(fault: str = "") -> Implementation:
    """Return the fake fetch with this fault."""
    run = ("{python}", "{here}/fetch_base.py", *(("--fault", fault) if fault else ()))
    return Implementation(name="fake", folder=str(FAKES), title="", style="", run=run)


def play(one: Implementation, chosen: Sequence[Case]) -> dict[str, Played]:
    """Play cases in one sitting and return what came of each."""

    def stage(shelf: Shelf | None = None) -> Stage:
        return Stage(one, shelf=shelf)

    played = list(sitting.play(chosen, stage))
    assert [one.case for one in played] == [case.id for case in chosen], "one each, in order"
    return {one.case: one for one in played}


def pids(seen: list[int]) -> Callable[[Stage], None]:
    """Return a case's play that notes the server's pid."""

    def note(stage: Stage) -> None:
        with stage.serve() as server:
            server.connect().ping()
            seen.append(server.child.pid)

    return note


def test_echo_cases_share_a_server() -> None:
    """Cases of one sitting meet the same process, and it is stopped well at the end."""
    seen: list[int] = []
    chosen = [Case(f"E01.9{at}", "", "", pids(seen)) for at in range(3)]
    found = play(echo(), chosen)
    assert len(set(seen)) == 1
    assert len(seen) == 3
    assert {one.verdict for one in found.values()} == {"PASS"}
    assert not any(one.left or one.noise for one in found.values())


def test_after_a_failure_comes_a_fresh_server() -> None:
    """Nobody plays on with a server that somebody has seen go wrong."""
    seen: list[int] = []

    def fail(stage: Stage) -> None:
        pids(seen)(stage)
        with stage.serve():
            raise Failure("this", "that")

    chosen = [Case("E01.91", "", "", fail), Case("E01.92", "", "", pids(seen))]
    found = play(echo(), chosen)
    assert [found[case.id].verdict for case in chosen] == ["FAIL", "PASS"]
    assert len(set(seen)) == 2


def test_a_server_that_leaves_something_is_not_shared() -> None:
    """What a case finds left behind is its own to tell, and not the next one's."""
    found = play(echo("leaves_thread"), [BY_ID["E02.1"], BY_ID["E02.3"]])
    assert all("threads" in one.left for one in found.values())


def test_the_end_of_a_shared_server_is_looked_at() -> None:
    """A server that ends badly after its last case is told of."""
    found = play(echo("exit_status"), [BY_ID["E02.1"], BY_ID["E02.3"]])
    assert found["E02.1"].left == ""
    assert "exit status 3" in found["E02.3"].left


def test_a_fault_fails_its_case_alone() -> None:
    """Of cases on one server only those fail whose subject is wrong."""
    found = play(echo("text"), [BY_ID[f"E0{name}"] for name in ("1.4", "1.5", "2.2", "4.3")])
    assert found["E01.4"].verdict == "PASS"
    assert found["E01.5"].verdict == "FAIL"


def test_rows_are_judged_one_by_one() -> None:
    """One wrong row fails its own case, with its own wire log, and no other."""
    wrong = row("wrong by intent", sized(b"hello"), ok(b"goodbye"))
    chosen = table("F01", [*GOOD, wrong], does="", first=91)
    found = play(fetch(), chosen)
    assert [one.verdict for one in found.values()] == ["PASS", "PASS", "PASS", "FAIL"]
    failed = found["F01.94"]
    assert failed.reason.startswith("expected wrong by intent: 200 with 7 bytes")
    assert any("GET /3" in line for line in failed.evidence)
    assert not any("GET /0" in line for line in failed.evidence)


def test_a_connection_used_again_fails_its_row() -> None:
    """That a row forbids another request on its connection is judged in company too."""
    rows = [row("kept", sized(b"hello"), ok(b"hello"), reuse=False), *GOOD * 4]
    found = play(fetch(), table("F09", rows, does="", first=20))
    assert found["F09.20"].verdict == "FAIL"
    assert "connection" in found["F09.20"].reason
    assert {one.verdict for name, one in found.items() if name != "F09.20"} == {"PASS"}


@pytest.mark.parametrize("fault", ["body_on_204", "interim_is_final", "close_ignored"])
def test_company_changes_no_verdict(fault: str) -> None:
    """The rows of a clause fail together exactly as they fail alone."""
    clause = {"body_on_204": "F04", "interim_is_final": "F05", "close_ignored": "F13"}[fault]
    chosen = [case for case in cases.ALL if case.clause.id == clause and case.sitting == "rows"]
    some = chosen[::4]
    together = play(fetch(fault), chosen)
    alone = {case.id: play(fetch(fault), [case])[case.id] for case in some}
    assert {name: one.verdict for name, one in alone.items()} == {
        case.id: together[case.id].verdict for case in some
    }
    assert "FAIL" in {one.verdict for one in together.values()}


def test_what_spoils_a_connection_has_a_door_to_itself() -> None:
    """A row that forbids reuse, with who may reuse it all the same; one that ends a connection."""
    plain = row("plain", sized(b"a"), ok(b"a"))
    spoilt = row("spoilt", sized(b"b") + b"more", ok(b"b"), reuse=False)
    ended = row("ended", (sized(b"c"), Step.FIN), ok(b"c"))
    rows = followed([plain, spoilt, ended, plain], Setting(limit=1))
    assert rows == [plain, spoilt, AFTERWARDS, ended, plain]
    assert _doors(rows, Setting(limit=1)) == [0, 1, 1, 2, 0]
    assert _doors(rows, Setting(limit=4)) == [0] * 5


def test_a_missing_line_is_looked_for_alone() -> None:
    """A row whose line never came in company is played alone, and the loss is not forgotten."""
    chosen = table("F01", [*GOOD, *GOOD], does="", first=91)
    found = play(fetch("missing_line"), chosen)  # it loses the line of its fourth URL
    assert found["F01.94"].verdict == "FAIL"
    assert "beside the other cases" in found["F01.94"].reason
    assert [one.verdict for one in found.values()].count("PASS") == 5


@pytest.mark.parametrize(("lines", "again"), [(16, 0), (48, 1)])
def test_what_was_not_reached_is_asked_for_again(lines: int, again: int, tmp_path: Path) -> None:
    """A process that ends early leaves the rest to another; that it did is not forgotten."""
    early = tmp_path / "early"
    end = f"touch {early}; exec head -n {lines}" if again else f"exec head -n {lines}"
    script = f'if [ -e {early} ]; then exec "$@"; fi; "$@" | ( {end} )'
    one = Implementation(
        name="fake",
        folder=str(FAKES),
        title="",
        style="",
        run=("sh", "-c", script, "sh", "{python}", "{here}/fetch_base.py"),
    )
    chosen = table("F01", GOOD * 21, does="", first=91)
    found = play(one, chosen)
    assert len(found) == len(chosen)
    kinds = [played.verdict for played in found.values()]
    assert (kinds.count("PASS"), kinds.count("FAIL")) == (len(chosen) - 1, 1)
    assert any("beside the other cases" in played.reason for played in found.values())


def test_an_exit_status_is_nobodys_pass() -> None:
    """Where every row holds but the process ends badly, one of the cases says so."""
    chosen = table("F01", GOOD, does="", first=91)
    one = Implementation(
        name="fake",
        folder=str(FAKES),
        title="",
        style="",
        run=("sh", "-c", '{python} {here}/fetch_base.py "$@"; exit 5', "sh"),
    )
    found = play(one, chosen)
    assert [one.verdict for one in found.values()].count("FAIL") == 1
    assert any("exit status 0" in one.reason for one in found.values())


def test_refused_arguments_fail_every_row(tmp_path: Path) -> None:
    """A program that ends with 2 before it fetches anything has no row looked at alone."""
    refuses = Implementation(
        name="refuses", folder=str(tmp_path), title="", style="", run=("sh", "-c", "exit 2", "sh")
    )
    chosen = [one for one in cases.ALL if one.sitting == "sealed"]
    assert len(chosen) > sitting.ALONE_MOST
    assert {one.verdict for one in play(refuses, chosen).values()} == {"FAIL"}


def test_a_table_numbers_its_rows() -> None:
    """Rows are numbered in their order from the first number for rows on."""
    made = table("F01", GOOD, does="answers")
    assert [case.id for case in made] == [f"F01.{FIRST_ROW + at}" for at in range(3)]
    assert made[0].does == "answers: five bytes"
    assert made[2].expects == "`truncated`"
    assert rows_alone("F01.5", GOOD, does="", expects="").rows == tuple(GOOD)


def test_ids_keep_their_meaning(golden: Callable[[str, str], None]) -> None:
    """The list of all cases is kept: a number that was given away is never given to another."""
    lines = [f"{case.id:<8} {case.clause.level:<6} {case.does}" for case in cases.ALL]
    golden("cases.txt", "\n".join(lines) + "\n")
    assert len(lines) >= 250
