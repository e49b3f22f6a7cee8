"""Traces as data: what is done to an implementation, step by step, and how that is kept in a file.

Rules: frozen records that hold nothing of any run: no port, no time, no name. Bytes are written as
latin-1 text, so that a person can read and edit a file. A field never changes its meaning without
a new FORMAT.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

from harness import files
from harness.model import UsageError, Workload

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1

Do = Literal[
    "connect",  # open connection c
    "send",  # n more bytes of c's own stream
    "pause",  # stop reading from c
    "read",  # read n of the bytes that c is owed, and stay paused
    "resume",  # read from c again, and all that is owed
    "barrier",  # everything sent on c has come back, and FIN where c has sent one
    "delivered",  # the server's kernel has everything sent on c
    "quiet",  # nothing comes back on c, which waits behind the limit
    "shutdown",  # send FIN on c, behind all that was sent
    "reset",  # end c by RST
    "stop",  # stop the server's process, so that what is done now arrives together
    "continue",  # let it go on
    "sigterm",  # begin the drain
]
ON_CONNECTION = frozenset(get_args(Do)) - {"stop", "continue", "sigterm"}
"""The steps that name a connection."""


class Move(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One step of an echo trace."""

    do: Do
    c: int = 0
    """The connection, for a step that has one."""
    n: int = 0
    """Bytes, for `send` and `read`."""

    def __str__(self) -> str:
        """Say it in a few words."""
        words = [self.do, *([str(self.c)] if self.do in ON_CONNECTION else [])]
        return " ".join([*words, *([str(self.n)] if self.n else [])])


class EchoTrace(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="workload",
    tag="echo",
    forbid_unknown_fields=True,
):
    """What some connections do to one echo server; at its end every open one finishes."""

    steps: tuple[Move, ...]
    limit: int | None = None
    """Its --limit."""
    small: bool = False
    """Every buffer small, so that writes wait early."""

    @property
    def workload(self) -> Workload:
        """The workload that it is about."""
        return "echo"

    @property
    def size(self) -> tuple[int, int]:
        """Return what makes one trace smaller than another: steps, then bytes."""
        return len(self.steps), sum(move.n for move in self.steps)

    def kinds(self) -> list[str]:
        """Return the kind of every step, for the coverage."""
        return [move.do for move in self.steps]


ActKind = Literal[
    "send",  # data, so many times
    "READ",  # until the program has read all of it
    "ACKED",  # until the program's kernel has all of it
    "wait",  # s seconds
    "FIN",  # end this direction
    "RST",  # reset the connection
]


class Act(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One step of an origin's reply."""

    do: ActKind
    data: str = ""
    times: int = 1
    s: float = 0.0

    @property
    def raw(self) -> bytes:
        """The bytes that it sends."""
        return self.data.encode("latin-1") * self.times


class Reply(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What the origin does whenever it is asked for one URL."""

    acts: tuple[Act, ...]
    door: int = 0
    """Which of the three origins the URL belongs to."""

    @property
    def wire(self) -> bytes:
        """All bytes of the reply."""
        return b"".join(act.raw for act in self.acts)

    @property
    def end(self) -> Literal["FIN", "RST", ""]:
        """How the connection ends, if it does."""
        for act in self.acts:
            if act.do in ("FIN", "RST"):
                return act.do
        return ""

    @property
    def unread(self) -> bool:
        """True when an RST may overtake bytes: there is no READ between them."""
        pending = False
        for act in self.acts:
            if act.do == "RST":
                return pending
            pending = act.do != "READ" and (pending or act.do == "send")
        return False


class FetchTrace(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="workload",
    tag="fetch",
    forbid_unknown_fields=True,
):
    """Some URLs that one fetch is to get, and the reply to each."""

    replies: tuple[Reply, ...]
    limit: int = 1
    max_bytes: int | None = None
    fail_fast: bool = False

    @property
    def workload(self) -> Workload:
        """The workload that it is about."""
        return "fetch"

    @property
    def size(self) -> tuple[int, int]:
        """Return what makes one trace smaller than another: acts, then bytes."""
        acts = [act for reply in self.replies for act in reply.acts]
        return len(self.replies) + len(acts), sum(len(act.raw) for act in acts)

    def kinds(self) -> list[str]:
        """Return the kind of every act, for the coverage."""
        return [act.do for reply in self.replies for act in reply.acts]


Trace = EchoTrace | FetchTrace


class Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A trace in a file, and why it is kept."""

    format: int = FORMAT
    why: str
    """What it shows, or what was seen when it was found."""
    again: str = ""
    """The one command that plays it again."""
    seed: int | None = None
    """Of the search that found it."""
    trace: Trace

    def name(self) -> str:
        """Return a name that is the same for the same trace."""
        digest = hashlib.sha256(msgspec.json.encode(self.trace)).hexdigest()[:10]
        return f"{self.trace.workload}-{digest}.json"


def read(path: Path) -> Kept:
    """Return the trace of a file. Raises UsageError with what was expected."""
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=Kept)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not a trace: {error}.") from error
    if kept.format != FORMAT:
        raise UsageError(
            f"{path}: `format` is {kept.format}; this version reads {FORMAT} and no other."
        )
    if isinstance(kept.trace, FetchTrace):
        _check_replies(path, kept.trace)
    return kept


def _check_replies(path: Path, trace: FetchTrace) -> None:
    """Raise UsageError for a reply that cannot be played."""
    for number, reply in enumerate(trace.replies):
        if not 0 <= reply.door < DOORS:
            raise UsageError(f"{path}: reply {number}: `door` is not one of 0 to {DOORS - 1}.")
        if any(act.do in ("FIN", "RST") for act in reply.acts[:-1]):
            raise UsageError(f"{path}: reply {number}: nothing may follow its FIN or RST.")
        try:
            reply.wire  # noqa: B018  that it can be made is what is asked
        except UnicodeEncodeError as error:
            raise UsageError(f"{path}: reply {number}: not latin-1: {error}.") from error


DOORS = 3


def write(folder: Path, kept: Kept) -> Path:
    """Write a trace into a folder under its own name, and return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / kept.name()
    files.write_json(path, kept)
    return path
