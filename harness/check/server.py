"""A running echo as a case sees it: peers for it, what it holds, how it is stopped and ended.

Rules: it looks through /proc and acts by signals alone; a Stage has started it and clears it up.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness import witness
from harness.check.case import Failure, Inconclusive, Late

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import launch
    from harness.check.peer import Peer
    from harness.check.stage import Stage

SETTLE_S = 1.0  # E07: how long descriptors may take to come back
EXIT_S = 2.0  # from SIGTERM to the end of a server that has nothing left to do


class Server:
    """A running echo: its child, its address, what it held before the case touched it."""

    def __init__(self, stage: Stage, child: launch.Child, address: tuple[str, int] | str) -> None:
        """Take over a child that has said READY."""
        self.stage = stage
        self.child = child
        self.address = address
        self.ending = False
        """True once the case itself has asked it to end."""
        self.baseline = witness.resources(child.pid)

    def met(self, stage: Stage) -> None:
        """Go on as the server of another case; what it holds now is its baseline."""
        self.stage = stage
        self.baseline = self.settled()

    def connect(self, **options: object) -> Peer:
        """Return a connected peer; it is closed when the case ends. Options: see `Peer.connect`."""
        came = self.stage.door.peer.connect
        peer = came(self.address, stage=self.stage, **options)  # type: ignore[arg-type]
        self.stage.keep(peer)
        return peer

    def try_connect(self) -> Peer | None:
        """Return a connected peer, None where the connection is refused."""
        try:
            return self.connect()
        except Failure:
            return None

    def connect_many(self, count: int, **options: object) -> list[Peer]:
        """Return so many connected peers, named by their number."""
        return [self.connect(name=f"peer {number}", **options) for number in range(1, count + 1)]

    def warm_up(self) -> None:
        """Serve one connection, so that what is made once and kept is in the baseline."""
        with self.connect(name="warm-up") as peer:
            peer.ping(b"warm up")
            peer.half_close()
            peer.expect_end()
        self.baseline = self.settled()

    def settled(self) -> witness.Resources:
        """Return what it holds once that has not changed for 30 ms (1 s at most)."""
        same, last = 0, witness.resources(self.child.pid)
        for _ in range(100):
            time.sleep(0.01)
            now = witness.resources(self.child.pid)
            unchanged = (now.fds, now.threads, now.children) == (
                last.fds,
                last.threads,
                last.children,
            )
            same, last = (same + 1 if unchanged else 0), now
            if same == 3:
                break
        return last

    def leftovers(self, baseline: witness.Resources | None = None) -> str:
        """Return what it holds beyond its baseline once the peers have left; empty: nothing.

        It has SETTLE_S (scaled) to let go, and to come to rest: before, it may still be at the end
        of a connection, and about to leave something.
        """
        before = baseline or self.baseline
        deadline = time.monotonic() + self.stage.within(SETTLE_S)
        while True:
            rests = witness.asleep(self.child.pid)
            now = witness.resources(self.child.pid)
            found = [
                f"{getattr(now, what)} {what} where {getattr(before, what)} were before"
                for what in ("fds", "threads", "children")
                if getattr(now, what) > getattr(before, what)
            ]
            if (rests and not found) or time.monotonic() > deadline:
                return ", ".join(found)
            time.sleep(0.02)

    def returns_to(self, baseline: witness.Resources) -> None:
        """Wait until it holds no more than this. Raises Late when it does after SETTLE_S."""
        if found := self.leftovers(baseline):
            raise Late(f"what was held before, {SETTLE_S:g} s after the peers left", found)
        self.stage.note("descriptors, threads and children are back where they were")

    def grown(self) -> int:
        """Return by how many bytes its private memory exceeds the baseline."""
        return witness.resources(self.child.pid).private_bytes - self.baseline.private_bytes

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop it for the length of the block, so that what is done there comes at once."""
        group = self.child.pid
        os.killpg(group, signal.SIGSTOP)
        deadline = time.monotonic() + self.stage.within(1.0)
        try:
            while any(witness.state(pid) not in "TtZX" for pid in witness.tree(group)):
                if time.monotonic() > deadline:  # it is just starting a process of its own
                    raise Inconclusive("the process could not be stopped")
                time.sleep(0.001)
            self.stage.note("server stopped")
            yield
        finally:
            self.stage.note("server goes on")
            os.killpg(group, signal.SIGCONT)

    def terminate(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Send the signal that begins the drain; return the moment."""
        self.ending = True
        self.stage.note(f"sent {number.name}")
        now = time.monotonic()
        self.child.signal(number)
        return now

    def deaf(self, within_s: float = 1.0) -> bool:
        """Wait until SIGTERM has its default action again, and tell whether that came in time."""
        deadline = time.monotonic() + self.stage.within(within_s)
        while witness.catches(self.child.pid, signal.SIGTERM):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.002)
        self.stage.note("SIGTERM has its default action again")
        return True

    def exits(self, within_s: float = EXIT_S) -> int:
        """Return its exit status. Raises Failure when it does not end in time."""
        self.ending = True
        try:
            status = self.child.wait(self.stage.within(within_s))
        except TimeoutError:
            raise Late(f"an exit within {within_s:g} s", "a process that still runs") from None
        self.stage.note(f"exit status {status}")
        return status

    def stop(self, within_s: float = EXIT_S) -> int:
        """Send SIGTERM and return the exit status. Raises Failure when it does not end in time."""
        self.terminate()
        return self.exits(within_s)
