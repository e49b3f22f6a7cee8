"""A trampoline: it gives generators turns, each until it has to wait.

A task is a generator. Where it has to wait it yields what for, through every `yield from` above it,
down to run(), which resumes it there once that has come. That is all; `await` is this `yield from`
under another name, and run() an event loop.

Rules: a task yields (socket, EVENT_READ or EVENT_WRITE), or None to wait until it is woken; every
function here and in sockets.py that returns Work does it for its callers. At most one task waits
for a socket at a time, and for a Mailbox or a Group.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Generator
from contextlib import suppress
from itertools import count
from selectors import DefaultSelector
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from socket import socket

T = TypeVar("T")
Work: TypeAlias = Generator["tuple[socket, int] | None", None, T]


class Cancelled(BaseException):
    """Raised in a task that is to end; no `except Exception` holds it up."""


class Loop:
    """What waits, and whose turn it is; there is one."""

    def __init__(self) -> None:
        """Begin with nothing to do."""
        self.selector = DefaultSelector()
        self.ready: deque[Task] = deque()
        self.timers: list[tuple[float, int, Timeout]] = []  # sorted; the number tells equals apart
        self.numbers = count()
        self.current: Task


loop = Loop()


class Task:
    """A generator that has turns; what it returns is kept as its result."""

    def __init__(self, work: Work[Any], group: Group | None = None) -> None:
        """Let it have its first turn in the loop's next round."""
        self.work, self.group = work, group
        self.waiting = self.ended = False
        self.awaited: tuple[socket, int] | None = None
        self.error: BaseException | None = None  # to be raised in its next turn
        self.result: Any = None
        loop.ready.append(self)

    def turn(self) -> None:
        """Run it until it has to wait, or ends."""
        loop.current = self
        error, self.error = self.error, None
        try:
            self.awaited = self.work.throw(error) if error else self.work.send(None)
        except StopIteration as end:
            self.end(end.value)
        except Cancelled:
            self.end(None)
        else:
            self.waiting = True
            if self.awaited:
                loop.selector.register(*self.awaited, self)
            if self.error:  # it was cancelled in its own turn
                self.wake()

    def wake(self, error: BaseException | None = None) -> None:
        """End its waiting; raise the error, the latest one, where it waits."""
        self.error = error or self.error
        if self.waiting:
            self.waiting = False
            if self.awaited:
                loop.selector.unregister(self.awaited[0])
            loop.ready.append(self)

    def end(self, result: Any) -> None:
        """Keep the result, and leave the group."""
        self.ended, self.result = True, result
        if self.group:
            self.group.leave(self)


def run(work: Work[T]) -> T:
    """Give turns until this generator has returned; return what it did."""
    main = Task(work)
    while not main.ended:
        wait_s = 0 if loop.ready else loop.timers[0][0] - monotonic() if loop.timers else None
        for key, _events in loop.selector.select(wait_s):
            key.data.wake()
        while loop.timers and loop.timers[0][0] <= monotonic() and loop.timers[0][-1].expire():
            loop.timers.pop(0)
        for _ in range(len(loop.ready)):  # who becomes ready meanwhile waits for the next round
            loop.ready.popleft().turn()
    result: T = main.result
    return result


class Group:
    """Tasks that are waited for, and cancelled, together."""

    def __init__(self) -> None:
        """Begin with none."""
        self.tasks: set[Task] = set()
        self.joining: Task | None = None

    def spawn(self, work: Work[None]) -> None:
        """Start a task."""
        self.tasks.add(Task(work, self))

    def cancel(self) -> None:
        """Cancel all, also the one that asks for it, where it next waits."""
        for task in self.tasks:
            task.wake(Cancelled())

    def leave(self, task: Task) -> None:
        """Let go of a task that has ended."""
        self.tasks.discard(task)
        if self.joining:
            self.joining.wake()

    def join(self, rest: int = 0) -> Work[None]:
        """Wait until no more than so many are left."""
        self.joining = loop.current
        try:
            while len(self.tasks) > rest:
                yield None
        finally:
            self.joining = None


class Mailbox(Generic[T]):
    """Holds what any task puts there, until the one that reads takes it."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.items: deque[T] = deque()
        self.reader: Task | None = None

    def put(self, item: T) -> None:
        """Add one."""
        self.items.append(item)
        if self.reader:
            self.reader.wake()

    def get(self) -> Work[T]:
        """Wait for the oldest and take it out."""
        self.reader = loop.current
        try:
            while not self.items:
                yield None
        finally:
            self.reader = None
        return self.items.popleft()


class Timeout:
    """Ends the block below it by TimeoutError once it has taken so many seconds."""

    class Expired(BaseException):
        """What is raised in the task: inside of the block it is no error of a socket."""

    def __init__(self, seconds: float) -> None:
        """Count from the beginning of the block."""
        self.seconds = seconds
        self.expired = self.Expired()

    def __enter__(self) -> None:
        """Set the timer."""
        self.task = loop.current
        self.timer = (monotonic() + self.seconds, next(loop.numbers), self)
        insort(loop.timers, self.timer)

    def expire(self) -> bool:
        """End the block, unless the task has an error to raise, which comes first."""
        free = self.task.error is None
        if free:
            self.task.wake(self.expired)
        return free

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Take the timer back, unless it has expired."""
        at = bisect_left(loop.timers, self.timer)
        if loop.timers[at : at + 1] == [self.timer]:
            del loop.timers[at]
        if error is self.expired:
            raise TimeoutError from None


def sleep(seconds: float) -> Work[None]:
    """Wait for so long."""
    with suppress(TimeoutError), Timeout(seconds):
        yield None
