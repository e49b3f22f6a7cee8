"""One implementation in the foreground, to be tried by hand.

Rules: it is started as the harness always starts one, on a port that is told; what it writes is
shown as it comes, control characters spelt out. Ctrl-C asks it to end, as its own would, and waits
for it; a second one does not. How it ended is said.
"""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from harness import launch
from harness.gauge import body
from harness.model import HarnessError
from harness.report.markdown import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from harness.model import Implementation

    Say = Callable[[str], None]

LOOK_S = 0.1  # how often its stderr is looked at
URLS = 5
BODY_BYTES = 1024
REQUESTS = 1_000_000_000  # the origin ends with its stdin, not by their number


class _Watched:
    """A child whose lines and stderr are shown until it has ended."""

    def __init__(self, child: launch.Child, stderr: Path, say: Say) -> None:
        self.child = child
        self._stderr = stderr
        self._shown = 0
        self._say = say

    def _show_stderr(self) -> None:
        with self._stderr.open("rb") as file:
            file.seek(self._shown)
            new = file.read(1 << 20)
        whole = new[: new.rfind(b"\n") + 1]
        self._shown += len(whole)
        for line in whole.decode("utf-8", "replace").splitlines():
            self._say(f"stderr: {visible(line)}")

    def _to_its_end(self) -> int:
        while True:
            try:
                line = self.child.line(LOOK_S)
            except TimeoutError:
                self._show_stderr()
                continue
            if line is None:
                break
            self._say(visible(line))
        status = self.child.process.wait()
        self._show_stderr()
        return status

    def end(self, before: Iterable[str] = ()) -> int:
        """Return its exit status, once it has ended by itself or after Ctrl-C.

        Lines that promise what Ctrl-C does are said from here: it may come at once.
        """
        try:
            for line in before:
                self._say(line)
            status = self._to_its_end()
        except KeyboardInterrupt:
            begin = time.monotonic()
            self._say("\nasked to end (SIGINT); Ctrl-C again ends it at once")
            self.child.signal(signal.SIGINT)
            status = self._to_its_end()
            self._say(f"it took {time.monotonic() - begin:.1f} s to end")
        self._say(f"exit status {status}" + (" (by a signal)" if status < 0 else ""))
        return status


@contextmanager
def _listening(port: int) -> Iterator[tuple[int, int]]:
    """Listen for the length of a `with` block; the value is (descriptor, port)."""
    try:
        listener = launch.listener(("127.0.0.1", port))
    except (HarnessError, OverflowError):
        raise HarnessError(
            f"port {port} is taken or not allowed; choose another with --port (0: a free one)."
        ) from None
    with listener:
        yield listener.fileno(), listener.getsockname()[1]


def echo(one: Implementation, port: int, options: Sequence[str], say: Say) -> int:
    """Serve echo on a port until Ctrl-C; return its exit status.

    Raises HarnessError where the port is taken, or it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="evenloop-") as folder:
        stderr = Path(folder) / "stderr"
        with _listening(port) as (fd, at):
            words = [*launch.command(one, "echo"), "--fd", str(fd), *options]
            with launch.start(words, stderr=stderr, fds=[fd]) as child:
                _ready(one, child)
                return _Watched(child, stderr, say).end(_try_echo(one, at, child.pid))


def _ready(one: Implementation, child: launch.Child) -> None:
    try:
        child.ready()
    except launch.NotReadyError as error:
        raise HarnessError(f"{one.name} {error}") from None


def _try_echo(one: Implementation, port: int, pid: int) -> list[str]:
    """Return what to do to a served echo, and what is then seen."""
    send = f"import socket; s = socket.create_connection(('127.0.0.1', {port}))"
    half = f"{send}; s.sendall(b'hello'); s.shutdown(1); print(s.recv(9), s.recv(9))"
    load = f"--port {port} --server-pid {pid} --slices 10x1024/200/1000"
    return [
        f"{visible(one.title)} echo serves 127.0.0.1:{port}. From another terminal:",
        "",
        f"  nc 127.0.0.1 {port}",
        "    every line that is typed comes back",
        f'  python3 -c "{half}"',
        "    b'hello' b'': all of it, then the end",
        f"  {shlex.join([sys.executable])} -m harness.gauge load {load}",
        "    a second of 10 connections x 1 KiB, by the native gauge: see rate_per_s",
        "",
        "Ctrl-C drains it: what is open may finish for --grace-s (5) seconds, then it exits 0.",
    ]


def fetch(one: Implementation, port: int, options: Sequence[str], say: Say) -> int:
    """Fetch from the native origin on a port; return the client's exit status.

    The origin stays until Ctrl-C, for more by hand. Raises HarnessError where the port is taken.
    """
    with tempfile.TemporaryDirectory(prefix="evenloop-") as folder, _listening(port) as (fd, at):
        words = ["origin", "--fd", str(fd), "--requests", str(REQUESTS)]
        words += ["--body-bytes", str(BODY_BYTES)]
        gauge = [sys.executable, "-m", "harness.gauge", *words]
        stderr = Path(folder) / "origin"
        with launch.start(gauge, stderr=stderr, fds=[fd], stdin=subprocess.PIPE) as origin:
            origin.ready()
            urls = [f"http://127.0.0.1:{at}/{number}" for number in range(URLS)]
            for line in _expect(one, at):
                say(line)
            status = _client(one, [*options, *urls], Path(folder) / "stderr", say)
            _stay(origin, _try_fetch(one, at), say)
            return status


def _client(one: Implementation, words: Sequence[str], stderr: Path, say: Say) -> int:
    command = [*launch.command(one, "fetch"), *words]
    with launch.start(command, stderr=stderr) as child:
        return _Watched(child, stderr, say).end()


def _stay(origin: launch.Child, before: Iterable[str], say: Say) -> None:
    """Keep the origin until Ctrl-C, or until it ends by itself; `before` is said first."""
    try:
        for line in before:
            say(line)
        origin.process.wait()
    except KeyboardInterrupt:
        origin.stdin.close()
        origin.process.wait()


def _expect(one: Implementation, port: int) -> list[str]:
    sums = ", ".join(f"/{number} {crc32(body(number, BODY_BYTES))}" for number in range(URLS))
    return [
        f"{one.title} fetch, against the native origin on 127.0.0.1:{port}; expected of each URL:",
        f'  "status": 200, "bytes": {BODY_BYTES}, "error": null, and as "crc32":',
        f"  {sums}",
        "",
    ]


def _try_fetch(one: Implementation, port: int) -> list[str]:
    by_hand = shlex.join(launch.command(one, "fetch"))
    return [
        "",
        "The origin stays. From another terminal:",
        f"  curl -i http://127.0.0.1:{port}/7",
        f"  {by_hand} http://127.0.0.1:{port}/7 http://127.0.0.1:1/ --limit 2",
        "Ctrl-C ends the origin.",
    ]
