"""F23: the handshake: whose certificate is taken, and what is said of one that fails.

Rules: a handshake that fails is `tls` however it fails, for the programs cannot tell the ways
apart; that no request was sent is seen at the origin. Good URLs stand beside the bad ones: one
failure disturbs no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.check import tls
from harness.check.case import Failure, Late, case
from harness.check.fetch_rows import answer, judge, ok, shown, sized
from harness.check.origin import Origin, Step

if TYPE_CHECKING:
    import ssl

    from harness.check.connection import Greeting
    from harness.check.fetch_rows import Outcome
    from harness.check.origin import Script
    from harness.check.stage import Stage
    from harness.check.tls import Tls

HELLO = sized(b"hello")
COUNT = 3  # of good URLs and of bad ones
STALL_S = 0.5  # the deadline of those that stall
LATE_S = 0.2  # F12: how far past it they may end


def _beneath(origin: Origin, script: Script, flight: int) -> Greeting:
    """Return a greeting that breaks door 1's handshakes: so many bytes of it, then the script."""

    def greet(session: Tls, hello: bytes) -> Script | None:
        if origin.connections[-1].door == 0:
            return None
        session.take(hello)
        return (session.due()[:flight], *script)

    return greet


def _beside(
    stage: Stage,
    other: ssl.SSLContext,
    wanted: Outcome,
    *,
    host: str = "",
    script: Script | None = None,
    flight: int = 0,
) -> Origin:
    """Ask a good door 0 and door 1 in turn, judge both, and return the origin.

    Door 1 has another certificate, is asked by the name `host`, or plays a script after so many
    bytes of its handshake.
    """
    with Origin(stage, lambda _: (HELLO,), tls=tls.context()) as origin:
        origin.open_door(("127.0.0.1", 0), other)
        if script is not None:
            origin.greeting = _beneath(origin, script, flight)
        doors = ((0, ""), (1, host)) * COUNT
        urls = [origin.url(f"/{at}", *door) for at, door in enumerate(doors)]
        options = ("--limit", "1", "--ca", tls.authority_file(stage.folder()))
        with stage.fetch(urls, *options) as client:
            status = origin.serve(client, 10.0)
            for index, line in client.by_index().items():
                expected = wanted if index % 2 else ok(b"hello")
                if not judge(line, [expected]):
                    raise Failure(f"{expected} for {line.url}", shown(line))
    if status != 0:
        raise Failure("exit status 0", f"{status}")
    if wanted == "tls" and any(one.connection.door for one in origin.requests):
        raise Failure("no request where the handshake failed", "one")
    return origin


@case(
    "F23.1",
    does="shows a certificate of the trusted authority that is for other names",
    expects="`tls`, and no request sent",
    why="RFC 9110 4.3.4",
)
def wrong_name(stage: Stage) -> None:
    """Play F23.1."""
    _beside(stage, tls.context("other.example", "127.0.0.2"), "tls")


@case(
    "F23.2",
    does="shows a certificate that is for the name, of an authority that nobody trusts",
    expects="`tls`, and no request sent",
    why="RFC 9110 4.3.4",
)
def unknown_authority(stage: Stage) -> None:
    """Play F23.2."""
    _beside(stage, tls.context(authority="unknown"), "tls")


@case(
    "F23.3",
    does="shows a certificate of the trusted authority that expired in 2001",
    expects="`tls`, and no request sent",
    why="RFC 5280 6.1.3",
)
def expired(stage: Stage) -> None:
    """Play F23.3."""
    _beside(stage, tls.context(until=tls.LONG_AGO), "tls")


@case(
    "F23.4",
    does="answers the handshake in plain HTTP, or with what is no TLS at all",
    expects="`tls`",
)
def plain_text(stage: Stage) -> None:
    """Play F23.4."""
    for words in (answer("Connection: close", b"no TLS here", "400 Bad Request"), b"SSH-2.0-x\r\n"):
        for end in ((), (Step.ACKED, Step.FIN)):
            _beside(stage, tls.context(), "tls", script=(words, *end))


@case(
    "F23.5",
    does="ends a handshake by FIN or RST, before the first byte and in the middle of its own",
    expects="`tls`",
    why="SPEC: the handshake failed, however",
)
def cut_short(stage: Stage) -> None:
    """Play F23.5."""
    for end in (Step.FIN, Step.RST):
        for flight in (0, 20, 700):
            _beside(stage, tls.context(), "tls", script=(Step.READ, end), flight=flight)


@case(
    "F23.6",
    needs="core",
    does="never answers in the handshake, or stops in the middle of it, with --deadline-s 0.5",
    expects="`timeout` within 0.5 to 0.7 s, and the socket closed then",
)
def stalled(stage: Stage) -> None:
    """Play F23.6."""
    for flight in (0, 700):
        origin = _stall(stage, flight)
        for connection in origin.connections:
            took_s = connection.ended_at - connection.accepted_at
            if not connection.end or took_s > STALL_S + stage.within(LATE_S):
                raise Late("the socket closed 0.7 s after the connect", f"{took_s:.3f} s")


def _stall(stage: Stage, flight: int) -> Origin:
    """Let three handshakes stall at once, and judge what is written of them."""

    def greet(session: Tls, hello: bytes) -> Script:
        session.take(hello)
        return (session.due()[:flight], 60.0)

    with Origin(stage, tls=tls.context()) as origin:
        origin.greeting = greet
        options = ("--deadline-s", f"{STALL_S:g}", "--linger-s", "0.3", "--ca")
        urls = [origin.url(f"/{at}") for at in range(COUNT)]
        with stage.fetch(urls, *options, tls.authority_file(stage.folder())) as client:
            origin.serve(client, 5.0)
            for line in client.by_index().values():
                if line.error != "timeout" or line.elapsed_s < STALL_S - 0.001:
                    raise Failure(f"`timeout` after {STALL_S:g} s", shown(line))
                if line.elapsed_s > STALL_S + stage.within(LATE_S):
                    raise Late(f"an end after {STALL_S + LATE_S:g} s", shown(line))
    return origin


@case(
    "F23.7",
    does="asks by the name localhost, and by an address, where the certificate has both",
    expects="answers; the name is said in the handshake (SNI), an address is not",
    why="RFC 6066 3: literal addresses are not permitted there",
)
def named(stage: Stage) -> None:
    """Play F23.7."""
    for host, said in (("localhost", "localhost"), ("127.0.0.1", None)):
        origin = _beside(stage, tls.context("localhost", "127.0.0.1"), ok(b"hello"), host=host)
        for one in origin.connections:
            if one.door and one.tls and one.tls.asked != said:
                raise Failure(f"{said!r} said in the handshake with {host}", f"{one.tls.asked!r}")


@case(
    "F23.8",
    does="asks by an address where the certificate has only the name, and the other way round",
    expects="`tls`, and no request sent",
    why="RFC 9110 4.3.5: an address is matched with addresses alone",
)
def name_is_no_address(stage: Stage) -> None:
    """Play F23.8."""
    _beside(stage, tls.context("localhost"), "tls", host="127.0.0.1")
    _beside(stage, tls.context("127.0.0.1"), "tls", host="localhost")
