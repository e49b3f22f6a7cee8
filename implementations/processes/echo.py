"""echo on processes: blocking sockets, and connections as processes of their own."""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import nullcontext
from select import select
from socket import socket, socketpair
from time import monotonic, sleep
from typing import TYPE_CHECKING

from implementations.contract import BACKOFF_S, CHUNK
from implementations.threads.echo import echo

if TYPE_CHECKING:
    from collections.abc import Callable

    from implementations.contract import EchoOptions

ENDING = {signal.SIGTERM, signal.SIGINT}
HEARD = {*ENDING, signal.SIGCHLD}


def fork(connection: socket, listener: socket, options: EchoOptions) -> int:
    """Fork a process for one connection; return its number."""
    number = os.fork()
    if number:
        return number
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # Ctrl-C reaches all of a terminal's processes, and it is the parent that drains.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        listener.close()
        echo(connection, options, nullcontext())  # backpressure, end, idle, reset: as on threads
        status = 0
    except Exception:  # noqa: BLE001  the edge of this process
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def reap(children: set[int]) -> None:
    """Let go of every process that has ended."""
    while children:
        number, _status = os.waitpid(-1, os.WNOHANG)
        if not number:
            break
        children.remove(number)


def accept(listener: socket, woken: socket, options: EchoOptions, children: set[int]) -> None:
    """Fork a process for every connection, until a signal."""
    while True:
        full = options.limit is not None and len(children) >= options.limit
        # limit: the surplus waits in the kernel
        heard, _, _ = select([woken] if full else [woken, listener], [], [])
        if woken in heard:
            numbers = woken.recv(CHUNK)
            reap(children)
            if not ENDING.isdisjoint(numbers):
                return
        else:
            try:
                connection, _address = listener.accept()
                with connection:
                    children.add(fork(connection, listener, options))
            except OSError:
                sleep(BACKOFF_S)


def run(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Serve until a signal, then drain."""
    woken, waker = socketpair()
    for each in (listener, woken, waker):
        each.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())
    for number in HEARD:
        signal.signal(number, lambda *_: None)  # the byte that arrives is its number
    gc.freeze()  # or a collection in a child would touch, and so copy, all that it shares
    children: set[int] = set()
    ready()
    accept(listener, woken, options, children)
    signal.set_wakeup_fd(-1)
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)  # from here on they are asked for
    for number in ENDING:
        signal.signal(number, signal.SIG_DFL)
    listener.close()  # drain: the listener first, then the processes, killed at the grace
    end = monotonic() + options.grace_s
    reap(children)
    while children and (left := end - monotonic()) > 0:
        heard = signal.sigtimedwait(HEARD, left)
        if heard and heard.si_signo in ENDING:
            break  # a second signal, whose default action would leave the processes alone
        reap(children)
    for child in children:
        os.kill(child, signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    run(listener, options, ready)
