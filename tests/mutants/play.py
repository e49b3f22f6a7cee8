"""How mutants and variants are played, and when a mutant counts as killed.

Rules: the suite itself plays them, with its workers, its lateness and its bounds. `killers` is the
one judge of a mutant, in a true run and under a sabotage alike.
"""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

from harness.check import cases, sitting, suite
from harness.check.case import CLAUSES
from harness.check.stage import Stage
from harness.model import Verdict
from harness.sensitivity import Blinded, ClauseKills, Harmless, Planted
from mutants.programs import implementation
from mutants.sabotage import SABOTAGES
from mutants.table import MUTANTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from harness.check.case import Case
    from harness.check.shelf import Shelf
    from harness.model import Implementation, Workload
    from mutants.table import Mutant, Variant

WORKERS_A_CORE = 4  # who is broken mostly waits: for a byte, an end, a line that never comes
STRETCH = 3.0  # of upper bounds under a sabotage: a control must not be killed by a busy machine
BY_NAME = {mutant.name: mutant for mutant in MUTANTS}
_UNDECIDED = frozenset({"INCONCLUSIVE", "HARNESS-ERROR"})


def of_clause(clause: str) -> tuple[Case, ...]:
    """Return the cases of a clause, but for those that only repeat another."""
    return tuple(case for case in cases.ALL if case.clause.id == clause and not case.again)


def of_workload(workload: Workload, *, quick: bool = False) -> tuple[Case, ...]:
    """Return the MUST cases of a workload, but for those that only repeat another."""
    return tuple(
        case
        for case in cases.ALL
        if case.clause.workload == workload
        and case.clause.level == "MUST"
        and not case.again
        and (case.quick or not quick)
    )


def killers(mutant: Mutant, verdicts: Iterable[Verdict]) -> tuple[str, ...]:
    """Return the cases that killed a mutant: those of its clause that failed.

    What is only shown is never a FAIL; there the reason is a failure's (see `case.Failure`).
    """
    return tuple(
        one.case
        for one in verdicts
        if one.clause == mutant.clause
        and (
            one.verdict == "FAIL" or (one.verdict == "INFO" and one.reason.startswith("expected "))
        )
    )


def play(
    wanted: Sequence[tuple[Implementation, Sequence[Case]]],
    said: Callable[[Verdict], None],
    *,
    workers_a_core: int = WORKERS_A_CORE,
) -> dict[str, list[Verdict]]:
    """Play for each implementation its own cases; return the verdicts by its name, as they came.

    All are played in one run of the suite, so that no worker waits for the slowest of a clause.
    """
    picked = {case.id for _, own in wanted for case in own}
    every = [case for case in cases.ALL if case.id in picked]
    asked = {(one.name, case.clause.id) for one, own in wanted for case in own}
    found: dict[str, list[Verdict]] = {one.name: [] for one, _ in wanted}

    def take(verdict: Verdict) -> None:
        if (verdict.implementation, verdict.clause) in asked:  # the suite sums up other clauses too
            found[verdict.implementation].append(verdict)
            said(verdict)

    # To the suite the cases of other clauses were played by an earlier run; nobody reads that back.
    earlier = [
        Verdict(implementation=one.name, case=case.id, level=case.clause.level, verdict="PASS")
        for one, own in wanted
        for case in every
        if case not in own
    ]
    workers = workers_a_core * len(os.sched_getaffinity(0))
    programs = [one for one, _ in wanted]
    suite.run(programs, every, on_verdict=take, earlier=earlier, workers=workers)
    return found


def prove(
    mutants: Sequence[Mutant],
    variants: Sequence[Variant],
    said: Callable[[Verdict], None],
    *,
    quick: bool = False,
) -> tuple[tuple[ClauseKills, ...], tuple[Harmless, ...]]:
    """Let mutants face the cases of their clause, and variants the MUST cases of their workload.

    Where bounds were stretched a fault of timing may pass, and a late answer says nothing. So who
    was not killed, and what came to no conclusion, is played once more with a core for each worker;
    who is not killed then has survived, and a case that still says nothing is a false alarm.
    `quick` leaves the variants the cases that `--quick` plays.
    """
    own = {one.name: of_clause(one.clause) for one in mutants}
    own |= {one.name: of_workload(one.workload, quick=quick) for one in variants}
    programs = [implementation(one) for one in mutants]
    programs += [implementation(one) for one in variants]
    found = play([(one, own[one.name]) for one in programs], said)
    alive = {one.name for one in mutants if not killers(one, found[one.name])}
    unclear = {one.name: _undecided(own[one.name], found[one.name]) for one in variants}
    left = {name: own[name] for name in alive} | unclear
    again = [(one, left[one.name]) for one in programs if left.get(one.name)]
    for name, later in play(again, said, workers_a_core=1).items():
        new = {one.case: one for one in later}
        found[name] = [new.get(one.case, one) for one in found[name]]
    return _kills(mutants, found), tuple(_harmless(one, found[one.name]) for one in variants)


def _undecided(own: Sequence[Case], verdicts: Sequence[Verdict]) -> tuple[Case, ...]:
    """Return the cases about which nothing is known."""
    unknown = {one.case for one in verdicts if one.verdict in _UNDECIDED}
    return tuple(case for case in own if case.id in unknown)


def _kills(mutants: Sequence[Mutant], found: dict[str, list[Verdict]]) -> tuple[ClauseKills, ...]:
    """Return who was killed by what, clause by clause."""
    return tuple(
        ClauseKills(
            clause=clause,
            level=CLAUSES[clause].level,
            title=CLAUSES[clause].title,
            cases=len(of_clause(clause)),
            planted=tuple(
                _planted(one, found[one.name]) for one in mutants if one.clause == clause
            ),
        )
        for clause in dict.fromkeys(one.clause for one in mutants)
    )


def _planted(mutant: Mutant, verdicts: Sequence[Verdict]) -> Planted:
    return Planted(
        mutant=mutant.name,
        style=mutant.style,
        does=mutant.does,
        killers=killers(mutant, verdicts),
        undecided=tuple(
            f"{one.case}: {one.reason}"
            for one in verdicts
            if one.clause == mutant.clause and one.verdict in _UNDECIDED
        ),
    )


def _harmless(variant: Variant, verdicts: Sequence[Verdict]) -> Harmless:
    return Harmless(
        name=variant.name,
        style=variant.style,
        workload=variant.workload,
        does=variant.does,
        passed=sum(one.verdict == "PASS" for one in verdicts),
        alarms=tuple(
            f"{one.case} {one.verdict}: {one.reason}"
            for one in verdicts
            if one.verdict not in {"PASS", "UNSUPPORTED"} and one.level == "MUST"
        ),
    )


def blind(names: Sequence[str]) -> tuple[Blinded, ...]:
    """Play the known-bad controls of these sabotages, each while it is at work, some side by side.

    A sabotage is at work in one process alone, so each is played in a process of its own.
    """
    fresh = multiprocessing.get_context("spawn")  # a fork would share this process's open files
    workers = WORKERS_A_CORE * len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(workers, mp_context=fresh, max_tasks_per_child=1) as pool:
        return tuple(pool.map(blind_one, names))


def blind_one(name: str) -> Blinded:
    """Play the controls of one sabotage while it is at work in this process."""
    (sabotage,) = [one for one in SABOTAGES if one.name == name]
    survivors = []
    for control in sabotage.controls:
        mutant = BY_NAME[control]
        with sabotage.blinds():
            verdicts = list(face_here(mutant, STRETCH))
        if not killers(mutant, verdicts):
            survivors.append(control)
    return Blinded(
        name=sabotage.name,
        does=sabotage.does,
        controls=sabotage.controls,
        survivors=tuple(survivors),
    )


def face_here(mutant: Mutant, stretch: float = 1.0) -> Iterator[Verdict]:
    """Play the cases of a mutant's clause in this process, those of a sitting together."""
    program = implementation(mutant)
    groups: dict[str, list[Case]] = {}
    for case in of_clause(mutant.clause):
        groups.setdefault(case.sitting or case.id, []).append(case)

    def stage(shelf: Shelf | None = None) -> Stage:
        return Stage(program, stretch, shelf=shelf)

    for group in groups.values():
        for played in sitting.play(group, stage):
            yield Verdict(
                implementation=mutant.name,
                case=played.case,
                level=CLAUSES[mutant.clause].level,
                verdict=played.verdict,
                reason=played.reason,
            )
