"""A fresh echo server for one job: started, ready, and ended in order.

Rules: what the server does wrong is an UnservedError with its reason, and nobody else's fault is.
"""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness import launch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.measure.job import Bench, Job

DRAIN_S = 5.0


class UnservedError(Exception):
    """The contestant did not serve, or did not end: half a sentence to show."""


@contextmanager
def serving(job: Job, bench: Bench) -> Iterator[tuple[int, int]]:
    """Serve for the length of a `with` block; the value is (port, pid). Raises UnservedError."""
    if job.burden and job.implementation.run:
        raise UnservedError("it has its own launcher")
    with launch.listener() as listener:
        fd, port = listener.fileno(), listener.getsockname()[1]
        starting = launch.start(
            [*launch.command(job.implementation, "echo"), *job.burden, "--fd", str(fd)],
            stderr=bench.folder / f"{job.alias}.echo.stderr",
            fds=[fd],
            core=bench.server_core,
        )
        with starting as child:
            listener.close()
            try:
                child.ready()
            except launch.NotReadyError as error:
                raise UnservedError(str(error)) from error
            yield port, child.pid
            child.signal(signal.SIGTERM)
            try:
                child.wait(DRAIN_S)
            except TimeoutError:
                raise UnservedError(f"it did not end within {DRAIN_S:g} s after SIGTERM") from None
