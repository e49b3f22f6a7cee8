"""An echo server that keeps the contract, and every way to break it that has a name in FAULTS.

It is written on the loop's raw socket calls, so that each fault is one visible line beside the line
that it breaks. Started as `echo_base.py [FAULT] echo --fd N ...`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import raw_tls

FAULTS = (
    *("accepts_in_drain", "all_in_one_breath", "blocks_all", "cuts_early", "dies_on_reset"),
    *("doubles_a_chunk", "drops_byte", "drops_tail", "early_fin", "ends_after_32_mib"),
    "exit_status",
    *("fd_leak_on_reset", "flood_stderr", "hangs_in_drain", "idle_early", "idle_late"),
    *("idle_never", "idle_never_renewed", "idle_while_blocked", "idle_while_waiting"),
    *("kept_of_each", "kills_neighbour"),
    *("late_handler", "leaves_child", "leaves_thread", "limit_closes"),
    *("limit_off_by_one", "line_buffered", "memory_kept", "nagles_replies", "never_ready"),
    *("no_handler_reset", "noisy_reset", "not_at_grace", "one_at_a_time"),
    *("partial_send_ignored", "port_busy_traceback"),
    *("ready_early", "reset_instead_of_fin", "slot_lost_on_reset", "spins_when_exhausted"),
    *("stops_at_900", "stops_at_exhaustion", "text", "unbounded", "waits_for_grace"),
    *("delays_last_segment", "evicts_when_exhausted", "name_of_two_parts", "nameless_kills"),
    *("urgent_ends", *raw_tls.TLS_FAULTS),
)
EQUIVALENT = ("extra_yields",)
"""A variation that keeps the contract: no case may fail for it."""

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Echo:
    """One server; every method is the plain thing with its faults beside it."""

    def __init__(self, listener: socket.socket, options: argparse.Namespace, fault: str) -> None:
        """Serve on this listener."""
        self.listener = listener
        self.options = options
        self.fault = fault
        self.loop = asyncio.get_running_loop()
        self.tasks: set[asyncio.Task[None]] = set()
        limit = options.limit or 1 << 30
        self.slots = asyncio.Semaphore(limit + (fault == "limit_off_by_one"))
        self.draining = asyncio.Event()
        self.others: list[socket.socket] = []
        self.hoard: list[object] = []
        self.accepted = 0
        self.context = options.tls_cert and raw_tls.context(
            options.tls_cert, options.tls_key, fault
        )
        self.wires: dict[socket.socket, raw_tls.Wire] = {}

    def terminate(self) -> None:
        """Begin the drain; the next signal has its default action."""
        if self.fault != "no_handler_reset":
            for number in SIGNALS:
                self.loop.remove_signal_handler(number)
                signal.signal(number, signal.SIG_DFL)
        if self.fault == "cuts_early":
            os._exit(0)
        self.draining.set()

    def handle_signals(self) -> None:
        """Take SIGTERM and SIGINT."""
        for number in SIGNALS:
            self.loop.add_signal_handler(number, self.terminate)

    async def serve(self) -> None:
        """Serve until a signal, then drain."""
        self.listener.setblocking(False)
        if self.fault != "late_handler":
            self.handle_signals()
        if self.fault not in ("ready_early", "never_ready"):
            print("READY", flush=True)
        if self.fault == "late_handler":
            await asyncio.sleep(0.05)
            self.handle_signals()
        accepting = asyncio.create_task(self.accept())
        await self.draining.wait()
        if self.fault != "accepts_in_drain":
            accepting.cancel()
            await asyncio.wait([accepting])
            self.listener.close()
        await self.drain()

    async def drain(self) -> None:
        """Let the open connections finish, and cut the rest at the grace."""
        if self.fault == "hangs_in_drain":
            await asyncio.sleep(3600)
        if self.fault == "waits_for_grace":
            await asyncio.sleep(self.options.grace_s)
        if not self.tasks:
            return
        grace = None if self.fault == "not_at_grace" else self.options.grace_s
        _, late = await asyncio.wait(self.tasks, timeout=grace)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    async def accept(self) -> None:
        """Accept for ever, as many at a time as the limit allows."""
        while True:
            early = self.fault in ("limit_closes", "idle_while_waiting")
            if not early:
                await self.slots.acquire()
            try:
                sock = await self.next_connection()
            except OSError:
                self.slots.release()
                if self.fault == "stops_at_exhaustion":
                    return
                await self.wait_for_descriptors()
                continue
            if self.fault == "limit_closes" and self.slots.locked():
                sock.close()
                continue
            if self.fault == "one_at_a_time":
                await self.connection(sock)
                continue
            if self.fault == "tls_stall_blocks":
                await self.begin(sock)
            self.accepted += 1
            if self.fault == "stops_at_900" and len(self.tasks) == 900:
                return
            task = asyncio.create_task(self.connection(sock, waits=early))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def wait_for_descriptors(self) -> None:
        """Wait for a while, as a failed accept is tried again."""
        if self.fault == "evicts_when_exhausted" and self.others:
            _shut(self.others[0])
        if self.fault == "spins_when_exhausted":
            print("exhausted", file=sys.stderr)
        await asyncio.sleep(0 if self.fault == "spins_when_exhausted" else 0.05)

    async def next_connection(self) -> socket.socket:
        """Accept one; `sock_accept` writes a traceback when it is cancelled at a bad moment."""
        while True:
            with contextlib.suppress(BlockingIOError):
                sock, _ = self.listener.accept()
                sock.setblocking(False)
                return sock
            came = asyncio.Event()
            self.loop.add_reader(self.listener, came.set)
            try:
                await came.wait()
            finally:
                self.loop.remove_reader(self.listener)

    async def connection(self, sock: socket.socket, *, waits: bool = False) -> None:
        """Echo until the end; whatever happens to it stays with it."""
        reset = False
        self.others.append(sock)
        try:
            if waits:
                async with asyncio.timeout(self.options.idle_s):
                    await self.slots.acquire()
            self.leave_something()
            self.look_at(sock)
            await self.begin(sock)
            await self.echo(sock)
            if self.context:
                await self.wires[sock].end()
        except TimeoutError:
            pass
        except OSError as error:
            reset = True
            self.meet_reset(sock, error)
        finally:
            self.others.remove(sock)
            self.wires.pop(sock, None)
            if self.fault == "reset_instead_of_fin":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
            if not (reset and self.fault == "slot_lost_on_reset"):
                self.slots.release()

    async def begin(self, sock: socket.socket) -> None:
        """Shake hands, where TLS is spoken, unless that is done."""
        if self.context and sock not in self.wires:
            self.wires[sock] = raw_tls.Wire(sock, self.context, self.fault)
            await self.wires[sock].shake_hands()

    def look_at(self, sock: socket.socket) -> None:
        """Make a wrong use of what a connection is called."""
        if self.fault == "name_of_two_parts" and len(sock.getpeername()) > 2:
            raise OSError("whoever comes from an address of four parts?")
        if self.fault == "nameless_kills" and not sock.getpeername():
            os._exit(1)

    async def recv(self, sock: socket.socket) -> bytes:
        """Return the bytes that came, b"" at the end."""
        if self.context:
            return await self.wires[sock].recv()
        data = await self.loop.sock_recv(sock, 65536)
        if self.fault == "urgent_ends" and _urgent(sock):
            return b""
        return data

    async def sendall(self, sock: socket.socket, data: bytes) -> None:
        """Send all of it."""
        if self.context:
            await self.wires[sock].sendall(data)
        else:
            await self.loop.sock_sendall(sock, data)

    def leave_something(self) -> None:
        """Start what outlives its connection, where that is the fault."""
        if self.fault == "leaves_thread":
            threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
        if self.fault == "kept_of_each":
            self.hoard.append(bytearray(3000))
        if self.fault == "leaves_child":
            self.hoard.append(subprocess.Popen(["sleep", "3600"]))

    def meet_reset(self, sock: socket.socket, error: OSError) -> None:
        """Do what a lost connection must not make a server do."""
        if self.fault == "noisy_reset":
            print(f"unhandled: {error!r}", file=sys.stderr)
        if self.fault == "dies_on_reset":
            os._exit(1)
        if self.fault == "fd_leak_on_reset":
            self.hoard.append(sock.dup())
        if self.fault == "kills_neighbour":
            for other in self.others:
                _shut(other)

    async def read(self, sock: socket.socket) -> bytes:
        """Return the bytes that came, b"" at the end or when it was idle for too long."""
        idle = self.options.idle_s
        if idle is None or self.fault in ("idle_never", "idle_never_renewed"):
            return await self.recv(sock)
        idle *= {"idle_late": 2.0, "idle_early": 0.5}.get(self.fault, 1.0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(idle):
                return await self.recv(sock)
        return b""

    async def write(self, sock: socket.socket, data: bytes) -> None:
        """Send all of it before anything more is read."""
        if self.fault == "blocks_all":
            sock.setblocking(True)
            sock.sendall(data)
            sock.setblocking(False)
        elif self.fault == "partial_send_ignored":
            with contextlib.suppress(BlockingIOError):
                sock.send(data)
        elif self.fault == "idle_while_blocked" and self.options.idle_s is not None:
            async with asyncio.timeout(self.options.idle_s):
                await self.sendall(sock, data)
        else:
            await self.sendall(sock, data)

    async def echo(self, sock: socket.socket) -> None:
        """Send every byte back until the peer ends."""
        if self.fault == "idle_never_renewed" and self.options.idle_s is not None:
            self.loop.call_later(self.options.idle_s, _shut, sock)
        if self.fault == "unbounded":
            await self.echo_unbounded(sock)
            return
        total, kept = 0, b""
        while data := await self.read(sock):
            total += len(data)
            if self.fault == "extra_yields":
                await asyncio.sleep(0)
            spoiled = self.spoil(sock, data, total)
            if self.fault == "memory_kept":
                self.hoard.append(data + b".")
            if self.fault == "delays_last_segment" and 100 <= len(data) < 1000:
                await asyncio.sleep(0.04)  # Nagle's own way of it shows on loopback by chance alone
            if self.fault == "nagles_replies" and len(data) < 100:
                await asyncio.sleep(0.04)
            if self.fault == "early_fin" and total > 100_000:
                return
            if self.fault == "ends_after_32_mib" and total > 32 << 20:
                return
            send, kept = self.hold_back(kept + spoiled)
            await self.write(sock, send)
        await self.write(sock, kept)

    def hold_back(self, data: bytes) -> tuple[bytes, bytes]:
        """Part the bytes into those to send now and those kept for later: none, in truth."""
        if self.fault == "line_buffered":
            head, newline, rest = data.rpartition(b"\n")
            return head + newline, rest
        if self.fault == "all_in_one_breath":
            return b"", data
        return data, b""

    def spoil(self, sock: socket.socket, data: bytes, total: int) -> bytes:
        """Change the bytes, where that is the fault."""
        if self.fault == "text":
            return data.decode("utf-8", "replace").encode()
        if self.fault == "doubles_a_chunk" and len(data) >= 16384:
            return data + data[-1:]
        if self.fault == "drops_byte" and total > 1_000_000:
            return data[:-1]
        if self.fault == "drops_tail" and _at_end(sock):
            return data[:-1]
        return data

    async def echo_unbounded(self, sock: socket.socket) -> None:
        """Read without ever waiting for the write side."""
        queue: asyncio.Queue[bytes] = asyncio.Queue()

        async def write_all() -> None:
            while data := await queue.get():
                await self.sendall(sock, data)

        writer = asyncio.create_task(write_all())
        try:
            while data := await self.read(sock):
                queue.put_nowait(data)
            queue.put_nowait(b"")
            await writer
        finally:
            writer.cancel()


def _at_end(sock: socket.socket) -> bool:
    """Tell whether a FIN is all that is left to read."""
    try:
        return not sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False


def _urgent(sock: socket.socket) -> bool:
    """Tell whether a byte out of band waits."""
    with contextlib.suppress(OSError):
        return bool(sock.recv(1, socket.MSG_OOB))
    return False


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _listener(options: argparse.Namespace, fault: str) -> socket.socket:
    """Return the inherited listener, or one on the port."""
    if options.fd is not None:
        return socket.socket(fileno=options.fd)
    try:
        return socket.create_server(("127.0.0.1", options.port), backlog=1024)
    except OSError as error:
        if fault == "port_busy_traceback":
            raise
        print(f"cannot listen on port {options.port}: {error.strerror}", file=sys.stderr)
        raise SystemExit(2) from None


def _flood() -> None:
    """Write to stderr until it is full."""
    with contextlib.suppress(OSError):
        while True:
            os.write(2, b"noise " * 1000 + b"\n")


def main() -> None:
    """Read the command line and serve."""
    words = sys.argv[1:]
    fault = words.pop(0) if words[0] != "echo" else ""
    if fault not in ("", *FAULTS, *EQUIVALENT):
        raise SystemExit(f"there is no fault {fault!r}")
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", choices=["echo"])
    parser.add_argument("--fd", type=int)
    parser.add_argument("--port", type=int)
    parser.add_argument("--idle-s", type=float)
    parser.add_argument("--grace-s", type=float, default=5.0)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--tls-cert")
    parser.add_argument("--tls-key")
    options = parser.parse_args(words)
    if fault == "ready_early":
        print("READY", flush=True)
        time.sleep(0.05)
    if fault == "flood_stderr":
        threading.Thread(target=_flood, daemon=True).start()
    listener = _listener(options, fault)

    async def run() -> None:
        await Echo(listener, options, fault).serve()

    asyncio.run(run())
    raise SystemExit(3 if fault == "exit_status" else 0)


if __name__ == "__main__":
    main()
