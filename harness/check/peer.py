"""The scripted TCP peer: it sends, pauses, half-closes, resets, and compares every byte.

Rules: blocking calls with bounds; order comes from observed bytes and from kernel state (SIOCINQ,
SIOCOUTQ, TCP_INFO), never from sleeps. What the other side does wrong is a `Failure` with offsets.
"""

from __future__ import annotations

import array
import fcntl
import functools
import itertools
import random
import select
import socket
import struct
import termios
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from harness.check.case import Failure, Late

if TYPE_CHECKING:
    from harness.check.stage import Stage

PATIENCE_S = 5.0  # how long a byte may take on an idle machine before it counts as never coming
CHUNK = 1 << 18
PERIOD = 1_000_003  # bytes until the test stream repeats; a prime, so that no shift goes unseen
SIOCINQ = termios.FIONREAD
SIOCOUTQ = 0x5411  # linux/sockios.h: bytes sent and not yet acknowledged

_serial = itertools.count()


@functools.cache
def _block() -> bytes:
    """Return one period of the test stream and a chunk more: every slice is in one piece."""
    always_the_same = random.Random(2_718_281_828)  # noqa: S311  no secret
    period = always_the_same.randbytes(PERIOD)
    return period + period[:CHUNK]


class Peer:
    """One client connection under full control.

    It owns an endless stream of test bytes: `pump`, `flood` and `catch_up` send its bytes from
    offset `sent` on and compare what comes back from offset `received` on.
    """

    def __init__(self, sock: socket.socket, stage: Stage, name: str = "peer") -> None:
        """Take over a connected socket."""
        sock.setblocking(False)  # every wait is a poll with a bound
        self.sock = sock
        self.stage = stage
        self.name = name
        self.sent = 0
        self.received = 0
        self._seed = next(_serial) * 104_729

    @classmethod
    def connect(
        cls,
        address: tuple[str, int] | str,
        *,
        stage: Stage,
        send_buffer: int = 0,
        receive_buffer: int = 0,
        name: str = "peer",
    ) -> Peer:
        """Connect with small buffers where asked for (bytes). Raises Failure when refused."""
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        if not isinstance(address, str) and ":" in address[0]:
            family = socket.AF_INET6
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.settimeout(stage.within(PATIENCE_S))
        if send_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            sock.connect(address)
        except OSError as error:
            sock.close()
            raise Failure("a connection", f"{error}") from None
        if family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stage.note(f"{name}: connected")
        return cls(sock, stage, name)

    def __enter__(self) -> Self:
        """Use it as a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def stream(self, offset: int, count: int) -> bytes:
        """Return `count` bytes (at most CHUNK) of this peer's own test stream."""
        begin = (self._seed + offset) % PERIOD
        return _block()[begin : begin + min(count, CHUNK)]

    def _give(self, data: bytes | memoryview, flags: int = 0) -> int:
        """Send what is taken at once; return how much. Raises BlockingIOError for nothing."""
        return self.sock.send(data, flags)

    def _owes(self) -> bool:
        """Tell whether something that was given has not left yet: never without a layer between."""
        return False

    def _take(self, most: int) -> bytes:
        """Receive what is there, b"" at the end. Raises BlockingIOError when nothing is."""
        return self.sock.recv(most)

    def _await(self, events: int, within_s: float) -> int:
        """Wait for POLLIN or POLLOUT; return which of the events came, with 0 for none."""
        return poll({self.sock.fileno(): events}, within_s).get(self.sock.fileno(), 0)

    def _send_all(self, data: bytes, flags: int = 0) -> None:
        """Send all of it. Raises OSError; TimeoutError when the other side stops reading."""
        deadline = time.monotonic() + self.stage.within(PATIENCE_S)
        rest = memoryview(data)
        while rest or self._owes():
            try:
                rest = rest[self._give(rest, flags) :]
            except BlockingIOError:
                if not self._await(select.POLLOUT, deadline - time.monotonic()):
                    raise TimeoutError from None

    def send(self, data: bytes, flags: int = 0) -> None:
        """Send all of it. Raises Failure when the other side stops reading or is gone."""
        try:
            self._send_all(data, flags)
        except TimeoutError:
            raise Late(
                f"{len(data)} bytes accepted", f"a side that stopped reading{self._so_far()}"
            ) from None
        except OSError as error:
            raise Failure(f"{len(data)} bytes accepted", f"{error!r}{self._so_far()}") from None
        self.sent += len(data)
        self.stage.note(f"{self.name}: sent {len(data)} bytes")

    def ping(self, data: bytes = b"ping", within_s: float = PATIENCE_S) -> None:
        """Send a few bytes and read them back."""
        self.send(data)
        self.expect(data, within_s)

    def expect(self, data: bytes, within_s: float = PATIENCE_S) -> None:
        """Read exactly these bytes. Raises Failure with the offset of the first wrong one."""
        deadline = time.monotonic() + self.stage.within(within_s)
        at = 0
        while at < len(data):
            chunk = self._recv(min(len(data) - at, CHUNK), deadline, f"{len(data)} bytes")
            if not chunk:
                raise Failure(f"{len(data)} bytes", f"FIN after {at} bytes")
            _compare(data[at : at + len(chunk)], chunk, at)
            at += len(chunk)
        self.stage.note(f"{self.name}: received {at} bytes as expected")

    def expect_end(self, within_s: float = PATIENCE_S) -> None:
        """Read a FIN and nothing before it. Raises Failure for a byte, an RST, or silence."""
        data = self._recv(1 << 16, time.monotonic() + self.stage.within(within_s), "FIN")
        if data:
            raise Failure("FIN", f"{len(data)} more bytes, {data[:40]!r}...")
        self.stage.note(f"{self.name}: received FIN")

    def expect_silence(self, for_s: float) -> None:
        """Receive nothing, not even FIN, for so long. Raises Failure otherwise."""
        if self.readable(for_s):
            data = self._recv(1 << 16, time.monotonic() + 1, "silence")
            raise Failure(f"silence for {for_s:g} s", f"{data[:40]!r}" if data else "FIN")
        self.stage.note(f"{self.name}: silence for {for_s:g} s, as expected")

    def gone(self, within_s: float) -> bool:
        """Read until FIN or RST and tell whether one came; what comes before is not judged."""
        deadline = time.monotonic() + within_s
        while self.readable(max(0.0, deadline - time.monotonic())):
            try:
                if not self._take(CHUNK):
                    self.stage.note(f"{self.name}: received FIN")
                    return True
            except BlockingIOError:
                continue
            except OSError as error:
                self.stage.note(f"{self.name}: {error!r}")
                return True
        return False

    def try_send(self, data: bytes) -> bool:
        """Send a few bytes and tell whether the connection took them."""
        try:
            self._send_all(data)
        except OSError as error:
            self.stage.note(f"{self.name}: {error!r}")
            return False
        return True

    def answers(self, data: bytes, within_s: float = PATIENCE_S) -> bool:
        """Tell whether these bytes come back, and no silence, FIN or RST. Others raise Failure."""
        deadline = time.monotonic() + self.stage.within(within_s)
        got = b""
        while len(got) < len(data) and self.readable(deadline - time.monotonic()):
            try:
                chunk = self._take(len(data) - len(got))
            except OSError:
                break
            if not chunk:
                break
            got += chunk
        _compare(data[: len(got)], got, 0)
        return len(got) == len(data)

    def readable(self, within_s: float) -> bool:
        """Tell whether bytes, FIN or RST arrive in this time."""
        return bool(self._await(select.POLLIN, within_s))

    def _recv(self, most: int, deadline: float, expected: str) -> bytes:
        """Receive once before the deadline; RST and silence are Failures."""
        if not self.readable(max(0.001, deadline - time.monotonic())):
            raise Late(expected, f"silence{self._so_far()}")
        try:
            data = self._take(most)
        except OSError as error:
            raise Failure(expected, f"{error!r}{self._so_far()}") from None
        self.received += len(data)
        return data

    def pump(self, count: int, chunk: int = CHUNK, within_s: float = PATIENCE_S) -> None:
        """Send `count` bytes in chunks while reading them back, both directions at once."""
        until = self.sent + count
        deadline = time.monotonic() + self.stage.within(within_s)
        begin, left = self.sent, chunk
        while self.received < until:
            wanted = select.POLLIN | (select.POLLOUT if self.sent < until else 0)
            ready = self._await(wanted, deadline - time.monotonic())
            if not ready:
                raise Late(
                    f"{count} bytes back in {within_s:g} s", f"a stand-still{self._so_far()}"
                )
            if self.sent < until and ready & select.POLLOUT:
                moved = self.push(min(left, until - self.sent))
                left = left - moved or chunk
            self.pull()
        self.stage.note(f"{self.name}: sent {until - begin} bytes by {chunk} and received them")

    def catch_up(self, within_s: float = PATIENCE_S, step: int = CHUNK) -> None:
        """Read back everything that was sent, at most `step` bytes at a time."""
        deadline = time.monotonic() + self.stage.within(within_s)
        while self.received < self.sent:
            if not self.readable(max(0.0, deadline - time.monotonic())):
                raise Late(f"{self.sent} bytes back", f"silence{self._so_far()}")
            self.pull(step)
        self.stage.note(f"{self.name}: received all {self.received} bytes")

    def push(self, count: int) -> int:
        """Send at most `count` bytes of the stream without waiting; return how many went."""
        try:
            moved = self._give(self.stream(self.sent, count))
        except BlockingIOError:
            return 0
        except OSError as error:
            raise Failure("bytes accepted", f"{error!r}{self._so_far()}") from None
        self.sent += moved
        return moved

    def pull(self, most: int = CHUNK) -> None:
        """Receive what is there without waiting, and compare it with the stream."""
        try:
            data = self._take(most)
        except BlockingIOError:
            return
        except OSError as error:
            raise Failure("the bytes back", f"{error!r}{self._so_far()}") from None
        if not data:
            raise Failure("the bytes back", f"FIN{self._so_far()}")
        _compare(self.stream(self.received, len(data)), data, self.received)
        self.received += len(data)
        if self.received > self.sent:
            raise Failure(f"{self.sent} bytes", f"{self.received}: more than were sent")

    def _so_far(self) -> str:
        """Return the state of the exchange as the end of a sentence."""
        return f" after {self.sent} bytes sent and {self.received} received"

    def half_close(self) -> None:
        """Send FIN and go on reading. Raises Failure when the connection is gone."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise Failure("a connection to half-close", f"{error!r}{self._so_far()}") from None
        self.stage.note(f"{self.name}: sent FIN")

    def finish(self, within_s: float = PATIENCE_S) -> None:
        """Half-close, read back what is missing and then FIN."""
        self.half_close()
        self.catch_up(within_s)
        self.expect_end(within_s)

    def reset(self) -> None:
        """Close with RST; a Unix socket knows none but for bytes that this side leaves unread."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        self.stage.note(f"{self.name}: sent RST")

    def close(self) -> None:
        """Close in the ordinary way; closing twice is no error."""
        self.sock.close()

    def unread(self) -> int:
        """Return how many bytes wait in the kernel to be read here (SIOCINQ)."""
        return _queue(self.sock, SIOCINQ)

    def unacknowledged(self) -> int:
        """Return how many sent bytes the other side's kernel has not acknowledged (SIOCOUTQ).

        On a Unix socket it is none: what is sent is there at once (and SIOCOUTQ means unread).
        """
        return 0 if self.sock.family == socket.AF_UNIX else _queue(self.sock, SIOCOUTQ)

    def delivered(self, within_s: float = PATIENCE_S) -> None:
        """Wait until the other side's kernel has everything that was sent, FIN included."""
        deadline = time.monotonic() + self.stage.within(within_s)
        while self.unacknowledged():
            if time.monotonic() > deadline:
                raise Late("sent bytes acknowledged", f"{self.unacknowledged()} that are not")
            time.sleep(0.001)


def _compare(expected: bytes, got: bytes, offset: int) -> None:
    """Raise Failure with the offset of the first byte that differs."""
    if expected != got:
        wrong = next(
            (i for i, pair in enumerate(zip(expected, got, strict=False)) if pair[0] != pair[1]),
            None,
        )
        if wrong is None:
            raise Failure(f"{len(expected)} bytes at offset {offset}", f"{len(got)}")
        raise Failure(
            f"byte {expected[wrong]:#04x} at offset {offset + wrong}", f"byte {got[wrong]:#04x}"
        )


def poll(wanted: dict[int, int], within_s: float) -> dict[int, int]:
    """Return which of the descriptors are ready in time (poll: select ends at descriptor 1024)."""
    waiting = select.poll()
    for fd, events in wanted.items():
        waiting.register(fd, events)
    return dict(waiting.poll(max(0.0, within_s) * 1000))


def _queue(sock: socket.socket, which: int) -> int:
    """Ask the kernel for the length of one of the socket's queues, in bytes."""
    answer = array.array("i", [0])
    with suppress(OSError):  # a connection that is gone has nothing in it
        fcntl.ioctl(sock, which, answer)
    return answer[0]
