"""Tables: cases made of rows, and how one fetch is asked for the rows of many cases at once.

Rules: every row has a URL of its own and is judged on its own, whoever is asked for beside it. A
setting names what rows need to share a process. What a shared process leaves open (it died, or a
line never came) is no verdict: those cases are unknown, and played alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

from harness.check import tls
from harness.check.case import Case, Conclusion, Failure
from harness.check.fetch_rows import DEADLINE_S, alternatives, judge, ok, row, shown, sized, wrong
from harness.check.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.check.case import Needs
    from harness.check.client import Client, Line
    from harness.check.fetch_rows import Row
    from harness.check.origin import Request, Script
    from harness.check.stage import Stage

MORE_S = 0.3  # for other rows to show themselves once one is wrong
ALONE_S = 15.0  # for the rows of one case
TOGETHER_S = 40.0  # for the rows of all cases of a setting ...
TOGETHER_MOST_S = 50.0  # ... however slow the machine: what is not reached is asked for again
SHOWN = 160  # bytes of a reply in a message
BY_STDIN = 100  # so many URLs are no longer named as arguments
FIRST_ROW = 11  # numbers below are for the cases that look at a clause as a whole


AFTERWARDS = row("what comes afterwards", sized(b"hello", "Connection: close"), ok(b"hello"))
"""Follows a row that forbids another request on its connection, and may come on it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How fetch is started for a table."""

    limit: int
    options: tuple[str, ...] = ()
    deadline_s: float = DEADLINE_S
    tls: bool = False
    """True: over https, the origin's certificate being of the authority that fetch is given."""


SETTINGS = {
    # One after the other: what comes next comes on the same connection, if it may.
    "rows": Setting(limit=1, deadline_s=1.0),
    "pieces": Setting(limit=32),  # many wait for their barriers side by side
    "fresh": Setting(limit=50),  # more than there are rows: each has a connection of its own
    "bounded": Setting(limit=4, options=("--max-bytes", "100000")),
    "unfinished": Setting(limit=1, options=("--max-bytes", "1000"), deadline_s=0.8),
    "stalled": Setting(limit=50, options=("--max-bytes", "1000"), deadline_s=0.4),
    "sealed": Setting(limit=5, tls=True),
    "sealed pieces": Setting(limit=16, tls=True, deadline_s=5.0),  # each with a handshake
    "sealed in turn": Setting(limit=1, tls=True),
}
"""The sittings of fetch: the cases of one are asked for by one process."""


def rows_alone(
    id_: str,
    rows: Sequence[Row],
    *,
    does: str,
    expects: str,
    why: str = "",
    sitting: str = "pieces",
    quick: bool = False,
    needs: Needs = "nothing",
) -> Case:
    """Return one case of many rows: all of them have to hold.

    A single row that forbids another request on its connection is followed by one, when played
    alone: else nothing could be seen.
    """
    asked, setting = tuple(rows), SETTINGS[sitting]
    if len(rows) == 1 and not rows[0].reuse:
        setting = replace(setting, limit=1)
        asked = tuple(followed(rows, setting))
    return Case(
        id_,
        does,
        expects,
        partial(play, rows=asked, setting=setting),
        why,
        quick,
        needs=needs,
        sitting=sitting,
        rows=tuple(rows),
    )


def table(
    clause: str,
    rows: Sequence[Row],
    *,
    does: str,
    why: str = "",
    first: int = FIRST_ROW,
    sitting: str = "rows",
    quick: bool = True,
) -> tuple[Case, ...]:
    """Return a case for each row, numbered from `first` on in the order of the rows.

    Numbers never change: a row is added at the end, or in a table of its own.
    """
    return tuple(
        rows_alone(
            f"{clause}.{number}",
            [one],
            does=f"{does}: {one.name}",
            expects=alternatives(one.allowed),
            why=why,
            sitting=sitting,
            quick=quick,
        )
        for number, one in enumerate(rows, start=first)
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking for rows."""

    rows: tuple[Row, ...]
    origin: Origin
    """Closed; it remembers connections and requests."""
    client: Client
    trouble: Conclusion | None
    """What was wrong with the process as a whole."""
    lines: dict[int, tuple[Line, float]]
    """Row -> the first line written for it, and when it came."""
    requests: dict[int, list[Request]]
    """Row -> its requests in the order of their arrival."""

    @property
    def refused(self) -> bool:
        """True when it took its arguments for bad ones (exit status 2) and did nothing at all."""
        status = self.client.child.process.returncode
        return status == 2 and not self.lines and not self.origin.connections

    def expect(self, indexes: Sequence[int]) -> None:
        """Raise what is wrong with the first wrong one of these rows, or with the process."""
        found = wrong_rows(self, indexes)
        for one, _ in found[:20]:
            self.client.stage.log.extend(history(self, self.rows.index(one)))
        if found:
            first = found[0][1]
            more = f" (and {len(found) - 1} more of {len(indexes)} rows)" if len(found) > 1 else ""
            raise type(first)(first.expected, first.got + more)
        if self.trouble is not None:
            raise self.trouble


def ask(stage: Stage, rows: Sequence[Row], setting: Setting, *, patient: bool = False) -> Asked:
    """Let one fetch ask for every row; `patient`: go on when some are wrong. Judges no row."""
    rows = tuple(rows)

    def reply(request: Request) -> Script:
        return rows[int(request.target.strip("/"))].reply

    deadline = f"{stage.within(setting.deadline_s):g}"
    options = ("--limit", str(setting.limit), "--deadline-s", deadline, *setting.options)
    until_s = min(TOGETHER_S, TOGETHER_MOST_S / stage.scale) if patient else ALONE_S
    trouble: Conclusion | None = None
    if setting.tls:
        options += ("--ca", tls.authority_file(stage.folder()))
    doors = _doors(rows, setting)
    context = tls.context() if setting.tls else None
    with Origin(stage, reply, doors=max(doors) + 1, tls=context) as origin:
        urls = [one.url or origin.url(f"/{at}", doors[at]) for at, one in enumerate(rows)]
        with stage.fetch(urls, *options, by_stdin=len(urls) > BY_STDIN) as client:
            origin.attend(client)
            astray = _Watch(client, rows)
            try:
                origin.until(
                    lambda: client.ended or (not patient and astray()),
                    "the end of fetch's stdout",
                    until_s,
                )
                if astray() and not client.ended:  # the rest may take its time to go wrong as well
                    origin.rest(MORE_S)
                else:
                    status = origin.serve(client)
                    client.by_index()
                    if status != 0:
                        trouble = Failure("exit status 0", f"{status}")
            except Conclusion as conclusion:
                trouble = conclusion
    lines: dict[int, tuple[Line, float]] = {}
    for line, arrived in zip(client.lines, client.arrivals, strict=True):
        lines.setdefault(line.index, (line, arrived))
    requests: dict[int, list[Request]] = {}
    for request in origin.requests:
        requests.setdefault(int(request.target.strip("/")), []).append(request)
    return Asked(rows, origin, client, trouble, lines, requests)


def followed(rows: Sequence[Row], setting: Setting) -> list[Row]:
    """Return rows, those that forbid reuse with one behind them where it is known who is next."""
    alone = [(one, AFTERWARDS) if setting.limit == 1 and not one.reuse else (one,) for one in rows]
    return list(chain.from_iterable(alone))


def _doors(rows: Sequence[Row], setting: Setting) -> list[int]:
    """Return the origin's door for each row.

    Of rows in turn, one that AFTERWARDS follows has a door to itself, and so has one that ends its
    connection: who asks again on one that was spoilt, or went stale, spoils no other row's answer.
    """
    doors: list[int] = []
    own = 0
    for one, after in zip_longest(rows, rows[1:]):
        if one is AFTERWARDS and doors:
            doors.append(doors[-1])
        elif setting.limit == 1 and (after is AFTERWARDS or one.ends):
            own += 1
            doors.append(own)
        else:
            doors.append(0)
    return doors


class _Watch:
    """Tells whether a line so far is none of its row's outcomes."""

    def __init__(self, client: Client, rows: Sequence[Row]) -> None:
        self._client, self._rows = client, rows
        self._seen, self._found = 0, False

    def __call__(self) -> bool:
        for line in self._client.lines[self._seen :]:
            known = 0 <= line.index < len(self._rows)
            self._found = self._found or not (known and judge(line, self._rows[line.index].allowed))
        self._seen = len(self._client.lines)
        return self._found


def wrong_rows(asked: Asked, indexes: Sequence[int]) -> list[tuple[Row, Failure]]:
    """Return the rows among these that came out wrong, and how; those without a line are not."""
    found: list[tuple[Row, Failure]] = []
    for index in indexes:
        one, (line, _) = asked.rows[index], asked.lines.get(index, (None, 0.0))
        if line is not None and not judge(line, one.allowed):
            sent = f"; sent {one.wire[:SHOWN]!r}" if one.wire else ""
            found.append((one, wrong(line, one.allowed, one.name, sent)))
        elif not one.reuse and any(
            request is not request.connection.requests[-1]
            for request in asked.requests.get(index, [])
        ):
            found.append(
                (one, Failure(f"no other request on the connection of {one.name}", "one more"))
            )
    return found


def play(stage: Stage, rows: Sequence[Row], setting: Setting) -> None:
    """Ask for the rows of one case and judge them. Raises what was found of the first wrong one."""
    ask(stage, rows, setting).expect(range(len(rows)))


def history(asked: Asked, index: int) -> Iterator[str]:
    """Yield the wire log of one row: what was asked, what was sent, what became of it."""
    one, stage = asked.rows[index], asked.client.stage
    for request in asked.requests.get(index, []):
        connection = request.connection
        where = f"request {request.number} on connection {connection.number}"
        yield f"{stage.since(request.at)} {where}: GET /{index}"
        if connection.end and request is connection.requests[-1]:
            yield f"{stage.since(connection.ended_at)} that connection ended: {connection.end}"
    pieces = sum(isinstance(part, bytes) for part in one.reply)
    yield f"{'':8} sent in {pieces} pieces: {one.wire[:SHOWN]!r} ({len(one.wire)} bytes)"
    yield f"{'':8} expected: {alternatives(one.allowed)}"
    if index in asked.lines:
        line, arrived = asked.lines[index]
        yield f"{stage.since(arrived)} came: {shown(line)}"
    else:
        yield f"{'':8} no line came for it"
