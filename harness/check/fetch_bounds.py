"""F10: heads, trailers and bodies that are too long or never end, and what they cost.

Rules: what never ends is offered up to OFFERED bytes and no further; memory is the private memory
of the process tree, against what it was when the first request came.
"""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING
from zlib import crc32

from harness import witness
from harness.check.case import Failure, case
from harness.check.fetch_rows import DEADLINE_S, Ok, answer, judge, ok, row, sized, wrong
from harness.check.origin import Origin, Step
from harness.check.table import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.check.fetch_rows import Row
    from harness.check.origin import Request, Script
    from harness.check.stage import Stage

KIB, MIB = 1024, 1024 * 1024
OFFERED = 64 * MIB  # enough to stand out of any reader's buffers, little enough to be sent in time
MEMORY = 16 * MIB  # growth allowed: read buffers and code that is imported late, for 8 at once
PIECE = 64 * KIB
MOST = 100_000  # --max-bytes of the setting "bounded"
CHUNKED = "Transfer-Encoding: chunked"


def _head(size: int) -> bytes:
    """Return a reply whose head has exactly so many bytes, in headers of up to 4000 bytes."""
    wire = sized(b"hello")
    head, end, body = wire.partition(b"\r\n\r\n")
    missing = size - len(head) - len(end)
    lines = b""
    while missing:
        length = missing if missing < 6000 else 4000
        lines += b"\r\nX-Pad: ".ljust(length, b"p")
        missing -= length
    return head + lines + end + body


def _headers(count: int) -> bytes:
    """Return a reply with exactly so many headers, Content-Length among them."""
    return answer(
        "Content-Length: 5\n" + "\n".join(f"X-{at}: y" for at in range(count - 1)), b"hello"
    )


def _bound_rows() -> list[Row]:
    most = MOST
    fits, over = b"f" * most, b"f" * (most + 1)
    big_number = answer(f"Content-Length: {2**62}", b"")
    chunk = b"%x\r\n%b\r\n" % (most // 2, fits[: most // 2])
    return [
        row("a head of 60 KiB", _head(60 * KIB), ok(b"hello")),
        row(
            "a head of 60 KiB in two pieces",
            (_head(60 * KIB)[:50_000], Step.READ, _head(60 * KIB)[50_000:]),
            ok(b"hello"),
        ),
        row("a head of 96 KiB", _head(96 * KIB), ok(b"hello"), "malformed"),
        row("a head of 128 KiB", _head(128 * KIB), "malformed", reuse=False),
        row("a head of 1 MiB", _head(MIB), "malformed", reuse=False),
        row("1000 headers", _headers(1000), ok(b"hello")),
        row("1001 headers", _headers(1001), "malformed", reuse=False),
        row("a length at the bound", sized(fits), ok(fits)),
        row("a length over it, body sent", sized(over), "too_large", reuse=False),
        row(
            "a length over it, no body yet",
            answer(f"Content-Length: {most + 1}"),
            "too_large",
            reuse=False,
        ),
        row("a length far over it", big_number, "too_large", reuse=False),
        row("chunks at the bound", answer(CHUNKED, chunk * 2 + b"0\r\n\r\n"), ok(fits)),
        row(
            "chunks over it",
            answer(CHUNKED, chunk * 2 + b"1\r\nf\r\n0\r\n\r\n"),
            "too_large",
            reuse=False,
        ),
        row("FIN at the bound", (answer("", fits), Step.FIN), ok(fits)),
        row("FIN past it", (answer("", over), Step.FIN), "too_large"),
        row("past it, never FIN", answer("", over), "too_large", reuse=False),
        row(
            "204 with a length far over it",
            answer(f"Content-Length: {2**62}", b"", "204 No"),
            ok(b"", 204),
        ),
        row("small again", sized(b"hello"), ok(b"hello")),
    ]


BOUNDS = table(
    "F10",
    _bound_rows(),
    does=f"sends what is near a bound, with --max-bytes {MOST}",
    sitting="bounded",
)


def _endless(begin: bytes, piece: bytes) -> Iterator[bytes]:
    """Yield a beginning, then pieces of about PIECE bytes until OFFERED."""
    yield begin
    block = piece * max(1, PIECE // len(piece))
    yield from repeat(block, OFFERED // len(block))


ENDLESS = {
    "a status line that never ends": (b"HTTP/1.1 200 ", b"a", "malformed"),
    "a header that never ends": (b"HTTP/1.1 200 OK\r\nX-A: ", b"a", "malformed"),
    "a header's name that never ends": (b"HTTP/1.1 200 OK\r\n", b"a", "malformed"),
    "headers that never end": (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n", "malformed"),
    "interim replies that never end": (b"", b"HTTP/1.1 102 Processing\r\n\r\n", "malformed"),
    "a chunk extension that never ends": (answer(CHUNKED, b"1;"), b"a", "malformed"),
    "a chunk size of endless zeros": (answer(CHUNKED), b"0", "malformed"),
    "a trailer that never ends": (answer(CHUNKED, b"0\r\nX-A: "), b"a", "malformed"),
    "trailers that never end": (answer(CHUNKED, b"0\r\n"), b"X-A: b\r\n", "malformed"),
    "chunks that never end": (answer(CHUNKED), b"400\r\n" + b"c" * KIB + b"\r\n", "too_large"),
    "a body that never ends": (answer(""), b"b", "too_large"),
}


class _Memory:
    """The most private memory seen above the first look."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.first = witness.resources(pid).private_bytes
        self.most = self.first

    def look(self) -> int:
        """Return the growth so far."""
        self.most = max(self.most, witness.resources(self.pid).private_bytes)
        return self.most - self.first

    def judge(self, what: str) -> None:
        """Raise Failure when it grew by more than MEMORY."""
        growth = self.most - self.first
        if growth > MEMORY:
            raise Failure(
                f"at most {MEMORY // MIB} MiB more memory for {what}", f"{growth / MIB:.1f} MiB"
            )


@case(
    "F10.2",
    does="sends heads, interim replies, chunk extensions, trailers and bodies that never end",
    expects="`malformed`, `too_large` for bodies, long before 64 MiB are taken; bounded memory",
)
def endless(stage: Stage) -> None:
    """Play F10.2."""
    names = list(ENDLESS)

    def reply(request: Request) -> Script:
        begin, piece, _ = ENDLESS[names[int(request.target.strip("/"))]]
        return _endless(begin, piece)

    options = ("--max-bytes", str(MIB), "--deadline-s", f"{stage.within(DEADLINE_S):g}")
    with Origin(stage, reply) as origin:
        urls = [origin.url(f"/{at}") for at in range(len(names))]
        with stage.fetch(urls, *options) as client:
            origin.attend(client)
            origin.until(lambda: bool(origin.requests), "a request")
            memory = _Memory(client.child.pid)
            origin.until(lambda: client.ended or memory.look() > MEMORY, "the end of all", 8.0)
            memory.judge("replies that never end")
            origin.serve(client)
            lines = client.by_index()
        taken = {one.requests[0].target: one.sent for one in origin.connections if one.requests}
    for at, name in enumerate(names):
        if not judge(lines[at], [ENDLESS[name][2]]):
            raise wrong(lines[at], [ENDLESS[name][2]], name)
        if taken[f"/{at}"] > OFFERED // 2:
            raise Failure(f"{name}: refused early", f"{taken[f'/{at}']} bytes taken")


@case(
    "F10.3",
    does="sends a body of 64 MiB that --max-bytes allows, by length, in chunks, and up to FIN",
    expects="the answer, counted and summed; memory that does not grow with the body",
    why="a body that is kept costs its length",
)
def long_bodies(stage: Stage) -> None:
    """Play F10.3."""
    count = OFFERED // MIB
    piece = bytes(range(256)) * (MIB // 256)
    chunk = b"%x\r\n%b\r\n" % (MIB, piece)
    begins: dict[str, tuple[bytes, bytes, bytes | Step]] = {
        "/sized": (answer(f"Content-Length: {OFFERED}"), piece, b""),
        "/chunks": (answer(CHUNKED), chunk, b"0\r\n\r\n"),
        "/to-close": (answer(""), piece, Step.FIN),
    }
    checksum = 0
    for _ in range(count):
        checksum = crc32(piece, checksum)

    def reply(request: Request) -> Script:
        begin, block, end = begins[request.target]
        yield begin
        for at in range(count):
            if at % 8 == 7:
                memory.look()
                memory.judge(f"bodies of {OFFERED // MIB} MiB")
            yield block
        yield end

    options = ("--max-bytes", str(OFFERED), "--limit", "1")
    with Origin(stage) as origin:
        urls = [origin.url(target) for target in begins]
        with stage.fetch(urls, *options) as client:
            origin.attend(client)
            first = origin.next_held()
            memory = _Memory(client.child.pid)
            first.connection.play(first, reply(first))
            origin.answer = reply
            origin.serve(client, 8.0)
            for line in client.by_index().values():
                if not judge(line, [Ok(200, OFFERED, checksum)]):
                    raise wrong(line, [Ok(200, OFFERED, checksum)])
