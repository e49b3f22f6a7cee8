"""The native reference: the echo clauses it must keep to be a ceiling, and what its fetch can do.

Rules: a clause is named by its id in implementations/SPEC.md; bounds below are lower bounds, or
generous enough that only a hang fails them.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import zlib
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from harness import launch, witness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

REFERENCE = (sys.executable, "-m", "harness.gauge", "reference")
WAIT_S = 30.0
RESET = struct.pack("ii", 1, 0)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Yield a listener on 127.0.0.1 whose sockets have small send buffers."""
    with launch.listener(send_buffer=32768, receive_buffer=32768) as sock:
        yield sock


@contextmanager
def echo(
    tmp_path: Path, listener: socket.socket, *options: str, open_files: int = 2000
) -> Iterator[launch.Child]:
    """Start the echo server on a listener; at the end its stderr must be empty."""
    fd = listener.fileno()
    with launch.start(
        (*REFERENCE, "echo", "--fd", str(fd), *options),
        stderr=tmp_path / "stderr",
        fds=[fd],
        open_files=open_files,
    ) as child:
        child.ready()
        yield child
        assert child.stderr() == b""


def connect(listener: socket.socket) -> socket.socket:
    """Return a peer with a small receive buffer."""
    peer = socket.socket(listener.family, socket.SOCK_STREAM)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
    peer.settimeout(WAIT_S)
    peer.connect(listener.getsockname())
    return peer


def read_to_end(peer: socket.socket) -> bytes:
    """Return all until FIN; a reset raises."""
    data = bytearray()
    while piece := peer.recv(65536):
        data += piece
    return bytes(data)


def served(peer: socket.socket) -> None:
    """Assert that the peer gets its bytes back."""
    peer.sendall(b"ping")
    assert peer.recv(4, socket.MSG_WAITALL) == b"ping"


def fill(peer: socket.socket) -> int:
    """Send without reading until neither side takes more; return how many bytes were taken."""
    sent = 0
    peer.settimeout(0.3)
    with suppress(TimeoutError):
        while True:
            sent += peer.send(bytes(65536))
    peer.settimeout(WAIT_S)
    return sent


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that must come about."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class TestEcho:
    """`reference echo`."""

    @pytest.mark.parametrize("size", [0, 1, 1000, 1_000_000])
    def test_e04_everything_comes_back_before_the_fin(
        self, tmp_path: Path, listener: socket.socket, size: int
    ) -> None:
        """After shutdown the rest comes, then FIN; also when the FIN came with the data."""
        data = os.urandom(size)
        with echo(tmp_path, listener), connect(listener) as peer:
            assert exchange(peer, data) == data

    @pytest.mark.parametrize("family", ["inet6", "unix"])
    def test_e18_e19_other_families(self, tmp_path: Path, family: str) -> None:
        """An IPv6 and a Unix listener are served as well."""
        address = ("::1", 0) if family == "inet6" else str(tmp_path / "socket")
        with (
            launch.listener(address) as listener,
            echo(tmp_path, listener),
            connect(listener) as peer,
        ):
            data = os.urandom(500_000)
            assert exchange(peer, data) == data

    def test_e05_a_peer_that_never_reads_is_held(
        self, tmp_path: Path, listener: socket.socket
    ) -> None:
        """What it may send is bounded, others are served, and the stream is whole in the end."""
        with echo(tmp_path, listener) as child, connect(listener) as peer:
            before = witness.resources(child.pid).private_bytes
            sent = fill(peer)
            assert sent < 8 << 20
            assert witness.resources(child.pid).private_bytes - before < 2 << 20
            with connect(listener) as other:
                served(other)
            peer.shutdown(socket.SHUT_WR)
            assert read_to_end(peer) == bytes(sent)

    @pytest.mark.parametrize("moment", ["idle", "blocked"])
    def test_e07_a_reset_costs_one_connection(
        self, tmp_path: Path, listener: socket.socket, moment: str
    ) -> None:
        """Others are served and the descriptor comes back."""
        with echo(tmp_path, listener) as child, connect(listener) as other:
            served(other)
            before = witness.resources(child.pid).fds
            with connect(listener) as peer:
                served(peer)
                if moment == "blocked":
                    fill(peer)
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            served(other)
            until(lambda: witness.resources(child.pid).fds == before)

    def test_e10_the_idle_clock(self, tmp_path: Path, listener: socket.socket) -> None:
        """A silent connection is closed after T and not before; a byte starts T anew."""
        with echo(tmp_path, listener, "--idle-s", "0.3"), connect(listener) as peer:
            start = time.monotonic()
            served(peer)
            served(peer)
            assert peer.recv(1) == b""
            assert time.monotonic() - start >= 0.3

    def test_e10_the_idle_clock_stands_while_the_server_waits_to_write(
        self, tmp_path: Path, listener: socket.socket
    ) -> None:
        """A peer that reads late gets all; then the whole T runs again."""
        with (
            echo(tmp_path, listener, "--idle-s", "0.3"),
            connect(listener) as peer,
            connect(listener) as witness_peer,
        ):
            sent = fill(peer)
            assert witness_peer.recv(1) == b""  # T has passed for one that was silent
            with connect(listener) as again:
                assert again.recv(1) == b""
            got = 0
            while got < sent:
                got += len(peer.recv(min(65536, sent - got)))
            start = time.monotonic()
            assert peer.recv(1) == b""
            assert time.monotonic() - start >= 0.29  # the last byte left before it was read

    def test_e11_the_surplus_waits_for_a_place(
        self, tmp_path: Path, listener: socket.socket
    ) -> None:
        """The third of two is unserved until one leaves by a reset, with the idle clock stopped."""
        with (
            echo(tmp_path, listener, "--limit", "2", "--idle-s", "20"),
            connect(listener) as first,
            connect(listener) as second,
        ):
            served(first)
            served(second)
            with connect(listener) as third:
                third.sendall(b"wait")
                third.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    third.recv(1)
                served(first)
                third.settimeout(WAIT_S)
                second.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                second.close()
                assert third.recv(4, socket.MSG_WAITALL) == b"wait"

    def test_e12_a_drain_finishes_what_is_open(
        self, tmp_path: Path, listener: socket.socket
    ) -> None:
        """After SIGTERM nobody new is served; open connections go on; exit 0 when they are done."""
        with echo(tmp_path, listener) as child, connect(listener) as peer:
            served(peer)
            address = listener.getsockname()
            listener.close()
            child.signal(signal.SIGTERM)
            until(lambda: refused(address))
            served(peer)
            peer.sendall(b"last")
            peer.shutdown(socket.SHUT_WR)
            assert read_to_end(peer) == b"last"
            assert child.wait(WAIT_S) == 0

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_e12_the_grace_ends_what_does_not(
        self, tmp_path: Path, listener: socket.socket, number: signal.Signals
    ) -> None:
        """At grace open connections are cut, blocked ones too; exit 0."""
        with (
            echo(tmp_path, listener, "--grace-s", "0.2") as child,
            connect(listener) as peer,
            connect(listener) as blocked,
        ):
            served(peer)
            fill(blocked)
            start = time.monotonic()
            child.signal(number)
            assert peer.recv(1) == b""
            assert time.monotonic() - start >= 0.2
            assert child.wait(WAIT_S) == 0

    def test_e12_a_second_signal_ends_it(self, tmp_path: Path, listener: socket.socket) -> None:
        """During the drain the default action is back."""
        with echo(tmp_path, listener, "--grace-s", "60") as child, connect(listener) as peer:
            served(peer)
            address = listener.getsockname()
            listener.close()
            child.signal(signal.SIGTERM)
            until(lambda: refused(address))
            child.signal(signal.SIGTERM)
            assert child.wait(WAIT_S) == -signal.SIGTERM

    def test_e13_out_of_descriptors(self, tmp_path: Path, listener: socket.socket) -> None:
        """Those served stay served, it does not spin, and the surplus is served after a release."""
        with ExitStack() as stack, echo(tmp_path, listener, open_files=32) as child:
            peers = [stack.enter_context(connect(listener)) for _ in range(50)]
            served(peers[0])
            until(lambda: witness.resources(child.pid).fds == 32)
            before = witness.resources(child.pid).cpu_s
            time.sleep(0.5)
            assert witness.resources(child.pid).cpu_s - before < 0.25
            served(peers[0])
            for peer in peers[1:30]:
                peer.close()
            served(peers[-1])

    def test_e16_ready_means_ready(self, tmp_path: Path, listener: socket.socket) -> None:
        """SIGTERM sent the instant READY is read exits 0, ten times of ten."""
        for _ in range(10):
            with echo(tmp_path, listener) as child:
                child.signal(signal.SIGTERM)
                assert child.wait(WAIT_S) == 0

    def test_e16_a_busy_port(self, tmp_path: Path, listener: socket.socket) -> None:
        """--port serves 127.0.0.1; a busy one is one line and exit 2."""
        port = listener.getsockname()[1]
        busy = run("echo", "--port", str(port))
        assert (busy.returncode, busy.stdout) == (2, "")
        assert busy.stderr == f"gauge: port {port}: Address already in use\n"
        listener.close()
        words = (*REFERENCE, "echo", "--port", str(port))
        with launch.start(words, stderr=tmp_path / "stderr") as child:
            child.ready()
            with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as peer:
                served(peer)

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            ((), "echo wants either --fd or --port"),
            (("--fd", "0", "--port", "1"), "echo wants either --fd or --port"),
            (("--fd", "0"), "descriptor 0 is no listening socket: Socket operation on non-socket"),
            (("--port", "1", "--tls-cert", "c", "--tls-key", "k"), "the reference speaks no TLS"),
            (("--idle-s", "0"), "--idle-s wants a number of more than no seconds, not '0'"),
            (("--limit", "0"), "--limit wants a whole number from 1 to 2147483647, not '0'"),
        ],
    )
    def test_bad_arguments(self, words: tuple[str, ...], sentence: str) -> None:
        """One sentence, exit 2."""
        done = run("echo", *words)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"gauge: {sentence}\n")


def exchange(peer: socket.socket, data: bytes) -> bytes:
    """Send all but the last piece with a pause for each to come back; return all until FIN."""
    got = bytearray()
    for start in range(0, len(data), 8192):
        while len(got) < start:
            got += peer.recv(65536)
        peer.sendall(data[start : start + 8192])
    peer.shutdown(socket.SHUT_WR)
    return bytes(got + read_to_end(peer))


def refused(address: Any) -> bool:
    """Tell whether nobody listens there any more."""
    try:
        socket.create_connection(address, timeout=WAIT_S).close()
    except ConnectionRefusedError:
        return True
    return False


def run(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the reference to its end."""
    return subprocess.run(
        (*REFERENCE, *words),
        input=stdin,
        capture_output=True,
        text=True,
        cwd=launch.ROOT,
        timeout=WAIT_S,
        check=False,
    )


class Origin:
    """A scripted HTTP origin in the test's own thread."""

    def __init__(self, listener: socket.socket, child: launch.Child) -> None:
        """Take the child that will come."""
        self.listener = listener
        self.child = child
        listener.settimeout(WAIT_S)

    def accept(self) -> socket.socket:
        """Return the next connection."""
        peer, _ = self.listener.accept()
        peer.settimeout(WAIT_S)
        return peer

    @staticmethod
    def request(peer: socket.socket) -> bytes:
        """Return the next request's head."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = peer.recv(1)
            assert byte != b""
            head += byte
        return head

    def lines(self, many: int) -> dict[int, dict[str, Any]]:
        """Return the next lines of the child by their index."""
        lines = [json.loads(self.child.line(WAIT_S) or "") for _ in range(many)]
        return {line["index"]: line for line in lines}


@contextmanager
def fetch(
    tmp_path: Path, listener: socket.socket, targets: Sequence[str], *options: str
) -> Iterator[Origin]:
    """Start a fetch of targets on the listener; at the end its stderr must be empty."""
    port = listener.getsockname()[1]
    urls = [f"http://127.0.0.1:{port}{target}" for target in targets]
    words = (*REFERENCE, "fetch", *urls, *options)
    with launch.start(words, stderr=tmp_path / "stderr") as child:
        yield Origin(listener, child)
        assert child.stderr() == b""


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class TestFetch:
    """`reference fetch`."""

    def test_f20_the_request_byte_for_byte(self, tmp_path: Path, listener: socket.socket) -> None:
        """Method, target, Host with the port, User-Agent, Accept, in this order."""
        port = listener.getsockname()[1]
        wanted = (
            f"GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            "User-Agent: evenloop\r\nAccept: */*\r\n\r\n"
        )
        with fetch(tmp_path, listener, ["/a?b=c#d"]) as origin, origin.accept() as peer:
            assert origin.request(peer) == wanted.encode()
            peer.sendall(OK)
            line = origin.lines(1)[0]
            assert origin.child.wait(WAIT_S) == 0
        assert line.pop("elapsed_s") >= 0
        assert line == {
            "index": 0,
            "url": f"http://127.0.0.1:{port}/a?b=c#d",
            "status": 200,
            "bytes": 3,
            "crc32": zlib.crc32(b"abc"),
            "error": None,
        }

    def test_an_empty_target_is_the_root(self, tmp_path: Path, listener: socket.socket) -> None:
        """A URL that ends with its authority asks for `/`; one that goes on with a query, `/?`."""
        with (
            fetch(tmp_path, listener, ["", "?q"], "--limit", "1") as origin,
            origin.accept() as peer,
        ):
            assert origin.request(peer).startswith(b"GET / HTTP/1.1\r\n")
            peer.sendall(OK)
            assert origin.request(peer).startswith(b"GET /?q HTTP/1.1\r\n")
            peer.sendall(OK)
            origin.lines(2)

    def test_f13_the_last_used_connection_is_reused(
        self, tmp_path: Path, listener: socket.socket
    ) -> None:
        """Two in flight, the one answered last serves next; the other hangs on unused."""
        with (
            fetch(tmp_path, listener, ["/0", "/1", "/2", "/3"], "--limit", "2") as origin,
            origin.accept() as one,
            origin.accept() as two,
        ):
            origin.request(one)
            origin.request(two)
            one.sendall(OK)
            assert origin.request(one).startswith(b"GET /2 ")
            two.sendall(OK)
            assert origin.request(two).startswith(b"GET /3 ")
            one.sendall(OK)
            two.sendall(OK)
            assert set(origin.lines(4)) == {0, 1, 2, 3}
            assert (one.recv(1), two.recv(1)) == (b"", b"")

    @pytest.mark.parametrize(
        "reply",
        [
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc",
            b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc",
            OK + b"surplus",
        ],
    )
    def test_f13_what_may_not_be_reused_is_closed(
        self, tmp_path: Path, listener: socket.socket, reply: bytes
    ) -> None:
        """After `close`, HTTP/1.0 or surplus bytes the next URL has a connection of its own."""
        with (
            fetch(tmp_path, listener, ["/0", "/1"], "--limit", "1") as origin,
            origin.accept() as one,
        ):
            origin.request(one)
            one.sendall(reply)
            with origin.accept() as two:
                origin.request(two)
                two.sendall(OK)
                assert all(line["error"] is None for line in origin.lines(2).values())

    @pytest.mark.parametrize("how", ["fin", "reset"])
    def test_f14_a_stale_connection_is_replaced_once(
        self, tmp_path: Path, listener: socket.socket, how: str
    ) -> None:
        """A reused connection that ends without an answer costs a retry; a fresh one an error."""
        with fetch(tmp_path, listener, ["/0", "/1"], "--limit", "1") as origin:
            for answers in (1, 0):
                with origin.accept() as peer:
                    for _ in range(answers):
                        origin.request(peer)
                        peer.sendall(OK)
                    assert origin.request(peer).startswith(b"GET /1 ")
                    if how == "reset":
                        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            lines = origin.lines(2)
        assert (lines[0]["error"], lines[1]["error"]) == (
            None,
            "reset" if how == "reset" else "truncated",
        )

    @pytest.mark.parametrize(
        ("reply", "ending", "word"),
        [
            (OK[:-1], "fin", "truncated"),
            (OK[:-1], "reset", "reset"),
            (OK[:20], "fin", "truncated"),
            (b"", "fin", "truncated"),
            (b"", "reset", "reset"),
            (b"nonsense\r\n\r\n", "fin", "malformed"),
            (b"HTTP/1.\r\n", "stall", "malformed"),
            (OK[:17] + b"no colon\r\nX: ", "stall", "malformed"),
            (OK[:17] + b"X: y\r\n", "reset", "reset"),
            (b"HTTP/1.1 101 Why\r\n\r\n", "fin", "malformed"),
            (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, "fin", None),
            (CHUNKED + b"3\r\nabc\r\n0\r\n\r\n", "fin", None),
            (CHUNKED + b"3\r\nabc\r\n0\r\n", "fin", "truncated"),
            (CHUNKED + b"3\r\nabcd", "fin", "malformed"),
            (CHUNKED + b"65\r\n" + b"x" * 101, "fin", "too_large"),
            (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, "fin", "malformed"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", "fin", "too_large"),
            (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 101, "fin", "too_large"),
            (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100, "fin", None),
            (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100, "reset", "reset"),
            (OK, "stall", None),
            (OK[:-1], "stall", "timeout"),
            (OK[:10], "stall", "timeout"),
        ],
    )
    def test_f16_one_line_per_url_with_its_word(
        self, tmp_path: Path, listener: socket.socket, reply: bytes, ending: str, word: str | None
    ) -> None:
        """A failure has its word and disturbs no other URL; the exit code stays 0."""
        deadline = "0.3" if ending == "stall" else "20"
        options = ("--limit", "2", "--max-bytes", "100", "--deadline-s", deadline)
        with (
            fetch(tmp_path, listener, ["/bad", "/good"], *options) as origin,
            origin.accept() as one,
            origin.accept() as two,
        ):
            one_is_bad = b"/bad" in origin.request(one)
            bad, good = (one, two) if one_is_bad else (two, one)
            origin.request(two)
            good.sendall(OK)
            bad.sendall(reply)
            if ending == "reset":
                bad.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            if ending != "stall":
                bad.close()
            lines = origin.lines(2)
            assert origin.child.wait(WAIT_S) == 0
        assert lines[0]["error"] == word
        assert (lines[0]["status"] is None) == (word is not None)
        assert lines[1]["error"] is None

    def test_f15_the_limit_is_reached_and_kept(
        self, tmp_path: Path, listener: socket.socket
    ) -> None:
        """Of five URLs three are in flight, and the fourth starts when one has ended."""
        with ExitStack() as stack:
            origin = stack.enter_context(
                fetch(tmp_path, listener, [f"/{i}" for i in range(5)], "--limit", "3")
            )
            peers = [stack.enter_context(origin.accept()) for _ in range(3)]
            for peer in peers:
                origin.request(peer)
            listener.settimeout(0.1)
            with pytest.raises(TimeoutError):
                listener.accept()
            for _ in range(2):
                peers[0].sendall(OK)
                origin.request(peers[0])
            for peer in peers:
                peer.sendall(OK)
            assert len(origin.lines(5)) == 5

    @pytest.mark.parametrize("number", [None, signal.SIGINT, signal.SIGTERM])
    def test_f17_f18_the_rest_is_cancelled(
        self, tmp_path: Path, listener: socket.socket, number: signal.Signals | None
    ) -> None:
        """After the first failure, or a signal, sockets close and every other URL is cancelled."""
        options = ("--limit", "2", "--fail-fast", "--linger-s", "0.2")
        with (
            fetch(tmp_path, listener, ["/0", "/1", "/2"], *options) as origin,
            origin.accept() as one,
            origin.accept() as two,
        ):
            origin.request(one)
            origin.request(two)
            if number is None:
                one.shutdown(socket.SHUT_WR)
            else:
                origin.child.signal(number)
            assert (one.recv(1), two.recv(1)) == (b"", b"")
            words = [line["error"] for _, line in sorted(origin.lines(3).items())]
            assert origin.child.wait(WAIT_S) == (1 if number is None else 128 + number)
        assert sorted(words) == ["cancelled"] * 2 + ["cancelled" if number else "truncated"]
        assert words[2] == "cancelled"

    def test_f19_lingering_holds_no_socket(self, tmp_path: Path, listener: socket.socket) -> None:
        """With --linger-s the process lives on, its idle connections closed."""
        with (
            fetch(tmp_path, listener, ["/0"], "--linger-s", "60") as origin,
            origin.accept() as peer,
        ):
            origin.request(peer)
            peer.sendall(OK)
            assert peer.recv(1) == b""
            assert origin.child.process.poll() is None

    def test_the_summary_adds_up(self, tmp_path: Path, listener: socket.socket) -> None:
        """URLs, words, bytes and crc32s of all, in one line at the end."""
        options = ("--limit", "1", "--summary")
        with fetch(tmp_path, listener, ["/0", "/1", "/2"], *options) as origin:
            bodies = [b"first", b"second"]
            with origin.accept() as peer:
                for body in bodies:
                    origin.request(peer)
                    peer.sendall(
                        b"HTTP/1.1 404 No\r\nContent-Length: %d\r\n\r\n" % len(body) + body
                    )
                origin.request(peer)
                peer.sendall(OK[:-1])
            line = json.loads(origin.child.line(WAIT_S) or "")
            assert origin.child.wait(WAIT_S) == 0
        assert line.pop("elapsed_s") > 0
        assert line == {
            "summary": 3,
            "errors": {"ok": 2, "truncated": 1},
            "bytes": 11,
            "crc32": sum(map(zlib.crc32, bodies)),
        }

    def test_nobody_there_is_refused(self) -> None:
        """URLs on stdin, one a line; `refused` is an outcome, not a failure of the program."""
        with socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            url = f"http://localhost:{reserved.getsockname()[1]}/"
            done = run("fetch", stdin=f"{url}\n\n{url}")
        assert (done.returncode, done.stderr) == (0, "")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert [(line["index"], line["url"], line["error"]) for line in lines] == [
            (0, url, "refused"),
            (1, url, "refused"),
        ]

    def test_nothing_to_do(self) -> None:
        """No URLs at all: exit 0, and an empty summary if one is wanted."""
        assert run("fetch").stdout == ""
        line = json.loads(run("fetch", "--summary").stdout)
        assert (line["summary"], line["errors"], line["crc32"]) == (0, {}, 0)

    @pytest.mark.parametrize(
        ("url", "wrong"),
        [
            ("https://127.0.0.1/", "does not begin with http://"),
            ("ftp://127.0.0.1/", "does not begin with http://"),
            ("127.0.0.1", "does not begin with http://"),
            ("http://example.org/", "has a host that is no IPv4 address"),
            ("http:///", "has a host that is no IPv4 address"),
            (f"http://{'a' * 70}/", "has a host that is no IPv4 address"),
            ("http://me@127.0.0.1/", "has a host that is no IPv4 address"),
            ("http://127.0.0.1:0/", "has a port outside 1-65535"),
            ("http://127.0.0.1:65536/", "has a port outside 1-65535"),
            ("http://127.0.0.1:/", "has a port outside 1-65535"),
            ("http://127.0.0.1:80x/", "has a port outside 1-65535"),
            ("http://127.0.0.1/a b", "has a character that no URL has"),
            ("http://127.0.0.1/\r\n\x01", "has a character that no URL has"),
            ("http://127.0.0.1/é", "has a character that no URL has"),
        ],
    )
    def test_f21_bad_urls(self, url: str, wrong: str) -> None:
        """One line that names the URL, exit 2, nothing fetched."""
        done = run("fetch", "http://127.0.0.1:1/", url)
        assert (done.returncode, done.stdout) == (2, "")
        quoted = url.replace("\r\n\x01", r"\r\n\x01")
        assert done.stderr == f"gauge: the URL '{quoted}' {wrong}\n"
