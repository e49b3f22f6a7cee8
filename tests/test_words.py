"""What the sentences of the report say, and of whom."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness import files
from harness.model import Interpreter
from harness.report import page, words
from harness.summary import Summary

GOLDEN = Path(__file__).resolve().parent / "golden" / "run" / "summary.json"


@pytest.fixture(scope="module")
def summary() -> Summary:
    """Return the golden run's summary."""
    return files.read_json(GOLDEN, Summary)


def test_a_control_that_was_not_judged_is_named_at_the_top(summary: Summary) -> None:
    """Which, of which figure, and why; a run whose controls were all judged says nothing of it."""
    first, *rest = summary.workloads
    doubts = tuple(
        msgspec.structs.replace(c, passed=None, why="wide") if c.name == "twin" else c
        for c in first.canaries
    )
    open_ = msgspec.structs.replace(first, canaries=doubts)
    found = msgspec.structs.replace(summary, workloads=(open_, *rest))
    (said,) = [one for one in words.warnings(found) if one.startswith("Not judged")]
    assert "echo: A/A control (rate" in said
    assert "too wide an interval for it to fail" in said
    top = page.page(found, {}).partition("\n## ")[0]
    assert "Not judged in this run: echo: A/A control" in top
    sure = tuple(
        msgspec.structs.replace(w, canaries=tuple(c for c in w.canaries if c.passed is not None))
        for w in summary.workloads
    )
    judged = words.warnings(msgspec.structs.replace(summary, workloads=sure))
    assert not [one for one in judged if one.startswith("Not judged")]


def test_the_python_stands_in_one_row_with_its_build(summary: Summary) -> None:
    """Where it is known; a run of several Pythons has them beside their figures."""
    machine = {**summary.machine, "python": "CPython 3.13.0", "build": "GCC 12, PGO, no LTO"}
    found = msgspec.structs.replace(summary, machine=machine)
    rows = [key for key in words.machine(found) if key.casefold() in {"python", "build"}]
    assert rows == ["python"]
    assert words.machine(found)["python"] == "CPython 3.13.0, built with GCC 12, PGO, no LTO"
    one = Interpreter(asked="3.12", version="3.12.1", build="Clang 18, no PGO, no LTO")
    other = msgspec.structs.replace(found, python="3.12.1", interpreters=(one,))
    assert words.machine(other)["python"] == "3.12.1, built with Clang 18, no PGO, no LTO"
