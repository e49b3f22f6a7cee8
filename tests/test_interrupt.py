"""interrupt: a signal that nobody saw is seen at the next occasion."""

import signal
from collections.abc import Iterator
from contextlib import suppress

import pytest

from harness import interrupt


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in former.items():
        signal.signal(number, handler)
    with suppress(KeyboardInterrupt):
        interrupt.check()  # or the next child of any test would be refused


class Dying:
    """Gets a signal while it is destroyed."""

    def __del__(self) -> None:
        """Be interrupted where nobody can see it."""
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_a_destructor_swallowed_is_not_lost() -> None:
    """The interpreter forgets it, `check` does not; and says so once."""
    interrupt.catch()
    Dying()
    with pytest.raises(KeyboardInterrupt):
        interrupt.check()
    interrupt.check()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_both_signals_interrupt_at_once(number: signal.Signals) -> None:
    """As Ctrl-C always did."""
    interrupt.catch()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    with pytest.raises(KeyboardInterrupt):
        interrupt.check()


def test_an_ignored_sigint_stays_ignored() -> None:
    """What runs in the background is not for Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupt.catch()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_what_comes_while_it_is_held_comes_at_the_release() -> None:
    """Neither lost nor early; and the mask is as it was."""
    interrupt.catch()
    former = interrupt.hold()
    signal.raise_signal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        interrupt.release(former)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == former
