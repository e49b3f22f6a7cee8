"""Busy processes, one for each core, to see what verdicts a loaded machine gives.

Rules: each does nothing but spin on its own core; all end with the block that started them, and
with the harness if that is killed.

    python -m harness.check.hogs PARENT CORE
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness.check.mortal import die_with
from harness.launch import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def hogs() -> Iterator[list[int]]:
    """Keep every core busy for the length of the block; yield the pids."""
    processes = []
    try:
        for core in sorted(os.sched_getaffinity(0)):
            words = [sys.executable, "-m", "harness.check.hogs", str(os.getpid()), str(core)]
            processes.append(subprocess.Popen(words, cwd=ROOT, process_group=0))
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


def main() -> None:
    """Spin until ended."""
    die_with(int(sys.argv[1]))
    os.sched_setaffinity(0, {int(sys.argv[2])})
    while True:
        pass


if __name__ == "__main__":
    main()
