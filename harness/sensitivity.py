"""What became of the planted faults: the record that the report's appendix shows.

Rules: frozen records and what follows from them; nothing is planted or played here. A mutant is
killed when a case of the clause that it breaks fails, and by nothing else.
"""

from __future__ import annotations

import msgspec

from harness.model import FORMAT, Level, Workload

FILE = "sensitivity.json"


class Planted(msgspec.Struct, frozen=True, kw_only=True):
    """One mutant and the cases that it had to face."""

    mutant: str
    """As `echo-thread-drops_byte`."""
    style: str
    does: str
    """One sentence: what is planted."""
    killers: tuple[str, ...] = ()
    """The cases of its clause that failed, in the order in which they did."""
    undecided: tuple[str, ...] = ()
    """The cases that came to no conclusion, each with its reason."""

    @property
    def killed(self) -> bool:
        """True when its clause has seen it."""
        return bool(self.killers)


class ClauseKills(msgspec.Struct, frozen=True, kw_only=True):
    """The mutants of one clause."""

    clause: str
    level: Level
    title: str
    cases: int
    """How many cases the clause has."""
    planted: tuple[Planted, ...]

    def of(self, style: str) -> tuple[int, int]:
        """Return how many mutants of a style were killed, and how many there are."""
        own = [one for one in self.planted if one.style == style]
        return sum(one.killed for one in own), len(own)

    @property
    def deadliest(self) -> str:
        """The case that killed most mutants, the first of several; empty: none killed any."""
        killers = [case for one in self.planted for case in one.killers]
        return min(killers, key=lambda case: (-killers.count(case), case), default="")


class Harmless(msgspec.Struct, frozen=True, kw_only=True):
    """One program that keeps the contract, and the cases that say it does not."""

    name: str
    style: str
    workload: Workload
    does: str
    passed: int
    """How many cases it passed."""
    alarms: tuple[str, ...] = ()
    """The cases that it did not pass, each with its reason: false alarms."""


class Blinded(msgspec.Struct, frozen=True, kw_only=True):
    """One sabotage of the harness, and the known-bad controls that were played under it."""

    name: str
    does: str
    """One sentence: what the harness no longer sees."""
    controls: tuple[str, ...]
    survivors: tuple[str, ...] = ()
    """The controls that nobody killed: by them the sabotage is caught."""

    @property
    def caught(self) -> bool:
        """True when a control survived, which without the sabotage is a failed run."""
        return bool(self.survivors)


class Sensitivity(msgspec.Struct, frozen=True, kw_only=True):
    """One run of everything that proves the suite."""

    format: int = FORMAT
    created: str
    """UTC, ISO 8601, to the second."""
    evenloop: str
    """Version of this project."""
    python: str
    wall_s: float
    clauses: tuple[ClauseKills, ...] = ()
    harmless: tuple[Harmless, ...] = ()
    blinded: tuple[Blinded, ...] = ()

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with the suite, a sentence each; empty: it is proven."""
        found = [
            f"{one.mutant} survived every case of {each.clause}: {one.does}"
            for each in self.clauses
            for one in each.planted
            if not one.killed
        ]
        found += [
            f"{each.clause} has cases and no mutant" for each in self.clauses if not each.planted
        ]
        found += [
            f"false alarm: {one.name} {alarm}" for one in self.harmless for alarm in one.alarms
        ]
        found += [
            f"no control noticed that {one.does} ({', '.join(one.controls)})"
            for one in self.blinded
            if not one.caught
        ]
        return tuple(found)
