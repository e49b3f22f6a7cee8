"""needs: a missing compiler or header is one sentence with what to install."""

import sysconfig
from pathlib import Path

import pytest

from harness.gauge import needs


def test_nothing_is_missing_here() -> None:
    """Where the gauge was built, nothing is missing."""
    assert needs.missing() == ""


def test_a_missing_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a compiler on the PATH it is named, and the package that has it."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert "apt-get install gcc" in needs.missing()


def test_missing_headers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without Python.h it is named, and the package that has it."""
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: str(tmp_path))
    assert "Python.h" in needs.missing()
    assert "python3-dev" in needs.missing()
