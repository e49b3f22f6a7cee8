"""What a case is, what it may conclude, and the clauses it speaks for.

Rules: a case is a small record and a function that plays it on a `Stage`. The function returns when
it saw what the clause demands and raises one of the three conclusions below when it did not; any
other exception is the harness's own fault (HARNESS-ERROR). Never a pass by default.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.judge import case_order
from harness.model import HarnessError, Level, Workload

if TYPE_CHECKING:
    from harness.check.fetch_rows import Row
    from harness.check.stage import Stage

Play = Callable[["Stage"], None]
Needs = Literal["nothing", "core", "machine"]


class Conclusion(Exception):  # noqa: N818  a verdict travels in it, not an error
    """A case's way to say anything but PASS; its text is the verdict's reason."""


class Failure(Conclusion):
    """The implementation did something else: `expected` and `got` are half sentences."""

    def __init__(self, expected: str, got: str) -> None:
        """Keep both halves apart for the report."""
        super().__init__(f"expected {expected}; got {got}")
        self.expected = expected
        self.got = got


class Late(Failure):
    """What was due did not come within an upper bound; on a slow machine that says nothing."""


class NotReady(Failure):
    """It never became ready to be looked at; `plain`: though it was started without any option."""

    def __init__(self, expected: str, got: str, *, plain: bool = False) -> None:
        """Say what came instead of READY."""
        super().__init__(expected, got)
        self.plain = plain


class Inconclusive(Conclusion):
    """Nothing can be said: the machine was too busy, or the order needed never came."""


class Unsupported(Conclusion):
    """This machine or this implementation lacks what the case needs."""


class Seen(Conclusion):
    """Nothing was wrong; what was seen stands in the verdict of a clause that is only shown."""


@dataclass(frozen=True, slots=True)
class Clause:
    """A promise of SPEC.md."""

    id: str
    level: Level
    title: str

    @property
    def workload(self) -> Workload:
        """The workload that the clause is about."""
        return "echo" if self.id.startswith("E") else "fetch"


@dataclass(frozen=True, slots=True)
class Case:
    """One way to look at one clause."""

    id: str
    """As `E04.3`: the clause, a dot, a number that never changes."""
    does: str
    """What is done to the implementation."""
    expects: str
    """What must come back."""
    play: Play
    why: str = ""
    """The RFC's clause, or the reason."""
    quick: bool = False
    """True where `--quick` plays it: one case of each MUST clause, or rows that share a process."""
    again: bool = False
    """True where it only repeats another, to be surer: `compare` leaves it to `check`."""
    needs: Needs = "nothing"
    """What it must have to itself: a core where its subject is a timer, all where it is CPU."""
    sitting: str = ""
    """Cases of one sitting may share a process; empty: it needs one of its own."""
    rows: tuple[Row, ...] = ()
    """Where it is made of rows: what the origin sends for each, and what may come of it."""

    @property
    def clause(self) -> Clause:
        """The clause that it speaks for."""
        return CLAUSES[self.id.partition(".")[0]]


def case(
    id_: str,
    *,
    does: str,
    expects: str,
    why: str = "",
    quick: bool = False,
    again: bool = False,
    needs: Needs = "nothing",
    sitting: str = "",
) -> Callable[[Play], Case]:
    """Turn a function of a Stage into a Case."""

    def wrap(play: Play) -> Case:
        return Case(id_, does, expects, play, why, quick, again, needs, sitting)

    return wrap


def collect(*modules: object) -> tuple[Case, ...]:
    """Return every Case in the modules, in the order of their ids; an id stands once."""
    found: dict[str, Case] = {}
    for module in modules:
        for value in vars(module).values():
            for one in value if isinstance(value, tuple) else (value,):
                if isinstance(one, Case):
                    if found.setdefault(one.id, one) is not one:
                        raise HarnessError(f"two cases are called {one.id}.")
                    if one.id.partition(".")[0] not in CLAUSES:
                        raise HarnessError(
                            f"case {one.id} speaks for a clause that does not exist."
                        )
    return tuple(sorted(found.values(), key=lambda one: case_order(one.id)))


def _clauses(level: Level, *pairs: str) -> list[Clause]:
    return [Clause(pair.split()[0], level, pair.split()[1]) for pair in pairs]


CLAUSES: dict[str, Clause] = {
    clause.id: clause
    for clause in sorted(
        [
            *_clauses(
                "MUST",
                *("E01 exact", "E02 prompt", "E03 duplex", "E04 half-close", "E05 backpressure"),
                *("E06 isolation", "E07 reset", "E08 contained", "E09 many", "E10 idle"),
                *("E11 limit", "E12 drain", "E13 exhausted", "E14 clean", "E15 silent"),
                *("E16 ready", "F01 length", "F02 chunked", "F03 to-close", "F04 bodiless"),
                *("F05 interim", "F06 lengths", "F07 smuggle", "F08 grammar", "F09 surplus"),
                *("F10 bounds", "F11 words", "F12 deadline", "F13 reuse", "F14 stale"),
                *("F15 limit", "F16 complete", "F17 fail-fast", "F18 signals", "F19 clean"),
                *("F20 bytes", "F21 arguments"),
            ),
            *_clauses("SHOULD", "E13q quiet", "E17 nodelay", "E18 inet6", "E19 unix", "E20 tls"),
            *_clauses("SHOULD", "F22 names", "F23 tls"),
            *_clauses("INFO", "E21 urgent"),
        ],
        key=lambda clause: clause.id,
    )
}
"""Every clause of implementations/SPEC.md by its id, in order."""
