"""Sockets whose calls wait by a yield, signals that arrive on one, and names looked up in threads.

Rules: the sockets do not block. Whatever comes from outside of the loop, from a signal or a thread,
comes by a socket, for that is all that wakes it.
"""

from __future__ import annotations

from contextlib import nullcontext, suppress
from errno import EINPROGRESS
from os import strerror
from selectors import EVENT_READ, EVENT_WRITE
from signal import SIG_DFL, set_wakeup_fd, signal
from socket import SO_ERROR, SOCK_STREAM, SOL_SOCKET, getaddrinfo, socket, socketpair
from ssl import SSLSocket, SSLWantReadError, SSLWantWriteError
from typing import TYPE_CHECKING, Any, TypeVar

from implementations.contract import ATTEMPT_S
from implementations.generators.trampoline import Group, Mailbox, Timeout
from implementations.lookups import Lookups

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from implementations.generators.trampoline import Work

T = TypeVar("T")

LOOKUPS = Lookups()


def attempt(connection: socket, event: int, call: Callable[..., T], *args: Any) -> Work[T]:
    """Make a call that does not block, and again whenever it may get further."""
    while True:
        try:
            return call(*args)
        except BlockingIOError:
            yield connection, event
        except SSLWantReadError:
            yield connection, EVENT_READ
        except SSLWantWriteError:
            yield connection, EVENT_WRITE


def accept(listener: socket) -> Work[socket]:
    """Wait for a connection."""
    connection, _address = yield from attempt(listener, EVENT_READ, listener.accept)
    connection.setblocking(False)
    return connection


def connect(connection: socket, address: Any) -> Work[None]:
    """Connect to an address."""
    number = connection.connect_ex(address)
    if number == EINPROGRESS:
        yield connection, EVENT_WRITE
        number = connection.getsockopt(SOL_SOCKET, SO_ERROR)
    if number:
        raise OSError(number, strerror(number))


def receive(connection: socket, size: int) -> Work[bytes]:
    """Wait for bytes, b"" at the peer's end; whoever has some at once waits for its turn, too."""
    if not (isinstance(connection, SSLSocket) and connection.pending()):
        yield connection, EVENT_READ
    return (yield from attempt(connection, EVENT_READ, connection.recv, size))


def send(connection: socket, data: bytes) -> Work[None]:
    """Wait until all bytes are written."""
    while data:
        sent = yield from attempt(connection, EVENT_WRITE, connection.send, data)
        data = data[sent:]


class Signals:
    """Catches signals for a block; then their default actions are back."""

    def __init__(self, *numbers: int) -> None:
        """Name them."""
        self.numbers = numbers

    def __enter__(self) -> Self:
        """Let each come as a byte, its number: a handler alone wakes nobody who begins to wait."""
        self.woken, self.waker = socketpair()
        self.woken.setblocking(False)
        self.waker.setblocking(False)
        set_wakeup_fd(self.waker.fileno())
        for number in self.numbers:
            signal(number, lambda *_: None)
        return self

    def __exit__(self, *_error: object) -> None:
        """Catch no more."""
        for number in self.numbers:
            signal(number, SIG_DFL)
        set_wakeup_fd(-1)
        self.woken.close()
        self.waker.close()

    def get(self) -> Work[int]:
        """Wait for one of them; others, as a timer's, come here as well."""
        while (number := (yield from receive(self.woken, 1))[0]) not in self.numbers:
            pass
        return number


def look_up(host: str, port: int) -> Work[list[Any]]:
    """Return what getaddrinfo() finds, in a thread."""
    woken, waker = socketpair()
    with woken:
        lookup = LOOKUPS.submit(getaddrinfo, host, port, 0, SOCK_STREAM)
        lookup.add_done_callback(lambda _: waker.close())
        yield woken, EVENT_READ
    found: list[Any] = lookup.result()
    return found


def connect_one(family: int, address: object, results: Mailbox[socket | OSError]) -> Work[None]:
    """Connect to one address, and tell what came of it."""
    connection = socket(family)
    connection.setblocking(False)
    try:
        yield from connect(connection, address)
    except BaseException as error:
        connection.close()
        if not isinstance(error, OSError):
            raise  # cancelled
        results.put(error)
    else:
        results.put(connection)


def dial(host: str, port: int) -> Work[socket]:
    """Connect to the first address that answers; none has to wait until another has failed."""
    found = yield from look_up(host, port)
    results: Mailbox[socket | OSError] = Mailbox()
    attempts = Group()
    running = 0
    error = OSError()
    try:
        while found or running:
            if found:
                family, _, _, _, address = found.pop(0)
                attempts.spawn(connect_one(family, address, results))
                running += 1
            with suppress(TimeoutError), Timeout(ATTEMPT_S) if found else nullcontext():
                result = yield from results.get()
                running -= 1
                if isinstance(result, socket):
                    return result
                error = result
    finally:
        attempts.cancel()
        yield from attempts.join()
    raise error
