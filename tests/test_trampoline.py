"""The scheduler of generators: who is woken, by what, and what an error must not hide."""

from contextlib import suppress

import pytest

from implementations.generators.trampoline import Cancelled, Group, Mailbox, Timeout, Work, run


def waiting() -> Work[None]:
    """Wait for what never comes."""
    yield from Mailbox[None]().get()


def test_a_value_comes_up_through_every_caller() -> None:
    """What a generator returns is what its caller's yield from is worth, and run() returns it."""
    mailbox: Mailbox[int] = Mailbox()

    def put() -> Work[None]:
        mailbox.put(7)
        return
        yield

    def get() -> Work[int]:
        return (yield from mailbox.get())

    def main() -> Work[int]:
        group = Group()
        group.spawn(put())
        value = yield from get()
        yield from group.join()
        return value + 1

    assert run(main()) == 8


def test_of_two_timeouts_of_one_round_the_outer_one_counts() -> None:
    """The inner one, which is due as well, does not take its place."""
    seen = []

    def inner() -> Work[None]:
        with suppress(TimeoutError), Timeout(0.0):
            yield from waiting()
        seen.append("went on")

    def main() -> Work[None]:
        try:
            with Timeout(0.0):
                yield from inner()
        except TimeoutError:
            seen.append("outer")

    run(main())
    assert seen == ["outer"]


def test_a_timeout_is_no_error_inside_of_its_block() -> None:
    """Who handles the errors of a socket inside of the block does not take it for one."""
    seen = []

    def main() -> Work[None]:
        with suppress(TimeoutError), Timeout(0.0):
            try:
                yield from waiting()
            except OSError:
                seen.append("taken for an error")

    run(main())
    assert seen == []


def test_cancelling_supersedes_a_timeout_of_the_same_round() -> None:
    """A task that is cancelled ends, whatever else is due."""
    seen = []

    def task() -> Work[None]:
        try:
            with suppress(TimeoutError), Timeout(0.0):
                yield from waiting()
            seen.append("went on")
        except Cancelled:
            seen.append("cancelled")
            raise

    def main() -> Work[None]:
        group = Group()
        group.spawn(task())
        with suppress(TimeoutError), Timeout(0.0):  # woken in the round in which the task is
            yield from waiting()
        group.cancel()
        yield from group.join()

    run(main())
    assert seen == ["cancelled"]


def test_a_task_that_cancels_its_group_ends_where_it_next_waits() -> None:
    """The canceller is of the group as well."""
    seen = []
    group = Group()

    def task() -> Work[None]:
        group.cancel()
        seen.append("still its turn")
        yield from waiting()
        seen.append("went on")

    def main() -> Work[None]:
        group.spawn(waiting())
        group.spawn(task())
        yield from group.join()

    run(main())
    assert seen == ["still its turn"]


def test_an_error_that_nobody_handles_ends_the_loop() -> None:
    """It is not lost."""

    def task() -> Work[None]:
        raise LookupError
        yield

    def main() -> Work[None]:
        group = Group()
        group.spawn(task())
        yield from group.join()

    with pytest.raises(LookupError):
        run(main())
