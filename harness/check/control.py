"""The control: how late this machine is just now, measured on the reference.

Rules: a process of its own beside the workers, so that it feels the load they feel. Every PERIOD_S
it is to ping an echo server; how much later than intended the answer came is its lateness. The
worst of the last minute stands in a small file, where every worker reads it.

    python -m harness.check.control PARENT FILE COMMAND...      the control
    python -m harness.check.control --fd N                      the least echo there can be
"""

from __future__ import annotations

import mmap
import os
import socket
import struct
import sys
import tempfile
import time
from collections import deque
from pathlib import Path

from harness import launch
from harness.check.mortal import die_with

PERIOD_S = 0.025
MINUTE_S = 60.0
USUAL_S = 0.020  # CONTRACT: the lateness that stretches no bound
_FORMAT = struct.Struct("d")
MINIMAL = (sys.executable, "-m", "harness.check.control")
"""The command of an echo server for where there is no reference."""


class Lateness:
    """The lateness that the control wrote, as its readers see it."""

    def __init__(self, file: Path) -> None:
        """Read from this file, which exists."""
        with file.open("rb") as opened:
            self._map = mmap.mmap(opened.fileno(), _FORMAT.size, access=mmap.ACCESS_READ)

    def factor(self) -> float:
        """Return by how much upper bounds are to be stretched; at least 1, without a most."""
        (seconds,) = _FORMAT.unpack(self._map[:])
        return max(1.0, float(seconds) / USUAL_S)


def create(file: Path) -> None:
    """Write a file that says: not late at all."""
    file.write_bytes(_FORMAT.pack(0.0))


def _watch(file: Path, sock: socket.socket) -> None:
    """Ping for ever, and write the worst of the last minute."""
    with file.open("r+b") as opened:
        memory = mmap.mmap(opened.fileno(), _FORMAT.size)
    seen: deque[tuple[float, float]] = deque()  # falling lateness: the first is the worst
    intended = time.monotonic()
    while True:
        time.sleep(max(0.0, intended - time.monotonic()))
        sock.sendall(b"?")
        if not sock.recv(1):
            raise SystemExit(1)
        now = time.monotonic()
        late = now - intended
        while seen and (seen[-1][1] <= late):
            seen.pop()
        seen.append((now, late))
        while seen[0][0] < now - MINUTE_S:
            seen.popleft()
        memory[:] = _FORMAT.pack(seen[0][1])
        intended = max(intended + PERIOD_S, now)


def _echo(listener: socket.socket) -> None:
    """Serve one connection."""
    print("READY", flush=True)
    sock, _ = listener.accept()
    while data := sock.recv(4096):
        sock.sendall(data)


def main() -> None:
    """Be the control, or its least echo."""
    if sys.argv[1] == "--fd":
        _echo(socket.socket(fileno=int(sys.argv[2])))
        return
    die_with(int(sys.argv[1]))
    file, words = Path(sys.argv[2]), sys.argv[3:]
    with tempfile.TemporaryDirectory(prefix="evenloop-") as folder, launch.listener() as listener:
        starting = launch.start(
            [*words, "--fd", str(listener.fileno())],
            stderr=Path(folder) / "stderr",
            fds=[listener.fileno()],
        )
        with starting as child:
            child.ready()
            address = listener.getsockname()
            listener.close()
            with socket.create_connection(address) as sock:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _watch(file, sock)


if __name__ == "__main__":
    os.chdir(launch.ROOT)
    main()
