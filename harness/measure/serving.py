"""A fresh echo server: started and ready, and for a job ended in order.

Rules: the process is new for every `with` block and gone after it. What a job's server does wrong
is an UnservedError with its reason, and nobody else's fault is.
"""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness import launch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.measure.job import Bench, Job
    from harness.model import Implementation

DRAIN_S = 5.0


class UnservedError(Exception):
    """The contestant did not serve, or did not end: half a sentence to show."""


@dataclass(frozen=True, slots=True)
class Started:
    """An echo that has said READY."""

    child: launch.Child
    port: int
    ready_ns: int
    """From before it was started until its READY was read."""

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.child.pid


@contextmanager
def started(
    implementation: Implementation, bench: Bench, *options: str, name: str
) -> Iterator[Started]:
    """Start an echo with these options for the length of a `with` block, then kill it.

    `name` is its stderr's. Raises launch.NotReadyError.
    """
    with launch.listener() as listener:
        fd, port = listener.fileno(), listener.getsockname()[1]
        words = [*launch.command(implementation, "echo"), *options, "--fd", str(fd)]
        stderr = bench.folder / f"{name}.stderr"
        begin = time.monotonic_ns()
        with launch.start(words, stderr=stderr, fds=[fd], core=bench.server_core) as child:
            listener.close()
            child.ready()
            yield Started(child, port, time.monotonic_ns() - begin)


@contextmanager
def serving(job: Job, bench: Bench) -> Iterator[tuple[int, int]]:
    """Serve for the length of a `with` block; the value is (port, pid). Raises UnservedError."""
    if job.burden and job.implementation.run:
        raise UnservedError("it has its own launcher")
    with ExitStack() as life:
        starting = started(job.implementation, bench, *job.burden, name=f"{job.alias}.echo")
        try:
            server = life.enter_context(starting)
        except launch.NotReadyError as error:
            raise UnservedError(str(error)) from error
        yield server.port, server.pid
        server.child.signal(signal.SIGTERM)
        try:
            server.child.wait(DRAIN_S)
        except TimeoutError:
            raise UnservedError(f"it did not end within {DRAIN_S:g} s after SIGTERM") from None
