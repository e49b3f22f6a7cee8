"""Which steps of an implementation share a context (contextvars), told from outside of its code.

Rules: standard library alone, and nothing here knows a framework, wraps one or changes a file. A
step is an entry into a function of an implementation's own file, or the resumption of a coroutine
or a generator there; a thread and a greenlet that go on make their next step with their next call.
At each step a mark is set, as the code there could set one itself, and a line is written with the
marks that are seen:

    PROCESS.THREAD PROCESS.NUMBER-OF-THE-MARK SEEN SEEN ...

So one process tells all at once: where a mark set at some step is seen later, and where it is not.
Each step costs some microseconds and each mark stays: for looking, never for timing.
"""

from __future__ import annotations

import os
import sys
import threading
from contextvars import ContextVar, copy_context
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

HERE = Path(__file__).resolve().parent
MODE = os.O_WRONLY | os.O_APPEND | os.O_CREAT  # appended whole, whichever process writes


def _own(folder: Path) -> tuple[str, ...]:
    """Return how the names of files begin that are an implementation's: its own, its siblings'."""
    inside = (one for one in HERE.iterdir() if (one / "meta.toml").is_file())
    return tuple(f"{one}{os.sep}" for one in (*inside, folder.resolve()))


def watch(file: str, folder: Path) -> None:
    """Mark the context at every step from now on, in each thread that starts and each fork."""
    log, own = os.open(file, MODE, 0o600), _own(folder)
    marks: dict[ContextVar[None], str] = {}
    # Before anything could patch them: a greenlet's own ident is no thread's.
    write, process, thread = os.write, os.getpid, threading.get_ident

    def step(frame: FrameType, event: str, _what: object) -> None:
        if event != "call" or not frame.f_code.co_filename.startswith(own):
            return
        seen = [marks[var] for var in copy_context() if var in marks]
        mark: ContextVar[None] = ContextVar(f"{process()}.{len(marks)}")
        marks[mark] = mark.name
        mark.set(None)
        write(log, f"{process()}.{thread()} {mark.name} {' '.join(seen)}\n".encode())

    threading.setprofile(step)
    sys.setprofile(step)
