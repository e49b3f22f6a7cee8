"""The gauge's churn and hold: what they print, what they catch, what they refuse.

Rules: those of test_gauge.py, whose way to start things they share.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from test_gauge import ECHO, GAUGE, LIAR, WAIT_S, run, serving

from harness import launch

if TYPE_CHECKING:
    from collections.abc import Iterator

CHURN_FIELDS = [
    "opened",
    "wall_ns",
    "rate_per_s",
    "server_cpu_ns",
    "gauge_cpu_ns",
    "server_wait_ns",
    "gauge_wait_ns",
    "busy",
    "p50_ns",
    "p99_ns",
    "max_ns",
    "errors",
    "error",
]


def churn(port: int, pid: int, at_once: int = 1, length_ms: int = 20) -> dict[str, Any]:
    """Return the line of a churn that could do its work."""
    words = ("--port", str(port), "--server-pid", str(pid), "--at-once", str(at_once))
    done = run("churn", *words, "--length-ms", str(length_ms), "--warmup-ms", "5")
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    record: dict[str, Any] = json.loads(line)
    assert list(record) == CHURN_FIELDS
    return record


class TestChurn:
    """`churn`: connections that come and go."""

    @pytest.mark.parametrize("at_once", [1, 60])
    def test_the_figures_agree_with_each_other(self, tmp_path: Path, at_once: int) -> None:
        """One line with all its fields, and connections that came and went."""
        with serving(tmp_path, *ECHO) as (child, port):
            line = churn(port, child.pid, at_once, 300)
        assert (line["error"], line["errors"]) == (None, 0)
        assert line["opened"] > 0
        assert line["wall_ns"] >= 300_000_000
        assert line["rate_per_s"] == pytest.approx(
            line["opened"] / line["wall_ns"] * 1e9, abs=0.001
        )
        assert 0 < line["p50_ns"] <= line["p99_ns"] <= line["max_ns"] * 1.001
        assert 0 <= line["busy"] <= 1
        assert min(line[key] for key in CHURN_FIELDS[3:7]) >= 0

    def test_a_visit_is_a_message_and_a_fin(self) -> None:
        """Every connection brings 64 bytes of its own and then its end, and waits for ours."""
        seen: list[bytes] = []
        with launch.listener() as listener:

            def serve() -> None:
                while len(seen) < 200:
                    connection, _ = listener.accept()
                    with connection:
                        data = connection.recv(1000)
                        connection.sendall(data)
                        seen.append(data + connection.recv(1000))
                listener.close()  # which ends the churn like any server that is not there

            thread = threading.Thread(target=serve)
            thread.start()
            line = churn(listener.getsockname()[1], os.getpid(), 3, 60_000)
            thread.join(WAIT_S)
        assert line["errors"] == 1
        assert {len(data) for data in seen} == {64}
        assert len(set(seen)) == len(seen) == 200

    @pytest.mark.parametrize(
        ("lie", "byte", "sentence"),
        [
            ("flips", 10, "byte 10 on connection 0 is 0x"),
            ("doubles", 63, "connection 0 got more than the 64 bytes that were sent"),
            ("closes", 10, "the server closed connection 0 with 10 of 64 bytes sent back"),
            ("resets", 0, "receiving failed on connection 0 at byte 0: Connection reset by peer"),
            ("drops", 9, "byte 9 on connection 0 is 0x"),
            ("drops", 63, "no more came in 2 s on connection 0 with 63 of 64 bytes sent back"),
            ("keeps", 0, "the server did not close connection 0 within 2 s of its FIN"),
        ],
    )
    def test_a_lie_is_told(self, tmp_path: Path, lie: str, byte: int, sentence: str) -> None:
        """The first thing that goes wrong ends it, and names the connection."""
        with serving(tmp_path, sys.executable, str(LIAR), lie, str(byte)) as (child, port):
            line = churn(port, child.pid)
        assert line["error"].startswith(sentence)
        assert line["errors"] == 1

    def test_nobody_listens(self) -> None:
        """A server that cannot be reached is its error, not the gauge's."""
        with socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            line = churn(reserved.getsockname()[1], os.getpid())
        assert line["error"] == "connection 0 could not be made: Connection refused"

    def test_the_server_has_ended(self) -> None:
        """A process that is gone is named."""
        process = subprocess.Popen([sys.executable, "-c", ""])
        process.wait()
        assert churn(1, process.pid)["error"] == f"the server, process {process.pid}, has ended"

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            ((), "churn wants --port, --server-pid, --at-once and --length-ms"),
            (("--at-once", "513"), "--at-once wants a whole number from 1 to 512, not '513'"),
            (("--at-once", "0"), "--at-once wants a whole number from 1 to 512, not '0'"),
            (("--length-ms", "0"), "--length-ms wants a whole number from 1 to 86400000, not '0'"),
        ],
    )
    def test_bad_arguments_get_one_sentence(self, words: tuple[str, ...], sentence: str) -> None:
        """Exit 2, the sentence on stderr, nothing on stdout."""
        done = run("churn", *words)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"gauge: {sentence}\n")


@contextmanager
def hold(tmp_path: Path, port: int, steps: str) -> Iterator[launch.Child]:
    """Start a hold whose stdin stays open; it must end well and in silence."""
    words = (*GAUGE, "hold", "--port", str(port), "--steps", steps)
    with launch.start(words, stderr=tmp_path / "hold", stdin=subprocess.PIPE) as child:
        yield child
        assert (child.wait(WAIT_S), child.stderr()) == (0, b"")


def told(child: launch.Child) -> tuple[int, str | None]:
    """Return the next line: how many are held, and the error."""
    record = json.loads(child.line(WAIT_S) or "")
    assert list(record) == ["held", "error"]
    return record["held"], record["error"]


def go_on(child: launch.Child) -> None:
    """Ask for the next step."""
    child.stdin.write(b"on\n")
    child.stdin.flush()


def sockets(pid: int) -> int:
    """Count a process's sockets."""
    folder = Path(f"/proc/{pid}/fd")
    return sum(str(path.readlink()).startswith("socket:") for path in folder.iterdir())


class TestHold:
    """`hold`: connections that are there and say nothing."""

    def test_every_step_is_reached_and_left_at_the_callers_word(self, tmp_path: Path) -> None:
        """The server has exactly as many connections more; after the last step all are closed."""
        with serving(tmp_path, *ECHO) as (server, port):
            before = sockets(server.pid)
            with hold(tmp_path, port, "0,7,7,600") as child:
                for step in (0, 7, 7, 600):
                    assert told(child) == (step, None)
                    assert sockets(server.pid) == before + step
                    go_on(child)
                assert child.line(WAIT_S) is None
            server.signal(signal.SIGTERM)
            assert server.wait(WAIT_S) == 0  # what was not closed would hold up its drain

    def test_the_end_of_stdin_is_the_end(self, tmp_path: Path) -> None:
        """Nothing more is opened and nothing more is said."""
        with serving(tmp_path, *ECHO) as (_, port), hold(tmp_path, port, "3,9") as child:
            assert told(child) == (3, None)
            child.stdin.close()
            assert child.line(WAIT_S) is None

    def test_a_connection_that_is_lost_is_told_at_once(self, tmp_path: Path) -> None:
        """Without being asked, with how many were held; and no more steps."""
        with serving(tmp_path, *ECHO) as (server, port), hold(tmp_path, port, "5,9") as child:
            assert told(child) == (5, None)
            server.kill()
            held, error = told(child)
            assert held == 5
            assert "connection" in str(error)
            assert child.line(WAIT_S) is None

    def test_a_connection_that_speaks_is_told_at_once(self, tmp_path: Path) -> None:
        """A byte that nobody asked for is an error, too."""
        with (
            launch.listener() as listener,
            hold(tmp_path, listener.getsockname()[1], "1,2") as child,
        ):
            connection, _ = listener.accept()
            with connection:
                connection.sendall(connection.recv(1024, socket.MSG_WAITALL))
                assert told(child) == (1, None)
                connection.sendall(b"x")
                sentence = "connection 0 got more than the 1024 bytes that were sent"
                assert told(child) == (1, sentence)

    @pytest.mark.parametrize(
        ("lie", "byte", "sentence"),
        [
            ("flips", 1023, "byte 1023 on connection 0 is 0x"),
            ("closes", 5, "the server closed connection 0 with 5 of 1024 bytes sent back"),
        ],
    )
    def test_a_lie_is_told(self, tmp_path: Path, lie: str, byte: int, sentence: str) -> None:
        """In place of the step's line, and it is the last."""
        command = (sys.executable, str(LIAR), lie, str(byte))
        with serving(tmp_path, *command) as (_, port), hold(tmp_path, port, "1,2") as child:
            held, error = told(child)
            assert held == 0
            assert str(error).startswith(sentence)
            assert child.line(WAIT_S) is None

    def test_nobody_listens(self, tmp_path: Path) -> None:
        """The error names the connection."""
        with socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            with hold(tmp_path, reserved.getsockname()[1], "0,4") as child:
                assert told(child) == (0, None)
                go_on(child)
                assert told(child) == (0, "connection 0 could not be made: Connection refused")

    @pytest.mark.parametrize("steps", ["", "1,", ",1", "2,1", "10001", "-1", "1;2", "1,,2", "x"])
    def test_bad_steps_are_refused(self, steps: str) -> None:
        """One sentence that shows the form; exit 2."""
        done = run("hold", "--port", "1", "--steps", steps)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (
            "gauge: --steps wants numbers up to 10000 that never go down, as 0,1000,2000, "
            f"not '{steps}'\n"
        )

    def test_too_few_descriptors_are_told_before_anything_starts(self) -> None:
        """One sentence says how many open files are missing; exit 1."""
        done = run("hold", "--port", "1", "--steps", "0,500", open_files=128)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            "gauge: 500 connections need 564 open files and 128 are allowed: raise ulimit -n\n"
        )
