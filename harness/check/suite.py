"""The suite: which cases are played, in which order, and what their verdicts add up to.

Rules: no case is played here (that is a worker's), and nothing is decided about a case but whether
its implementation has declared what it saw. A verdict is given away the moment it is known; none is
ever played again to see whether it would change.
"""

from __future__ import annotations

import difflib
import os
import shlex
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harness import interrupt, judge, launch, machine
from harness.check import cases as registry
from harness.check import control
from harness.check.case import CLAUSES, Case, Clause, Needs
from harness.check.crew import Crew
from harness.check.player import Played
from harness.check.worker import Task
from harness.model import WORKLOADS, Implementation, UsageError, Verdict, VerdictKind, Workload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

WORKERS_A_CORE = 5  # most cases wait for a timer or for silence much of their time
AT_ONCE: dict[Needs, int] = {"nothing": 0, "core": 3 * len(os.sched_getaffinity(0)), "machine": 1}
"""How many cases are played at once, by what they need: 0 is as many as there are workers."""
LEFT, NOISE = "left: ", "stderr: "
SUMS: dict[str, tuple[Workload, str]] = {
    "E14": ("echo", LEFT),
    "E15": ("echo", NOISE),
    "F19": ("fetch", NOISE),
}
"""Clauses about all cases of a workload: their case 0 sums up what those left or said."""


def select(
    cases: Sequence[Case],
    patterns: Sequence[str] = (),
    *,
    workloads: Sequence[Workload] = WORKLOADS,
    levels: Sequence[str] = (),
    quick: bool = False,
    again: bool = True,
) -> tuple[Case, ...]:
    """Return the cases that the patterns name (none: all), in their order.

    A pattern is a clause (`E04`) or a case (`E04.3`); the sum of a clause (`E14.0`) needs all cases
    of its workload. `levels` (none: all) are those of the clauses. `quick` leaves what is quick,
    but never drops one that is named in full; without `again` those that only repeat another are
    left out. Raises UsageError with the nearest names for one that does not exist.
    """
    possible = [case for case in cases if case.clause.workload in workloads]
    chosen: set[str] = set()
    for pattern in patterns:
        chosen |= _matching(pattern, cases)
    named = {pattern for pattern in patterns if "." in pattern}
    found = tuple(
        case
        for case in possible
        if (not patterns or case.id in chosen)
        and (not levels or case.clause.level in levels)
        and (not quick or case.quick or case.id in named)
        and (again or not case.again)
    )
    if not found:
        raise UsageError(f"no case is left to play of {', '.join(patterns) or 'all cases'}.")
    return found


def _matching(pattern: str, cases: Sequence[Case]) -> set[str]:
    """Return the ids of the cases that one pattern names."""
    clause, dot, number = pattern.partition(".")
    if number == "0" and clause in SUMS:
        return {case.id for case in cases if case.clause.workload == SUMS[clause][0]}
    found = {case.id for case in cases if pattern == (case.id if dot else case.clause.id)}
    if found:
        return found
    known = sorted({case.id for case in cases} | {case.clause.id for case in cases})
    near = difflib.get_close_matches(pattern, known, n=4, cutoff=0.5)
    hint = f"; did you mean {', '.join(near)}?" if near else "."
    raise UsageError(f"there is no case or clause {pattern!r}{hint}")


def played_by(one: Implementation, cases: Iterable[Case]) -> list[Case]:
    """Return the cases of the workloads that an implementation has."""
    return [case for case in cases if case.clause.workload in one.workloads]


def run(
    implementations: Sequence[Implementation],
    cases: Sequence[Case],
    *,
    on_verdict: Callable[[Verdict], None],
    workers: int | None = None,
    earlier: Sequence[Verdict] = (),
) -> None:
    """Play every case for every implementation and hand over each verdict as it comes.

    There are none of a workload that an implementation does not have. Raises UsageError where
    nobody has what the cases are about.
    `earlier` are the verdicts of an interrupted run: they are not played again, and count in the
    sums. Call it from the main thread of a process without others.
    """
    if implementations and not any(played_by(one, cases) for one in implementations):
        names = ", ".join(one.name for one in implementations)
        workloads = " and no ".join(dict.fromkeys(case.clause.workload for case in cases))
        raise UsageError(f"no case is left to play: {names} has no {workloads}.")
    play = _Run(implementations, cases, earlier, on_verdict)
    if not play.missing():
        return
    size = workers or WORKERS_A_CORE * len(os.sched_getaffinity(0))
    with _control(implementations) as lateness, Crew(size, lateness) as crew:
        for needs, most in AT_ONCE.items():
            for task, played in crew.play(play.tasks(needs), most=most):
                play.take(task.implementation, played)
                interrupt.check()


@contextmanager
def _control(implementations: Sequence[Implementation]) -> Iterator[Path]:
    """Measure this machine's lateness for the length of the block; yield the file that holds it."""
    words: Sequence[str] = control.MINIMAL
    for one in implementations:
        if one.kind == "reference" and not one.cannot_run:
            words = launch.command(one, "echo")
    memory = os.memfd_create("lateness")  # nothing on disk that a killed harness would leave
    file = Path(f"/proc/{os.getpid()}/fd/{memory}")
    control.create(file)
    start = [sys.executable, "-m", "harness.check.control", str(os.getpid()), str(file), *words]
    process = subprocess.Popen(start, cwd=launch.ROOT, process_group=0)
    try:
        yield file
    finally:
        process.terminate()
        process.wait()
        os.close(memory)


class _Run:
    """One call of `run`: what is to do, and what is known so far."""

    def __init__(
        self,
        implementations: Sequence[Implementation],
        cases: Sequence[Case],
        earlier: Sequence[Verdict],
        on_verdict: Callable[[Verdict], None],
    ) -> None:
        self._implementations = implementations
        self._cases = {case.id: case for case in cases}
        self._on_verdict = on_verdict
        self._known: dict[tuple[str, str], Verdict] = {
            (verdict.implementation, verdict.case): verdict for verdict in earlier
        }
        self._played: dict[tuple[str, str], Played] = {}
        self._silent: dict[str, str] = {}  # implementation -> why it is never ready

    def tasks(self, needs: Needs) -> Iterator[Task]:
        """Yield what is to be played: sittings first, implementation by implementation in turn."""
        its, own = machine.cores() if needs == "machine" else (None, None)
        groups: dict[str, list[Case]] = {}
        for case in self._cases.values():
            if case.needs == needs:
                groups.setdefault(case.sitting or case.id, []).append(case)
        for group in sorted(groups.values(), key=len, reverse=True):
            for one in self._implementations:
                cases = played_by(one, group)
                if left := [case.id for case in cases if self._playable(one, case)]:
                    yield Task(implementation=one, cases=tuple(left), core=its, own_core=own)

    def _playable(self, one: Implementation, case: Case) -> bool:
        """Tell whether a case is still to be played; give its verdict where it cannot be."""
        if (one.name, case.id) in self._known:
            return False
        if excuse := _cannot(one, case):
            self._give(one, case, Played(case=case.id, verdict="UNSUPPORTED", reason=excuse))
            return False
        if case.clause.workload == "echo" and one.name in self._silent:
            reason = self._silent[one.name]
            self._give(one, case, Played(case=case.id, verdict="FAIL", reason=reason))
            return False
        return True

    def take(self, one: Implementation, played: Played) -> None:
        """Take in what a worker has played."""
        if played.never_ready:
            self._silent.setdefault(
                one.name, f"{played.reason} (seen in {played.case}, so not played here)"
            )
        self._give(one, self._cases[played.case], played)

    def _give(self, one: Implementation, case: Case, played: Played) -> None:
        """Hand over the verdict of a case, and what becomes known by it."""
        self._played[one.name, case.id] = played
        found = [
            f"{word}{text}" for word, text in ((LEFT, played.left), (NOISE, played.noise)) if text
        ]
        self._say(
            one,
            case.clause,
            case.id,
            played.verdict,
            played.reason,
            (*played.evidence, *found),
            played.wall_s,
        )
        self._add_up(one, case.clause.workload)

    def missing(self) -> bool:
        """Add up what an interrupted run had played whole; tell whether cases are left."""
        for one in self._implementations:
            for workload in {case.clause.workload for case in self._cases.values()}:
                self._add_up(one, workload)
        return any(
            (one.name, case.id) not in self._known
            for one in self._implementations
            for case in played_by(one, self._cases.values())
        )

    def _add_up(self, one: Implementation, workload: Workload) -> None:
        """Once all cases of a workload are known, say what only all of them together can tell."""
        own = [case.id for case in self._cases.values() if case.clause.workload == workload]
        if any((one.name, case) not in self._known for case in own):
            return
        for clause, (its, _) in SUMS.items():
            if its == workload and (one.name, f"{clause}.0") not in self._known:
                self._sum(one, CLAUSES[clause])
        self._undeclared(one, workload)

    def _say(
        self,
        one: Implementation,
        clause: Clause,
        case: str,
        kind: VerdictKind,
        reason: str = "",
        evidence: Sequence[str] = (),
        wall_s: float = 0.0,
    ) -> None:
        """Hand over one verdict; a failure ends with the command that repeats it."""
        if kind == "FAIL":
            evidence = (*evidence, _again(one, case))
            may = clause.level != "MUST" or judge.may_declare(one, clause.id)
            if may and clause.id in one.known and not case.endswith(".declared"):
                kind = "DECLARED"
        if clause.level == "INFO" and kind in {"PASS", "FAIL"}:
            kind = "INFO"
        verdict = Verdict(
            implementation=one.name,
            case=case,
            level=clause.level,
            verdict=kind,
            reason=reason,
            evidence=tuple(evidence),
            wall_s=wall_s,
        )
        self._known[one.name, case] = verdict
        self._on_verdict(verdict)

    def _sum(self, one: Implementation, clause: Clause) -> None:
        """Say what all cases of a workload left behind, or wrote to stderr."""
        workload, word = SUMS[clause.id]
        own = [case for case in self._cases.values() if case.clause.workload == workload]
        found = [
            f"{case.id} {line}"
            for case in own
            if not self._is_declared(one, case)  # it has been said already
            for line in self._known[one.name, case.id].evidence
            if line.startswith(word)
        ]
        looked = [
            case
            for case in own
            if (played := self._played.get((one.name, case.id))) is None  # in the earlier run
            or (played.looked if word == LEFT else played.listened)
        ]
        what = "left something behind" if word == LEFT else "wrote to stderr"
        if found:
            ids = ", ".join(line.split()[0] for line in found)
            self._say(one, clause, f"{clause.id}.0", "FAIL", f"it {what} in {ids}", found)
        elif looked:
            self._say(one, clause, f"{clause.id}.0", "PASS")
        elif all(self._known[one.name, case.id].verdict == "UNSUPPORTED" for case in own):
            self._say(one, clause, f"{clause.id}.0", "UNSUPPORTED", "no case could be played")
        else:
            reason = f"no case came as far as to see whether it {what}"
            self._say(one, clause, f"{clause.id}.0", "INCONCLUSIVE", reason)

    def _is_declared(self, one: Implementation, case: Case) -> bool:
        """Tell whether a case did not pass whose clause the implementation declares."""
        verdict = self._known[one.name, case.id].verdict
        return verdict == "DECLARED" or (verdict != "PASS" and case.clause.id in one.known)

    def _undeclared(self, one: Implementation, workload: Workload) -> None:
        """Say which declared differences were not seen, where their clause was played whole.

        One that takes a race to be lost need not be seen.
        """
        for name in one.known:
            if name in one.races:
                continue
            clause = CLAUSES.get(name)
            if clause is None or clause.workload != workload or one.kind == "reference":
                continue
            if (one.name, f"{name}.declared") in self._known:
                continue
            whole = {case.id for case in registry.ALL if case.clause is clause}
            own = [v for (who, _), v in self._known.items() if who == one.name and v.clause == name]
            if whole and whole <= {v.case for v in own} and all(v.verdict == "PASS" for v in own):
                reason = "declared difference not seen: every case of the clause passes"
                self._say(one, clause, f"{name}.declared", "FAIL", reason)


def _cannot(one: Implementation, case: Case) -> str:
    """Return why an implementation cannot be asked to play a case; empty: it can."""
    if one.cannot_run:
        return one.cannot_run
    workload = case.clause.workload
    if not one.run and not (Path(one.folder) / f"{workload}.py").exists():
        return f"it has no {workload}.py"
    return ""


def _again(one: Implementation, case: str) -> str:
    """Return the command that plays a case again."""
    words = ["nox", "-s", "check", *(["--force-python", one.on] if one.on else [])]
    words += ["--", one.same_as or one.name]
    folder = Path(one.folder)
    known = folder.is_relative_to(launch.ROOT / "implementations") or one.offered_by
    if not known and one.kind != "reference":
        words += ["--from", str(folder.parent)]
    return shlex.join([*words, "--case", case.removesuffix(".declared")])
