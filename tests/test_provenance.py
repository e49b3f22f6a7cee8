"""What REPORT.md says of where its numbers come from is so: they are computed again from there.

Written here on purpose with no code of the harness but what reads nothing: the lines of the files,
the rules of the page's own table, and the page.
"""

from __future__ import annotations

import json
import re
from math import exp, log
from pathlib import Path
from statistics import linear_regression, median
from typing import Any

import msgspec
import pytest

from harness import files
from harness.report import page, provenance
from harness.summary import Summary

RUN = Path(__file__).resolve().parent / "golden" / "run"
CELLS = ("10x1KiB", "100x1KiB")


def lines(name: str) -> list[dict[str, Any]]:
    """Return the records of a file."""
    return [json.loads(line) for line in (RUN / name).read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def row() -> dict[str, list[str]]:
    """Return gevent's and asyncio's rows of the page's first table, cell by cell, as plain text."""
    text = page.page(files.read_json(RUN / "summary.json", Summary), {})
    found = {}
    for name in ("gevent", "asyncio"):
        line = next(x for x in text.splitlines() if re.match(rf"\| \[?{name}", x))
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        found[name] = [re.sub(r"<br>", " ", re.sub(r"\*\*|</?sub>", "", c)) for c in cells]
    return found


@pytest.fixture(scope="module")
def slices() -> dict[tuple[str, str, int], list[dict[str, Any]]]:
    """Return the warm echo slices that count: implementation, cell, block."""
    found: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    gone = files.read_json(RUN / "summary.json", Summary).thrown_out.blocks
    for one in lines("samples.jsonl"):
        wall = one["wall_ns"]
        counts = (
            one["workload"] == "echo"
            and one.get("phase", "warm") == "warm"
            and str(one["block"]) not in gone
            and one.get("gauge_wait_ns", 0) < 0.05 * wall
            and one.get("child_wait_ns", 0) < wall
            and one.get("late_p99_ns", 0) <= 200_000
        )
        if counts:
            key = one["implementation"], one["cell"], one["block"]
            found.setdefault(key, []).append(one)
    return found


def test_the_rate_of_the_first_table(
    row: dict[str, list[str]], slices: dict[tuple[str, str, int], list[dict[str, Any]]]
) -> None:
    """Slices, processes, blocks, cells: the ratio to the baseline as the table says it is made."""

    def rate(name: str, cell: str, block: int) -> float:
        own = slices[name, cell, block]
        rates = [s["messages"] / (s["wall_ns"] - s.get("child_wait_ns", 0)) for s in own]
        return float(median(rates))

    blocks = sorted({block for _, cell, block in slices if cell == "10x1KiB" and block >= 0})
    ratios = [
        exp(sum(log(rate("gevent", c, b) / rate("asyncio", c, b)) for c in CELLS) / len(CELLS))
        for b in blocks
    ]
    assert len(blocks) == 8
    assert row["gevent"][3].startswith(f"{median(ratios):.2f} ")
    assert not row["gevent"][3].startswith(f"{median(ratios) + 0.01:.2f} ")


def test_the_cpu_of_the_first_table(
    row: dict[str, list[str]], slices: dict[tuple[str, str, int], list[dict[str, Any]]]
) -> None:
    """CPU per message with 10 connections: medians over slices, then over blocks."""
    own = [
        median(s["child_cpu_ns"] / s["messages"] / 1e3 for s in unit)
        for (name, cell, block), unit in slices.items()
        if (name, cell) == ("asyncio", "10x1KiB") and block >= 0
    ]
    at = row["asyncio"].index(
        next(c for c in row["asyncio"] if c.startswith(f"{median(own):.1f} "))
    )
    assert at == len(row["asyncio"]) - 3


def test_the_latency_of_the_first_table(
    row: dict[str, list[str]], slices: dict[tuple[str, str, int], list[dict[str, Any]]]
) -> None:
    """p99 at the given rate: each block's from its histogram, then their median."""
    found = []
    for (name, cell, _), unit in slices.items():
        if name == "asyncio" and cell.endswith("@2000"):
            values = sorted(v for s in unit for v, many in s["latencies"] for _ in range(many))
            found.append(values[-(-99 * len(values) // 100) - 1] / 1e3)
    shown = float(row["asyncio"][-4].split()[0].replace(",", ""))
    assert shown == pytest.approx(median(found), rel=0.06)


def test_the_memory_of_the_first_table(row: dict[str, list[str]]) -> None:
    """KiB a connection: the slope of PSS against connections held."""
    points = [
        (one.get("at", 0.0), one["value"])
        for one in lines("traits.jsonl")
        if (one["implementation"], one["scenario"]) == ("gevent", "memory")
        and one["figure"] == "pss_bytes"
    ]
    slope = linear_regression(*zip(*points, strict=True)).slope
    assert row["gevent"][-2] == f"{slope / 1024:.1f}"


def test_the_table_names_fields_that_are_there() -> None:
    """Every name in backticks is a field of its file's records, or a command."""
    here = {
        name: {key for one in lines(name) for key in one}
        for name in ("samples.jsonl", "traits.jsonl", "verdicts.jsonl")
    }
    words = 0
    for one in provenance.SOURCES:
        for word in re.findall(r"`([^`]+)`", one.how):
            if word.startswith("nox"):
                continue
            for name in re.findall(r"[a-z][a-z0-9_]+", word):
                assert name in here[one.file] | {"error", "pss_bytes"}, (one.figure, name)
                words += 1
    assert words > 15


def test_the_table_names_files_and_headings_that_are_there() -> None:
    """No row for a price that nobody took, nor for scenarios that were not played."""
    summary = files.read_json(RUN / "summary.json", Summary)
    said = page.page(summary, {})
    assert "tax.json" not in said
    assert "| traits.jsonl |" in said
    assert "### All figures" in said
    assert "traits.jsonl" not in page.page(msgspec.structs.replace(summary, traits=()), {})
