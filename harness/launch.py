"""One child process: started the same way for every implementation, and never left behind.

Rules: no knowledge of any implementation; a child dies with the harness (PR_SET_PDEATHSIG), leads a
process group of its own (so Ctrl-C in a terminal reaches the harness alone, and killing the group
reaches what the child itself started), has a clean environment, and writes its stderr to a file.
Start children from a process's main thread only: the death signal follows the thread that forks.
"""

from __future__ import annotations

import ctypes
import os
import resource
import selectors
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from harness import interrupt, own_files
from harness.model import HarnessError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.model import Implementation, Workload

ROOT = Path(__file__).resolve().parent.parent
"""The folder that holds `harness/` and `implementations/`; every child starts there."""

READY_S = 20.0  # the slowest import seen took 0.3 s; a machine under load may take many times that
STDERR_MAX = 64 * 1024 * 1024  # bytes; a child that floods stderr is stopped by RLIMIT_FSIZE here
OPEN_FILES = 20_000  # soft limit for every child, or the hard limit where that is lower
BACKLOG = 1024

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class NotReadyError(HarnessError):
    """A child ended or stayed silent before it was ready; its message is the reason to show."""


def environment() -> dict[str, str]:
    """Return the environment of every child: enough to start, and nothing that tunes a framework.

    PYTHON*, GEVENT_*, UV*, LD_* and all else stay outside.
    """
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


def python(implementation: Implementation) -> str:
    """Return the Python that runs an implementation: the harness's own unless it has another."""
    return implementation.interpreter or sys.executable


def command(implementation: Implementation, workload: Workload) -> list[str]:
    """Return the command that starts an implementation, without its options."""
    program = python(implementation)
    if implementation.run:
        here = implementation.folder
        words = [w.replace("{here}", here).replace("{python}", program) for w in implementation.run]
        return [*words, workload]
    return [program, "-m", "implementations", implementation.folder, workload]


def file_limits(most: int = OPEN_FILES) -> tuple[int, int]:
    """Return the soft and the hard limit of open files: the soft one as high as may be."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (most if hard == resource.RLIM_INFINITY else min(most, hard)), hard


def listener(
    address: tuple[str, int] | str = ("127.0.0.1", 0),
    *,
    send_buffer: int = 0,
    receive_buffer: int = 0,
) -> socket.socket:
    """Return a blocking, listening socket, made the same for every implementation.

    A str is the path of a Unix socket. Accepted sockets inherit TCP_NODELAY and the buffer sizes
    (bytes; 0 leaves the kernel's own).
    """
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    if not isinstance(address, str) and ":" in address[0]:
        family = socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family != socket.AF_UNIX:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if send_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise HarnessError(f"cannot listen on {address}: {error.strerror}.") from error
    return sock


class Child:
    """A running implementation (or gauge): its pid, its streams, its end."""

    def __init__(
        self, process: subprocess.Popen[bytes], stderr: Path, words: Sequence[str]
    ) -> None:
        """Take over a started process whose stderr goes to the file `stderr`."""
        self.process = process
        self.pid = process.pid
        self.words = tuple(words)
        self._stderr = stderr
        self._buffer = bytearray()
        self._eof = False

    @property
    def stdin(self) -> IO[bytes]:
        """The write end of its stdin, where one was asked for."""
        assert self.process.stdin is not None
        return self.process.stdin

    def line(self, timeout_s: float) -> str | None:
        """Return the next line of stdout without its newline, None at its end.

        Raises TimeoutError after `timeout_s` seconds.
        """
        stdout = self.process.stdout
        assert stdout is not None
        deadline = time.monotonic() + timeout_s
        with selectors.PollSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while True:
                line, newline, rest = self._buffer.partition(b"\n")
                if newline:
                    self._buffer = rest
                    return line.decode("utf-8", "replace")
                if self._eof:
                    self._buffer.clear()
                    return line.decode("utf-8", "replace") if line else None
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise TimeoutError(f"no line on stdout within {timeout_s:g} s")
                data = os.read(stdout.fileno(), 1 << 20)
                self._eof = not data
                self._buffer += data

    def ready(self, timeout_s: float = READY_S) -> None:
        """Wait for its line `READY`. Raises NotReadyError with what it did instead."""
        try:
            line = self.line(timeout_s)
        except TimeoutError:
            raise NotReadyError(
                f"never said READY in {timeout_s:g} s.{self._last_words()}"
            ) from None
        if line == "READY":
            return
        if line is None:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(1)
            status = self.process.poll()
            raise NotReadyError(f"ended with status {status} before READY.{self._last_words()}")
        raise NotReadyError(f"said {line[:80]!r} where READY was due.{self._last_words()}")

    def _last_words(self) -> str:
        """Return the last line of stderr as half a sentence, or nothing."""
        line = self.last_line()
        return f" Its last line on stderr: {line[:300]}" if line else ""

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the child alone (not to what it started); an ended child is no error."""
        self.process.send_signal(number)

    def wait(self, timeout_s: float) -> int:
        """Return its exit status (negative: the signal). Raises TimeoutError."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"still running after {timeout_s:g} s") from None

    def stderr(self, most: int = 1 << 20) -> bytes:
        """Return the first `most` bytes that it wrote to stderr."""
        with self._stderr.open("rb") as file:
            return file.read(most)

    def last_line(self) -> str:
        """Return the last line that it wrote to stderr, empty where it wrote none."""
        lines = self.stderr().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    def kill(self) -> None:
        """End the child and its process group at once, and reap it."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with suppress(OSError):  # a full pipe that nobody reads any more
                    stream.close()


@contextmanager
def start(
    words: Sequence[str],
    *,
    stderr: Path,
    fds: Sequence[int] = (),
    core: int | None = None,
    open_files: int = OPEN_FILES,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    files: Mapping[str, Path] | None = None,
) -> Iterator[Child]:
    """Start a command as a child for the length of a `with` block; it is gone after, come what may.

    `fds` are inherited under their own numbers; `core` pins it; `open_files` is its soft limit;
    `files` are seen by it alone, each at its path (see `own_files`).
    Raises HarnessError when the command cannot be started at all.
    """
    interrupt.check()
    parent = os.getpid()

    def prepare() -> None:
        interrupt.release(mask)
        if files:
            own_files.show(files)
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the harness ended between fork and prctl
            os._exit(1)
        resource.setrlimit(resource.RLIMIT_NOFILE, file_limits(open_files))
        resource.setrlimit(resource.RLIMIT_FSIZE, (STDERR_MAX, STDERR_MAX))
        if core is not None:
            os.sched_setaffinity(0, {core})

    with stderr.open("wb") as errors:
        mask = interrupt.hold()  # until the child is known, and so can be ended
        try:
            process = subprocess.Popen(
                list(words),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
                env=environment(),
                pass_fds=tuple(fds),
                preexec_fn=prepare,  # noqa: PLW1509  single-threaded here, by this module's rule
                start_new_session=True,
            )
        except BaseException as error:
            interrupt.release(mask)
            if not isinstance(error, OSError):
                raise
            raise NotReadyError(f"cannot start {words[0]}: {error.strerror}.") from error
    child = Child(process, stderr, words)
    try:
        interrupt.release(mask)
        yield child
    finally:
        child.kill()
