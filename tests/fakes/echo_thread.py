"""An echo server with a thread a connection, and every way to break it that has a name in FAULTS.

Rules: blocking sockets only. One thread accepts, the main thread waits for the signal and then for
the others. Each fault is a line beside the line that it breaks; without one the server passes every
MUST clause. Started as `echo_start` says.
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
from contextlib import nullcontext, suppress

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
EQUIVALENT = ("large_reads", "one_buffer", "one_step", "slow_writes", "tiny_reads")
"""Variations that keep the contract: no case may fail for them."""

SIGNALS = (signal.SIGTERM, signal.SIGINT)
CHUNK = 65536
STEP_AFTER = 500  # connections
STACK = 256 * 1024  # bytes; a thousand threads of the usual 8 MiB would ask for 8 GiB


class Server:
    """The listener and the threads behind it."""

    def __init__(self, start: Start) -> None:
        """Serve as the command line says."""
        self.start, self.fault = start, start.fault
        self.listener = start.listener
        self.slots = threading.Semaphore(start.limit)
        self.changed = threading.Condition()
        self.live: set[socket.socket] = set()
        self.draining = False
        self.hoard: list[object] = []
        self.writing = threading.Lock()
        self.told, self.tell = os.pipe()

    def run(self) -> None:
        """Serve until a signal, then drain."""
        threading.stack_size(STACK)
        if self.fault != "late_handler":
            self.handle_signals()
        self.start.ready()
        if self.fault == "late_handler":
            time.sleep(0.05)
            self.handle_signals()
        threading.Thread(target=self.accept, daemon=True).start()
        os.read(self.told, 1)
        self.drain()
        self.start.exit()

    def handle_signals(self) -> None:
        """Take SIGTERM and SIGINT, whichever thread the kernel tells of them."""
        os.set_blocking(self.tell, False)
        signal.set_wakeup_fd(self.tell)
        for number in SIGNALS:
            signal.signal(number, self.terminate)

    def terminate(self, _number: int, _frame: object) -> None:
        """Let the next signal have its default action; the main thread is awake."""
        if self.fault != "no_handler_reset":
            for number in SIGNALS:
                signal.signal(number, signal.SIG_DFL)

    def drain(self) -> None:
        """Stop accepting, let those who are served finish, and leave the rest at the grace."""
        self.draining = True
        if self.fault == "cuts_early":
            return
        if self.fault != "accepts_in_drain":
            with suppress(OSError):
                self.listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        if self.fault == "hangs_in_drain":
            time.sleep(3600)
        if self.fault == "waits_for_grace":
            time.sleep(self.start.grace_s)
        grace = None if self.fault == "not_at_grace" else self.start.grace_s
        with self.changed:
            self.changed.wait_for(lambda: not self.live, grace)

    def accept(self) -> None:
        """Accept as many at a time as the limit allows, until the drain."""
        early = self.fault in ("limit_closes", "idle_while_waiting")
        while True:
            if not early:
                self.slots.acquire()
            try:
                sock, _ = self.listener.accept()
            except OSError:
                if self.draining:
                    return
                self.slots.release()
                if not self.bears_exhaustion():
                    return
                continue
            if self.draining and self.fault != "accepts_in_drain":
                sock.close()
                return
            if self.fault == "limit_closes" and not self.slots.acquire(blocking=False):
                sock.close()
                continue
            if self.fault == "stops_at_900" and len(self.live) == 900:
                return
            with self.changed:
                self.live.add(sock)
            if self.fault == "one_at_a_time":
                self.connection(sock)
                continue
            waits = self.fault == "idle_while_waiting"
            threading.Thread(target=self.connection, args=(sock, waits), daemon=True).start()

    def bears_exhaustion(self) -> bool:
        """Wait a little when there is no descriptor left; tell whether to go on."""
        if self.fault == "dies_when_exhausted":
            os._exit(1)
        if self.fault == "stops_at_exhaustion":
            return False
        if self.fault == "spins_when_exhausted":
            print("exhausted", file=sys.stderr)
        else:
            time.sleep(0.05)
        return True

    def connection(self, sock: socket.socket, waits: bool = False) -> None:
        """Echo until the end; whatever happens to it stays with it."""
        reset = False
        holds = not waits
        try:
            holds = holds or self.slots.acquire(timeout=self.start.idle_s)
            if holds:
                self.leave_something()
                self.echo(sock)
                if self.fault == "reset_instead_of_fin":
                    linger = struct.pack("ii", 1, 0)
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        except TimeoutError:
            pass
        except OSError as error:
            reset = True
            self.meet_reset(sock, error)
        if self.fault == "no_fin" and not reset:
            self.hoard.append(sock.dup())
        with self.changed:
            self.live.discard(sock)
            sock.close()
            self.changed.notify()
        if holds and not (reset and self.fault == "slot_lost_on_reset"):
            self.slots.release()

    def leave_something(self) -> None:
        """Make what outlives its connection, where that is the fault."""
        if self.fault == "leaves_thread":
            threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
        if self.fault == "kept_of_each":
            self.hoard.append(bytearray(3000))
        if self.fault == "one_step" and len(self.hoard) < STEP_AFTER:
            last = len(self.hoard) == STEP_AFTER - 1
            self.hoard.append(b"." * (2 << 20) if last else b"")
        if self.fault == "leaves_child":
            self.hoard.append(subprocess.Popen(["sleep", "3600"]))
        if self.fault == "leaves_pipe":
            os.pipe()
        if self.fault == "chatty":
            print("accepted one", file=sys.stderr)

    def meet_reset(self, sock: socket.socket, error: OSError) -> None:
        """Do what a lost connection must not make a server do."""
        if self.fault == "noisy_reset":
            print(f"unhandled: {error!r}", file=sys.stderr)
        if self.fault == "dies_on_reset":
            os._exit(1)
        if self.fault == "fd_leak_on_reset":
            self.hoard.append(sock.dup())
        if self.fault == "kills_neighbour":
            with self.changed:
                for other in self.live - {sock}:
                    _shut(other)

    def read(self, sock: socket.socket, total: int) -> bytes:
        """Return the bytes that came, b"" at the end. Raises TimeoutError when it is idle."""
        idle = self.start.idle_s
        if idle is not None and self.fault not in ("idle_never", "idle_never_renewed"):
            sock.settimeout(idle * {"idle_late": 2.0, "idle_early": 0.5}.get(self.fault, 1.0))
        if self.fault == "one_buffer":
            buffer = bytearray(8192)
            return bytes(memoryview(buffer)[: sock.recv_into(buffer)])
        tiny = self.fault == "tiny_reads" and total < 4096
        return sock.recv(1 if tiny else 200_000 if self.fault == "large_reads" else CHUNK)

    def write(self, sock: socket.socket, data: bytes) -> None:
        """Send all of it before anything more is read; nobody is idle meanwhile."""
        if self.fault != "idle_while_blocked":
            sock.settimeout(None)
        with self.writing if self.fault == "blocks_all" else nullcontext():
            if self.fault == "partial_send_ignored":
                with suppress(BlockingIOError):
                    sock.send(data, socket.MSG_DONTWAIT)
            elif self.fault == "slow_writes":
                for at in range(0, len(data), 5000):
                    sock.sendall(data[at : at + 5000])
            else:
                sock.sendall(data)

    def echo(self, sock: socket.socket) -> None:
        """Send every byte back until the peer ends."""
        if self.fault == "idle_never_renewed" and self.start.idle_s is not None:
            threading.Timer(self.start.idle_s, _shut, [sock]).start()
        if self.fault in ("unbounded", "read_queue"):
            self.echo_unbounded(sock)
            return
        total, kept = 0, b""
        while data := self.read(sock, total):
            total += len(data)
            spoiled = self.spoil(sock, data, total)
            if self.fault == "memory_kept":
                self.hoard.append(data + b".")
            if self.fault == "nagles_replies" and len(data) < 100:
                time.sleep(0.04)
            if self.fault == "early_fin" and total > 100_000:
                return
            if self.fault == "ends_after_32_mib" and total > 32 << 20:
                return
            send, kept = self.hold_back(kept + spoiled)
            self.write(sock, send)
        self.write(sock, kept)

    def hold_back(self, data: bytes) -> tuple[bytes, bytes]:
        """Part the bytes into those to send now and those kept for later: none, in truth."""
        if self.fault == "line_buffered":
            head, newline, rest = data.rpartition(b"\n")
            return head + newline, rest
        if self.fault == "all_in_one_breath":
            return b"", data
        return data, b""

    def spoil(  # noqa: PLR0911  each branch is a fault
        self, sock: socket.socket, data: bytes, total: int
    ) -> bytes:
        """Change the bytes, where that is the fault."""
        if self.fault == "text":
            return data.decode("utf-8", "replace").encode()
        if self.fault == "doubles_a_chunk" and len(data) >= 16384:
            return data + data[-1:]
        if self.fault == "swaps_bytes" and len(data) > 1:
            return data[:-2] + data[:-3:-1]
        if self.fault == "drops_byte" and total > 1_000_000:
            return data[:-1]
        if self.fault == "drops_tail" and at_end(sock):
            return data[:-1]
        if self.fault == "first_read_only" and total > len(data):
            return b""
        return data

    def echo_unbounded(self, sock: socket.socket) -> None:
        """Read without ever waiting for the write side."""
        queue: list[bytes] = []
        come = threading.Semaphore(0)

        def write_all() -> None:
            with suppress(OSError):
                while come.acquire():
                    data = b"".join(queue) if self.fault == "read_queue" else queue.pop(0)
                    if self.fault == "read_queue":
                        queue.clear()
                    if not data and ended:
                        return
                    sock.sendall(data)

        ended = False
        writer = threading.Thread(target=write_all, daemon=True)
        writer.start()
        while data := self.read(sock, 0):
            sock.settimeout(None)
            queue.append(data)
            come.release()
        ended = True
        queue.append(b"")
        come.release()
        writer.join()


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    Server(Start((*FAULTS, *EQUIVALENT))).run()
