"""Prove the suite: every mutant dies, no harmless program is accused, no blinded checker passes.

Rules: it plays and prints, and judges nothing that `mutants.play` has not judged. Status 1 when a
mutant survives, a harmless program fails a case or a sabotage goes unnoticed.

    nox -s sensitivity                         everything, into runs/sensitivity.json
    nox -s sensitivity -- --clause E04         the mutants of one clause alone
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mutants import play
from mutants.sabotage import SABOTAGES
from mutants.table import EQUIVALENT, MUTANTS, PLAIN, STYLES

from harness import files, plan, run_folder
from harness.sensitivity import FILE, ClauseKills, Sensitivity

if TYPE_CHECKING:
    from harness.model import Verdict


class _Progress:
    """Says on stderr how far it is, a line every so often."""

    def __init__(self) -> None:
        self._begin = self._said = time.monotonic()
        self._count = 0
        self._spent_s: defaultdict[str, float] = defaultdict(float)

    def __call__(self, verdict: Verdict) -> None:
        """Count a verdict."""
        self._count += 1
        self._spent_s[verdict.clause] += verdict.wall_s
        now = time.monotonic()
        if now > self._said + 15:
            self._said = now
            dearest = sorted(self._spent_s.items(), key=lambda pair: -pair[1])[:5]
            dear = ", ".join(f"{clause} {spent_s:.0f}" for clause, spent_s in dearest)
            print(
                f"{now - self._begin:5.0f} s: {self._count} verdicts; most seconds: {dear}",
                file=sys.stderr,
            )


def _row(one: ClauseKills) -> str:
    """Return a line of the kill table."""
    shares = ["{}/{}".format(*one.of(style)) for style in STYLES]
    by = sorted({case for each in one.planted for case in each.killers})
    cells = "".join(f"{share:>10}" for share in shares)
    shown = ", ".join(by[:6]) + (", ..." if len(by) > 6 else "")
    return f"{one.clause:<5} {one.title:<13}{cells}   {shown}"


def _show(found: Sensitivity) -> None:
    """Print the tables, and what is wrong."""
    print(f"{'clause':<19}" + "".join(f"{style:>10}" for style in STYLES) + "   killed by")
    for one in found.clauses:
        print(_row(one))
    for harmless in found.harmless:
        print(f"{harmless.name:<36} {harmless.passed} passed, {len(harmless.alarms)} false alarms")
    for blinded in found.blinded:
        print(f"{blinded.name:<20} noticed by {', '.join(blinded.survivors) or 'NOBODY'}")
    for fault in found.faults:
        print(f"WRONG: {fault}")
    mutants = sum(len(one.planted) for one in found.clauses)
    print(f"{mutants} mutants, {len(found.faults)} faults of the suite, {found.wall_s:.0f} s")


def prove(clauses: list[str]) -> Sensitivity:
    """Play everything; with `clauses` only their mutants and the sabotages that these control."""
    begin = time.monotonic()
    progress = _Progress()
    mutants = [one for one in MUTANTS if not clauses or one.clause in clauses]
    names = {one.name for one in mutants}
    kills, spared = play.prove(mutants, [] if clauses else [*PLAIN, *EQUIVALENT], progress)
    return Sensitivity(
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        evenloop=plan.version(),
        python=platform.python_version(),
        clauses=kills,
        harmless=spared,
        blinded=play.blind([one.name for one in SABOTAGES if names.issuperset(one.controls)]),
        wall_s=round(time.monotonic() - begin, 1),
    )


def main() -> int:
    """Prove, show, and keep the record."""
    parser = argparse.ArgumentParser(prog="nox -s sensitivity --", description=__doc__)
    parser.add_argument("--out", type=Path, default=run_folder.RUNS / FILE)
    parser.add_argument("--clause", action="append", default=[], help="only this clause's mutants")
    options = parser.parse_args()
    found = prove(options.clause)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    files.write_json(options.out, found)
    _show(found)
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
