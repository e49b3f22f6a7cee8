"""What SPEC.md says must be seen of a fetch trace.

Rules: it knows the trace and the contract, never an implementation. Which of several outcomes are
right for a reply is `reading`'s to say; here stands what follows from them for connections, lines
and the exit status.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.explore import reading
from harness.explore.observation import Expected

if TYPE_CHECKING:
    from harness.explore.reading import Reading
    from harness.explore.trace import FetchTrace

MAX_BYTES = 16 * 1024 * 1024  # SPEC's default
ASKED = "asked for as it must be"
NEVER, ONCE = "never asked for", "not tried again"
USED, UNUSED = "another request after it", "no request after it"
ERRORS = frozenset({*reading.WORDS.values(), "malformed", "too_large"})


def url(number: int) -> str:
    """Return what the outcome of a URL is called."""
    return f"URL {number}"


def requests(number: int) -> str:
    """Return what its requests are called."""
    return f"requests for URL {number}"


def after(number: int) -> str:
    """Return what is called that which comes after it on its connection."""
    return f"the connection of URL {number}"


def readings(trace: FetchTrace) -> list[Reading]:
    """Return what may be made of each reply."""
    most = MAX_BYTES if trace.max_bytes is None else trace.max_bytes
    return [
        reading.read(reply.wire, reply.end, most=most, unread=reply.unread)
        for reply in trace.replies
    ]


def expected(trace: FetchTrace) -> tuple[Expected, ...]:
    """Return what must be seen, in the order in which it is looked at."""
    found = readings(trace)
    may_fail = any(one.allowed & ERRORS for one in found)
    must_fail = any(one.allowed <= ERRORS for one in found)
    stops = trace.fail_fast and may_fail
    more = {"cancelled"} if stops else set()
    wanted = [
        Expected(
            url(number),
            tuple(sorted(one.allowed | more)),
            alike=not one.free and not stops,
        )
        for number, one in enumerate(found)
    ]
    for number, one in enumerate(found):
        asked = (ASKED, NEVER, ONCE) if stops else (ASKED,)
        wanted.append(Expected(requests(number), asked, alike=False))
        allowed = (USED, UNUSED) if one.persists else (UNUSED,)
        wanted.append(Expected(after(number), allowed, alike=False))
    if all(one.persists for one in found) and not any(reply.end for reply in trace.replies):
        wanted.append(Expected("connections", ("as few as needed",)))
        if not may_fail:
            wanted.append(Expected("in flight", ("as many as allowed",), kind="invariant"))
    if stops and trace.limit == 1:
        causes = ("1",) if must_fail else ("0", "1")
        wanted.append(Expected("first causes", causes, alike=False))
    statuses = ("1",) if stops and must_fail else ("0", "1") if stops else ("0",)
    return (
        *wanted,
        Expected("lines", ("one for each URL",), kind="invariant"),
        Expected("exit status", statuses, alike=False),
        Expected("stderr", ("empty",), kind="invariant"),
    )
