"""Run a command of the harness in this process, as `python -m harness` would.

Rules: its status and what it says are those of the real one; what it raises beyond is a bug, and
comes through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from harness import __main__ as entry

if TYPE_CHECKING:
    import pytest


class Done(NamedTuple):
    """How a command ended."""

    status: int
    stdout: str
    stderr: str


def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: object
) -> Done:
    """Run a command to its end."""
    monkeypatch.setattr("sys.argv", ["evenloop", *map(str, words)])
    monkeypatch.setattr("harness.interrupt.catch", lambda: None)  # pytest has its own handlers
    capsys.readouterr()
    try:
        entry.run()
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    out, err = capsys.readouterr()
    return Done(status, out, err)
