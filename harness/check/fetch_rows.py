"""A table of replies: what the origin sends, in which pieces, and which outcomes are allowed.

Rules: one fetch process asks for every row of a table, each row has a URL of its own and is judged
on its own. A row says what is sent and what may come of it; the reason stands in its case.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from zlib import crc32

from harness.check.case import Failure
from harness.check.origin import Origin, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.check.origin import Request, Script
    from harness.check.stage import Client, Line, Stage

# Of a table's URLs: on a busy machine a row byte by byte takes a second or two, and a row that is
# never answered must still end as `timeout`, with its name.
DEADLINE_S = 3.0
ABREAST = 32  # --limit of a table with barriers: they wait side by side
MORE_S = 0.3  # for other rows to show themselves once one is wrong
SHOWN = 160  # bytes of a reply in a message


@dataclass(frozen=True, slots=True)
class Ok:
    """An outcome that is an answer: its status and what its body adds up to."""

    status: int
    bytes: int
    crc32: int

    def __str__(self) -> str:
        """Say it in a few words."""
        return f"{self.status} with {self.bytes} bytes, crc32 {self.crc32}"


Outcome = Ok | str
"""What may be written for a URL: an answer, or one of the words for `error`."""


def ok(body: bytes = b"", status: int = 200) -> Ok:
    """Return the outcome of an answer with this body."""
    return Ok(status, len(body), crc32(body))


@dataclass(frozen=True, slots=True)
class Row:
    """One reply and what may come of it."""

    name: str
    reply: tuple[bytes | float | Step, ...]
    allowed: tuple[Outcome, ...]
    reuse: bool = True
    """False: no other request may come on its connection."""
    url: str = ""
    """Where to ask instead of at the origin."""

    @property
    def wire(self) -> bytes:
        """All bytes of the reply."""
        return b"".join(part for part in self.reply if isinstance(part, bytes))


def row(
    name: str,
    reply: bytes | tuple[bytes | float | Step, ...],
    *allowed: Outcome,
    reuse: bool = True,
) -> Row:
    """Return a Row; a reply in one piece may stand without its tuple."""
    return Row(name, (reply,) if isinstance(reply, bytes) else reply, allowed, reuse)


def bytewise(one: Row) -> Row:
    """Return the row with every byte read by the program before the next is sent."""
    parts: list[bytes | float | Step] = []
    for part in one.reply:
        if isinstance(part, bytes):
            for at in range(len(part)):
                parts += [part[at : at + 1], Step.READ]
        else:
            parts.append(part)
    return replace(one, name=f"{one.name}, byte by byte", reply=tuple(parts))


def every_cut(one: Row) -> list[Row]:
    """Return a row for every offset at which the first piece can be cut and read in two parts."""
    first, rest = one.reply[0], one.reply[1:]
    assert isinstance(first, bytes)
    return [
        replace(
            one, name=f"{one.name}, cut at {at}", reply=(first[:at], Step.READ, first[at:], *rest)
        )
        for at in range(1, len(first))
    ]


def every_end(name: str, wire: bytes, *allowed: Outcome, end: Step = Step.FIN) -> list[Row]:
    """Return a row for every proper beginning of a reply (one byte at least), ended there."""
    return [
        row(f"{name}, {end.name} after {at} of {len(wire)}", (wire[:at], Step.READ, end), *allowed)
        for at in range(1, len(wire))
    ]


def answer(head: str, body: bytes = b"", status: str = "200 OK") -> bytes:
    """Return a reply with this status, these header lines (newlines between) and this body."""
    lines = [f"HTTP/1.1 {status}", *head.splitlines()]
    return "".join(line + "\r\n" for line in lines).encode("latin-1") + b"\r\n" + body


def sized(body: bytes, head: str = "", status: str = "200 OK") -> bytes:
    """Return a reply whose Content-Length is its body's."""
    return answer(f"Content-Length: {len(body)}\n{head}".rstrip("\n"), body, status)


def judge(line: Line, allowed: Sequence[Outcome]) -> bool:
    """Tell whether a line is one of the allowed outcomes, its fields consistent."""
    if line.error is not None:
        return line.error in allowed and line.status is line.bytes is line.crc32 is None
    return any(
        isinstance(one, Ok)
        and (one.status, one.bytes, one.crc32) == (line.status, line.bytes, line.crc32)
        for one in allowed
    )


def shown(line: Line) -> str:
    """Say in a few words what a line says."""
    if line.error is not None:
        return f"`{line.error}` after {line.elapsed_s:.3f} s"
    return f"{line.status} with {line.bytes} bytes, crc32 {line.crc32}"


def ask(
    stage: Stage,
    rows: Sequence[Row],
    *options: str,
    limit: int = ABREAST,
    deadline_s: float = DEADLINE_S,
) -> Origin:
    """Let one fetch ask for every row; judge each. Raises Failure that names the first wrong row.

    Returns the origin, closed, for what else a case wants to know of it.
    """

    def reply(request: Request) -> Script:
        return rows[int(request.target.strip("/"))].reply

    options = ("--limit", str(limit), "--deadline-s", f"{stage.within(deadline_s):g}", *options)
    with Origin(stage, reply) as origin:
        urls = [one.url or origin.url(f"/{index}") for index, one in enumerate(rows)]
        with stage.fetch(urls, *options) as client:
            origin.attend(client)
            wrong = _watch(client, rows)
            origin.until(lambda: client.ended or wrong(), "the end of fetch's stdout", 15.0)
            if wrong():  # the rest may take its time to go wrong as well
                origin.rest(MORE_S)
                _compare(stage, rows, client.lines)
            status = origin.serve(client)
            client.by_index()
    if status != 0:
        raise Failure("exit status 0", f"{status}")
    for connection in origin.connections:
        for request in connection.requests[:-1]:
            one = rows[int(request.target.strip("/"))]
            if not one.reuse:
                raise Failure(f"no other request on the connection of {one.name}", "one more")
    return origin


def _watch(client: Client, rows: Sequence[Row]) -> Callable[[], bool]:
    """Return a function that tells whether a line so far is none of its row's outcomes."""
    seen = 0
    found = False

    def wrong() -> bool:
        nonlocal seen, found
        for line in client.lines[seen:]:
            found = found or not judge(line, rows[line.index % len(rows)].allowed)
        seen = len(client.lines)
        return found

    return wrong


def _compare(stage: Stage, rows: Sequence[Row], lines: Sequence[Line]) -> None:
    """Raise Failure when a line is none of its row's outcomes."""
    pairs = [(rows[line.index % len(rows)], line) for line in lines]
    wrong = [(one, line) for one, line in pairs if not judge(line, one.allowed)]
    for one, line in wrong[:20]:
        stage.note(f"wrong: {one.name}: {shown(line)} for {one.wire[:SHOWN]!r}")
    if wrong:
        one, line = wrong[0]
        more = f" (and {len(wrong) - 1} more rows of {len(rows)})" if len(wrong) > 1 else ""
        allowed = " or ".join(
            f"`{each}`" if isinstance(each, str) else str(each) for each in one.allowed
        )
        raise Failure(f"{one.name}: {allowed}", f"{shown(line)}{more}; sent {one.wire[:SHOWN]!r}")
