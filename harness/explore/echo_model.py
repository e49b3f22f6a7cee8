"""What SPEC.md says must be seen of an echo trace.

Rules: it knows the trace and the contract, never an implementation. Where the contract leaves
something to a race, nothing is expected; everywhere else there is exactly one answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.explore.course import Course
from harness.explore.observation import Expected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.explore.trace import EchoTrace, Move

DONE = "done"
WHOLE = "every byte"
WHOLE_FIN = "every byte, then FIN"
NOTHING_WRONG = "nothing wrong"

_OUTCOMES = {"read": "these bytes", "resume": WHOLE, "quiet": "silence"}


def named(number: int, move: Move) -> str:
    """Return what a step is called in marks and messages."""
    return f"step {number}: {move}"


def finishing(number: int) -> str:
    """Return what the end of a connection that is open at the trace's end is called."""
    return f"the end of {number}"


def steps(trace: EchoTrace) -> Iterator[tuple[int, Move, Course]]:
    """Yield each step that can be done, its number, and the course before it.

    After the last one the course stands where the trace has led.
    """
    course = Course(trace.limit)
    for number, move in enumerate(trace.steps):
        if course.takes(move):
            yield number, move, course
            course.take(move)


def expected(trace: EchoTrace) -> tuple[Expected, ...]:
    """Return what must be seen, in the order in which it is looked at."""
    wanted = [Expected("start", ("READY",))]
    course = Course(trace.limit)
    for number, move, course in steps(trace):
        outcome = _OUTCOMES.get(move.do, DONE)
        if move.do == "barrier":
            outcome = WHOLE_FIN if course.lines[move.c].finished else WHOLE
        wanted.append(Expected(named(number, move), (outcome,)))
    for number, line in course.lines.items():
        if line.open:
            # E12: who got no byte back before the signal may be served, or reset.
            free = course.terminated and not line.served
            wanted.append(Expected(finishing(number), (NOTHING_WRONG if free else WHOLE_FIN,)))
    return (
        *wanted,
        Expected("the limit", ("kept",), kind="invariant"),
        Expected("the process", ("lived until it was told to end",), kind="invariant"),
        Expected("what is left", ("nothing",), kind="invariant"),
        Expected("exit status", ("0",)),
        Expected("stderr", ("empty",), kind="invariant"),
    )
