"""What was seen, what had to be seen, and the first difference between them.

Rules: plain data in a canonical form: no time, no port, no count that a race decides. What could
only be told with them (offsets, moments) stands in the log, which is shown and never compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Mark(msgspec.Struct, frozen=True):
    """One thing that was looked at, and what was seen."""

    what: str
    """As `step 3: barrier 0` or `URL 2`; the same in every play of a trace."""
    saw: str


class Observation(msgspec.Struct, frozen=True):
    """All that one play of a trace has shown of one implementation."""

    marks: tuple[Mark, ...]
    log: tuple[str, ...] = ()
    """The wire log, for the reader."""
    nothing: str = ""
    """Why nothing can be concluded; empty: something can."""


class Expected(msgspec.Struct, frozen=True):
    """One thing to be looked at, and what may be seen."""

    what: str
    allowed: tuple[str, ...]
    kind: Literal["model", "invariant"] = "model"
    alike: bool = True
    """True: all implementations must show the same, where several things are allowed."""


class Disagreement(msgspec.Struct, frozen=True):
    """The first difference that a trace has shown."""

    kind: Literal["model", "invariant", "pairwise"]
    what: str
    implementation: str
    saw: str
    expected: str
    against: str = ""
    """The other implementation, where two of them differ."""

    def __str__(self) -> str:
        """Say it in a sentence."""
        others = f" as {self.against} shows" if self.against else ""
        return (
            f"{self.kind}: {self.implementation}, {self.what}: "
            f"expected {self.expected}{others}; saw {self.saw}"
        )

    @property
    def signature(self) -> tuple[str, str, str, str]:
        """What it has in common with others that have the same cause, as far as one can tell."""
        what = "".join(letter for letter in self.what if not letter.isdigit())
        saw, wanted = (text.partition(",")[0] for text in (self.saw, self.expected))
        return self.implementation, what, saw, wanted


def against_model(
    name: str, seen: Observation, wanted: Sequence[Expected], kind: str
) -> Disagreement | None:
    """Return the first thing that is not as it had to be, of one kind of expectations."""
    saw = {mark.what: mark.saw for mark in seen.marks}
    for one in wanted:
        got = saw.get(one.what, "nothing: it had ended before")
        if one.kind == kind and got not in one.allowed:
            return Disagreement(one.kind, one.what, name, got, " or ".join(one.allowed))
    return None


def pairwise(plays: Mapping[str, Observation], wanted: Sequence[Expected]) -> Disagreement | None:
    """Return the first thing that two implementations show differently though they must not."""
    names = list(plays)
    for one in wanted:
        if not one.alike or len(one.allowed) < 2:
            continue
        saw = {
            name: next((m.saw for m in plays[name].marks if m.what == one.what), "nothing")
            for name in names
        }
        for name in names[1:]:
            if saw[name] != saw[names[0]]:
                return Disagreement(
                    "pairwise", one.what, name, saw[name], saw[names[0]], against=names[0]
                )
    return None


def compare(plays: Mapping[str, Observation], wanted: Sequence[Expected]) -> Disagreement | None:
    """Return the first difference: against the model, then the invariants, then pairwise."""
    plays = {name: seen for name, seen in plays.items() if not seen.nothing}
    for kind in ("model", "invariant"):
        for name, seen in plays.items():
            if found := against_model(name, seen, wanted, kind):
                return found
    return pairwise(plays, wanted)
