"""The suite is proven: planted faults die, harmless programs are spared, blinded checkers caught.

Every mutant has a test here; each supported Python plays those of one style, so that together they
play all. `nox -s sensitivity` plays everything at once, each case to its end.
"""

from __future__ import annotations

import re
import resource
import runpy
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest
from mutants import play, programs
from mutants.sabotage import SABOTAGES
from mutants.table import EQUIVALENT, MUTANTS, PLAIN, STYLES

from harness import files
from harness.check import cases
from harness.model import Verdict
from harness.report import appendix
from harness.sensitivity import FILE, Blinded, ClauseKills, Harmless, Planted, Sensitivity

if TYPE_CHECKING:
    from pathlib import Path

    from mutants.table import Mutant

HERE = STYLES[sys.version_info.minor % len(STYLES)]
"""The style whose mutants this interpreter plays."""
TRIES = 3  # of a mutant while the machine is too busy to tell
BELIEVED = 1  # survivals put down to the busy machine: `play.prove`, too, plays survivors again
QUICK_SABOTAGES = ("blind-bytes", "any-line", "none-in-flight", "nothing-left", "never-played")
QUICK_VARIANTS = ("echo-callback-edge_triggered", "fetch-thread-tiny_reads")


@pytest.fixture(autouse=True)
def _many_files() -> None:
    """Allow the 1,000 connections of E09."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 20_000 if hard == resource.RLIM_INFINITY else min(20_000, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_killed(mutant: Mutant) -> None:
    """A case of the clause that the fault breaks fails."""
    if mutant.style != HERE:
        pytest.skip(f"Python {sys.version_info.minor} plays the style {HERE}, others the others")
    survived = 0
    for _ in range(TRIES):
        seen = []
        for verdict in play.face_here(mutant):
            seen.append(verdict)
            if play.killers(mutant, [verdict]):
                return
        undecided = [one.reason for one in seen if one.verdict == "INCONCLUSIVE"]
        survived += not undecided
        played = [one.case for one in seen]
        assert survived <= BELIEVED, f"no case of {mutant.clause} fails: {played}"
    pytest.skip(f"nothing could be concluded {TRIES} times: {undecided or 'it survived once'}")


def test_every_clause_with_cases_has_a_mutant() -> None:
    """There is no clause that could be blind without being noticed."""
    judged = {case.clause.id for case in cases.ALL if case.clause.level != "INFO"}
    assert judged <= {mutant.clause for mutant in MUTANTS}
    assert all(play.of_clause(mutant.clause) for mutant in MUTANTS)


def test_a_name_stands_once() -> None:
    """Mutants and variants are told apart by their names."""
    names = [one.name for one in MUTANTS] + [one.name for one in (*EQUIVALENT, *PLAIN)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("workload", "style"), programs.PROGRAMS)
def test_table_and_program_name_the_same_faults(
    workload: str, style: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault is in the table and in its program, or in neither; so is a variation."""
    monkeypatch.syspath_prepend(str(programs.FAKES))
    program = programs.PROGRAMS[workload, style]  # type: ignore[index]
    words = runpy.run_path(str(programs.FAKES / f"{program}.py"))
    mutants = {one.fault for one in MUTANTS if (one.workload, one.style) == (workload, style)}
    variants = {o.variation for o in EQUIVALENT if (o.workload, o.style) == (workload, style)}
    assert mutants == set(words["FAULTS"])
    assert variants == set(words["EQUIVALENT"])


@pytest.mark.parametrize("fault", sorted({(one.workload, one.fault) for one in MUTANTS}))
def test_a_fault_is_more_than_a_name(fault: tuple[str, str]) -> None:
    """Each name is asked for somewhere beside the list of names."""
    _, word = fault
    sources = [file.read_text() for file in programs.FAKES.glob("*.py")]
    lists = re.compile(
        r"^[A-Z_]*FAULTS = (\(.*?^\)|\(.*?\)$|\"\"\".*?\"\"\")", re.DOTALL | re.MULTILINE
    )
    assert any(f'"{word}"' in lists.sub("", source) for source in sources)


def test_programs_without_a_fault_pass_the_quick_cases() -> None:
    """Nobody is accused who keeps the contract, whatever the style."""
    variants = [one for one in (*PLAIN, *EQUIVALENT) if one.name in QUICK_VARIANTS or one in PLAIN]
    _, spared = play.prove([], variants, lambda _: None, quick=True)
    assert {one.name: one.alarms for one in spared} == {one.name: () for one in variants}
    assert all(one.passed > 10 for one in spared)


@pytest.mark.parametrize("name", QUICK_SABOTAGES)
def test_a_blinded_checker_is_caught(name: str) -> None:
    """A control that dies in a true run survives where its checker never looks."""
    assert play.blind_one(name).caught


def test_controls_are_mutants() -> None:
    """Every sabotage has known-bad controls, and they are played in the true run as well."""
    names = {mutant.name for mutant in MUTANTS}
    assert all(one.controls and names.issuperset(one.controls) for one in SABOTAGES)
    assert len({one.name for one in SABOTAGES}) == len(SABOTAGES) >= 8


def test_only_a_failure_of_its_own_clause_kills() -> None:
    """Neither another clause, nor a broken case, nor a busy machine speaks against a program."""
    mutant = next(one for one in MUTANTS if one.clause == "E04")

    def verdict(case: str, kind: str) -> Verdict:
        fields = {"implementation": mutant.name, "case": case, "level": "MUST", "verdict": kind}
        return msgspec.convert(fields, Verdict)

    others = [verdict("E04.1", kind) for kind in ("PASS", "INCONCLUSIVE", "HARNESS-ERROR")]
    assert play.killers(mutant, [*others, verdict("E05.1", "FAIL")]) == ()
    assert play.killers(mutant, [*others, verdict("E04.2", "FAIL")]) == ("E04.2",)


def record(**changes: object) -> Sensitivity:
    """Return a small record in which all is well, but for the changes."""
    killed = Planted(mutant="echo-thread-text", style="thread", does="decodes", killers=("E01.5",))
    clause = ClauseKills(clause="E01", level="MUST", title="exact", cases=5, planted=(killed,))
    fine = Harmless(name="echo-thread", style="thread", workload="echo", does="-", passed=60)
    blinded = Blinded(name="deaf", does="nobody listens", controls=("a", "b"), survivors=("a",))
    plain = Sensitivity(
        created="2026-11-25T12:00:00Z",
        evenloop="1.0",
        python="3.11.7",
        wall_s=12.0,
        clauses=(clause,),
        harmless=(fine,),
        blinded=(blinded,),
    )
    return msgspec.structs.replace(plain, **changes)


def survivor() -> ClauseKills:
    """Return a clause that has seen one of its two mutants."""
    (clause,) = record().clauses
    alive = Planted(mutant="echo-coroutine-text", style="coroutine", does="decodes | encodes")
    return msgspec.structs.replace(clause, planted=(*clause.planted, alive))


def test_what_is_wrong_is_named() -> None:
    """A survivor, a clause without mutants, a false alarm and an unnoticed sabotage are faults."""
    assert record().faults == ()
    (survived,) = record(clauses=(survivor(),)).faults
    assert survived.startswith("echo-coroutine-text survived every case of E01")
    bare = msgspec.structs.replace(record().clauses[0], planted=())
    assert record(clauses=(bare,)).faults == ("E01 has cases and no mutant",)
    accused = msgspec.structs.replace(record().harmless[0], alarms=("E04.1 FAIL: why",))
    assert record(harmless=(accused,)).faults == ("false alarm: echo-thread E04.1 FAIL: why",)
    unseen = msgspec.structs.replace(record().blinded[0], survivors=())
    assert record(blinded=(unseen,)).faults == ("no control noticed that nobody listens (a, b)",)


def test_the_appendix_shows_kills_and_faults() -> None:
    """The table has killed/planted by style and the deadliest case; what is wrong comes first."""
    shown = appendix.sensitivity(record(clauses=(survivor(),)))
    assert "| **E01** exact | 5 | 0/1 |  | 1/1 | E01.5 |" in shown
    assert shown.index("survived every case") < shown.index("| **E01**")
    assert r"decodes \| encodes" in shown
    assert "| deaf | nobody listens | a |" in shown


def test_the_record_is_kept_whole(tmp_path: Path) -> None:
    """What is written is what is read, and shown where it lies."""
    assert appendix.proof_of(tmp_path) is None
    assert not appendix.sensitivity(None)
    file = tmp_path / FILE
    files.write_json(file, record())
    assert files.read_json(file, Sensitivity) == record()
    assert appendix.proof_of(tmp_path) == record()
