"""The workers as the harness sees them: it hands out tasks, and replaces a worker that is lost.

Rules: workers are started from the main thread (they die with the thread that forks) and are gone
when the block ends.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

import msgspec

from harness.check.player import LIMIT_S, Played
from harness.launch import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.check.worker import Task

_GIVE_UP_S = LIMIT_S + 20  # a worker stops a case itself; past this it is lost
_END_S = 3.0  # for a worker to kill what it started


class _Worker:
    """One worker process and what it is doing."""

    def __init__(self, lateness: Path) -> None:
        words = [sys.executable, "-m", "harness.check.worker", str(os.getpid()), str(lateness)]
        self.process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            bufsize=0,
            process_group=0,  # Ctrl-C in a terminal is for the harness alone
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        self.task: Task | None = None
        self.waits_for: list[str] = []
        """The cases of its task that it has not told of."""
        self.since = 0.0
        self._buffer = b""

    def give(self, task: Task) -> None:
        """Let it play a task."""
        self.task, self.waits_for, self.since = task, list(task.cases), time.monotonic()
        with suppress(BrokenPipeError):  # it is lost, and `take` says so
            self.stdin.write(msgspec.json.encode(task) + b"\n")

    def take(self) -> list[Played]:
        """Return what it has played since. Raises EOFError when it is lost."""
        data = os.read(self.stdout.fileno(), 1 << 20)
        if not data:
            raise EOFError
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        found = [msgspec.json.decode(line, type=Played) for line in lines]
        for played in found:
            self.waits_for.remove(played.case)
            self.since = time.monotonic()
        return found

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end."""
        self.process.send_signal(number)

    def bury(self) -> int:
        """Wait until it is gone, by force if need be; return its status."""
        try:
            self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.stdin.close()
        self.stdout.close()
        return self.process.returncode


class Crew:
    """So many workers, started as they are needed."""

    def __init__(self, size: int, lateness: Path) -> None:
        """Have at most `size` workers, which read their lateness from that file."""
        self._size = size
        self._lateness = lateness
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        """Use it as a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """End every worker and what it started."""
        for worker in self._workers:
            worker.end()
        for worker in self._workers:
            worker.bury()

    def play(self, tasks: Iterator[Task], most: int = 0) -> Iterator[tuple[Task, Played]]:
        """Yield each task with what came of its cases, as it comes.

        At most `most` (0: all) workers are at work at a time.
        """
        size = min(most or self._size, self._size)
        again: list[Task] = []
        exhausted = False
        while True:
            while sum(worker.task is not None for worker in self._workers) < size:
                task = again.pop() if again else None if exhausted else next(tasks, None)
                if task is None:
                    exhausted = True
                    break
                self._idle().give(task)
            busy = [worker for worker in self._workers if worker.task is not None]
            if not busy:
                return
            yield from self._collect(busy, again)

    def _idle(self) -> _Worker:
        """Return a worker with nothing to do."""
        for worker in self._workers:
            if worker.task is None:
                return worker
        self._workers.append(_Worker(self._lateness))
        return self._workers[-1]

    def _collect(self, busy: list[_Worker], again: list[Task]) -> Iterator[tuple[Task, Played]]:
        """Wait for some of the workers and yield what they have played."""
        with selectors.PollSelector() as selector:
            for worker in busy:
                selector.register(worker.stdout, selectors.EVENT_READ, worker)
            ready = [key.data for key, _ in selector.select(1.0)]
        for worker in busy:
            task = worker.task
            assert task is not None
            found: list[Played] = []
            if worker in ready:
                try:
                    found = worker.take()
                except EOFError:
                    found = [self._lost(worker, "died", again)]
            elif time.monotonic() - worker.since > _GIVE_UP_S:
                worker.end(signal.SIGKILL)
                found = [self._lost(worker, "hung", again)]
            if not worker.waits_for:
                worker.task = None
            for played in found:
                yield task, played

    def _lost(self, worker: _Worker, how: str, again: list[Task]) -> Played:
        """Take a lost worker out; another plays what it still had to play after this case."""
        status = worker.bury()
        self._workers.remove(worker)
        lost, *rest = worker.waits_for
        if rest:
            assert worker.task is not None
            again.append(msgspec.structs.replace(worker.task, cases=tuple(rest)))
        worker.waits_for = []
        return Played(
            case=lost,
            verdict="HARNESS-ERROR",
            reason=f"the worker that played it {how} (status {status})",
            wall_s=round(time.monotonic() - worker.since, 3),
        )
