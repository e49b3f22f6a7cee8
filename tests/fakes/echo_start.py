"""How the fake echo servers of every style begin: their command line, their listener, READY.

Rules: no server here. A program is started as `PROGRAM [FAULT] echo --fd N ...`; the faults of the
start itself are planted here, beside the lines that they break.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

START_FAULTS = ("exit_status", "flood_stderr", "port_busy_traceback", "ready_early")


class Start:
    """What a server begins with."""

    def __init__(self, known: Iterable[str]) -> None:
        """Read the command line; `known` are the faults and variations of this program."""
        words = sys.argv[1:]
        self.fault = words.pop(0) if words[0] != "echo" else ""
        if self.fault not in ("", *known, *START_FAULTS):
            raise SystemExit(f"there is no fault {self.fault!r}")
        parser = argparse.ArgumentParser()
        parser.add_argument("workload", choices=["echo"])
        parser.add_argument("--fd", type=int)
        parser.add_argument("--port", type=int)
        parser.add_argument("--idle-s", type=float)
        parser.add_argument("--grace-s", type=float, default=5.0)
        parser.add_argument("--limit", type=int)
        options = parser.parse_args(words)
        self.idle_s: float | None = options.idle_s
        self.grace_s: float = options.grace_s
        self.limit: int = options.limit or 1 << 30
        if self.fault == "limit_off_by_one":
            self.limit += 1
        if self.fault == "ready_early":
            print("READY", flush=True)
            time.sleep(0.05)
        if self.fault == "flood_stderr":
            threading.Thread(target=_flood, daemon=True).start()
        self.listener = self._listen(options)

    def _listen(self, options: argparse.Namespace) -> socket.socket:
        """Return the inherited listener, or one on the port."""
        if options.fd is not None:
            return socket.socket(fileno=options.fd)
        try:
            return socket.create_server(("127.0.0.1", options.port), backlog=1024)
        except OSError as error:
            if self.fault == "port_busy_traceback":
                raise
            print(f"cannot listen on port {options.port}: {error.strerror}", file=sys.stderr)
            raise SystemExit(2) from None

    def ready(self) -> None:
        """Say READY."""
        if self.fault != "ready_early":
            print("READY", flush=True)

    def exit(self) -> None:
        """End the process, whatever still runs in it."""
        os._exit(3 if self.fault == "exit_status" else 0)


def at_end(sock: socket.socket) -> bool:
    """Tell whether a FIN is all that is left to read."""
    try:
        return not sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError:
        return False


def _flood() -> None:
    """Write to stderr until it is full."""
    with contextlib.suppress(OSError):
        while True:
            os.write(2, b"noise " * 1000 + b"\n")
