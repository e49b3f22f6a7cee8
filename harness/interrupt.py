"""Ctrl-C and SIGTERM: one way to end, which cannot get lost.

Rules: a handler runs between any two instructions of the main thread, in a destructor or in what
the interpreter calls around a fork as well, and what it raises there is printed and forgotten. So
it is remembered, and who is about to go on for long asks: before a child is started (`launch`), and
at every verdict (`check.suite`). A fork itself is shielded.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

_caught: list[int] = []


def _remember(number: int, _frame: FrameType | None) -> NoReturn:
    _caught.append(number)
    raise KeyboardInterrupt


def catch() -> None:
    """Let SIGTERM, as nox and service managers send it, end a program as Ctrl-C does.

    A SIGINT that is ignored stays so: that is how a shell starts what runs in the background.
    """
    signal.signal(signal.SIGTERM, _remember)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _remember)


def hold() -> set[signal.Signals]:
    """Let both wait from now on; return the mask that `release` takes, here or in a child."""
    former = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    return {signal.Signals(number) for number in former}


def release(former: set[signal.Signals]) -> None:
    """Let them come again; one that waited comes now. Raises KeyboardInterrupt."""
    signal.pthread_sigmask(signal.SIG_SETMASK, former)


def check() -> None:
    """Raise KeyboardInterrupt where one was asked for, whatever became of it then; once."""
    if _caught:
        _caught.clear()
        raise KeyboardInterrupt
