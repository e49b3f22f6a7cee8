"""The shelf: servers that live on between the cases of one sitting.

Rules: a server is put back only when its case saw nothing wrong, and is taken by a case that asks
for one of the same kind (door and buffers). What is left on it is stopped, and must stop well.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from harness.check.case import Late

if TYPE_CHECKING:
    from contextlib import ExitStack

    from harness.check.door import Door
    from harness.check.server import Server


class Kind(NamedTuple):
    """What cases must ask for alike to share a server."""

    door: Door
    send_buffer: int
    receive_buffer: int


class Running(NamedTuple):
    """A server, and what ends it."""

    server: Server
    life: ExitStack
    """Closing it kills the process."""
    played: list[str]
    """What it has been through."""


class Shelf:
    """At most one running server of each kind."""

    def __init__(self) -> None:
        """Begin empty."""
        self._running: dict[Kind, Running] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="evenloop-")
        self._files = 0

    def stderr(self) -> Path:
        """Return a fresh file for a server's stderr; it is gone with the shelf."""
        self._files += 1
        return Path(self._folder.name) / f"stderr-{self._files}"

    def folder(self) -> Path:
        """Return a folder that is gone with the shelf (Unix sockets, certificates)."""
        return Path(self._folder.name)

    def take(self, kind: Kind) -> Running | None:
        """Hand over the server of this kind, if there is one."""
        return self._running.pop(kind, None)

    def put(self, kind: Kind, running: Running) -> None:
        """Keep a server for the next case."""
        self._running[kind] = running

    def clear(self) -> str:
        """Stop every server, and say what was wrong with its end; empty: nothing."""
        wrong = ""
        for running in self._running.values():
            with running.life:
                wrong = wrong or stop(running.server)
        self._running.clear()
        self._folder.cleanup()
        return wrong


def stop(server: Server) -> str:
    """Stop a server that has nothing left to do; say what was wrong with that, or nothing."""
    try:
        status = server.stop()
    except Late as late:
        return f"after SIGTERM {late.got}"
    return f"exit status {status} after SIGTERM" if status else ""
