"""E05 and E06: peers that send and never read, what they cost, and what others feel of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.check.case import Failure, Late, case
from harness.check.flood import QUIET_S, flood

if TYPE_CHECKING:
    from harness.check.peer import Peer
    from harness.check.server import Server
    from harness.check.stage import Stage

KIB = 1024
MIB = 1024 * KIB
SMALL = 32 * KIB  # twenty held peers with the kernel's own buffers cost 170 MB of its memory
ENDLESS_LARGE = 96 * MIB  # on its way and unread, where the buffers are the kernel's own
ONE_COSTS = 8 * MIB
TWENTY_COST = 40 * MIB
SLACK = 20 * MIB  # what an allocator may keep; 16 MiB were seen of glibc after reads of 256 KiB
ROUNDS = 12
PROBES = 1000
WARM = 100  # before the first that count
PROBE_S = 0.020


def _held(server: Server, count: int, quiet_s: float = QUIET_S) -> list[Peer]:
    """Return peers that have sent until nothing more was taken, and have read nothing."""
    peers = [
        server.connect(name=f"held {number}", send_buffer=SMALL, receive_buffer=SMALL)
        for number in range(1, count + 1)
    ]
    flood(peers, quiet_s=quiet_s)
    return peers


def _costs(server: Server, most: int, what: str) -> None:
    """Raise Failure when its private memory has grown by more than `most` bytes."""
    grown = server.grown()
    server.stage.note(f"private memory grew by {grown / MIB:.1f} MiB with {what}")
    if grown > most:
        raise Failure(f"at most {most // MIB} MiB for {what}", f"{grown / MIB:.1f} MiB")


@case(
    "E05.1",
    does="one peer sends all that is taken and reads nothing; then it reads",
    expects="accepted bytes stop, at most 8 MiB, and the stream is whole",
    quick=True,
)
def one_held(stage: Stage) -> None:
    """Hold a peer, measure, go on while more is sent, and end in order."""
    with stage.serve(send_buffer=SMALL, receive_buffer=SMALL) as server:
        (peer,) = _held(server, 1)
        _costs(server, ONE_COSTS, "one peer that never reads")
        peer.pump(MIB)
        peer.finish()


@case("E05.2", does="the same with the kernel's own buffers", expects="the same")
def one_held_large_buffers(stage: Stage) -> None:
    """Take buffers as they come: the kernel holds some MiB, the process at most 8."""
    with stage.serve() as server:
        peer = server.connect()
        flood([peer], ENDLESS_LARGE)
        _costs(server, ONE_COSTS, "one peer that never reads")
        peer.catch_up()
        peer.finish()


@case(
    "E05.3",
    does="20 peers send all that is taken and read nothing; then all read",
    expects="at most 40 MiB, and 20 whole streams",
)
def twenty_held(stage: Stage) -> None:
    """See every stream whole, whatever the others do."""
    with stage.serve(send_buffer=SMALL, receive_buffer=SMALL) as server:
        peers = _held(server, 20)
        _costs(server, TWENTY_COST, "20 peers that never read")
        for peer in peers:
            peer.half_close()
        for peer in reversed(peers):
            peer.catch_up()
            peer.expect_end()


@case(
    "E05.4",
    does="20 held peers leave, half of them by RST; twelve times",
    expects="the memory comes back but for 20 MiB of the allocator's",
)
def memory_comes_back(stage: Stage) -> None:
    """See that what 240 held peers used does not add up.

    Single rounds say little: what an allocator keeps goes up and down by some MiB. So the least of
    the last three counts.
    """
    with stage.serve(send_buffer=SMALL, receive_buffer=SMALL) as server:
        kept: list[int] = []
        for _ in range(ROUNDS):
            peers = _held(server, 20, quiet_s=0.05)
            _costs(server, TWENTY_COST, "20 peers that never read")
            for peer in peers[::2]:
                peer.reset()
            for peer in peers[1::2]:
                peer.close()
            server.returns_to(server.baseline)
            kept.append(server.grown())
        stage.note(f"MiB above the baseline: {', '.join(f'{each / MIB:.1f}' for each in kept)}")
        if min(kept[-3:]) > SLACK:
            raise Failure(f"at most {SLACK // MIB} MiB kept", f"{min(kept[-3:]) / MIB:.1f} MiB")


@case(
    "E05.5",
    does="a held peer reads in bursts and sends on, four times",
    expects="accepted bytes stop each time, the stream whole, the memory small",
)
def stop_and_go(stage: Stage) -> None:
    """Stop and go on reading; each stop is seen in the accepted bytes."""
    with stage.serve(send_buffer=SMALL, receive_buffer=SMALL) as server:
        (peer,) = _held(server, 1)
        for _ in range(4):
            until = min(peer.received + 200 * KIB, peer.sent)
            while peer.received < until and peer.readable(stage.within(5)):
                peer.pull()
            flood([peer])
            _costs(server, ONE_COSTS, "one peer that reads in bursts")
        peer.finish()


def _p99(server: Server, probe: Peer | None, count: int = PROBES) -> float:
    """Return the 99th percentile of the round trips in seconds; None: a connection for each."""
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        if probe is None:
            with server.connect(name="probe") as fresh:
                fresh.ping(b"probe")
        else:
            probe.ping(b"probe")
        times.append(time.perf_counter() - begin)
    return sorted(times)[count * 99 // 100]


def _isolated(stage: Stage, *, fresh: bool) -> None:
    """Compare the probes with and without 20 held peers, on one server."""
    with stage.serve(send_buffer=SMALL, receive_buffer=SMALL) as server:
        probe = None if fresh else server.connect(name="probe")
        _p99(server, probe, WARM)
        alone = _p99(server, probe)
        _held(server, 20)
        beside = _p99(server, probe)
        stage.note(f"p99 alone {alone * 1000:.3f} ms, beside 20 held {beside * 1000:.3f} ms")
        allowed = max(10 * alone, stage.within(PROBE_S))
        if beside > allowed:
            raise Late(f"p99 within {allowed * 1000:.1f} ms", f"{beside * 1000:.1f} ms")


@case(
    "E06.1",
    does="1,000 probes on an open connection, without and with 20 held peers",
    expects="p99 within the larger of 10 times its own and 20 ms",
    quick=True,
    needs="machine",
)
def probe_beside_held(stage: Stage) -> None:
    """See that those who block are not felt by those who do not."""
    _isolated(stage, fresh=False)


@case(
    "E06.2",
    does="1,000 probes on a new connection each, without and with 20 held peers",
    expects="p99 within the larger of 10 times its own and 20 ms",
    needs="machine",
)
def fresh_probe_beside_held(stage: Stage) -> None:
    """See new connections accepted and served as fast."""
    _isolated(stage, fresh=True)
