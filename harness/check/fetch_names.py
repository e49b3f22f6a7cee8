"""F22: names: those that fail, those that hang, and those with two addresses.

Rules: the child sees a name server of ours and nothing of the machine's own. A lookup that is to
hang is held by that server until everything that may not wait for it has been seen to end.
"""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness.check.case import Failure, Late, Unsupported, case
from harness.check.fetch_rows import judge, ok, shown, sized
from harness.check.names import Names, No
from harness.check.origin import Origin
from harness.model import HarnessError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.check.client import Client
    from harness.check.fetch_rows import Outcome
    from harness.check.names import Has
    from harness.check.stage import Stage

BOTH = ("::1", "127.0.0.1")
ZONE: dict[str, Has] = {
    "good.test": ("127.0.0.1",),
    "both.test": BOTH,
    "servfail.test": No.LUCK,
    "empty.test": (),
    "hangs.test": No.ANSWER,
    **{f"hangs-{at}.test": No.ANSWER for at in range(70)},
}
"""What the names have; any other (nowhere.test) does not exist."""
HELLO = sized(b"hello")
END_S = 1.0  # F18: how soon the process has ended
LATE_S = 0.2  # F12
DEADLINE_S = 5.0


@contextmanager
def _town(stage: Stage, host: str = "127.0.0.1") -> Iterator[tuple[Origin, Names]]:
    """Yield an origin at this address that answers everything, and a name server."""
    with Origin(stage, lambda _: (HELLO,), doors=0) as origin:
        try:
            origin.open_door((host, 0))
        except HarnessError as error:
            raise Unsupported(str(error)) from error
        with Names(origin, ZONE, stage.folder()) as names:
            yield origin, names


def _expect(client: Client, url: str, wanted: Outcome) -> None:
    """Raise Failure unless the lines of this URL are what they are to be."""
    for line in client.lines:
        if line.url == url and not judge(line, [wanted]):
            kind = Late if "timeout" in (line.error, wanted) else Failure
            raise kind(f"{wanted} for {url}", shown(line))


def _fetch(stage: Stage, origin: Origin, names: Names, urls: Sequence[str], wanted: Outcome) -> int:
    """Let fetch ask for these URLs, which all end alike; return its exit status."""
    options = ("--deadline-s", f"{stage.within(DEADLINE_S):g}", "--limit", "4")
    with stage.fetch(urls, *options, files=names.files) as client:
        status = origin.serve(client, 10.0)
        client.by_index()
        for url in urls:
            _expect(client, url, wanted)
    return status


@case(
    "F22.1",
    does="asks for names that do not exist, have no address, or whose server fails",
    expects="`unresolved` for each, and exit 0",
)
def unresolved(stage: Stage) -> None:
    """Play F22.1."""
    with _town(stage) as (origin, names):
        for name in ("nowhere.test", "empty.test", "servfail.test"):
            urls = [origin.url(f"/{at}", host=name) for at in range(3)]
            if status := _fetch(stage, origin, names, urls, "unresolved"):
                raise Failure("exit status 0", f"{status}")
        if "nowhere.test" not in names.asked:
            raise Failure("a lookup of nowhere.test", f"lookups of {sorted(set(names.asked))}")


def _hold(stage: Stage, hanging: Sequence[str], limit: int) -> None:
    """Hold these lookups until every good URL has ended, then answer that there is no such name."""
    with _town(stage) as (origin, names):
        bad = [origin.url("/bad", host=name) for name in hanging]
        good = [origin.url(f"/{at}", host=("", "good.test")[at % 2]) for at in range(40)]
        options = ("--limit", str(limit), "--deadline-s", "20")
        with stage.fetch([*bad, *good], *options, files=names.files) as client:
            origin.attend(client)
            what = "the good URLs to end while a lookup hangs"
            origin.until(lambda: len(client.lines) >= len(good), what)
            origin.until(lambda: all(map(names.held, hanging)), "every lookup to be held")
            for url in good:
                _expect(client, url, ok(b"hello"))
            names.release()
            status = origin.serve(client)
            client.by_index()
            for url in bad:
                _expect(client, url, "unresolved")
    if status:
        raise Failure("exit status 0", f"{status}")


@case(
    "F22.2",
    does="holds the lookup of one of 41 URLs, with --limit 10, until the others have ended",
    expects="40 answers, by address and by name, before it; then `unresolved`",
)
def one_hangs(stage: Stage) -> None:
    """Play F22.2."""
    _hold(stage, ["hangs.test"], 10)


@case(
    "F22.3",
    does="holds the lookups of 15 names at once, with --limit 20, until 40 other URLs have ended",
    expects="40 answers, by address and by name, before them; then `unresolved`",
    why="a pool of few resolver threads would be full",
)
def many_hang(stage: Stage) -> None:
    """Play F22.3."""
    _hold(stage, [f"hangs-{at}.test" for at in range(15)], 20)


@case(
    "F22.4",
    does="asks for a name with ::1 and 127.0.0.1 of which one refuses, in both directions",
    expects="answers from the other one",
    why="RFC 8305",
)
def one_refuses(stage: Stage) -> None:
    """Play F22.4."""
    for host in BOTH:
        with _town(stage, host) as (origin, names):
            urls = [origin.url(f"/{at}", host="both.test") for at in range(4)]
            _fetch(stage, origin, names, urls, ok(b"hello"))


@case(
    "F22.5",
    does="asks for a name with ::1 and 127.0.0.1 of which one never answers a connect",
    expects="answers from the other one, well within the deadline",
    why="RFC 8305 5: the next address is tried before the first has failed",
)
def one_is_silent(stage: Stage) -> None:
    """Play F22.5."""
    for host, other in (BOTH, BOTH[::-1]):
        with _town(stage, host) as (origin, names):
            origin.deaf_url(other, origin.port())
            urls = [origin.url(f"/{at}", host="both.test") for at in range(4)]
            _fetch(stage, origin, names, urls, ok(b"hello"))


@case(
    "F22.6",
    does="asks for a name with ::1 and 127.0.0.1 where both refuse",
    expects="`refused`",
)
def both_refuse(stage: Stage) -> None:
    """Play F22.6."""
    with _town(stage) as (origin, names):
        port = origin.refusing_url().rpartition(":")[2].strip("/")
        urls = [f"http://both.test:{port}/{at}" for at in range(3)]
        _fetch(stage, origin, names, urls, "refused")


@case(
    "F22.7",
    does="asks for ten URLs of one name with --limit 1",
    expects="one connection; the Host header carries the name, in small letters",
    why="RFC 9110 7.2, 4.2.3",
)
def host_is_the_name(stage: Stage) -> None:
    """Play F22.7."""
    with _town(stage) as (origin, names):
        urls = [origin.url(f"/{at}", host="Good.TEST") for at in range(10)]
        with stage.fetch(urls, "--limit", "1", files=names.files) as client:
            origin.serve(client)
            client.by_index()
            for url in urls:
                _expect(client, url, ok(b"hello"))
        host = b"\r\nHost: good.test:%d\r\n" % origin.port()
        for request in origin.requests:
            if host not in request.raw:
                raise Failure(f"{host!r}", f"{request.raw!r}")
        if len(origin.connections) != 1:
            raise Failure("one connection", f"{len(origin.connections)}")


@contextmanager
def _hanging(stage: Stage, *options: str) -> Iterator[tuple[Origin, Names, Client]]:
    """Yield fetch at the moment at which two lookups hang, beside one request that is held."""
    with _town(stage) as (origin, names):
        origin.answer = None
        urls = [origin.url("/held")] + [origin.url("/", host=f"hangs-{at}.test") for at in (0, 1)]
        with stage.fetch(urls, *options, files=names.files) as client:
            origin.attend(client)
            lookups = [f"hangs-{at}.test" for at in (0, 1)]
            origin.until(
                lambda: bool(origin.held) and all(map(names.held, lookups)),
                "a request and two lookups to be held",
            )
            yield origin, names, client


def _expect_end(stage: Stage, origin: Origin, client: Client, since: float, status: int) -> None:
    """Raise Failure unless the process ends in time, with this status."""
    bound = since + stage.within(END_S)
    while client.child.process.poll() is None and time.monotonic() < bound:
        origin.turn(0.01)
    if client.child.process.poll() is None:
        raise Late(f"an end within {END_S:g} s", "a process that waits for a lookup")
    if (got := origin.serve(client)) != status:
        raise Failure(f"exit status {status}", f"{got}")
    client.by_index()


@case(
    "F22.8",
    needs="core",
    does="never answers two lookups, with --deadline-s 0.6",
    expects="`timeout` after 0.6 to 0.8 s, and exit 0 within 1 s of the last line",
    why="the deadline covers the lookup; nothing waits for a thread that nobody needs",
)
def lookup_times_out(stage: Stage) -> None:
    """Play F22.8."""
    with _hanging(stage, "--deadline-s", "0.6") as (origin, _, client):
        origin.held[0].reply(HELLO)
        origin.until(lambda: len(client.lines) == 3, "three lines")
        for line in client.lines[1:]:
            if line.error != "timeout" or line.elapsed_s < 0.6 - 0.001:
                raise Failure("`timeout` after 0.6 s", shown(line))
            if line.elapsed_s > 0.6 + stage.within(LATE_S):
                raise Late("an end after 0.8 s", shown(line))
        _expect_end(stage, origin, client, client.arrivals[-1], 0)


@case(
    "F22.9",
    needs="core",
    does="sends SIGTERM while two lookups hang and a request is held",
    expects="`cancelled` for all, and exit 143 within 1 s",
    why="SPEC F18",
)
def lookup_and_signal(stage: Stage) -> None:
    """Play F22.9."""
    with _hanging(stage) as (origin, _, client):
        client.child.signal(signal.SIGTERM)
        _expect_end(stage, origin, client, time.monotonic(), 128 + signal.SIGTERM)
        for url in client.urls:
            _expect(client, url, "cancelled")


@case(
    "F22.10",
    needs="core",
    does="lets a request fail under --fail-fast while two lookups hang",
    expects="`malformed`, `cancelled` for the lookups, and exit 1 within 1 s",
    why="SPEC F17",
)
def lookup_and_fail_fast(stage: Stage) -> None:
    """Play F22.10."""
    with _hanging(stage, "--fail-fast") as (origin, _, client):
        origin.held[0].reply(b"no HTTP\r\n\r\n")
        origin.until(lambda: bool(client.lines), "a line")
        _expect_end(stage, origin, client, time.monotonic(), 1)
        for url, wanted in zip(client.urls, ("malformed", "cancelled", "cancelled"), strict=True):
            _expect(client, url, wanted)


@case(
    "F22.11",
    does="never answers 70 lookups, with --limit 35 and --deadline-s 0.5, before 10 good URLs",
    expects="`timeout` for each lookup, then 10 answers, by address and by name",
    why="threads that were given up must not use up a pool",
)
def threads_given_up(stage: Stage) -> None:
    """Play F22.11."""
    seconds = stage.within(0.5)
    with _town(stage) as (origin, names):
        bad = [origin.url("/bad", host=f"hangs-{at}.test") for at in range(70)]
        good = [origin.url(f"/{at}", host=("", "good.test")[at % 2]) for at in range(10)]
        options = ("--limit", "35", "--deadline-s", f"{seconds:g}")
        with stage.fetch([*bad, *good], *options, files=names.files) as client:
            origin.serve(client, 10.0)
            client.by_index()
            for url in client.urls:
                _expect(client, url, ok(b"hello") if url in good else "timeout")
