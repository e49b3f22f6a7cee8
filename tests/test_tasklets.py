"""Tasklets and channels: who waits for whom, and what an error must not hide."""

from contextlib import suppress
from selectors import EVENT_READ
from socket import socketpair

import pytest

pytest.importorskip("greenlet")

from implementations.stackless.tasklets import Channel, Group, Timeout, run, sleep, wait_for


def waiting() -> None:
    """Wait for what never comes."""
    Channel[None]().receive()


def test_who_comes_first_waits_for_the_other() -> None:
    """A sender goes on once there is a receiver, and the values come in order."""
    channel: Channel[int] = Channel()
    seen = []

    def send() -> None:
        for number in range(3):
            channel.send(number)
            seen.append(f"sent {number}")

    def main() -> list[int]:
        group = Group()
        group.spawn(send)
        received = [channel.receive() for _ in range(3)]
        group.join()
        return received

    assert run(main) == [0, 1, 2]
    assert seen == ["sent 0", "sent 1", "sent 2"]
    assert channel.balance == 0


def test_a_tasklet_that_is_killed_leaves_its_channel() -> None:
    """Nothing is handed to who has gone."""
    channel: Channel[int] = Channel()
    seen: list[int] = []

    def main() -> int:
        gone, there = Group(), Group()
        gone.spawn(lambda: seen.append(channel.receive()))
        there.spawn(lambda: channel.send(7))
        gone.kill()
        gone.join()
        return channel.receive()

    assert run(main) == 7
    assert seen == []


def test_a_socket_that_is_ready_for_who_was_killed_concerns_nobody() -> None:
    """Between being killed and its turn a tasklet has left its channel, and the socket is known."""
    here, there = socketpair()

    def main() -> str:
        group = Group()
        group.spawn(wait_for, here, EVENT_READ)
        sleep(0)
        group.kill()
        there.send(b"too late")
        group.join()
        return "went on"

    with here, there:
        assert run(main) == "went on"


def test_a_tasklet_that_is_killed_before_it_began_never_begins() -> None:
    """It leaves its group all the same."""
    seen: list[str] = []

    def main() -> None:
        group = Group()
        group.spawn(seen.append, "begun")
        group.kill()
        group.join()

    run(main)
    assert seen == []


def test_a_timeout_is_no_error_inside_of_its_block() -> None:
    """Who handles the errors of a socket inside of the block does not take it for one."""
    seen = []

    def main() -> None:
        with suppress(TimeoutError), Timeout(0.0):
            try:
                waiting()
            except OSError:
                seen.append("taken for an error")

    run(main)
    assert seen == []


def test_a_tasklet_that_kills_its_group_ends_where_it_next_waits() -> None:
    """The killer is of the group as well."""
    seen = []
    group = Group()

    def tasklet() -> None:
        group.kill()
        seen.append("still its turn")
        waiting()
        seen.append("went on")

    def main() -> None:
        group.spawn(waiting)
        group.spawn(tasklet)
        group.join()

    run(main)
    assert seen == ["still its turn"]


def test_an_error_that_nobody_handles_ends_the_loop() -> None:
    """It is not lost."""

    def main() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        run(main)
