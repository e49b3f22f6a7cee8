"""How traces are made: Hypothesis strategies that shrink towards few steps and few bytes.

Rules: the only module that imports hypothesis at its top, and imported by the search alone. What
makes a trace sound is `course`'s and `reading`'s to say: a step that cannot be done is left out,
an answer that would never end gets an end.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, cast

from hypothesis import strategies as st

from harness.explore import reading
from harness.explore.course import Course
from harness.explore.fetch_model import MAX_BYTES
from harness.explore.trace import Act, EchoTrace, FetchTrace, Move, Reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

    from harness.explore.trace import ActKind, Do, Trace

NOTHING = "-"  # the simplest step: a trace shrinks to steps that are left out
KINDS = (
    *(NOTHING, "connect", "connect", "send", "send", "send", "send", "barrier", "barrier"),
    *("barrier", "pause", "pause", "read", "read", "resume", "resume", "shutdown", "shutdown"),
    *("reset", "stop", "continue", "continue", "continue", "delivered", "quiet"),
)
ALONE = frozenset({"stop", "continue", "sigterm"})
FEWEST, MOST = 16, 48  # steps drawn; about half of them can be done
SIZES = st.one_of(
    st.integers(1, 64),
    st.sampled_from([1000, 4096, 16384, 65536, 65537]),
    st.integers(1, 400_000),
)

DRAWN = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 3), SIZES), min_size=FEWEST, max_size=MOST
)


def _sound(limit: int | None, drawn: Sequence[tuple[str, int, int]]) -> tuple[Move, ...]:
    """Return the steps that can be done one after the other; the first one connects."""
    course = Course(limit)
    steps = []
    for kind, at, size in [("connect", 0, 0), *drawn]:
        if kind == NOTHING:
            continue
        open_ = [number for number, line in course.lines.items() if line.open] or [0]
        number = len(course.lines) if kind == "connect" else open_[at % len(open_)]
        count = size if kind in ("send", "read") else 0
        move = Move(cast("Do", kind), 0 if kind in ALONE else number, count)
        if course.takes(move):
            course.take(move)
            steps.append(move)
    return tuple(steps)


@st.composite
def echo_traces(draw: st.DrawFn) -> EchoTrace:
    """Make an echo trace."""
    limit = draw(st.sampled_from([None, None, 1, 2]))
    small = draw(st.booleans())
    drawn = draw(DRAWN)
    if draw(st.integers(0, 3)) == 3:  # few steps can be done after it, so it is drawn apart
        drawn.insert(len(drawn) - draw(st.integers(0, 12)), ("sigterm", 0, 0))
    return EchoTrace(steps=_sound(limit, drawn), limit=limit, small=small)


CHUNKED = "Transfer-Encoding: chunked"
LENGTHS = ("5\r\nContent-Length: 5", "5, 5", "5\r\nContent-Length: 9", "9\r\nContent-Length: 5")
NUMBERS = ("+5", "-5", "5s", "0x5", "", "005", "5 5", str(2**63), str(2**64 + 5))
CODINGS = ("CHUNKED", "chunked, chunked", "chunked, gzip", "gzip, chunked", "gzip", "identity", "")
SURPLUS = (*[""] * 9, "x", "\r\n", "HTTP/1.1 200 OK\r\n\r\n")
PLAIN = Act("send", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
FRAMINGS = ("length", "odd length", "chunked", "odd length", "odd coding", "both", "none")
HEADERS = (
    "X-A: b",
    "X-Empty:",
    "Connection: close",
    "Connection: keep-alive",
    "X-Long: " + "l" * 99,
)
EXTENSIONS = ("", "", ";a", ";a=b", '; a = "b;c"', " ;a", ";")
TRAILERS = ("", "", "X-Sum: 1\r\n", "A: b\r\nC:\r\n")
INTERIM = ("100 Continue", "102 Processing", "103 Early Hints", "103 E\r\nLink: </a>")
STATUSES = (
    "200 OK",
    "200 OK",
    "404 Not Found",
    "204 No Content",
    "304 Not Modified",
    "302 ",
    "599 x",
)
DAMAGE = (
    "",
    "\0",
    "\t",
    "\n",
    "\r",
    " ",
    ",",
    ":",
    ";",
    "0",
    "1",
    "9",
    "a",
    "H",
    "\r\n",
    "\x7f",
    "\xff",
)
BODY = st.text("abc\r\n0 ", max_size=12) | st.sampled_from(["k" * 999, "k" * 20_000])


@st.composite
def _framed(draw: st.DrawFn) -> tuple[str, str]:
    """Make the header lines and the bytes of a body, in some framing, sound or not."""
    body = draw(BODY)
    kind = draw(st.sampled_from(FRAMINGS))
    chunk = f"{len(body):x}" + draw(st.sampled_from(EXTENSIONS))
    chunks = f"{chunk}\r\n{body}\r\n" if body else ""
    chunks += f"0\r\n{draw(st.sampled_from(TRAILERS))}\r\n"
    match kind:
        case "length":
            return f"Content-Length: {len(body)}\r\n", body
        case "chunked":
            return f"{CHUNKED}\r\n", chunks
        case "odd length":
            value = draw(st.sampled_from((*LENGTHS, *LENGTHS, *NUMBERS)))
            return f"Content-Length: {value}\r\n", "hello, wide"
        case "odd coding":
            return f"Transfer-Encoding: {draw(st.sampled_from(CODINGS))}\r\n", chunks
        case "both":
            return f"Content-Length: {len(chunks)}\r\n{CHUNKED}\r\n", chunks
    return "", body


@st.composite
def _wires(draw: st.DrawFn) -> bytes:
    """Make the bytes of a reply."""
    interim = draw(st.lists(st.sampled_from(INTERIM), max_size=2))
    version = draw(st.sampled_from(["1.1", "1.1", "1.1", "1.0"]))
    head, body = draw(_framed())
    more = "".join(f"{line}\r\n" for line in draw(st.lists(st.sampled_from(HEADERS), max_size=2)))
    status = draw(st.sampled_from(STATUSES))
    text = "".join(f"HTTP/1.1 {one}\r\n\r\n" for one in interim)
    text += f"HTTP/{version} {status}\r\n{more}{head}\r\n{body}"
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 1, 2]))):
        at = draw(st.integers(0, min(len(text), 400)))
        gone = draw(st.integers(0, 2))
        text = text[:at] + draw(st.sampled_from(DAMAGE)) + text[at + gone :]
    text += draw(st.sampled_from(SURPLUS))
    return text.encode("latin-1")


def _packed(raw: bytes) -> Act:
    """Return a send, bodies of one letter written short."""
    text = raw.decode("latin-1")
    if len(text) > 40 and text == text[0] * len(text):
        return Act("send", text[0], len(text))
    return Act("send", text)


@st.composite
def replies(draw: st.DrawFn, max_bytes: int | None) -> Reply:
    """Make a reply: bytes, how they are cut and what lies between, and an end."""
    door = draw(st.sampled_from([0, 0, 0, 0, 1, 2]))
    ends: tuple[str, ...] = ("", "", "", "FIN", "RST", "READ RST")
    kind = draw(st.integers(0, 6))
    if kind == 5:  # a connection that serves on, for what comes next
        return Reply((PLAIN,), door)
    if kind == 6:  # a connection that ends before any byte
        return Reply((Act(cast("ActKind", draw(st.sampled_from(["FIN", "RST"])))),), door)
    wire = draw(_wires())
    if draw(st.integers(0, 6)) == 6:
        wire = wire[: draw(st.integers(1, len(wire)))]
    most = MAX_BYTES if max_bytes is None else max_bytes
    open_ = reading.read(wire, "", most=most)
    # Surplus bytes must be there with the last of the message, or whose they are is a race.
    whole = min([len(wire), *([open_.ends_at] if open_.ends_at is not None else [])])
    cuts = draw(st.lists(st.integers(1, max(1, whole - 1)), max_size=3))
    edges = sorted({0, len(wire), *(at for at in cuts if at < whole)})
    acts: list[Act] = []
    for begin, stop in pairwise(edges):
        acts.append(_packed(wire[begin:stop]))
        if stop < len(wire):
            between = draw(st.sampled_from(["READ", "ACKED", "wait", ""]))
            if between:
                acts.append(Act(cast("ActKind", between), s=0.01 if between == "wait" else 0.0))
    end = draw(st.sampled_from(ends))
    if open_.ends_at is None and not end:  # what is refused at once, by whoever refuses it late
        end = "FIN"
    acts += [Act(cast("ActKind", word)) for word in end.split()]
    return Reply(tuple(acts), door)


@st.composite
def fetch_traces(draw: st.DrawFn) -> FetchTrace:
    """Make a fetch trace."""
    max_bytes = draw(st.sampled_from([None, None, 1000, 10]))
    return FetchTrace(
        replies=tuple(draw(st.lists(replies(max_bytes), min_size=1, max_size=8))),
        limit=draw(st.sampled_from([1, 1, 2, 4])),
        max_bytes=max_bytes,
        fail_fast=draw(st.integers(0, 7)) == 7,
    )


TRACES: dict[str, SearchStrategy[Trace]] = {"echo": echo_traces(), "fetch": fetch_traces()}
