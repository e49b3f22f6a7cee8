"""One worker: a process that plays the cases it is told to play, one after the other.

Rules: it speaks JSON lines (a Task in, a Played out for each of its cases) and decides nothing but
what one case concluded. Its main thread, its only one, starts all children.

    python -m harness.check.worker PARENT LATENESS_FILE
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness import launch
from harness.check import cases, sitting
from harness.check.control import Lateness
from harness.check.mortal import die_with
from harness.check.stage import Stage
from harness.model import Implementation  # noqa: TC001  msgspec reads the annotations

if TYPE_CHECKING:
    from harness.check.shelf import Shelf


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """Cases to play: one, or those of one sitting."""

    implementation: Implementation
    cases: tuple[str, ...]
    core: int | None = None
    """Of the implementation; the worker takes `own_core` then."""
    own_core: int | None = None


def main() -> None:
    """Play tasks from stdin until its end."""
    die_with(int(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_NOFILE, launch.file_limits())
    lateness = Lateness(Path(sys.argv[2]))
    everywhere = os.sched_getaffinity(0)
    by_id = {case.id: case for case in cases.ALL}
    decoder = msgspec.json.Decoder(Task)
    for line in sys.stdin.buffer:
        task = decoder.decode(line)
        os.sched_setaffinity(0, everywhere if task.own_core is None else {task.own_core})

        def stage(shelf: Shelf | None = None, task: Task = task) -> Stage:
            return Stage(task.implementation, lateness.factor, task.core, shelf)

        for played in sitting.play([by_id[case] for case in task.cases], stage):
            sys.stdout.buffer.write(msgspec.json.encode(played) + b"\n")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
