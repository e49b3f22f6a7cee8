"""Tasklets and channels, which Stackless Python had in its interpreter, over greenlets.

A tasklet is a function with a stack of its own, so that it can be left in the midst of any call and
returned to there; no caller need know. Tasklets hand each other values through channels, and who
comes first to a channel waits there for the other: that is the only way to wait, for a socket too.

Rules: run() has the main greenlet to itself, and what waits switches there. There is one loop.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from contextlib import suppress
from itertools import count
from selectors import DefaultSelector
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from greenlet import GreenletExit as TaskletExit
from greenlet import getcurrent, greenlet

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

T = TypeVar("T")

main = getcurrent()
runnable: deque[Tasklet] = deque()
selector = DefaultSelector()
timers: list[tuple[float, int, Timeout]] = []  # sorted; the number tells equals apart
numbers = count()


class Tasklet(greenlet):
    """A function that has turns; `Tasklet(function)(arguments)` starts it."""

    def __init__(self, function: Callable[..., None], group: Group | None = None) -> None:
        """Make it; where it ends, the main greenlet goes on."""
        super().__init__(self.live, main)
        self.function, self.group = function, group
        self.queue: deque[Tasklet] | None = None  # of a channel, while it waits there
        self.value: Any = None  # that it hands over there, or is handed
        self.error: BaseException | None = None  # to be raised where it waits

    def __call__(self, *arguments: object) -> Tasklet:
        """Let it have its first turn after those of all others."""
        self.value = arguments
        runnable.append(self)
        return self

    def live(self) -> None:
        """Call the function, unless it was killed before; then leave the group."""
        try:
            if not self.error:
                self.function(*self.value)
        finally:
            if self.group:
                self.group.leave(self)

    def wait(self, queue: deque[Tasklet], value: Any = None) -> Any:
        """Stand in a queue until woken there; return what was handed over."""
        if not self.error:  # it may have been killed in its own turn
            self.queue, self.value = queue, value
            queue.append(self)
            main.switch()
        error, self.error = self.error, None
        if error:
            raise error
        return self.value

    def wake(self, value: Any = None, error: BaseException | None = None) -> None:
        """End its waiting by a value, or an error: the latest one."""
        self.error = error or self.error
        if self.queue is not None:
            self.queue.remove(self)
            self.queue, self.value = None, value
            runnable.append(self)

    def kill(self) -> None:
        """Raise TaskletExit where it waits."""
        self.wake(error=TaskletExit())


class Channel(Generic[T]):
    """Hands values over, from who sends to who receives, in the order in which they came."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self.senders: deque[Tasklet] = deque()
        self.receivers: deque[Tasklet] = deque()

    @property
    def balance(self) -> int:
        """How many wait to send, or below zero to receive."""
        return len(self.senders) - len(self.receivers)

    def send(self, value: T) -> None:
        """Hand over a value; wait for a receiver where there is none."""
        if self.receivers:
            self.receivers[0].wake(value)
        else:
            getcurrent().wait(self.senders, value)

    def receive(self) -> T:
        """Return a value; wait for a sender where there is none."""
        if self.senders:
            sender = self.senders[0]
            value: T = sender.value
            sender.wake()
        else:
            value = getcurrent().wait(self.receivers)
        return value


def run(function: Callable[..., T], *arguments: object) -> T:
    """Give turns until a function of a tasklet of its own has returned; return what it did."""
    results: list[T] = []
    first = Tasklet(lambda: results.append(function(*arguments)))()
    while not first.dead:
        wait_s = 0 if runnable else timers[0][0] - monotonic() if timers else None
        for key, _events in selector.select(wait_s):
            if key.data.balance < 0:  # or who waited there was killed, and its turn is to come
                key.data.send(None)
        while timers and timers[0][0] <= monotonic() and timers[0][-1].expire():
            timers.pop(0)
        for _ in range(len(runnable)):  # who becomes runnable meanwhile waits for the next round
            runnable.popleft().switch()
    return results[0]


def wait_for(connection: socket, event: int) -> None:
    """Wait for a socket: the loop sends on the channel that it finds with it."""
    channel: Channel[None] = Channel()
    selector.register(connection, event, channel)
    try:
        channel.receive()
    finally:
        selector.unregister(connection)


class Timeout:
    """Ends the block below it by TimeoutError once it has taken so many seconds."""

    class Expired(BaseException):
        """What is raised in the tasklet: inside of the block it is no error of a socket."""

    def __init__(self, seconds: float) -> None:
        """Count from the beginning of the block."""
        self.seconds = seconds
        self.expired = self.Expired()

    def __enter__(self) -> None:
        """Set the timer."""
        self.tasklet = getcurrent()
        self.timer = (monotonic() + self.seconds, next(numbers), self)
        insort(timers, self.timer)

    def expire(self) -> bool:
        """End the block, unless the tasklet has an error to raise, which comes first."""
        free = self.tasklet.error is None
        if free:
            self.tasklet.wake(error=self.expired)
        return free

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Take the timer back, unless it has expired."""
        at = bisect_left(timers, self.timer)
        if timers[at : at + 1] == [self.timer]:
            del timers[at]
        if error is self.expired:
            raise TimeoutError from None


def sleep(seconds: float) -> None:
    """Wait for so long, at a channel where nobody sends."""
    channel: Channel[None] = Channel()
    with suppress(TimeoutError), Timeout(seconds):
        channel.receive()


class Group:
    """Tasklets that are waited for, and killed, together."""

    def __init__(self) -> None:
        """Begin with none."""
        self.tasklets: set[Tasklet] = set()
        self.left: Channel[None] = Channel()

    def spawn(self, function: Callable[..., None], *arguments: object) -> None:
        """Start a tasklet."""
        self.tasklets.add(Tasklet(function, self)(*arguments))

    def leave(self, tasklet: Tasklet) -> None:
        """Let go of a tasklet that has ended."""
        self.tasklets.discard(tasklet)
        if self.left.balance < 0:
            self.left.send(None)

    def kill(self) -> None:
        """Kill all, also the one that asks for it, where it next waits."""
        for tasklet in self.tasklets:
            tasklet.kill()

    def join(self, rest: int = 0) -> None:
        """Wait until no more than so many are left."""
        while len(self.tasklets) > rest:
            self.left.receive()
