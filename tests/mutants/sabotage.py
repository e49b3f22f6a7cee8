"""Ways to blind the harness, each with the known-bad controls that must notice.

Rules: a sabotage is at work for the length of a block, in this process alone. Its controls are
mutants that die in a true run; under the sabotage at least one must survive, which a true run would
report. A sabotage that no control notices would be a checker that nobody checks.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import msgspec

from harness import witness
from harness.check import cases, fetch_bytes, fetch_faults, fetch_rows, peer, player
from harness.check.origin import Origin
from harness.check.peer import Peer
from harness.check.server import Server
from harness.check.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from harness.check.case import Case
    from harness.launch import Child

TOO_WIDE = 10  # times an upper bound
TOO_SLOW = 99.0  # times the usual lateness
assert cases.ALL  # every module of cases is loaded, so that `_everywhere` finds them


@dataclass(frozen=True, slots=True)
class Sabotage:
    """One way to make the harness see less."""

    name: str
    does: str
    """Half a sentence: what no longer happens."""
    controls: tuple[str, ...]
    """Names of mutants that only what is blinded here can kill."""
    blinds: Callable[[], AbstractContextManager[object]]


def _nothing(*_args: object, **_options: object) -> None:
    """Stand in for a check."""


def _put(owner: object, name: str, stand_in: object) -> Callable[[], AbstractContextManager[Any]]:
    """Return what puts a stand-in in the place of an attribute for the length of a block."""
    return lambda: patch.object(owner, name, stand_in, create=True)


@contextmanager
def _everywhere(original: object, stand_in: object) -> Iterator[None]:
    """Put a stand-in wherever a module of the suite holds the original under a name of its own."""
    with ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            if name.startswith("harness.check"):
                for attribute, value in list(vars(module).items()):
                    if value is original:
                        stack.enter_context(patch.object(module, attribute, stand_in))
        yield


_resources = witness.resources
_play = player.play


def _constant_memory(pid: int) -> witness.Resources:
    return msgspec.structs.replace(_resources(pid), private_bytes=1 << 20)


def _listens_to_nothing(stage: Stage, _child: Child) -> None:
    stage.listened = True


def _always_succeeds(server: Server, _within_s: float = 0.0) -> int:
    server.ending = True
    server.child.process.wait(30)
    return 0


def _too_wide(stage: Stage, seconds: float) -> float:
    return seconds * TOO_WIDE


def _never_played(case: Case, stage: Stage) -> player.Played:
    return _play(replace(case, play=_nothing), stage)


SABOTAGES: tuple[Sabotage, ...] = (
    Sabotage(
        "blind-bytes",
        "the peer no longer compares what comes back",
        ("echo-callback-swaps_bytes", "echo-thread-swaps_bytes"),
        _put(peer, "_compare", _nothing),
    ),
    Sabotage(
        "any-end",
        "the peer takes anything for FIN",
        ("echo-callback-no_fin",),
        _put(Peer, "expect_end", _nothing),
    ),
    Sabotage(
        "any-noise",
        "bytes where silence is due are overlooked",
        ("echo-coroutine-limit_off_by_one", "echo-thread-limit_off_by_one"),
        _put(Peer, "expect_silence", _nothing),
    ),
    Sabotage(
        "any-line",
        "every outcome of a URL is right",
        ("fetch-coroutine-truncated_is_reset", "fetch-thread-timeout_is_reset"),
        lambda: _everywhere(fetch_rows.judge, lambda *_: True),
    ),
    Sabotage(
        "nothing-left",
        "what a connection leaves behind is not counted",
        ("echo-callback-leaves_pipe", "echo-thread-leaves_thread"),
        _put(Server, "leftovers", lambda *_: ""),
    ),
    Sabotage(
        "deaf",
        "what is written to stderr is not kept",
        ("echo-callback-chatty", "echo-coroutine-noisy_reset"),
        _put(Stage, "_listen_for_noise", _listens_to_nothing),
    ),
    Sabotage(
        "wide-bounds",
        "upper bounds are ten times too wide",
        ("echo-thread-idle_late", "fetch-callback-deadline_late"),
        _put(Stage, "within", _too_wide),
    ),
    Sabotage(
        "constant-memory",
        "the memory of a process is always the same",
        ("echo-thread-memory_kept", "fetch-callback-body_kept"),
        _put(witness, "resources", _constant_memory),
    ),
    Sabotage(
        "none-in-flight",
        "the origin never counts how many requests are in flight at most",
        ("fetch-callback-slot_given_twice", "fetch-thread-slot_given_twice"),
        _put(Origin, "most_in_flight", property(lambda _: 0, _nothing)),
    ),
    Sabotage(
        "tries-uncounted",
        "the origin's count of tries is not looked at",
        ("fetch-callback-retry_twice", "fetch-thread-retry_on_fresh"),
        _put(fetch_faults, "_expect_tries", _nothing),
    ),
    Sabotage(
        "any-request",
        "the bytes of a request are not compared",
        ("fetch-coroutine-host_without_port", "fetch-thread-extra_header"),
        _put(fetch_bytes, "_compare", _nothing),
    ),
    Sabotage(
        "any-status",
        "the exit status of a server is not looked at",
        ("echo-callback-exit_status",),
        _put(Server, "exits", _always_succeeds),
    ),
    Sabotage(
        "always-excused",
        "the machine is always said to be too slow",
        ("echo-callback-nagles_replies", "echo-thread-nagles_replies"),
        _put(Stage, "lateness", lambda _: TOO_SLOW),
    ),
    Sabotage(
        "never-played",
        "the function of a case is never called",
        ("echo-coroutine-text", "fetch-callback-serial"),
        _put(player, "play", _never_played),
    ),
)
"""Every sabotage; each serves the clauses of its controls."""
