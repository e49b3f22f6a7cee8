"""The gauge's load at a fixed rate, and beside neighbours that flood: what counts and what is seen.

Rules: servers hold replies until a number of bytes has come, so that arithmetic on intended times
gives lower bounds that no machine can undercut; nothing is asserted from above.
"""

from __future__ import annotations

import json
import os
import re
import select
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from math import ceil
from typing import TYPE_CHECKING, Any

import pytest
from test_gauge import ECHO, GAUGE, LIAR, WAIT_S, load, serving

from harness import launch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MS = 1_000_000
REST_MS = 20  # four of them are far less than what the gauge waits for a greeting
MOST_GREETINGS = 1000


class Holder(threading.Thread):
    """An echo server in this process that keeps back what it gets, in stretches of its stream.

    `held` gives, for the bytes that have come over all connections, whether they are kept; what was
    kept leaves, in order, with the first byte that is not.
    """

    def __init__(self, held: Callable[[int], bool]) -> None:
        """Listen on a port of the system's choice."""
        super().__init__(daemon=True)
        self.listener = launch.listener()
        self.port: int = self.listener.getsockname()[1]
        self.held = held
        self.received = 0
        self.open = -1

    def run(self) -> None:
        """Serve until every connection that came has closed."""
        with selectors.DefaultSelector() as selector, self.listener:
            selector.register(self.listener, selectors.EVENT_READ)
            kept: list[tuple[socket.socket, bytes]] = []
            while self.open != 0:
                for key, _ in selector.select(WAIT_S):
                    if key.fileobj is self.listener:
                        connection = self.listener.accept()[0]
                        selector.register(connection, selectors.EVENT_READ)
                        self.open = max(self.open, 0) + 1
                    else:
                        assert isinstance(key.fileobj, socket.socket)
                        self.take(selector, key.fileobj, kept)

    def take(
        self,
        selector: selectors.BaseSelector,
        connection: socket.socket,
        kept: list[tuple[socket.socket, bytes]],
    ) -> None:
        """Read once; send what nothing holds back any more."""
        data = connection.recv(65536)
        if not data:
            selector.unregister(connection)
            connection.close()
            self.open -= 1
            return
        self.received += len(data)
        kept.append((connection, data))
        if not self.held(self.received):
            for to, back in kept:
                to.sendall(back)
            kept.clear()


@contextmanager
def holding(held: Callable[[int], bool]) -> Iterator[Holder]:
    """Run a holder beside the test and see it end."""
    holder = Holder(held)
    holder.start()
    yield holder
    holder.join(WAIT_S)
    assert not holder.is_alive()


def values(line: dict[str, Any]) -> list[int]:
    """Return every latency of a line, ascending, each as the middle of its bucket."""
    return [middle for middle, count in line["latencies"] for _ in range(count)]


def exact_quantile(ascending: list[int], share: float) -> int:
    """Return the smallest value that `share` of all do not exceed."""
    return ascending[max(1, ceil(share * len(ascending))) - 1]


def agrees(line: dict[str, Any], rate: int) -> None:
    """Assert what holds for each whole line of an open loop."""
    assert (line["error"], line["errors"], line["overflow"]) == (None, 0, 0)
    assert line["due"] == line["messages"] + line["unanswered"]
    # Between the edges lies one more or one less; intended times are whole nanoseconds.
    assert abs(line["due"] - line["wall_ns"] * rate / 1e9) < 1.001
    assert line["rate_per_s"] == pytest.approx(line["messages"] / line["wall_ns"] * 1e9, abs=0.001)
    assert 0 <= line["late_p50_ns"] <= line["late_p99_ns"]
    latencies = values(line)
    assert latencies == sorted(latencies)
    assert len(latencies) == line["messages"]
    assert all(count > 0 for _, count in line["latencies"])
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)):
        if latencies:
            expected = min(exact_quantile(latencies, share), line["max_ns"])
            assert line[f"{name}_ns"] == expected


class Faithful(threading.Thread):
    """An echo server in this process that stays with a connection for as long as bytes come on it.

    `first` has, for each connection of the first round, how many messages came before it let go.
    """

    def __init__(self, many: int, size: int) -> None:
        """Expect so many connections with messages of this size."""
        super().__init__(daemon=True)
        self.listener = launch.listener()
        self.port: int = self.listener.getsockname()[1]
        self.many, self.size = many, size
        self.first: list[int] = []

    def run(self) -> None:
        """Serve each connection once until it rests, then all of them until the last has closed."""
        with self.listener, selectors.DefaultSelector() as selector:
            connections = [self.listener.accept()[0] for _ in range(self.many)]
            self.first = [self.serve(connection) for connection in connections]
            for connection in connections:
                selector.register(connection, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select(WAIT_S):
                    assert isinstance(key.fileobj, socket.socket)
                    if data := key.fileobj.recv(65536):
                        key.fileobj.sendall(data)
                    else:
                        selector.unregister(key.fileobj)
                        key.fileobj.close()

    def serve(self, connection: socket.socket) -> int:
        """Echo messages until none has come for a while; return how many there were."""
        count = 0
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        while not count or (count < MOST_GREETINGS and poll.poll(REST_MS)):
            connection.sendall(connection.recv(self.size, socket.MSG_WAITALL))
            count += 1
        return count


class TestGreeting:
    """The round before a closed loop warms up."""

    def test_who_has_its_reply_waits_for_the_others(self) -> None:
        """A server that stays with one connection gets one message of each, and is through."""
        server = Faithful(many=4, size=10)
        server.start()
        (line,) = load(server.port, os.getpid(), "4x10/1/200")
        server.join(WAIT_S)
        assert server.first[:-1] == [1, 1, 1]  # with the last one the load begins
        assert (line["error"], line["unanswered"]) == (None, 0)
        assert line["messages"] > 0

    def test_without_a_warm_up_nobody_waits(self) -> None:
        """The first messages are what is asked for: the first connection goes on at once."""
        server = Faithful(many=4, size=10)
        server.start()
        (line,) = load(server.port, os.getpid(), "4x10/0/200")
        server.join(WAIT_S)
        assert server.first[0] > 1
        assert line["error"] is None


def slowly(_received: int) -> bool:
    """Keep nothing, but take 5 ms."""
    time.sleep(0.005)
    return False


class TestEdges:
    """A closed loop's window begins and ends with a reply, whatever its length is to be."""

    def test_a_slow_server_is_measured_from_reply_to_reply(self) -> None:
        """A window of 1 ms holds a reply of a server that takes 5 ms, or ends 20 ms late."""
        lines = []
        for _ in range(10):
            with holding(slowly) as server:
                lines += load(server.port, os.getpid(), "1x10/1/1")
        for line in lines:  # a window of five would hold a reply at fixed instants
            assert line["messages"] > 0 or line["wall_ns"] >= (1 + 20) * MS

    def test_an_edge_does_not_wait_for_ever(self) -> None:
        """A server that keeps everything back ends no window: the time does."""
        with holding(lambda received: received > 10) as server:
            (line,) = load(server.port, os.getpid(), "1x10/1/30")
        assert 30 * MS <= line["wall_ns"] < 1000 * MS
        assert (line["messages"], line["unanswered"]) == (0, 1)


class TestOpenLoop:
    """`@RATE`: messages leave when they are due, whatever comes back."""

    def test_every_due_message_counts_once(self, tmp_path: Path) -> None:
        """Due is the window times the rate, and all of it is answered, over any connections."""
        plans = [(1, 1, 500), (7, 1000, 2000), (1500, 64, 3000), (2, 5_000_000, 20)]
        text = ",".join(f"{c}x{size}@{rate}/5/150" for c, size, rate in plans)
        with serving(tmp_path, *ECHO) as (child, port):
            lines = load(port, child.pid, text)
        for line, (connections, size, rate) in zip(lines, plans, strict=True):
            assert (line["connections"], line["size"]) == (connections, size)
            agrees(line, rate)
            assert (line["unanswered"], line["flooded_bytes"]) == (0, 0)
            assert line["wall_ns"] >= 150 * MS
            assert line["messages"] >= 150 * rate // 1000 - 1
            assert 0 < line["jain"] <= 1 + 1e-6
            assert line["server_cpu_ns"] > 0
            assert 0 < line["busy"] <= 1

    def test_a_stall_of_the_server_shows_in_every_quantile(self) -> None:
        """While replies are held until message 200, message k of 1,000/s waits 200 - k ms."""
        size, until = 50, 200
        with holding(lambda received: received < (until + 1) * size) as holder:
            (line,) = load(holder.port, os.getpid(), f"4x{size}@1000/0/300")
        agrees(line, 1000)
        assert line["unanswered"] == 0
        sent, rest = divmod(holder.received, size)
        assert rest == 0
        first = sent - line["due"]
        bounds = sorted((max(0, until - k) * MS for k in range(first, sent)), reverse=True)
        slowest_first = reversed(values(line))
        for seen, bound in zip(slowest_first, bounds, strict=True):
            assert seen >= bound * 0.999
        assert line["max_ns"] >= bounds[0]

    def test_messages_are_sent_while_none_comes_back(self) -> None:
        """A server that answers the last message first has got all of them by then."""
        size, rate = 20, 1000
        with holding(lambda received: received < 150 * size) as holder:
            (line,) = load(holder.port, os.getpid(), f"1x{size}@{rate}/0/200")
        agrees(line, rate)
        assert line["unanswered"] == 0
        assert holder.received >= 150 * size

    def test_a_rate_that_is_not_reached_is_no_error(self) -> None:
        """What never comes back lacks in the messages and the rate, and is counted."""
        size = 10
        with holding(lambda received: received > 50 * size) as holder:
            (line,) = load(holder.port, os.getpid(), f"1x{size}@1000/0/100")
        agrees(line, 1000)
        assert line["unanswered"] > 0
        assert line["rate_per_s"] < 1000 * 0.99
        assert holder.received // size >= line["due"]

    def test_what_a_stall_of_the_gauge_made_late_is_sent_and_said(self) -> None:
        """Stopped for 0.3 s of 1, the gauge loses no message; its lateness and latencies show."""
        reached = threading.Event()

        def watch(received: int) -> bool:
            if received > 1000:
                reached.set()
            return False

        with holding(watch) as holder:
            words = ("--port", str(holder.port), "--server-pid", str(os.getpid()))
            gauge = subprocess.Popen(
                (*GAUGE, "load", *words, "--slices", "2x10@1000/0/1000"),
                stdout=subprocess.PIPE,
                cwd=launch.ROOT,
            )
            assert reached.wait(WAIT_S)
            gauge.send_signal(signal.SIGSTOP)
            time.sleep(0.3)
            gauge.send_signal(signal.SIGCONT)
            out, _ = gauge.communicate(timeout=WAIT_S)
        line = json.loads(out)
        agrees(line, 1000)
        assert line["unanswered"] == 0
        assert line["late_p99_ns"] >= 100 * MS
        assert line["p99_ns"] >= 100 * MS

    @pytest.mark.parametrize(
        ("lie", "byte", "sentence"),
        [
            ("flips", 1234, r"byte 34 of message 12 on connection 0 is 0x.."),
            ("flips", 0, r"byte 0 of message 0 on connection 0 is 0x.."),
            ("doubles", 1299, r"connection 0 got 1 bytes .* message 12|byte 0 of message 13 on"),
            ("drops", 1299, r"byte 99 of message 12 on connection 0 is 0x.."),
            ("closes", 1234, r"the server closed connection 0 with 34 of 100|\w+ failed on"),
            ("resets", 1200, r"the server closed connection 0 with|\w+ failed on connection 0"),
        ],
    )
    def test_a_lie_voids_the_slice(
        self, tmp_path: Path, lie: str, byte: int, sentence: str
    ) -> None:
        """The first wrong byte of the stream is named; more messages may be on their way."""
        with serving(tmp_path, sys.executable, str(LIAR), lie, str(byte)) as (child, port):
            lines = load(port, child.pid, "1x100@500/0/60000,1x1@100/0/10")
        assert re.match(sentence, lines[0]["error"])
        assert lines[0]["errors"] == 1
        assert lines[1]["error"] is None or lie == "flips"

    def test_the_server_ends(self, tmp_path: Path) -> None:
        """A server that is killed voids the slice that it is in."""
        with serving(tmp_path, *ECHO) as (child, port):
            words = ("--port", str(port), "--server-pid", str(child.pid))
            gauge = subprocess.Popen(
                (*GAUGE, "load", *words, "--slices", "2x10@1000/0/60000,1x1@1/0/1"),
                stdout=subprocess.PIPE,
                cwd=launch.ROOT,
            )
            time.sleep(0.2)
            child.kill()
            out, _ = gauge.communicate(timeout=WAIT_S)
        first, second = map(json.loads, out.splitlines())
        assert first["error"]
        assert second["error"] == f"the server, process {child.pid}, has ended"


class TestFloods:
    """`+FLOODS`: neighbours that send all they can."""

    def test_their_bytes_count_apart(self, tmp_path: Path) -> None:
        """In both loops the measured connections get their replies beside the flood."""
        with serving(tmp_path, *ECHO) as (child, port):
            closed, opened = load(port, child.pid, "4x1000+2/5/100,4x1000@200+2/5/100")
        agrees(opened, 200)
        for line in (closed, opened):
            assert (line["error"], line["unanswered"]) == (None, 0)
            assert line["flooded_bytes"] > 0
            assert line["messages"] > 0

    @pytest.mark.parametrize("rate", ["", "@100"])
    def test_a_lie_to_a_neighbour_voids_the_slice(self, tmp_path: Path, rate: str) -> None:
        """Byte 10,000,000, that only a flood reaches, is compared as well."""
        lie = (sys.executable, str(LIAR), "flips", "10000000")
        with serving(tmp_path, *lie) as (child, port):
            (line,) = load(port, child.pid, f"1x1{rate}+1/0/60000")
        assert line["error"].startswith("byte 38528 of message 152 on connection 1 is 0x")
        assert line["errors"] == 1
