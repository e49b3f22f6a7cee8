"""The cases behind other doors: all of them, under numbers that stay, and honest where none is."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import pytest

from harness.check import cases, door, echo_doors, echo_tls, player
from harness.check.case import Case, Seen, Unsupported
from harness.check.stage import Stage
from harness.model import Implementation

NOBODY = Implementation(name="none", folder="/", title="", style="")


def test_every_case_of_the_clauses_is_repeated() -> None:
    """A case that E01 to E08 gain must be given a number, or it is missed here."""
    own = {one.id for one in cases.ALL if "E01" <= one.clause.id <= "E08"}
    assert sorted(one.id for one in echo_doors.REPEATED.values()) == sorted(own)


def test_numbers_never_change() -> None:
    """What was published as E18.12 is E04.1, for good, and the same behind every door."""
    counts = (5, 3, 3, 4, 5, 2, 5, 3)
    published = [
        f"E{clause:02}.{number}"
        for clause, count in enumerate(counts, 1)
        for number in range(1, count + 1)
    ]
    assert [echo_doors.REPEATED[number].id for number in range(1, 31)] == published
    for number, one in echo_tls.REPEATED.items():
        assert one is echo_doors.REPEATED[number]


def test_a_repetition_says_what_it_repeats_and_comes_through_its_door() -> None:
    """The case is the same function, on a stage with another door."""
    seen = []
    one = Case("E01.99", "does", "", lambda stage: seen.append(stage.door))
    (repetition,) = echo_doors.behind(door.UNIX, "E19", {99: one}, ())
    with Stage(NOBODY) as stage:
        repetition.play(stage)
    assert seen == [door.UNIX]
    assert (repetition.id, repetition.again) == ("E19.99", True)
    assert repetition.does == "E01.99 on a Unix socket: does"


def test_a_machine_without_inet6_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where ::1 cannot be bound the case is Unsupported, with the reason."""

    class NoSuchAddress(socket.socket):
        def bind(self, _address: object) -> None:
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")

    monkeypatch.setattr("harness.check.door.socket.socket", NoSuchAddress)
    with pytest.raises(Unsupported, match="no ::1"):
        door.INET6.address(Path("/"))


def test_what_was_seen_is_told() -> None:
    """The text of Seen is the verdict's reason, and nothing failed."""

    def look(_stage: Stage) -> None:
        raise Seen("a byte more")

    played = player.play(Case("E21.99", "", "", look), Stage(NOBODY))
    assert (played.verdict, played.reason) == ("PASS", "a byte more")
