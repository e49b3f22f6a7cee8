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

from harness.check.worker import LIMIT_S, Played, Task
from harness.launch import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
        self.since = 0.0
        self._buffer = b""

    def give(self, task: Task) -> None:
        """Let it play a task."""
        self.task, self.since = task, time.monotonic()
        with suppress(BrokenPipeError):  # it is lost, and `take` says so
            self.stdin.write(msgspec.json.encode(task) + b"\n")

    def take(self) -> Played | None:
        """Return what it has played, None while that is not whole. Raises EOFError when lost."""
        data = os.read(self.stdout.fileno(), 1 << 20)
        if not data:
            raise EOFError
        self._buffer += data
        line, newline, rest = self._buffer.partition(b"\n")
        if not newline:
            return None
        self._buffer = rest
        return msgspec.json.decode(line, type=Played)

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
        """Yield each task with what came of it, as it comes; `most` (0: all) workers at a time."""
        size = min(most or self._size, self._size)
        exhausted = False
        while True:
            while not exhausted and sum(worker.task is not None for worker in self._workers) < size:
                task = next(tasks, None)
                if task is None:
                    exhausted = True
                    break
                self._idle().give(task)
            busy = [worker for worker in self._workers if worker.task is not None]
            if not busy:
                return
            yield from self._collect(busy)

    def _idle(self) -> _Worker:
        """Return a worker with nothing to do."""
        for worker in self._workers:
            if worker.task is None:
                return worker
        self._workers.append(_Worker(self._lateness))
        return self._workers[-1]

    def _collect(self, busy: list[_Worker]) -> Iterator[tuple[Task, Played]]:
        """Wait for some of the workers and yield what they have played."""
        with selectors.PollSelector() as selector:
            for worker in busy:
                selector.register(worker.stdout, selectors.EVENT_READ, worker)
            ready = [key.data for key, _ in selector.select(1.0)]
        for worker in busy:
            task = worker.task
            assert task is not None
            played: Played | None = None
            if worker in ready:
                try:
                    played = worker.take()
                except EOFError:
                    played = self._lost(worker, "died")
            elif time.monotonic() - worker.since > _GIVE_UP_S:
                worker.end(signal.SIGKILL)
                played = self._lost(worker, "hung")
            if played is not None:
                worker.task = None
                yield task, played

    def _lost(self, worker: _Worker, how: str) -> Played:
        """Take a lost worker out; the next task starts another."""
        status = worker.bury()
        self._workers.remove(worker)
        return Played(
            verdict="HARNESS-ERROR",
            reason=f"the worker that played it {how} (status {status})",
            wall_s=round(time.monotonic() - worker.since, 3),
        )
