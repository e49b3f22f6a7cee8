"""Show: a program in the foreground is told of, drained by Ctrl-C, and its end is said."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from typing import IO, TYPE_CHECKING

import pytest

from harness.launch import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def shown(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """Start `show` with the words of the test's parameter; it is gone after."""
    words = [sys.executable, "-m", "harness", "show", *request.param]
    with subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until(stream: IO[str], pattern: str) -> re.Match[str]:
    """Read lines until one matches; the end of the stream is a failure."""
    for line in stream:
        if match := re.search(pattern, line):
            return match
    pytest.fail(f"no line with {pattern}")


@pytest.mark.parametrize(
    "shown", [["asyncio", "echo", "--port", "0", "--grace-s", "20"]], indirect=True
)
def test_an_echo_answers_and_is_drained(shown: subprocess.Popen[str]) -> None:
    """What was sent comes back; Ctrl-C waits for who is connected, then tells the status."""
    assert shown.stdout is not None
    port = int(until(shown.stdout, r"echo serves 127\.0\.0\.1:(\d+)")[1])
    until(shown.stdout, "Ctrl-C drains it")
    with socket.create_connection(("127.0.0.1", port), timeout=20) as peer:
        peer.sendall(b"hello")
        assert peer.recv(9) == b"hello"
        shown.send_signal(signal.SIGINT)
        until(shown.stdout, "asked to end")
        peer.sendall(b"again")
        assert peer.recv(9) == b"again", "it still serves who was there"
        peer.shutdown(socket.SHUT_WR)
        assert peer.recv(9) == b""
    until(shown.stdout, "exit status 0")
    assert shown.wait(20) == 0


@pytest.mark.parametrize(
    "shown", [["asyncio", "echo", "--port", "0", "--grace-s", "60"]], indirect=True
)
def test_a_second_ctrl_c_does_not_wait(shown: subprocess.Popen[str]) -> None:
    """Somebody is connected and stays; status 130, and nobody is left."""
    assert shown.stdout is not None
    assert shown.stderr is not None
    port = int(until(shown.stdout, r"echo serves 127\.0\.0\.1:(\d+)")[1])
    pid = int(until(shown.stdout, r"--server-pid (\d+)")[1])
    until(shown.stdout, "Ctrl-C drains it")
    with socket.create_connection(("127.0.0.1", port), timeout=20) as peer:
        peer.sendall(b"hello")
        assert peer.recv(9) == b"hello"
        shown.send_signal(signal.SIGINT)
        until(shown.stdout, "asked to end")
        shown.send_signal(signal.SIGINT)
        assert shown.wait(20) == 130
    assert shown.stderr.read() == "evenloop: interrupted twice; it was ended at once.\n"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("shown", [["asyncio", "fetch", "--port", "0"]], indirect=True)
def test_a_fetch_gets_what_is_expected(shown: subprocess.Popen[str]) -> None:
    """Each URL's checksum is the one that was announced; the origin stays for more."""
    assert shown.stdout is not None
    port = int(until(shown.stdout, r"native origin on 127\.0\.0\.1:(\d+)")[1])
    sums = dict(re.findall(r"/(\d+) (\d+)", until(shown.stdout, r"  /0 \d+.*")[0]))
    assert len(sums) == 5
    for number, crc32 in sums.items():
        assert until(shown.stdout, rf'/{number}", .*"crc32": (\d+)')[1] == crc32
    until(shown.stdout, "exit status 0")
    until(shown.stdout, "Ctrl-C ends the origin")
    with socket.create_connection(("127.0.0.1", port), timeout=20) as peer:
        peer.sendall(b"GET /7 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert peer.recv(12) == b"HTTP/1.1 200"
    shown.send_signal(signal.SIGINT)
    assert shown.wait(20) == 0


@pytest.mark.parametrize("shown", [["asyncio", "echo", "--port", "0", "--swim"]], indirect=True)
def test_what_does_not_start_says_why(shown: subprocess.Popen[str]) -> None:
    """Its own last words, in one line, status 2."""
    _, stderr = shown.communicate(timeout=60)
    assert shown.returncode == 2
    assert "asyncio ended with status 2 before READY" in stderr
    assert "unrecognized arguments: --swim" in stderr
    assert len(stderr.splitlines()) == 1


def test_a_port_that_is_taken_is_told() -> None:
    """With what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "harness", "show", "asyncio", "echo", "--port", port],
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == (
        f"evenloop: port {port} is taken or not allowed; choose another with --port (0: a free "
        "one).\n"
    )
