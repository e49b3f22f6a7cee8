"""The scripted origin sends what it is told, when it is told, and sees what is done to it."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest

from harness.check.case import Failure
from harness.check.origin import Origin, Step
from harness.check.queues import Queues, unacknowledged
from harness.check.stage import Stage
from harness.model import Implementation

if TYPE_CHECKING:
    from collections.abc import Iterator

GET = b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def stage() -> Iterator[Stage]:
    """Return a stage for nobody in particular."""
    nobody = Implementation(name="nobody", folder="/", title="", style="")
    with Stage(nobody) as one:
        yield one


@pytest.fixture
def origin(stage: Stage) -> Iterator[Origin]:
    """Return an origin that holds every request."""
    with Origin(stage) as one:
        yield one


def dial(origin: Origin, door: int = 0) -> socket.socket:
    """Connect to a door with a socket that waits 2 s at most."""
    port = int(origin.url("", door).rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), timeout=2)


def take(origin: Origin, sock: socket.socket, count: int) -> bytes:
    """Receive so many bytes while the origin takes its turns."""
    sock.setblocking(False)
    got = bytearray()

    def enough() -> bool:
        try:
            got.extend(sock.recv(count - len(got)))
        except BlockingIOError:
            return False
        return len(got) >= count

    origin.until(enough, "bytes")
    return bytes(got)


def test_a_request_is_kept_byte_for_byte(origin: Origin) -> None:
    """A request that comes in pieces is one request with exactly its bytes."""
    with dial(origin) as client:
        wire = GET % b"/a"
        client.sendall(wire[:9])
        origin.until(lambda: len(origin.connections) == 1, "a connection")
        assert not origin.requests
        client.sendall(wire[9:])
        request = origin.next_held()
        assert (request.raw, request.target, request.number) == (wire, "/a", 1)
        assert origin.asked(origin.url("/a")) == [request]
        assert origin.in_flight == origin.most_in_flight == 1


def test_a_second_request_on_a_connection_is_the_second(origin: Origin) -> None:
    """Requests are numbered on their connection, and answered ones are no longer in flight."""
    origin.answer = lambda _: (b"ok",)
    with dial(origin) as client:
        for number in (1, 2):
            client.sendall(GET % b"/")
            assert take(origin, client, 2) == b"ok"
            assert origin.requests[-1].number == number
        assert origin.in_flight == 0
        assert origin.most_in_flight == 1


def test_a_rest_that_is_over_at_once_sees_what_is_there(origin: Origin) -> None:
    """An end that came while the origin had no core counts: its time is over, and it looks."""
    with dial(origin):
        origin.until(lambda: len(origin.connections) == 1, "a connection")
    origin.rest(0.0)
    assert origin.connections[0].end == "FIN"


def test_read_waits_until_the_bytes_have_been_read(origin: Origin) -> None:
    """After Step.READ nothing is sent while the first bytes lie unread, however long that takes."""
    with dial(origin) as client:
        client.sendall(GET % b"/")
        request = origin.next_held()
        request.reply(b"one", Step.READ, b"two")
        origin.rest(0.05)
        assert client.recv(100, socket.MSG_PEEK) == b"one"
        assert request.in_flight
        assert client.recv(100) == b"one"
        origin.until(lambda: request.answered, "the rest")
        assert client.recv(100) == b"two"


def test_acked_waits_for_the_kernel_alone(origin: Origin) -> None:
    """Step.ACKED passes though nobody reads."""
    with dial(origin) as client:
        client.sendall(GET % b"/")
        origin.deliver(origin.next_held(), b"one", Step.ACKED, b"two", Step.ACKED)
        assert client.recv(100) == b"onetwo"


def test_the_kernel_tells_what_is_unread() -> None:
    """Queues.unread counts the other side's unread bytes, and 0 once it has closed."""
    queues = Queues()
    with socket.create_server(("127.0.0.1", 0)) as door:
        client = socket.create_connection(door.getsockname())
        server, _ = door.accept()
        ends = (server.getpeername(), server.getsockname())
        assert queues.unread(*ends) == 0
        server.sendall(b"12345")
        deadline = time.monotonic() + 2
        while queues.unread(*ends) != 5 or unacknowledged(server):
            assert time.monotonic() < deadline
        client.recv(2)
        assert queues.unread(*ends) == 3
        client.close()
        assert queues.unread(*ends) == 0
        server.close()
    queues.close()


def test_fin_and_rst_are_what_they_say(origin: Origin) -> None:
    """Step.FIN ends the stream, Step.RST resets the connection."""
    with dial(origin) as first, dial(origin) as second:
        first.sendall(GET % b"/fin")
        origin.deliver(origin.next_held(), b"x", Step.FIN)
        assert (first.recv(10), first.recv(10)) == (b"x", b"")
        second.sendall(GET % b"/rst")
        origin.deliver(origin.next_held(), Step.RST)
        with pytest.raises(ConnectionResetError):
            second.recv(10)
        assert [one.end for one in origin.connections] == ["", "we"]


def test_the_end_of_a_client_is_seen(origin: Origin) -> None:
    """A client's FIN and RST are told apart, and its request is no longer in flight."""
    clients = [dial(origin), dial(origin)]
    for client in clients:
        client.sendall(GET % b"/")
    origin.fill(2)
    clients[0].close()
    clients[1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    clients[1].close()
    origin.until(lambda: not origin.open, "both ends")
    assert sorted(one.end for one in origin.connections) == ["FIN", "RST"]
    assert origin.in_flight == 0


def test_a_pause_lasts(origin: Origin) -> None:
    """A float in a script is a pause of so many seconds, and others are served meanwhile."""
    with dial(origin) as slow, dial(origin) as quick:
        slow.sendall(GET % b"/slow")
        begin = time.monotonic()
        origin.next_held().reply(0.2, b"late")
        quick.sendall(GET % b"/quick")
        origin.until(lambda: len(origin.requests) == 2, "the second request")
        origin.deliver(origin.requests[1], b"soon")
        assert time.monotonic() - begin < 0.2
        assert take(origin, slow, 4) == b"late"
        assert time.monotonic() - begin >= 0.2


def test_an_endless_script_costs_nobody_else(origin: Origin) -> None:
    """While one connection is sent bytes for ever, another one gets its answer."""

    def forever() -> Iterator[bytes]:
        while True:
            yield b"y" * 65536

    with dial(origin) as greedy, dial(origin) as modest:
        greedy.sendall(GET % b"/")
        first = origin.next_held()
        first.connection.play(first, forever())
        modest.sendall(GET % b"/")
        origin.until(lambda: len(origin.requests) == 2, "the second request")
        origin.deliver(origin.requests[1], b"done")
        assert take(origin, modest, 4) == b"done"
        assert first.in_flight


def test_what_never_happens_is_a_failure(origin: Origin) -> None:
    """`until` ends at its bound and says where things stand."""
    with pytest.raises(Failure, match=r"a miracle within 0\.05 s; got 0 requests on 0 connections"):
        origin.until(lambda: False, "a miracle", 0.05)


def test_refusing_and_deaf_urls(origin: Origin) -> None:
    """One URL refuses every connect; the other one leaves it unanswered."""
    port = int(origin.refusing_url().rpartition(":")[2].strip("/"))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=2)
    port = int(origin.deaf_url().rpartition(":")[2].strip("/"))
    with pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", port), timeout=0.2)


def test_doors_are_told_apart(stage: Stage) -> None:
    """Each connection knows the door that it came through."""
    with Origin(stage, doors=2) as origin, dial(origin, 1), dial(origin, 0):
        origin.until(lambda: len(origin.connections) == 2, "two connections")
        assert {one.door for one in origin.connections} == {0, 1}
