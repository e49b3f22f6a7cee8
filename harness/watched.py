"""Files that somebody edits: how they are now, and what has changed since.

Rules: they are looked at, again and again, by time and size: a thread that waits for the kernel's
word would be there when children are started. What nobody edits is left out (hidden, caches), and
so are an editor's own files.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from harness import interrupt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

POLL_S = 0.2
SETTLED_S = 0.1  # an editor may empty a file before it writes it, or write to another and rename
_CACHES = frozenset({"__pycache__", "node_modules", "target", "build"})

State = dict[Path, tuple[int, int, int]]
"""File -> (modified, nanoseconds; size, bytes; inode)."""


def state(folders: Sequence[Path]) -> State:
    """Return the files below some folders, as they are now; a folder that is gone has none."""
    found: State = {}
    for root in folders:
        for folder, inner, files in os.walk(root):
            inner[:] = [name for name in inner if name not in _CACHES and name[0] != "."]
            for name in files:
                if name[0] == "." or name[-1] == "~":
                    continue
                file = Path(folder, name)
                try:
                    seen = file.stat()
                except OSError:  # it went away meanwhile: it is not there
                    continue
                found[file] = (seen.st_mtime_ns, seen.st_size, seen.st_ino)
    return found


def changed(before: State, after: State) -> list[str]:
    """Return the names of the files that came, went or were written, in order."""
    differ = {file for file in before.keys() | after.keys() if before.get(file) != after.get(file)}
    return sorted({file.name for file in differ})


def wait(
    folders: Sequence[Path], before: State, sleep: Callable[[float], None] = time.sleep
) -> State:
    """Return how the files are once they differ from before, and have come to rest.

    Raises KeyboardInterrupt where one was asked for.
    """
    while (now := state(folders)) == before:
        interrupt.check()
        sleep(POLL_S)
    while True:
        sleep(SETTLED_S)
        interrupt.check()
        after, now = now, state(folders)
        if after == now:
            return now
