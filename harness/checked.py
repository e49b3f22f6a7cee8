"""What `check` tells other programs: the one record that `--json` writes.

Rules: as in `model`; it is read by programs of others, so a field is added and never changed, and
`format` grows with every change that could mislead a reader.

    {"format": 1, "created": "...", "evenloop": "0.1.0", "python": "3.11.7",
     "implementations": [{"name": "trio", "versions": {"trio": "0.35.0"}, ...}],
     "cases": [{"case": "E04.3", "title": "half-close", "does": "...", "expects": "...", ...}],
     "verdicts": [{"implementation": "trio", "case": "E04.3", "verdict": "PASS", ...}]}
"""

from __future__ import annotations

import msgspec

from harness.model import (  # noqa: TC001  msgspec reads the annotations
    CaseText,
    Implementation,
    Kind,
    Verdict,
)

FORMAT = 1


class Contestant(msgspec.Struct, frozen=True, kw_only=True):
    """Who was checked, without the paths of this machine; see `model.Implementation`."""

    name: str
    title: str
    style: str
    kind: Kind
    versions: dict[str, str] = {}
    known: dict[str, str] = {}
    cannot_run: str = ""
    """Why it has no verdicts; empty: it could run."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one check."""

    format: int = FORMAT
    created: str
    """UTC, ISO 8601, to the second."""
    evenloop: str
    python: str
    """Version of the interpreter that ran the implementations."""
    implementations: tuple[Contestant, ...]
    cases: tuple[CaseText, ...]
    """Those that have a verdict, in order."""
    verdicts: tuple[Verdict, ...]


def contestant(one: Implementation) -> Contestant:
    """Return what others are told of an implementation."""
    return Contestant(
        name=one.name,
        title=one.title,
        style=one.style,
        kind=one.kind,
        versions=one.versions,
        known=one.known,
        cannot_run=one.cannot_run,
    )
