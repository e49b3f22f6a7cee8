"""The gauge's load and origin: what they print, what they catch, what they refuse.

Rules: everything runs as a child, as in a measurement; nothing here asks how fast anything is.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness import launch
from harness.gauge import body
from harness.gauge.__main__ import complaint

if TYPE_CHECKING:
    from collections.abc import Iterator

LIAR = Path(__file__).parent / "fakes" / "lying_echo.py"
GAUGE = (sys.executable, "-m", "harness.gauge")
ECHO = (*GAUGE, "reference", "echo")
WAIT_S = 30.0

SLICE_FIELDS = [
    "connections",
    "size",
    "warmup_ms",
    "length_ms",
    "started_ns",
    "wall_ns",
    "messages",
    "rate_per_s",
    "server_cpu_ns",
    "gauge_cpu_ns",
    "server_wait_ns",
    "gauge_wait_ns",
    "server_faults",
    "busy",
    "jain",
    "mean_latency_ns",
    "p50_ns",
    "p90_ns",
    "p99_ns",
    "p999_ns",
    "max_ns",
    "overflow",
    "unanswered",
    "due",
    "backlog",
    "late_p50_ns",
    "late_p99_ns",
    "flooded_bytes",
    "before_ns",
    "after_ns",
    "oldest_ns",
    "errors",
    "error",
    "latencies",
]
STAMP_FIELDS = [
    "requests",
    "time_ns",
    "client_cpu_ns",
    "client_wait_ns",
    "client_faults",
    "origin_cpu_ns",
    "origin_wait_ns",
    "in_flight",
    "busy",
]


def run(*words: str, open_files: int = 1000) -> subprocess.CompletedProcess[str]:
    """Run a role of the gauge to its end."""
    limited = ("sh", "-c", f'ulimit -n {open_files} && exec "$@"', "sh")
    return subprocess.run(
        (*limited, *GAUGE, *words),
        capture_output=True,
        text=True,
        cwd=launch.ROOT,
        timeout=WAIT_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@contextmanager
def serving(
    tmp_path: Path, *words: str, stdin: int = subprocess.DEVNULL
) -> Iterator[tuple[launch.Child, int]]:
    """Start a server on an inherited listener; yields it and its port."""
    with launch.listener() as listener:
        port = listener.getsockname()[1]
        command = (*words, "--fd", str(listener.fileno()))
        fds = [listener.fileno()]
        with launch.start(command, stderr=tmp_path / "stderr", fds=fds, stdin=stdin) as child:
            listener.close()
            child.ready()
            yield child, port


def load(port: int, pid: int, slices: str) -> list[dict[str, Any]]:
    """Return the lines of a load that could do its work."""
    words = ("load", "--port", str(port), "--server-pid", str(pid), "--slices", slices)
    done = run(*words, open_files=2000)
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    """Every test here needs the extension."""
    if problem := complaint(Path(launch.ROOT, "harness", "gauge")):
        pytest.fail(problem)


class TestLoad:
    """`load`: slices of a closed loop."""

    def test_every_slice_has_its_line_in_order(self, tmp_path: Path) -> None:
        """A line per slice, with all its fields and figures that agree with each other."""
        with serving(tmp_path, *ECHO) as (child, port):
            lines = load(port, child.pid, "1x1/0/20,7x1000/5/200,1000x64/5/20")
        plans = [(1, 1, 0, 20), (7, 1000, 5, 200), (1000, 64, 5, 20)]
        for line, (connections, size, warmup_ms, length_ms) in zip(lines, plans, strict=True):
            assert list(line) == SLICE_FIELDS
            assert [line[key] for key in SLICE_FIELDS[:4]] == [
                connections,
                size,
                warmup_ms,
                length_ms,
            ]
            assert (line["error"], line["errors"], line["unanswered"]) == (None, 0, 0)
            assert (line["due"], line["late_p99_ns"], line["latencies"]) == (0, 0, [])
            assert line["flooded_bytes"] == 0
            assert line["wall_ns"] >= length_ms * 1_000_000
            assert line["rate_per_s"] == pytest.approx(
                line["messages"] / line["wall_ns"] * 1e9, abs=0.001
            )
            assert 0 < line["gauge_cpu_ns"] <= line["wall_ns"] * 1.1
            assert min(line[key] for key in SLICE_FIELDS[8:13]) >= 0
            assert 0 <= line["busy"] <= 1
            assert 0 <= line["jain"] <= 1 + 1e-6
            quantiles = [line[key] for key in ("p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns")]
            assert quantiles == sorted(quantiles)
            assert 0 <= line["mean_latency_ns"] <= line["max_ns"]
            assert 0 < line["oldest_ns"] <= line["after_ns"] <= line["oldest_ns"] * connections
            must_ns = connections * line["wall_ns"] + line["before_ns"] - line["after_ns"]
            rounded_ns = 0.05 * line["messages"] + must_ns / 2048 + 1  # and buckets' middles
            assert abs(line["messages"] * line["mean_latency_ns"] - must_ns) <= rounded_ns
        assert sum(line["messages"] for line in lines) > 0
        assert sum(line["server_cpu_ns"] for line in lines) > 0
        starts = [line["started_ns"] for line in lines]
        assert starts == sorted(starts)

    def test_messages_larger_than_any_socket_buffer_come_whole(self, tmp_path: Path) -> None:
        """A message that the kernel takes only in parts is sent and compared to its end."""
        with serving(tmp_path, *ECHO) as (child, port):
            (line,) = load(port, child.pid, "2x16777216/0/1")
        assert (line["error"], line["unanswered"]) == (None, 0)

    @pytest.mark.parametrize(
        ("lie", "byte", "sentence"),
        [
            ("flips", 1234, "byte 34 of message 12 on connection 0 is 0x"),
            ("flips", 0, "byte 0 of message 0 on connection 0 is 0x"),
            ("flips", 1299, "byte 99 of message 12 on connection 0 is 0x"),
            ("doubles", 1299, "connection 0 got 1 bytes more than were sent, by message 12"),
            ("closes", 1234, "the server closed connection 0 with 34 of 100 bytes of message 12"),
            ("closes", 1200, "the server closed connection 0 with 0 of 100 bytes of message 12"),
            ("resets", 1200, "receiving failed on connection 0 at byte 0 of message 12: "),
            ("drops", 99, "no more came in 2 s on connection 0 with 99 of 100 bytes of message 0"),
        ],
    )
    def test_a_lie_voids_the_slice(
        self, tmp_path: Path, lie: str, byte: int, sentence: str
    ) -> None:
        """The first byte that is wrong, missing or too many is named, and the next slice runs."""
        with serving(tmp_path, sys.executable, str(LIAR), lie, str(byte)) as (child, port):
            length_ms = 1 if lie == "drops" else 60_000
            lines = load(port, child.pid, f"1x100/0/{length_ms},1x1/0/1")
        assert len(lines) == 2
        assert lines[0]["error"].startswith(sentence)
        assert lines[0]["errors"] == 1
        assert lines[0]["unanswered"] == (lie == "drops")

    def test_a_flipped_byte_is_told_with_both_values(self, tmp_path: Path) -> None:
        """The sentence holds what came and what was due, which differ by the planted bit."""
        with serving(tmp_path, sys.executable, str(LIAR), "flips", "70000") as (child, port):
            (line,) = load(port, child.pid, "1x100000/0/1")
        words = line["error"].replace(",", "").split()
        assert words[:4] == ["byte", "70000", "of", "message"]
        assert int(words[9], 16) ^ int(words[11], 16) == 1

    def test_children_of_the_server_count(self, tmp_path: Path) -> None:
        """A server whose child does the work shows the child's CPU time."""
        script = '"$@" & wait'
        with serving(tmp_path, "sh", "-c", script, "sh", *ECHO) as (child, port):
            (line,) = load(port, child.pid, "4x1000/5/200")
        assert line["error"] is None
        assert line["server_cpu_ns"] > line["messages"] * 100

    def test_nobody_listens(self) -> None:
        """A server that cannot be reached is an error of the slice, not of the gauge."""
        with socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            lines = load(reserved.getsockname()[1], os.getpid(), "3x10/0/10,1x10/0/10")
        assert [line["error"] for line in lines] == [
            "connection 0 could not be made: Connection refused"
        ] * 2

    @pytest.mark.parametrize("reaped", [True, False])
    def test_the_server_has_ended(self, reaped: bool) -> None:
        """A process that is gone, or dead and not yet reaped, is named in the slice's error."""
        process = subprocess.Popen([sys.executable, "-c", ""])
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        if reaped:
            process.wait()
        (line,) = load(1, process.pid, "1x10/0/10")
        process.wait()
        assert line["error"] == f"the server, process {process.pid}, has ended"

    def test_too_few_descriptors_are_told_before_anything_starts(self) -> None:
        """One sentence says how many open files are missing; exit 1."""
        words = ("--port", "1", "--server-pid", "1", "--slices", "1x1/0/1,450x1+50/0/1")
        done = run("load", *words, open_files=128)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            "gauge: 500 connections need 564 open files and 128 are allowed: raise ulimit -n\n"
        )

    @pytest.mark.parametrize(
        "slices",
        [
            "",
            "1",
            "1x1",
            "1x1/1",
            "1x1/1/1,",
            "0x1/1/1",
            "1x0/1/1",
            "1x1/1/0",
            "-1x1/1/1",
            "1x1/1/1;2x2/2/2",
            " 1x1/1/1",
            "1x1/1/1x",
            "99999999999999999999x1/1/1",
            "1x1/1.5/1",
            "1x1@/1/1",
            "1x1@0/1/1",
            "1x1@1000001/1/1",
            "1x1@2.5/1/1",
            "1x1+/1/1",
            "1x1+0/1/1",
            "1x1+1@1/1/1",
            "1x1@1@1/1/1",
            "1@1x1/1/1",
        ],
    )
    def test_bad_slices_are_refused(self, slices: str) -> None:
        """What is no list of slices gets one sentence that shows the form; exit 2."""
        done = run("load", "--port", "1", "--server-pid", "1", "--slices", slices)
        assert (done.returncode, done.stdout) == (2, "")
        assert "CONNECTIONSxSIZE[@RATE][+FLOODS]/WARMUP_MS/LENGTH_MS" in done.stderr
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "say which: load, churn, hold, origin, witness, reference"),
        (("lead",), "'lead' is not one of load, churn, hold, origin, witness, reference"),
        (("reference",), "say which: echo, fetch"),
        (("witness",), "witness wants --about, or --pid, --windows and --length-ms"),
        (("load",), "load wants --port, --server-pid and --slices"),
        (("load", "--port", "65536"), "--port wants a whole number from 1 to 65535, not '65536'"),
        (("load", "--port"), "--port wants a value"),
        (("load", "--prot=1"), "there is no option '--prot=1'"),
        (("load", "1"), "'1' is not an option"),
        (("origin", "--fd", "0"), "origin wants --fd and --requests"),
        (("origin", "--delay-ms", "-1"), "--delay-ms wants a number of milliseconds, not '-1'"),
        (("origin", "--delay-ms=inf"), "--delay-ms wants a number of milliseconds, not 'inf'"),
        (
            ("origin", "--fd", "0", "--requests", "1"),
            "descriptor 0 is no listening socket: Socket operation on non-socket",
        ),
    ],
)
def test_bad_arguments_get_one_sentence(words: tuple[str, ...], sentence: str) -> None:
    """Exit 2, the sentence on stderr, nothing on stdout."""
    done = run(*words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"gauge: {sentence}\n")


class Client:
    """A raw HTTP connection to the origin."""

    def __init__(self, port: int) -> None:
        """Connect."""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        self.file = self.socket.makefile("rb")

    def ask(self, *targets: str) -> None:
        """Send requests in one piece."""
        heads = [f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" for target in targets]
        self.socket.sendall("".join(heads).encode())

    def answer(self) -> tuple[str, bytes]:
        """Return the next answer's status line and body."""
        status = self.file.readline().decode().rstrip()
        size = 0
        while (line := self.file.readline().decode().rstrip()) != "":
            name, _, value = line.partition(": ")
            size = int(value) if name == "Content-Length" else size
        return status, self.file.read(size)

    def close(self) -> None:
        """Hang up."""
        self.file.close()
        self.socket.close()


@contextmanager
def origin(tmp_path: Path, *words: str) -> Iterator[tuple[launch.Child, int]]:
    """Start an origin whose stdin stays open."""
    with serving(tmp_path, *GAUGE, "origin", *words, stdin=subprocess.PIPE) as started:
        yield started


def result(child: launch.Child) -> dict[str, Any]:
    """Return what an origin printed at its end."""
    line = child.line(WAIT_S)
    assert line is not None
    assert child.wait(WAIT_S) == 0
    record: dict[str, Any] = json.loads(line)
    return record


class TestOrigin:
    """`origin`: what it answers, when, and what it stamps."""

    @pytest.mark.parametrize("size", [0, 1, 255, 1000, 70_001])
    def test_the_body_is_the_one_that_python_computes(self, tmp_path: Path, size: int) -> None:
        """`harness.gauge.body` and the origin agree for any number, in any order."""
        numbers = [0, 1, 255, 256, 7, 123_456_789, 0]
        requests, body_bytes = str(len(numbers)), str(size)
        with origin(tmp_path, "--requests", requests, "--body-bytes", body_bytes) as (child, port):
            client = Client(port)
            for number in numbers:
                client.ask(f"/{number}?round=2")
                assert client.answer() == ("HTTP/1.1 200 OK", body(number, size))
            client.close()
            record = result(child)
        assert [record[key] for key in ("requests", "errors", "connections")] == [7, 0, 1]

    def test_stamps_stand_at_equal_steps(self, tmp_path: Path) -> None:
        """M+1 stamps at 0, 1/M .. 1 of the arrivals; the client's figures only once it is known."""
        with origin(tmp_path, "--requests", "10", "--stamps", "5") as (child, port):
            client = Client(port)
            for number in range(10):
                if number == 3:
                    child.stdin.write(f"pid {os.getpid()}\n".encode())
                    child.stdin.flush()
                client.ask(f"/{number}")
                client.answer()
            client.close()
            record = result(child)
        stamps = record["stamps"]
        assert [stamp["requests"] for stamp in stamps] == [1, 2, 4, 6, 8, 10]
        assert all(list(stamp) == STAMP_FIELDS for stamp in stamps)
        assert [stamp["client_cpu_ns"] is None for stamp in stamps] == [True] * 2 + [False] * 4
        assert all(stamp["client_faults"] > 0 for stamp in stamps[2:])
        for key in ("time_ns", "origin_cpu_ns", "origin_wait_ns"):
            values = [stamp[key] for stamp in stamps]
            assert values == sorted(values)
        assert record["first_ns"] <= stamps[0]["time_ns"]
        assert stamps[-1]["time_ns"] <= record["last_ns"]
        assert all(0 <= stamp["busy"] <= 1 for stamp in stamps)

    def test_no_answer_leaves_before_its_time(self, tmp_path: Path) -> None:
        """Requests that arrive together wait together: in flight both, in order, D ms each."""
        with origin(tmp_path, "--requests", "2", "--delay-ms", "30", "--body-bytes", "3") as (
            child,
            port,
        ):
            client = Client(port)
            client.ask("/1", "/2")
            assert [client.answer()[1] for _ in range(2)] == [body(1, 3), body(2, 3)]
            client.close()
            record = result(child)
        assert record["in_flight_max"] == 2
        assert record["last_ns"] - record["first_ns"] >= 30_000_000

    def test_a_request_may_come_byte_by_byte(self, tmp_path: Path) -> None:
        """Only the empty line ends a head."""
        with origin(tmp_path, "--requests", "1", "--body-bytes", "5") as (child, port):
            client = Client(port)
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in b"GET /77 HTTP/1.1\r\nAccept: */*\r\n\r\n":
                client.socket.sendall(bytes([byte]))
            assert client.answer() == ("HTTP/1.1 200 OK", body(77, 5))
            client.close()
            assert result(child)["requests"] == 1

    def test_the_client_may_ask_for_the_end(self, tmp_path: Path) -> None:
        """After `Connection: close` the answer is the last, and the origin hangs up."""
        with origin(tmp_path, "--requests", "1", "--delay-ms", "1") as (child, port):
            client = Client(port)
            client.socket.sendall(b"GET /1 HTTP/1.1\r\nconnection: Close\r\n\r\n")
            assert client.answer() == ("HTTP/1.1 200 OK", b"")
            assert client.file.read() == b""
            assert result(child)["connections"] == 1
            client.close()

    @pytest.mark.parametrize(
        "head",
        [
            "GET /x HTTP/1.1",
            "GET /1 HTTP/1.0",
            "POST /1 HTTP/1.1",
            "GET / HTTP/1.1",
            "GET /1",
            "GET /1 2 HTTP/1.1",
            "",
            f"GET /1?{'x' * 9000} HTTP/1.1",
        ],
    )
    def test_a_bad_request_is_refused_and_counted(self, tmp_path: Path, head: str) -> None:
        """400, the connection ends, `errors` says so; others are answered."""
        with origin(tmp_path, "--requests", "1") as (child, port):
            bad, good = Client(port), Client(port)
            bad.socket.sendall(f"{head}\r\n\r\n".encode())
            if len(head) < 9000:  # the answer to a head cut short may be lost in the reset
                assert bad.answer()[0] == "HTTP/1.1 400 Bad Request"
                assert bad.file.read() == b""
            good.ask("/1")
            assert good.answer()[0] == "HTTP/1.1 200 OK"
            bad.close()
            good.close()
            record = result(child)
        assert (record["requests"], record["errors"], record["connections"]) == (1, 1, 2)

    @pytest.mark.parametrize("how", ["eof", "sigterm", "sigint"])
    def test_it_stops_when_told(self, tmp_path: Path, how: str) -> None:
        """The end of stdin or a signal: the result as far as it goes, exit 0."""
        with origin(tmp_path, "--requests", "10", "--delay-ms", "60000") as (child, port):
            client = Client(port)
            client.ask("/1")
            if how == "eof":
                child.stdin.close()
            else:
                child.signal(signal.SIGTERM if how == "sigterm" else signal.SIGINT)
            record = result(child)
            client.close()
        assert record["requests"] == 0

    def test_a_client_that_leaves_takes_nothing_with_it(self, tmp_path: Path) -> None:
        """A delayed answer to a closed connection is dropped; the others come."""
        with origin(tmp_path, "--requests", "1", "--delay-ms", "20") as (child, port):
            leaver, stayer = Client(port), Client(port)
            leaver.ask("/1")
            leaver.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            leaver.close()
            stayer.ask("/2")
            assert stayer.answer()[0] == "HTTP/1.1 200 OK"
            stayer.close()
            assert result(child)["connections"] == 2

    def test_a_client_that_is_no_process_is_null(self, tmp_path: Path) -> None:
        """A pid that has ended gives stamps without client figures, not an error."""
        process = subprocess.Popen([sys.executable, "-c", ""])
        process.wait()
        with origin(tmp_path, "--requests", "1") as (child, port):
            child.stdin.write(f"pid {process.pid}\n".encode())
            child.stdin.flush()
            client = Client(port)
            client.ask("/1")
            client.answer()
            client.close()
            assert {stamp["client_cpu_ns"] for stamp in result(child)["stamps"]} == {None}


class TestWitness:
    """`witness`: the CPU clock that servers are read by."""

    def test_it_says_which_clock_there_is(self) -> None:
        """One of two words."""
        done = run("witness", "--about")
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout) in ({"cpu_clock": "task"}, {"cpu_clock": "process"})

    def test_both_clocks_see_the_same_in_a_second(self) -> None:
        """Over 50 windows of 20 ms of a process that computes: to a tenth and ten ticks."""
        with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
            try:
                words = ("--pid", str(process.pid), "--windows", "50", "--length-ms", "20")
                done = run("witness", *words)
            finally:
                process.kill()
        assert (done.returncode, done.stderr) == (0, "")
        windows = json.loads(done.stdout)["windows"]
        assert len(windows) == 50
        assert all(wall_ns >= 20_000_000 for wall_ns, _, _ in windows)
        cpu_ns, process_ns = (sum(window[i] for window in windows) for i in (1, 2))
        assert cpu_ns == pytest.approx(process_ns, rel=0.1, abs=100_000_000)
        assert cpu_ns > 0

    def test_a_process_that_is_gone_is_named(self) -> None:
        """One sentence; exit 1."""
        process = subprocess.Popen([sys.executable, "-c", ""])
        process.wait()
        done = run("witness", "--pid", str(process.pid), "--windows", "1", "--length-ms", "1")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"gauge: process {process.pid} cannot be read: No such process\n"


class TestFreshness:
    """`complaint`: no figure from an extension that its sources have left behind."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Return a folder with a source, a header and an extension, all of one age."""
        for name in ("load.c", "load.h", f"_gauge{EXTENSION_SUFFIXES[0]}"):
            (tmp_path / name).touch()
            os.utime(tmp_path / name, (1000, 1000))
        return tmp_path

    def test_a_fresh_one_is_fine(self, folder: Path) -> None:
        """Equal ages count as fresh."""
        assert complaint(folder) is None

    @pytest.mark.parametrize("name", ["load.c", "load.h"])
    def test_an_older_one_is_refused(self, folder: Path, name: str) -> None:
        """A source or header that is newer than the extension gets a sentence."""
        os.utime(folder / name, (1001, 1001))
        assert "older than its sources: run `pip install -e .`" in str(complaint(folder))

    def test_none_at_all_is_refused(self, folder: Path) -> None:
        """Without an extension the sentence says how to build one."""
        (folder / f"_gauge{EXTENSION_SUFFIXES[0]}").unlink()
        assert "not built: run `pip install -e .`" in str(complaint(folder))
