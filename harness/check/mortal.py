"""How a process of the suite ends with the harness, and how what it does ends in any case.

Rules: for a process's main thread; `die_with` is called there first thing. SIGTERM, by the harness
or by the kernel at the harness's death, unwinds the process, so that what it started is killed with
all its group. SIGINT does nothing: the harness alone decides what it means.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

_PR_SET_PDEATHSIG = 1


def _end(_number: int, _frame: object) -> NoReturn:
    signal.signal(signal.SIGTERM, _nothing)  # once is enough; a second must not cut the clearing up
    sys.exit(143)


def _nothing(_number: int, _frame: object) -> None:
    """Stand in for SIG_IGN, which children would inherit."""


def die_with(parent: int) -> None:
    """End when the process `parent`, which started this one, ends."""
    signal.signal(signal.SIGINT, _nothing)
    signal.signal(signal.SIGTERM, _end)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before the line above
        sys.exit(1)


class HungError(Exception):
    """Something took longer than any of its kind may."""


@contextmanager
def at_most(seconds: int, what: str) -> Iterator[None]:
    """Raise HungError in what runs here for longer than this; `what` names it."""

    def hung(_number: int, _frame: object) -> NoReturn:
        raise HungError(f"the {what} was not over after {seconds} s")

    before = signal.signal(signal.SIGALRM, hung)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
