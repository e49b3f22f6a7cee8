"""An echo server of callbacks on one selector, and every way to break it that has a name in FAULTS.

Rules: no coroutine and no thread. A connection is read only while nothing of it waits to be
written, so that a peer that does not read costs one read. Each fault is a line beside the line
that it breaks; without one the server passes every MUST clause. Started as `echo_start` says.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

from callback_loop import READ, SIGNALS, WRITE, Loop
from echo_start import START_FAULTS, Start, at_end

FAULTS = (
    *START_FAULTS,
    *("accepts_in_drain", "all_in_one_breath", "blocks_all", "chatty", "cuts_early"),
    *("dies_on_reset", "dies_when_exhausted", "doubles_a_chunk", "drops_byte", "drops_tail"),
    *("early_fin", "ends_after_32_mib", "fd_leak_on_reset", "first_read_only"),
    *("hangs_in_drain", "idle_early", "idle_late", "idle_never", "idle_never_renewed"),
    *("idle_while_blocked", "idle_while_waiting"),
    *("kept_of_each", "kills_neighbour", "late_handler"),
    *("leaves_child", "leaves_pipe", "leaves_thread", "limit_closes", "limit_off_by_one"),
    *("line_buffered", "memory_kept", "nagles_replies", "no_fin", "no_handler_reset"),
    *("noisy_reset", "not_at_grace", "one_at_a_time", "partial_send_ignored"),
    *("read_queue", "reset_instead_of_fin"),
    *("slot_lost_on_reset", "spins_when_exhausted", "stops_at_900", "stops_at_exhaustion"),
    *("swaps_bytes", "text", "unbounded", "waits_for_grace"),
)
EQUIVALENT = ("accepts_in_batches", "edge_triggered", "scatter_writes")
"""Variations that keep the contract: no case may fail for them."""

CHUNK = 65536


class Connection:
    """One connection; it is read, or it is written, never both at once."""

    def __init__(self, server: Server, sock: socket.socket) -> None:
        """Take over an accepted socket, and serve it."""
        self.server, self.sock = server, sock
        self.fault = server.fault
        self.loop = server.loop
        self.out = b""
        self.kept = b""
        self.queue: list[bytes] = []
        self.total = 0
        self.ended = False
        self.timer: int | None = None
        self.open = True
        self.watch()

    @property
    def greedy(self) -> bool:
        """Tell whether it reads on though its own bytes wait, which is a fault."""
        return self.fault in ("unbounded", "read_queue") and not self.ended

    def watch(self) -> None:
        """Wait for the peer's bytes, or until it takes ours."""
        if self.out:
            self.loop.watch(self.sock.fileno(), WRITE | (READ if self.greedy else 0), self.move)
        else:
            self.loop.watch(self.sock.fileno(), READ, self.move)
        self.renew_timer()

    def renew_timer(self) -> None:
        """Begin to wait for a byte; while ours wait to be written nobody is idle."""
        idle = self.server.start.idle_s
        if idle is None or self.fault == "idle_never":
            return
        if self.fault == "idle_never_renewed" and self.timer is not None:
            return
        self.loop.cancel(self.timer)
        self.timer = None
        idle *= {"idle_late": 2.0, "idle_early": 0.5}.get(self.fault, 1.0)
        if not self.out or self.fault == "idle_while_blocked":
            self.timer = self.loop.later(idle, self.close)

    def move(self) -> None:
        """Write what waits, then read on."""
        try:
            if self.out and not self.write() and not self.greedy:
                return
            again = self.read()
            while again and self.loop.edge:
                again = self.read()
        except OSError as error:
            self.lost(error)

    def push(self) -> None:
        """Send what the kernel takes."""
        try:
            if self.fault == "scatter_writes":
                middle = len(self.out) // 2
                sent = self.sock.sendmsg([self.out[:middle], self.out[middle:]])
            else:
                sent = self.sock.send(self.out)
        except BlockingIOError:
            return
        if self.fault == "partial_send_ignored":
            sent = len(self.out)
        self.out = self.out[sent:]
        if not self.out and self.queue:
            self.out, self.queue = b"".join(self.queue), []

    def write(self) -> bool:
        """Send what waits; tell whether all is sent and reading goes on."""
        self.push()
        if self.out:
            return False
        if self.ended:
            self.finish()
            return False
        self.watch()
        return True

    def read(self) -> bool:
        """Take what has come and send it back; tell whether to read on."""
        try:
            data = self.sock.recv(CHUNK)
        except BlockingIOError:
            return False
        self.total += len(data)
        if not data:
            self.ended = True
            self.out += self.kept
        self.send(self.hold_back(self.spoil(data)))
        return self.open and not self.out

    def send(self, data: bytes) -> None:
        """Send bytes, now or as the peer takes them."""
        if self.fault == "blocks_all" and data:
            self.sock.setblocking(True)
            self.sock.sendall(data)
            self.sock.setblocking(False)
            data = b""
        if self.fault == "read_queue" and self.out:
            self.queue.append(data)
            return
        self.out += data
        if self.out:
            self.push()
        if self.out:
            self.watch()
        elif self.ended:
            self.finish()
        else:
            self.renew_timer()

    def spoil(self, data: bytes) -> bytes:  # noqa: C901, PLR0911  each branch is a fault
        """Change the bytes, where that is the fault."""
        if self.fault == "text":
            return data.decode("utf-8", "replace").encode()
        if self.fault == "doubles_a_chunk" and len(data) >= 16384:
            return data + data[-1:]
        if self.fault == "swaps_bytes" and len(data) > 1:
            return data[:-2] + data[:-3:-1]
        if self.fault == "drops_byte" and self.total > 1_000_000:
            return data[:-1]
        if self.fault == "drops_tail" and data and at_end(self.sock):
            return data[:-1]
        if self.fault == "first_read_only" and self.total > len(data):
            return b""
        if self.fault == "memory_kept":
            self.server.hoard.append(data + b".")
        if self.fault == "early_fin" and self.total > 100_000:
            self.ended = True
        if self.fault == "ends_after_32_mib" and self.total > 32 << 20:
            self.ended = True
        if self.fault == "nagles_replies" and len(data) < 100:
            time.sleep(0.04)
        return data

    def hold_back(self, data: bytes) -> bytes:
        """Return what to send now of what has come: all of it, in truth."""
        data, self.kept = self.kept + data, b""
        if self.fault == "line_buffered" and not self.ended:
            head, newline, self.kept = data.rpartition(b"\n")
            return head + newline
        if self.fault == "all_in_one_breath" and not self.ended:
            self.kept = data
            return b""
        return data

    def finish(self) -> None:
        """End in order: all is sent and the peer has ended."""
        if self.fault == "no_fin":
            self.loop.forget(self.sock.fileno())
            return
        if self.fault == "reset_instead_of_fin":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def lost(self, error: OSError) -> None:
        """Meet the end of a connection that the peer has broken."""
        if self.fault == "noisy_reset":
            print(f"unhandled: {error!r}", file=sys.stderr)
        if self.fault == "dies_on_reset":
            os._exit(1)
        if self.fault == "fd_leak_on_reset":
            self.server.hoard.append(self.sock.dup())
        self.close(keep_slot=self.fault == "slot_lost_on_reset")
        if self.fault == "kills_neighbour":
            for other in list(self.server.connections):
                other.close()

    def close(self, *, keep_slot: bool = False) -> None:
        """Let go of everything, and give the place to another."""
        if self.open:
            self.open = False
            self.loop.forget(self.sock.fileno())
            self.loop.cancel(self.timer)
            self.sock.close()
            self.server.left(self, keep_slot=keep_slot)


class Server:
    """The listener and those who came through it."""

    def __init__(self, start: Start) -> None:
        """Serve as the command line says."""
        self.start, self.fault = start, start.fault
        self.loop = Loop(edge=self.fault == "edge_triggered")
        self.listener = start.listener
        self.connections: set[Connection] = set()
        self.waiting: list[socket.socket] = []
        self.taken = 0
        self.draining = self.tired = False
        self.done = False
        self.hoard: list[object] = []

    def run(self) -> None:
        """Serve until a signal, then drain."""
        self.listener.setblocking(False)
        self.loop.after_signal(self.drained)
        if self.fault != "late_handler":
            self.handle_signals()
        self.start.ready()
        if self.fault == "late_handler":
            time.sleep(0.05)
            self.handle_signals()
        self.listen()
        while not self.done:
            self.loop.turn()
        self.start.exit()

    def handle_signals(self) -> None:
        """Take SIGTERM and SIGINT."""
        for number in SIGNALS:
            signal.signal(number, self.terminate)

    def terminate(self, _number: int, _frame: object) -> None:
        """Begin the drain in the loop's next turn; the next signal has its default action."""
        if self.fault != "no_handler_reset":
            for number in SIGNALS:
                signal.signal(number, signal.SIG_DFL)
        self.draining = True

    def drained(self) -> None:
        """Stop accepting, and let those who are served finish."""
        if self.fault == "cuts_early":
            os._exit(0)
        if self.fault == "hangs_in_drain":
            time.sleep(3600)
        if self.fault == "waits_for_grace":
            self.loop.later(self.start.grace_s, self.end)
            return
        if self.fault != "accepts_in_drain":
            self.loop.forget(self.listener.fileno())
            self.listener.close()
        if self.fault != "not_at_grace":
            self.loop.later(self.start.grace_s, self.end)
        self.done = not self.connections

    def end(self) -> None:
        """End, whoever is still there."""
        self.done = True

    def listen(self) -> None:
        """Accept while there is room."""
        early = self.fault in ("limit_closes", "idle_while_waiting")
        if self.tired or (self.draining and self.fault != "accepts_in_drain"):
            return
        if self.fault == "one_at_a_time" and self.connections:
            self.loop.forget(self.listener.fileno())
        elif self.taken < self.start.limit or early:
            self.loop.watch(self.listener.fileno(), READ, self.accept)
        else:
            self.loop.forget(self.listener.fileno())

    def accept(self) -> None:
        """Accept one, or as many as there are."""
        batch = self.fault in ("accepts_in_batches", "edge_triggered")
        while self.accept_one() and batch and self.taken < self.start.limit:
            pass

    def accept_one(self) -> bool:
        """Accept one and serve it; tell whether there may be more."""
        try:
            sock, _ = self.listener.accept()
        except BlockingIOError:
            return False
        except OSError:
            self.exhausted()
            return False
        sock.setblocking(False)
        self.leave_something()
        if self.taken >= self.start.limit:
            if self.fault == "limit_closes":
                sock.close()
            else:
                self.waiting.append(sock)
                if self.start.idle_s is not None:
                    self.loop.later(self.start.idle_s, sock.close)
            return True
        if self.fault == "stops_at_900" and self.taken == 900:
            self.loop.forget(self.listener.fileno())
            sock.close()
            return False
        self.serve(sock)
        return True

    def serve(self, sock: socket.socket) -> None:
        """Give a connection its place."""
        self.taken += 1
        self.connections.add(Connection(self, sock))
        self.listen()

    def exhausted(self) -> None:
        """Wait a little when there is no descriptor left."""
        if self.fault == "dies_when_exhausted":
            os._exit(1)
        if self.fault == "spins_when_exhausted":
            print("exhausted", file=sys.stderr)
            return
        self.loop.forget(self.listener.fileno())
        self.tired = self.fault == "stops_at_exhaustion"
        self.loop.later(0.05, self.listen)

    def leave_something(self) -> None:
        """Make what outlives its connection, where that is the fault."""
        if self.fault == "leaves_thread":
            threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
        if self.fault == "kept_of_each":
            self.hoard.append(bytearray(3000))
        if self.fault == "leaves_child":
            self.hoard.append(subprocess.Popen(["sleep", "3600"]))
        if self.fault == "leaves_pipe":
            os.pipe()
        if self.fault == "chatty":
            print("accepted one", file=sys.stderr)

    def left(self, connection: Connection, *, keep_slot: bool) -> None:
        """Take the place back and give it to the next."""
        self.connections.discard(connection)
        self.taken -= not keep_slot
        while self.waiting and self.taken < self.start.limit:
            sock = self.waiting.pop(0)
            if sock.fileno() >= 0:
                self.serve(sock)
        if self.draining and self.fault != "waits_for_grace":
            self.done = not self.connections
        elif not self.draining:
            self.listen()


if __name__ == "__main__":
    Server(Start((*FAULTS, *EQUIVALENT))).run()
