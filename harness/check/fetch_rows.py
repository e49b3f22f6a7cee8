"""Rows: what the origin sends, in which pieces, and which outcomes are allowed.

Rules: data and its judgement alone; `table` makes cases of rows and asks for them. A row says what
is sent and what may come of it; the reason stands in its case.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from zlib import crc32

from harness.check.case import Failure, Late
from harness.check.origin import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.check.client import Line

# Of a table's URLs: on a busy machine a row byte by byte takes a second or two, and a row that is
# never answered must still end as `timeout`, with its name.
DEADLINE_S = 3.0
SHORT = 400  # bytes of a reply; each costs a turn of the origin and of the client


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

    @property
    def ends(self) -> bool:
        """True where the origin ends the connection, its own direction at least."""
        return any(part in {Step.FIN, Step.NOTIFY, Step.CUT, Step.RST} for part in self.reply)


def row(
    name: str,
    reply: bytes | tuple[bytes | float | Step, ...],
    *allowed: Outcome,
    reuse: bool = True,
) -> Row:
    """Return a Row; a reply in one piece may stand without its tuple."""
    return Row(name, (reply,) if isinstance(reply, bytes) else reply, allowed, reuse)


def short(rows: Sequence[Row]) -> list[Row]:
    """Return the rows whose reply is short enough to be sent byte by byte."""
    return [one for one in rows if len(one.wire) <= SHORT]


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


def alternatives(allowed: Sequence[Outcome]) -> str:
    """Say in a few words what is allowed."""
    return " or ".join(f"`{one}`" if isinstance(one, str) else str(one) for one in allowed)


def shown(line: Line) -> str:
    """Say in a few words what a line says."""
    if line.error is not None:
        return f"`{line.error}` after {line.elapsed_s:.3f} s"
    return f"{line.status} with {line.bytes} bytes, crc32 {line.crc32}"


def wrong(line: Line, allowed: Sequence[Outcome], what: str = "", more: str = "") -> Failure:
    """Return what to raise for a line that is none of the allowed outcomes.

    A timeout that nobody ordered is Late: a bound that was missed, by the program or the machine.
    """
    kind = Late if line.error == "timeout" else Failure
    return kind(f"{what or line.url}: {alternatives(allowed)}", f"{shown(line)}{more}")
