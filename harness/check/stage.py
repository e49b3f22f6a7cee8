"""Where a case is played: it starts the implementation, keeps the log, looks for leftovers.

Rules: one Stage per case and implementation; every process and socket it hands out is gone when the
case ends. It knows the command line of SPEC.md and nothing of any framework.
"""

from __future__ import annotations

import math
import os
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from harness import launch, witness
from harness.check.case import Conclusion, Failure, NotReady
from harness.check.client import Client
from harness.check.door import INET4
from harness.check.server import Server
from harness.check.shelf import Kind, Running, stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from harness.check.peer import Peer
    from harness.check.shelf import Shelf
    from harness.model import Implementation, Workload

READY_S = 10.0  # the slowest import seen took 0.3 s; stretched with every other bound
MOST_SCALE = 5.0  # past it waiting longer would prove nothing
LOG_LINES = 400  # of the wire log; more would drown the reader


def _shown(options: Sequence[str], folder: Path) -> str:
    """Return options without the folder that the case's own files lie in: evidence is published."""
    return " ".join(options).replace(f"{folder}/", "")


class Stage:
    """What a case plays on. After the case, `noise` and `left` say what it left behind."""

    def __init__(
        self,
        implementation: Implementation,
        scale: float | Callable[[], float] = 1.0,
        core: int | None = None,
        shelf: Shelf | None = None,
    ) -> None:
        """Prepare a stage; `scale` (>= 1) stretches every upper time bound; it may change.

        With a shelf, plain servers live on for the next case.
        """
        self.implementation = implementation
        self.case = ""
        """Which case is played here, for the log."""
        self._shelf = shelf
        self._scale = scale
        self.core = core
        self.door = INET4
        """How the cases come in; a case that repeats another behind another door changes it."""
        self.log: list[str] = []
        self.noise = ""
        """What the implementation wrote to stderr though the case did not allow it (E15, F19)."""
        self.left = ""
        """Descriptors, threads and children that stayed after the peers had left (E14)."""
        self.looked = False
        """True once leftovers were looked for; without that an empty `left` says nothing."""
        self.listened = False
        """True once stderr was looked at; without that an empty `noise` says nothing."""
        self.starved = 0.0
        """Share of the case's time for which a thread of its, or ours, had no core, 0 to 1."""
        self.waited_s = 0.0
        """For how long that was."""
        self.used = 1.0
        """By how much the last upper bound was stretched."""
        self.bound_s = math.inf
        """The last upper bound, stretched."""
        self._begin = time.monotonic()
        self._waits = witness.waits_s(os.getpid())
        self._stack = ExitStack()
        self._kept: list[Peer] = []
        self._folder = Path(
            self._stack.enter_context(tempfile.TemporaryDirectory(prefix="evenloop-"))
        )
        self._children = 0
        self._serving: int | None = None

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
            self.log.append(f"{self.since(time.monotonic())} {text}")

    def since(self, moment: float) -> str:
        """Return a moment (monotonic) as the wire log writes it: seconds since the case began."""
        return f"{moment - self._begin:8.4f}"

    def within(self, seconds: float) -> float:
        """Stretch an upper bound by this machine's lateness; never use it for a lower bound."""
        self.used = self.scale
        self.bound_s = seconds * self.used
        return self.bound_s

    def asleep(self) -> bool:
        """Tell whether the echo that is served here just now waits for something, in every thread.

        False where none is known (a server that the case started by itself).
        """
        return self._serving is not None and witness.asleep(self._serving)

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
        open_files: int = launch.OPEN_FILES,
        send_buffer: int = 0,
        receive_buffer: int = 0,
        may_write: bool = False,
        warm: bool = True,
    ) -> Iterator[Server]:
        """Start echo with these options behind the door, and yield it once it is READY.

        `may_write` allows lines on stderr; `warm` serves one connection first. At the end of the
        block every peer is closed, leftovers are counted and, unless the case ended it itself, the
        server gets SIGTERM and must exit 0 (else that is `left`, for the drain is another clause),
        or goes back on the shelf.
        """
        kind = Kind(self.door, send_buffer, receive_buffer)
        bare = not options and open_files == launch.OPEN_FILES
        plain = bare and self.door is INET4
        shares = bare and warm and not may_write and self._shelf is not None
        running = self._shelf.take(kind) if shares and self._shelf else None
        if running is not None:
            self.note(f"echo goes on after {', '.join(running.played)}")
        with ExitStack() as life:
            if running is not None:
                life.push(running.life)
                child = running.server.child
            else:
                files = self._shelf if shares and self._shelf else self
                child, where = self._start(life, kind, files, options, open_files)
            self._serving = child.pid
            with self._watched(child, may_write=may_write):
                if running is not None:
                    server = running.server
                    server.met(self)
                    self._waits |= witness.waits_s(*witness.tree(child.pid))
                else:
                    self._await_ready(child, plain=plain)
                    server = Server(self, child, where)
                    if warm:
                        server.warm_up()
                yield server
                clean = self._after(server)
            if shares and clean and not self.noise and self._shelf is not None:
                played = [*(running.played if running else ()), self.case]
                self._shelf.put(kind, Running(server, life.pop_all(), played))
            elif not server.ending:
                self.left = self.left or stop(server)

    def _start(
        self,
        life: ExitStack,
        kind: Kind,
        files: Shelf | Stage,
        options: Sequence[str],
        open_files: int,
    ) -> tuple[launch.Child, tuple[str, int] | str]:
        """Start echo on a fresh listener, and return it with its address; `life` kills it.

        What it needs of files lives as long as `files`.
        """
        address = kind.door.address(files.folder())
        options = (*kind.door.options(files.folder()), *options)
        with launch.listener(
            address, send_buffer=kind.send_buffer, receive_buffer=kind.receive_buffer
        ) as sock:
            bound = sock.getsockname()
            where = bound if isinstance(bound, str) else (bound[0], bound[1])
            words = [*launch.command(self.implementation, "echo"), "--fd", str(sock.fileno())]
            starting = launch.start(
                [*words, *options],
                stderr=files.stderr(),
                fds=[sock.fileno()],
                core=self.core,
                open_files=open_files,
            )
            child = life.enter_context(starting)
        self.note(f"echo {_shown(options, files.folder())} started")
        return child, where

    @contextmanager
    def run(
        self, workload: Workload, *options: str, may_write: bool = False
    ) -> Iterator[launch.Child]:
        """Start the implementation with just these options, and yield its child at once."""
        words = [*launch.command(self.implementation, workload), *options]
        with launch.start(words, stderr=self.stderr(), core=self.core) as child:
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
            self._look_for_cores(child)
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

    def _after(self, server: Server) -> bool:
        """Look at what the server left behind; True: nothing, and it may go on."""
        self.close_peers()
        status = server.child.process.poll()
        if server.ending:
            return False
        if status is not None:
            raise Failure("a process that lives", f"one that ended with status {status}")
        left = server.leftovers()
        self.left = self.left or left
        self.looked = True
        return not left

    @contextmanager
    def fetch(
        self,
        urls: Sequence[str],
        *options: str,
        by_stdin: bool = False,
        may_write: bool = False,
        open_files: int = launch.OPEN_FILES,
        files: Mapping[str, Path] | None = None,
    ) -> Iterator[Client]:
        """Start fetch for these URLs and yield it at once; at the end it is killed.

        `files` are seen by it alone, each at its path.
        """
        words = [*launch.command(self.implementation, "fetch"), *options]
        if not by_stdin:
            words += urls
        stdin = subprocess.PIPE if by_stdin else subprocess.DEVNULL
        starting = launch.start(
            words,
            stderr=self.stderr(),
            core=self.core,
            open_files=open_files,
            stdin=stdin,
            files=files,
        )
        with starting as child:
            self.note(f"fetch {_shown(options, self._folder)} started for {len(urls)} URLs")
            if by_stdin:
                with suppress(BrokenPipeError):  # it ended at once; its status tells why
                    child.stdin.write("".join(url + "\n" for url in urls).encode())
                    child.stdin.close()
            try:
                yield Client(self, child, urls, totals="--summary" in options)
            except Conclusion:
                self._look_for_cores(child)
                raise
            finally:  # when the case fails, what was written may say why
                if not may_write:
                    self._listen_for_noise(child)

    def _look_for_cores(self, child: launch.Child) -> None:
        """Find out for how much of the case's time a thread of the child, or we, had no core.

        Of several the one that waited longest counts: they wait for one another as well.
        """
        took_s = time.monotonic() - self._begin
        waits = witness.waits_s(*witness.tree(child.pid), os.getpid())
        waited = (wait_s - self._waits.get(thread, 0.0) for thread, wait_s in waits.items())
        self.waited_s = max(self.waited_s, *waited)
        self.starved = max(self.starved, self.waited_s / took_s)

    def _listen_for_noise(self, child: launch.Child) -> None:
        """Keep the first lines of a stderr that should have stayed empty."""
        self.listened = True
        text = child.stderr().decode("utf-8", "replace").strip()
        if text and not self.noise:
            self.noise = " | ".join(text.splitlines()[:20])[:2000]

    def stderr(self) -> Path:
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
