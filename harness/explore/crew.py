"""The workers as the search sees them: it hands out plays, and replaces a worker that is lost.

Rules: workers are started from the main thread (they die with the thread that forks) and are gone
when the block ends. All plays of one trace are handed out together and waited for together.
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

from harness.explore.observation import Observation
from harness.explore.worker import LIMIT_S, Task
from harness.launch import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.explore.trace import Trace
    from harness.model import Implementation

_END_S = 3.0  # for a worker to kill what it started


class _Worker:
    """One worker process."""

    def __init__(self) -> None:
        words = [sys.executable, "-m", "harness.explore.worker", str(os.getpid())]
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
        self.until = 0.0
        self._buffer = b""

    def give(self, task: Task) -> None:
        """Let it play."""
        self.task = task
        self.until = time.monotonic() + LIMIT_S * task.scale + 20
        self._buffer = msgspec.json.encode(task) + b"\n"
        with suppress(BrokenPipeError):  # it is lost, and `take` says so
            while self._buffer:
                self._buffer = self._buffer[self.stdin.write(self._buffer) :]
        self._buffer = b""

    def take(self) -> Observation | None:
        """Return what it has seen, None while that is not whole. Raises EOFError when lost."""
        data = os.read(self.stdout.fileno(), 1 << 20)
        if not data:
            raise EOFError
        self._buffer += data
        if not self._buffer.endswith(b"\n"):
            return None
        return msgspec.json.decode(self._buffer, type=Observation)

    def bury(self) -> None:
        """Wait until it is gone, by force if need be."""
        self.process.terminate()
        try:
            self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.stdin.close()
        self.stdout.close()


class Crew:
    """So many workers, started as they are needed."""

    def __init__(self, size: int) -> None:
        """Have at most `size` workers."""
        self._size = size
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        """Use it as a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """End every worker and what it started."""
        for worker in self._workers:
            worker.process.send_signal(signal.SIGTERM)
        for worker in self._workers:
            worker.bury()

    def play(
        self, trace: Trace, implementations: Sequence[Implementation], scale: float = 1.0
    ) -> dict[str, Observation]:
        """Play a trace on each, side by side; return what was seen, in their order."""
        waiting = [Task(one, trace, scale) for one in implementations]
        waiting.reverse()
        seen: dict[str, Observation] = {}
        while len(seen) < len(implementations):
            while waiting and (worker := self._idle()):
                worker.give(waiting.pop())
            self._collect(seen)
        return {one.name: seen[one.name] for one in implementations}

    def _idle(self) -> _Worker | None:
        """Return a worker with nothing to do, None when all are busy."""
        for worker in self._workers:
            if worker.task is None:
                return worker
        if len(self._workers) == self._size:
            return None
        self._workers.append(_Worker())
        return self._workers[-1]

    def _collect(self, seen: dict[str, Observation]) -> None:
        """Wait for some of the workers and take what they have seen."""
        busy = [worker for worker in self._workers if worker.task is not None]
        with selectors.PollSelector() as selector:
            for worker in busy:
                selector.register(worker.stdout, selectors.EVENT_READ, worker)
            ready = [key.data for key, _ in selector.select(1.0)]
        for worker in busy:
            task = worker.task
            assert task is not None
            found = None
            lost = time.monotonic() > worker.until
            if worker in ready:
                try:
                    found = worker.take()
                except EOFError:
                    lost = True
            if found is None and lost:
                self._workers.remove(worker)
                worker.bury()
                found = Observation((), nothing="the worker that played it was lost")
            if found is not None:
                worker.task = None
                seen[task.implementation.name] = found
