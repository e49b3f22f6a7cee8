"""Ctrl-C and SIGTERM: one way to end, which cannot get lost.

Rules: a handler runs between any two instructions of the main thread, in a destructor as well, and
what it raises there the interpreter prints and forgets. So it is remembered, and who is about to go
on for long asks: before a child is started (`launch`), and at every verdict (`check.suite`).
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


def check() -> None:
    """Raise KeyboardInterrupt where one was asked for, whatever became of it then; once."""
    if _caught:
        _caught.clear()
        raise KeyboardInterrupt
