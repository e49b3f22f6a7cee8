"""A flood: peers send all that is taken and read nothing, until the other side takes no more.

Rules: that the other side has stopped is read from the kernel (nothing more fits, and no thread of
the server is runnable), and from the clock only where it never sleeps.
"""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING

from harness.check.case import Failure
from harness.check.peer import CHUNK, poll

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.check.peer import Peer
    from harness.check.stage import Stage

QUIET_S = 0.25  # no progress for so long: the other side has stopped reading, whatever it does
REST_S = 0.04  # no progress for so long, and nothing of it is runnable: it has stopped, too
ENDLESS = 16 * 1024 * 1024  # bytes on their way: far more than small buffers and E05's 8 MiB hold


def _writable(fds: Iterable[int], stage: Stage, quiet_s: float) -> dict[int, int]:
    """Wait until some can be written to; none once the other side has stopped reading.

    It has when nothing was taken for `quiet_s` (scaled). A server that sleeps the whole time has
    stopped as surely after REST_S: what could still wake it would have.
    """
    wanted = dict.fromkeys(fds, select.POLLOUT)
    end = time.monotonic() + stage.within(quiet_s)
    rested = False
    while time.monotonic() < end:
        if ready := poll(wanted, REST_S / 2):
            return ready
        if not stage.asleep():
            rested = False
        elif rested:
            return {}
        else:
            rested = True
    return {}


def flood(peers: Sequence[Peer], most: int = ENDLESS, quiet_s: float = QUIET_S) -> None:
    """Send on every peer without reading until the other side takes no more for a while.

    Raises Failure when one peer has more than `most` bytes on the way: the other side never stops.
    """
    by_fd = {peer.sock.fileno(): peer for peer in peers}
    while ready := _writable(by_fd, peers[0].stage, quiet_s):
        for fd in ready:
            peer = by_fd[fd]
            peer.push(CHUNK)
            if peer.sent - peer.received > most:
                raise Failure(
                    "a side that stops reading", f"{peer.sent} bytes accepted and none read back"
                )
    amount = sum(peer.sent for peer in peers)
    peers[0].stage.note(
        f"{len(peers)} peers sent {amount} bytes without reading; no more are taken"
    )
