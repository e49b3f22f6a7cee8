"""E12 and E16: how a server begins and how it ends."""

from __future__ import annotations

import signal
import socket
import time
from typing import TYPE_CHECKING

from harness.check.case import Failure, Late, NotReady, Unsupported, case
from harness.check.flood import REST_S, flood
from harness.check.peer import Peer
from harness.check.stage import READY_S, free_port
from harness.launch import NotReadyError

if TYPE_CHECKING:
    from harness.check.server import Server
    from harness.check.stage import Stage

KIB = 1024
MIB = 1024 * KIB
SMALL = 32 * KIB
SOON_S = 0.5  # "as soon as all are done": the interpreter needs some of it to end
SECOND_S = 0.2
STOP_S = 0.5  # by then the listener serves no more
RESTS = 4  # looks, REST_S apart, at a server that sleeps and does not answer


def _ends_with(server: Server, status: int, within_s: float) -> None:
    """Wait for its exit. Raises Failure for another status."""
    found = server.exits(within_s)
    if found != status:
        raise Failure(f"exit status {status}", f"{found}")


def _is_served(server: Server, peer: Peer) -> bool:
    """Tell whether a byte comes back before the server has come to rest without an answer."""
    deadline = time.monotonic() + server.stage.within(STOP_S)
    rested = 0
    while not peer.readable(REST_S) and rested < RESTS and time.monotonic() < deadline:
        rested = rested + 1 if server.stage.asleep() else 0
    return peer.answers(b"late", 0.0)


def _no_service(server: Server, since: float) -> None:
    """See that a new connection is refused, reset or left alone; the first may be too early."""
    while True:
        peer = server.try_connect()
        if peer is None or not peer.try_send(b"late") or not _is_served(server, peer):
            server.stage.note("a new connection gets no service")
            if peer is not None:
                peer.close()
            return
        peer.close()
        if time.monotonic() > since + server.stage.within(STOP_S):
            raise Late("no service for new connections after the signal", "an echo")


def _in_flight(server: Server, count: int) -> list[Peer]:
    """Return peers that got bytes back before and have many more on the way."""
    peers = server.connect_many(count, send_buffer=SMALL, receive_buffer=SMALL)
    for peer in peers:
        peer.pump(1000)
    flood(peers)
    return peers


@case(
    "E12.1",
    does="SIGTERM while five connections have bytes in flight, two of them with FIN",
    expects="new ones get no service, all bytes come back whole, then exit 0 at once",
    quick=True,
)
def bytes_in_flight(stage: Stage) -> None:
    """See what was taken given back before the end."""
    with stage.serve(send_buffer=SMALL, receive_buffer=SMALL) as server:
        peers = _in_flight(server, 5)
        for peer in peers[:2]:
            peer.half_close()
        begin = server.terminate()
        server.deaf()
        _no_service(server, begin)
        for peer in peers[:2]:
            peer.catch_up()
            peer.expect_end()
        for peer in peers[2:]:
            peer.finish()
        _ends_with(server, 0, SOON_S)


@case("E12.2", does="SIGTERM without connections", expects="exit 0 at once, whatever the grace")
def nothing_to_finish(stage: Stage) -> None:
    """Nothing is waited for when there is nothing to wait for."""
    with stage.serve("--grace-s", "30") as server:
        for _ in range(3):
            server.connect().ping()
        for peer in server.connect_many(3):
            peer.ping()
            peer.half_close()
            peer.expect_end()
        stage.close_peers()
        server.settled()
        server.terminate()
        _ends_with(server, 0, SOON_S)


@case(
    "E12.3",
    does="SIGTERM with --grace-s 0.5 while connections are blocked, silent and half-closed",
    expects="the rest is cut at grace: exit 0 in [0.5, 1.0] s",
)
def cut_at_grace(stage: Stage) -> None:
    """Those who do not finish are cut, and it is no fault of the server's."""
    with stage.serve("--grace-s", "0.5", send_buffer=SMALL, receive_buffer=SMALL) as server:
        blocked = _in_flight(server, 3)
        blocked[0].half_close()
        server.connect(name="silent").ping()
        begin = server.terminate()
        _ends_with(server, 0, 0.5 + SOON_S)
        took = time.monotonic() - begin
        if took < 0.5:
            raise Failure("an exit no earlier than the grace of 0.5 s", f"exit after {took:.3f} s")


@case(
    "E12.4",
    does="SIGTERM while a connection is blocked, and a second SIGTERM",
    expects="the end within 0.2 s of the second, any status",
)
def second_signal(stage: Stage) -> None:
    """After the first signal the default action is back."""
    with stage.serve("--grace-s", "30", send_buffer=SMALL, receive_buffer=SMALL) as server:
        _in_flight(server, 1)
        begin = server.terminate()
        server.deaf()
        _no_service(server, begin)
        server.terminate()
        server.exits(SECOND_S)


@case(
    "E12.5",
    does="SIGINT while connections have bytes in flight",
    expects="the same as after SIGTERM: no service, all bytes whole, exit 0",
)
def interrupted(stage: Stage) -> None:
    """SIGINT drains as SIGTERM does."""
    with stage.serve(send_buffer=SMALL, receive_buffer=SMALL) as server:
        peers = _in_flight(server, 2)
        begin = server.terminate(signal.SIGINT)
        _no_service(server, begin)
        for peer in peers:
            peer.finish()
        _ends_with(server, 0, SOON_S)


@case(
    "E12.6",
    does="SIGTERM while some wait behind --limit 1 and in the kernel; all leave",
    expects="the one in service gets its bytes whole; the others service or reset; exit 0",
)
def those_who_wait(stage: Stage) -> None:
    """Who was never served may be served or reset, and holds nothing up."""
    with stage.serve("--limit", "1", send_buffer=SMALL, receive_buffer=SMALL) as server:
        (peer,) = _in_flight(server, 1)
        waiting = server.connect_many(3)
        for each in waiting:
            each.send(b"me too")
        with server.stopped():
            late = server.connect(name="in the kernel")
            late.send(b"me too")
            server.terminate()
        server.deaf()
        peer.finish()
        for each in (*waiting, late):
            each.close()
        _ends_with(server, 0, SOON_S)


@case(
    "E12.7",
    does="SIGTERM; two connections finish at different moments",
    expects="it lives until the last has finished, then exits 0 at once",
)
def until_the_last(stage: Stage) -> None:
    """See the end come when all are done, neither before nor later."""
    with stage.serve("--grace-s", "30", send_buffer=SMALL, receive_buffer=SMALL) as server:
        first, last = _in_flight(server, 2)
        server.terminate()
        server.deaf()
        first.finish()
        first.close()
        time.sleep(0.2)
        if server.child.process.poll() is not None:
            raise Failure("a process that lives while bytes are in flight", "its end")
        last.finish()
        _ends_with(server, 0, SOON_S)


def _at_once(stage: Stage, times: int) -> None:
    """Send SIGTERM the instant READY is read; each time the exit status is 0."""
    for number in range(1, times + 1):
        with stage.serve(warm=False) as server:
            status = server.stop()
            if status != 0:
                raise Failure("exit status 0 each time", f"{status} at attempt {number} of {times}")


AGAIN = tuple(
    case(
        f"E16.{number}",
        does=f"SIGTERM the instant READY is read, {times} times of the 50",
        expects="exit 0 each time",
        quick=number == 1,
        again=number > 1,
    )(lambda stage, times=times: _at_once(stage, times))  # type: ignore[misc]
    for number, times in enumerate((8, 8, 8, 8, 9, 9), start=1)
)


@case(
    "E16.7",
    does="--port: connects the instant READY is read",
    expects="an echo, and exit 0 after SIGTERM",
)
def port(stage: Stage) -> None:
    """READY means that a connect succeeds."""
    number = free_port()
    with stage.run("echo", "--port", str(number)) as child:
        try:
            child.ready(stage.within(READY_S))
        except NotReadyError as error:
            _excuse(stage)
            raise NotReady("READY", f"a child that {error}") from None
        with Peer.connect(("127.0.0.1", number), stage=stage) as peer:
            peer.ping()
            peer.half_close()
            peer.expect_end()
        child.signal(signal.SIGTERM)
        try:
            status = child.wait(stage.within(2.0))
        except TimeoutError:
            raise Late("an exit after SIGTERM", "a process that still runs") from None
        if status != 0:
            raise Failure("exit status 0", f"{status}")


@case(
    "E16.8", does="--port with a port that is taken", expects="one line on stderr, exit 2, no READY"
)
def port_taken(stage: Stage) -> None:
    """Bad luck at the start is said in one line."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        where = str(taken.getsockname()[1])
        with stage.run("echo", "--port", where, may_write=True) as child:
            try:
                status = child.wait(stage.within(READY_S))
            except TimeoutError:
                raise Late("an exit", "a process that still runs") from None
            said = child.line(1.0)
            lines = child.stderr().decode("utf-8", "replace").splitlines()
            if status == 2 and said is None and len(lines) == 1:
                return
            _excuse(stage)
            raise Failure(
                "exit status 2, one line on stderr, nothing on stdout",
                f"status {status}, {len(lines)} lines, {said!r}",
            )


def _excuse(stage: Stage) -> None:
    """Excuse an implementation with a command of its own that does not know --port at all."""
    if not stage.implementation.run:
        return
    with stage.run("echo", "--port", str(free_port()), may_write=True) as child:
        try:
            child.ready(stage.within(READY_S))
        except NotReadyError:
            raise Unsupported("a program of its own may lack --port, and this one does") from None
