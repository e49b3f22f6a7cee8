"""Where a case is played: it starts the implementation, keeps the log, looks for leftovers.

Rules: one Stage per case and implementation; every process and socket it hands out is gone when the
case ends. It knows the command line of SPEC.md and nothing of any framework.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

from harness import launch
from harness.check.case import Conclusion, Failure, Late, NotReady
from harness.check.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.check.peer import Peer
    from harness.model import Implementation, Workload

READY_S = 10.0  # the slowest import seen took 0.3 s; stretched with every other bound
MOST_SCALE = 5.0  # past it waiting longer would prove nothing
LOG_LINES = 400  # of the wire log; more would drown the reader


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line that fetch writes: the outcome of one URL."""

    index: int
    url: str
    status: int | None
    bytes: int | None
    crc32: int | None
    error: str | None
    elapsed_s: float


class Totals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The one line that fetch writes with --summary."""

    summary: int
    """How many URLs there were."""
    errors: dict[str, int]
    """Word (or `ok`) -> how many URLs ended so."""
    bytes: int
    crc32: int
    """The sum modulo 2**64 over the URLs that are ok."""
    elapsed_s: float


class Client:
    """A running fetch: its child and the lines that it has written so far."""

    def __init__(
        self, stage: Stage, child: launch.Child, urls: Sequence[str], *, totals: bool = False
    ) -> None:
        """Take over a started child that is to fetch `urls`; `totals`: it was told --summary."""
        self.stage = stage
        self._expect_totals = totals
        self.totals: Totals | None = None
        self.child = child
        self.urls = tuple(urls)
        self.started_at = time.monotonic()
        self.lines: list[Line] = []
        self.arrivals: list[float] = []
        """When each line was read here (monotonic); as exact as the reader is attentive."""
        self.ended = False
        """True once stdout has come to its end."""

    def next_line(self, within_s: float = 5.0) -> Line | None:
        """Return its next outcome, None at the end of stdout. Raises Late when none comes."""
        while not self.ended:
            try:
                text = self.child.line(self.stage.within(within_s))
            except TimeoutError:
                raise Late("a line on stdout", f"none within {within_s:g} s") from None
            if text is None:
                self.ended = True
            elif (line := self._take(text)) is not None:
                return line
        return None

    def pump(self) -> bool:
        """Take the lines that are there without waiting; True at the end of stdout."""
        while not self.ended:
            try:
                text = self.child.line(0)
            except TimeoutError:
                return False
            if text is None:
                self.ended = True
            else:
                self._take(text)
        return True

    def _take(self, text: str) -> Line | None:
        """Keep a line of stdout, and return it when it is an outcome."""
        self.stage.note(f"stdout: {text[:300]}")
        try:
            if self._expect_totals and self.totals is None:
                self.totals = msgspec.json.decode(text, type=Totals)
                return None
            line = msgspec.json.decode(text, type=Line)
        except msgspec.DecodeError as error:
            raise Failure("a JSON line as SPEC.md says", f"{text[:200]!r} ({error})") from None
        self.lines.append(line)
        self.arrivals.append(time.monotonic())
        return line

    def finish(self, within_s: float = 5.0) -> int:
        """Read stdout to its end and return the exit status. Raises Late when that takes longer."""
        deadline = time.monotonic() + self.stage.within(within_s)
        while self.next_line(max(0.01, deadline - time.monotonic()) / self.stage.scale) is not None:
            pass
        try:
            status = self.child.wait(max(0.01, deadline - time.monotonic()))
        except TimeoutError:
            raise Late("an exit after the last line", "a process that lives on") from None
        self.stage.note(f"exit status {status}")
        return status

    def by_index(self) -> dict[int, Line]:
        """Return the outcomes by index. Raises Failure unless every URL has exactly one (F16)."""
        indexes = sorted(line.index for line in self.lines)
        if indexes != list(range(len(self.urls))):
            raise Failure(
                f"one line for each of {len(self.urls)} URLs", f"lines for {indexes[:40]}"
            )
        for line in self.lines:
            if line.url != self.urls[line.index]:
                raise Failure(f"{self.urls[line.index]} at index {line.index}", f"{line.url}")
        return {line.index: line for line in self.lines}


class Stage:
    """What a case plays on. After the case, `noise` and `left` say what it left behind."""

    def __init__(
        self,
        implementation: Implementation,
        scale: float | Callable[[], float] = 1.0,
        core: int | None = None,
    ) -> None:
        """Prepare a stage; `scale` (>= 1) stretches every upper time bound; it may change."""
        self.implementation = implementation
        self._scale = scale
        self.core = core
        self.log: list[str] = []
        self.noise = ""
        """What the implementation wrote to stderr though the case did not allow it (E15, F19)."""
        self.left = ""
        """Descriptors, threads and children that stayed after the peers had left (E14)."""
        self.looked = False
        """True once leftovers were looked for; without that an empty `left` says nothing."""
        self.listened = False
        """True once stderr was looked at; without that an empty `noise` says nothing."""
        self.used = 1.0
        """By how much the last upper bound was stretched."""
        self._begin = time.monotonic()
        self._stack = ExitStack()
        self._kept: list[Peer] = []
        self._folder = Path(
            self._stack.enter_context(tempfile.TemporaryDirectory(prefix="evenloop-"))
        )
        self._children = 0

    def __enter__(self) -> Self:
        """Open the stage."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close what is still open."""
        self.close_peers()
        self._stack.close()

    @property
    def scale(self) -> float:
        """By how much upper time bounds are stretched just now, 1 to MOST_SCALE."""
        return min(self.lateness(), MOST_SCALE)

    def lateness(self) -> float:
        """Return by how much they should be stretched; past MOST_SCALE nothing can be concluded."""
        return self._scale() if callable(self._scale) else self._scale

    def note(self, text: str) -> None:
        """Add a line to the wire log, with the time since the case began."""
        if len(self.log) < LOG_LINES:
            self.log.append(f"{time.monotonic() - self._begin:8.4f} {text}")

    def within(self, seconds: float) -> float:
        """Stretch an upper bound by this machine's lateness; never use it for a lower bound."""
        self.used = self.scale
        return seconds * self.used

    def keep(self, peer: Peer) -> None:
        """Close this peer when the case ends."""
        self._kept.append(peer)

    def folder(self) -> Path:
        """Return a folder that is gone after the case (Unix sockets, certificates)."""
        return self._folder

    @contextmanager
    def serve(
        self,
        *options: str,
        address: tuple[str, int] | str = ("127.0.0.1", 0),
        open_files: int = launch.OPEN_FILES,
        send_buffer: int = 0,
        receive_buffer: int = 0,
        may_write: bool = False,
        warm: bool = True,
    ) -> Iterator[Server]:
        """Start echo with these options on a fresh listener, and yield it once it is READY.

        `may_write` allows lines on stderr; `warm` serves one connection first. At the end of the
        block every peer is closed, leftovers are counted and, unless the case ended it itself, the
        server gets SIGTERM and must exit 0 (else that is `left`, for the drain is another clause).
        """
        with launch.listener(
            address, send_buffer=send_buffer, receive_buffer=receive_buffer
        ) as sock:
            bound = sock.getsockname()
            where = bound if isinstance(bound, str) else (bound[0], bound[1])
            words = [
                *launch.command(self.implementation, "echo"),
                "--fd",
                str(sock.fileno()),
                *options,
            ]
            starting = launch.start(
                words,
                stderr=self._stderr(),
                fds=[sock.fileno()],
                core=self.core,
                open_files=open_files,
            )
            with starting as child:
                sock.close()
                self.note(f"echo {' '.join(options)} started")
                with self._watched(child, may_write=may_write):
                    self._await_ready(child, plain=not options and open_files == launch.OPEN_FILES)
                    server = Server(self, child, where)
                    if warm:
                        server.warm_up()
                    yield server
                    self._after(server)

    @contextmanager
    def run(
        self, workload: Workload, *options: str, may_write: bool = False
    ) -> Iterator[launch.Child]:
        """Start the implementation with just these options, and yield its child at once."""
        words = [*launch.command(self.implementation, workload), *options]
        with launch.start(words, stderr=self._stderr(), core=self.core) as child:
            self.note(f"{workload} {' '.join(options)} started")
            with self._watched(child, may_write=may_write):
                yield child

    def _await_ready(self, child: launch.Child, *, plain: bool) -> None:
        """Wait for READY; without it there is nothing to look at."""
        try:
            child.ready(self.within(READY_S))
        except launch.NotReadyError as error:
            raise NotReady("READY", f"a child that {error}", plain=plain) from None

    @contextmanager
    def _watched(self, child: launch.Child, *, may_write: bool) -> Iterator[None]:
        """Look at what the child wrote once the block is over; a failing case logs it."""
        try:
            yield
        except Conclusion:
            status = child.process.poll()
            self.note(
                "the process still runs" if status is None else f"the process ended with {status}"
            )
            for line in child.stderr(4096).decode("utf-8", "replace").splitlines()[-12:]:
                self.note(f"it wrote: {line[:300]}")
            raise
        finally:
            if not may_write:
                self._listen_for_noise(child)

    def _after(self, server: Server) -> None:
        """Look at what the server left behind and stop it, unless the case has ended it."""
        self.close_peers()
        status = server.child.process.poll()
        if server.ending:
            return
        if status is not None:
            raise Failure("a process that lives", f"one that ended with status {status}")
        self.left = self.left or server.leftovers()
        self.looked = True
        try:
            status = server.stop()
        except Late as late:
            self.left = self.left or f"after SIGTERM {late.got}"
        else:
            if status:
                self.left = self.left or f"exit status {status} after SIGTERM"

    @contextmanager
    def fetch(
        self,
        urls: Sequence[str],
        *options: str,
        by_stdin: bool = False,
        may_write: bool = False,
        open_files: int = launch.OPEN_FILES,
    ) -> Iterator[Client]:
        """Start fetch for these URLs and yield it at once; at the end it is killed."""
        words = [*launch.command(self.implementation, "fetch"), *options]
        if not by_stdin:
            words += urls
        stdin = subprocess.PIPE if by_stdin else subprocess.DEVNULL
        starting = launch.start(
            words, stderr=self._stderr(), core=self.core, open_files=open_files, stdin=stdin
        )
        with starting as child:
            self.note(f"fetch {' '.join(options)} started for {len(urls)} URLs")
            if by_stdin:
                with suppress(BrokenPipeError):  # it ended at once; its status tells why
                    child.stdin.write("".join(url + "\n" for url in urls).encode())
                    child.stdin.close()
            try:
                yield Client(self, child, urls, totals="--summary" in options)
            finally:  # when the case fails, what was written may say why
                if not may_write:
                    self._listen_for_noise(child)

    def _listen_for_noise(self, child: launch.Child) -> None:
        """Keep the first lines of a stderr that should have stayed empty."""
        self.listened = True
        text = child.stderr().decode("utf-8", "replace").strip()
        if text and not self.noise:
            self.noise = " | ".join(text.splitlines()[:20])[:2000]

    def _stderr(self) -> Path:
        """Return a fresh file for a child's stderr."""
        self._children += 1
        return self._folder / f"stderr-{self._children}"

    def close_peers(self) -> None:
        """Close every peer that the case left open."""
        for peer in self._kept:
            peer.close()
        self._kept.clear()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on just now (for `refused` and `--port`)."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
