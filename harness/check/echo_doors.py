"""E18 and E19: the cases of E01 to E08 once more, on ::1 and on a Unix socket.

Rules: nothing is defined twice: a repetition is the case itself behind another door. Its number
stands in REPEATED and never changes, whatever is added to the clause that it comes from.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.check import echo_bytes, echo_faults, echo_pressure
from harness.check.case import Case, case
from harness.check.door import INET6, UNIX, Door

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from harness.check.stage import Stage

REPEATED: dict[int, Case] = {
    1: echo_bytes.single_bytes,
    2: echo_bytes.one_large_chunk,
    3: echo_bytes.chunk_sizes,
    4: echo_bytes.empty_stream,
    5: echo_bytes.hostile_bytes,
    6: echo_bytes.byte_by_byte,
    7: echo_bytes.no_full_buffer,
    8: echo_bytes.no_whole_line,
    9: echo_bytes.duplex,
    10: echo_bytes.duplex_small_buffers,
    11: echo_bytes.duplex_from_standstill,
    12: echo_bytes.late_slow_reader,
    13: echo_bytes.exact_then_fin,
    14: echo_bytes.one_burst,
    15: echo_bytes.four_mebibytes,
    16: echo_pressure.one_held,
    17: echo_pressure.one_held_large_buffers,
    18: echo_pressure.twenty_held,
    19: echo_pressure.memory_comes_back,
    20: echo_pressure.stop_and_go,
    21: echo_pressure.probe_beside_held,
    22: echo_pressure.fresh_probe_beside_held,
    23: echo_faults.every_reset,
    24: echo_faults.reset_quiet,
    25: echo_faults.reset_mid_write,
    26: echo_faults.reset_while_blocked,
    27: echo_faults.reset_before_accept,
    28: echo_faults.neighbours_fail,
    29: echo_faults.half_of_the_blocked,
    30: echo_faults.closed_with_unread,
}
"""The number of each repetition, the same behind every door."""

COMPARED = (2, 12, 13, 16, 23)
"""What `compare` plays of them; the rest is left to `check`."""

# What has nothing to say on a Unix socket, or is said by a case of its own:
# 12: an accepted Unix socket does not inherit SO_SNDBUF, so that so few bytes fit in; see E19.31.
# 24: there is no RST without bytes left unread, and none are in it; see E19.32.
# 27: closed before the accept it is no more than an end; see E19.32, too.
NOT_ON_UNIX = (12, 24, 27)


def behind(
    door: Door, clause: str, table: Mapping[int, Case], compared: Collection[int]
) -> tuple[Case, ...]:
    """Return the cases of a table played behind a door, as cases of this clause."""
    return tuple(_behind(door, f"{clause}.{number}", one, again=number not in compared)
                 for number, one in table.items())  # fmt: skip


def _behind(door: Door, id_: str, one: Case, *, again: bool) -> Case:
    def play(stage: Stage) -> None:
        stage.door = door
        one.play(stage)

    does = f"{one.id} {door.name}: {one.does}"
    sitting = one.sitting and f"{id_.partition('.')[0]} {one.sitting}"
    return replace(one, id=id_, does=does, play=play, quick=False, again=again, sitting=sitting)


ON_INET6 = behind(INET6, "E18", REPEATED, COMPARED)
ON_UNIX = behind(
    UNIX,
    "E19",
    {number: one for number, one in REPEATED.items() if number not in NOT_ON_UNIX},
    COMPARED,
)


@case(
    "E19.31",
    sitting="E19 small",
    does="E04.1 on a Unix socket, with more than its own buffer of 208 KiB holds",
    expects="every byte, then FIN",
)
def late_slow_reader(stage: Stage) -> None:
    """Let the end arrive while a write is pending: three times 120,000 bytes make it wait."""
    stage.door = UNIX
    echo_bytes.read_late(stage, 120_000)


@case(
    "E19.32",
    sitting="E19 small",
    does="60 peers of a Unix socket close at once: before the accept, unserved, and served",
    expects="the process lives, others go on, descriptors are back in 1 s",
    again=True,
)
def closes_at_once(stage: Stage) -> None:
    """Close where TCP would reset: what is written after that is EPIPE, not ECONNRESET."""
    stage.door = UNIX
    echo_faults.survives(stage, *echo_faults.QUIET_RESETS * 2)
