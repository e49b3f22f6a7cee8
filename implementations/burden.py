"""A burden on an implementation's process, put there by the launcher, the same for all.

Rules: standard library alone, and nothing here knows a framework. It begins before the framework is
imported, so that whatever patches or wraps comes after it. For measuring: what a slow callback does
to everyone else, what a busy thread costs, and a known loss that the harness must be able to see.

- `stall`: the main thread sleeps, as in one callback that blocks.
- `burn`: the main thread spends a share of its time on nothing, so that a message costs that much
  more; in steps of BURN_EVERY_S, well below the length of a slice.
- `busy_thread`: a second thread computes without end, as a metrics thread that went wrong.
"""

from __future__ import annotations

import atexit
import signal
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

BURN_EVERY_S = 0.005


def _every(seconds: float, what: Callable[[], None]) -> None:
    """Call something in the main thread every so many seconds of the wall clock.

    By a signal's handler: it runs between two instructions of the main thread, whatever loop runs
    there, and PEP 475 takes the system call up again that it interrupts.
    """
    signal.signal(signal.SIGALRM, lambda _number, _frame: what())
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    # The interpreter ends by restoring default actions: the next SIGALRM would kill the process.
    atexit.register(signal.setitimer, signal.ITIMER_REAL, 0.0)


def stall(for_s: float, every_s: float) -> None:
    """Let the main thread sleep for `for_s` seconds every `every_s` seconds."""
    sleep = time.sleep  # before anything could patch it
    _every(every_s, lambda: sleep(for_s))


def burn(share: float) -> None:
    """Let every second of the main thread's work take 1 + share seconds."""
    clock = time.perf_counter
    length_s = BURN_EVERY_S * share / (1 + share)

    def spin() -> None:
        end = clock() + length_s
        while clock() < end:
            pass

    _every(BURN_EVERY_S, spin)


def busy_thread() -> None:
    """Start a thread that computes without end and holds up no exit."""

    def compute() -> None:
        number = 0
        while True:
            number = (number * 31 + 7) % 1_000_003

    threading.Thread(target=compute, daemon=True, name="busy").start()
