"""How a trace that shows a difference becomes smaller: steps go, numbers shrink, bytes go.

Rules: it works on the trace itself, for a play costs too much for Hypothesis's own shrinking, which
needs hundreds: here every candidate is a trace that means less. What it yields may be unsound
(`course` leaves out steps that can no longer be done); whether it still shows the difference is for
the caller to see.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from harness.explore.course import Course
from harness.explore.trace import EchoTrace, FetchTrace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.explore.trace import Move, Reply, Trace


def _without(count: int) -> Iterator[tuple[int, int]]:
    """Yield which stretches of so many items to leave out: halves first, single ones last."""
    size = count // 2
    while size:
        yield from ((at, at + size) for at in range(0, count, size))
        size //= 2
    if count == 1:
        yield 0, 1


def sound(limit: int | None, steps: Sequence[Move]) -> tuple[Move, ...]:
    """Return the steps that can still be done one after the other."""
    course = Course(limit)
    kept = []
    for move in steps:
        if course.takes(move):
            course.take(move)
            kept.append(move)
    return tuple(kept)


def _echo(trace: EchoTrace) -> Iterator[EchoTrace]:
    def replaced(steps: Sequence[Move]) -> EchoTrace:
        return msgspec.structs.replace(trace, steps=sound(trace.limit, steps))

    for begin, end in _without(len(trace.steps)):
        yield replaced(trace.steps[:begin] + trace.steps[end:])
    for number in {move.c for move in trace.steps if move.do == "connect"}:
        yield replaced([m for m in trace.steps if m.c != number or m.do in ("stop", "continue")])
    if trace.small:
        yield msgspec.structs.replace(trace, small=False)
    if trace.limit:
        yield msgspec.structs.replace(trace, limit=None)
    for at, move in enumerate(trace.steps):
        for count in (1, move.n // 2):
            if 0 < count < move.n:
                less = msgspec.structs.replace(move, n=count)
                yield replaced((*trace.steps[:at], less, *trace.steps[at + 1 :]))


def _fetch(trace: FetchTrace) -> Iterator[FetchTrace]:
    def replaced(replies: Sequence[Reply]) -> FetchTrace:
        return msgspec.structs.replace(trace, replies=tuple(replies))

    if len(trace.replies) > 1:
        for begin, end in _without(len(trace.replies)):
            if rest := trace.replies[:begin] + trace.replies[end:]:
                yield replaced(rest)
    if trace.limit > 1:
        yield msgspec.structs.replace(trace, limit=1)
    if trace.max_bytes is not None:
        yield msgspec.structs.replace(trace, max_bytes=None)
    if trace.fail_fast:
        yield msgspec.structs.replace(trace, fail_fast=False)
    for at, reply in enumerate(trace.replies):
        for less in _reply(reply):
            yield replaced((*trace.replies[:at], less, *trace.replies[at + 1 :]))


def _reply(reply: Reply) -> Iterator[Reply]:
    """Yield smaller replies: fewer acts, acts run together, fewer lines, fewer bytes."""
    acts = reply.acts
    if reply.door:
        yield msgspec.structs.replace(reply, door=0)
    for at in range(len(acts)):
        if len(acts) > 1 and acts[at].do not in ("FIN", "RST"):
            yield msgspec.structs.replace(reply, acts=acts[:at] + acts[at + 1 :])
    for at, (one, other) in enumerate(pairwise(acts)):
        if one.do == other.do == "send" and one.times == other.times == 1:
            both = msgspec.structs.replace(one, data=one.data + other.data)
            yield msgspec.structs.replace(reply, acts=(*acts[:at], both, *acts[at + 2 :]))
    for at, act in enumerate(acts):
        if act.times > 1:
            less = msgspec.structs.replace(act, times=act.times // 2)
            yield msgspec.structs.replace(reply, acts=(*acts[:at], less, *acts[at + 1 :]))
        for data in _text(act.data):
            less = msgspec.structs.replace(act, data=data)
            yield msgspec.structs.replace(reply, acts=(*acts[:at], less, *acts[at + 1 :]))


def _text(data: str) -> Iterator[str]:
    """Yield shorter texts: without a line, then without a few letters."""
    lines = data.splitlines(keepends=True)
    if len(lines) > 1:
        yield from ("".join(lines[:at] + lines[at + 1 :]) for at in range(len(lines)))
    if len(data) > 1:
        yield from (data[:begin] + data[end:] for begin, end in _without(len(data)))


def smaller(trace: Trace) -> Iterator[Trace]:
    """Yield traces that are smaller, those first that leave out most."""
    found = _echo(trace) if isinstance(trace, EchoTrace) else _fetch(trace)
    for one in found:
        if one.kinds() and one != trace and one.size <= trace.size:
            yield one
