"""E21: an out-of-band byte, which TCP calls urgent and echo need not understand.

Rules: the clause is shown and never judged. Whether the byte comes back in its place or not at all
is told (RFC 6093 leaves it to the socket's option SO_OOBINLINE); that others go on is looked at.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from harness.check.case import Failure, Late, Seen, case
from harness.check.peer import PATIENCE_S

if TYPE_CHECKING:
    from harness.check.peer import Peer
    from harness.check.server import Server
    from harness.check.stage import Stage

URGENT = b"!"


def _until(peer: Peer, last: bytes) -> bytes:
    """Return what comes back, as soon as it ends so. Raises Failure for silence or an end."""
    got = b""
    while not got.endswith(last):
        if not peer.readable(peer.stage.within(PATIENCE_S)):
            raise Late(f"{last!r} back", f"silence after {got!r}")
        try:
            data = peer.sock.recv(1000)
        except OSError as error:
            raise Failure(f"{last!r} back", f"{error!r} after {got!r}") from None
        if not data:
            raise Failure(f"{last!r} back", f"FIN after {got!r}")
        got += data
    return got


def _others_go_on(server: Server, steady: Peer) -> None:
    """See an open connection and a new one served."""
    steady.ping()
    with server.connect(name="new") as new:
        new.ping()
        new.finish()


@case(
    "E21.1",
    sitting="plain",
    does="sends bytes, one out of band, bytes, waiting for the answer after each; three times",
    expects="the bytes; the one out of band in its place, or not at all; others go on",
    why="RFC 6093: it is for the reader to say whether it wants such bytes in line",
)
def out_of_band(stage: Stage) -> None:
    """Send the byte while the connection is quiet, and with others around it."""
    kinds = {b"beforeafter": "did not come back", b"before!after": "came back in its place"}
    seen = set()
    with stage.serve() as server:
        steady, peer = server.connect(name="steady"), server.connect()
        for _ in range(3):
            peer.ping()
            peer.send(b"before")
            peer.send(URGENT, socket.MSG_OOB)
            peer.send(b"after")
            got = _until(peer, b"after")
            if got not in kinds:
                raise Failure("'beforeafter' or 'before!after'", f"{got!r}")
            seen.add(kinds[got])
            _others_go_on(server, steady)
        peer.half_close()
        peer.expect_end()
    raise Seen(f"the out-of-band byte {' or '.join(sorted(seen))}; everything went on")


@case(
    "E21.2",
    sitting="plain",
    does="20 peers send one byte out of band and leave: by FIN, by RST, by close",
    expects="descriptors are back in 1 s, others go on",
)
def out_of_band_and_away(stage: Stage) -> None:
    """Let such a byte be the first and the last of a connection."""
    back = 0
    with stage.serve() as server:
        steady = server.connect(name="steady")
        steady.ping()
        before = server.settled()
        for number, peer in enumerate(server.connect_many(20)):
            peer.send(URGENT, socket.MSG_OOB)
            if number % 3 == 0:
                peer.half_close()
                back += len(_rest(peer))
            elif number % 3 == 1:
                peer.reset()
            else:
                peer.close()
            _others_go_on(server, steady)
        server.returns_to(before)
    raise Seen(f"of 7 peers that waited for the end, {back} got the byte back; all else went on")


def _rest(peer: Peer) -> bytes:
    """Return what comes before FIN. Raises Failure for RST or silence."""
    got = b""
    while peer.readable(peer.stage.within(PATIENCE_S)):
        try:
            data = peer.sock.recv(1000)
        except OSError as error:
            raise Failure("FIN", f"{error!r}") from None
        if not data:
            return got
        got += data
    raise Late("FIN", "silence")
