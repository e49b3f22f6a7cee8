"""Row `recompute`: the report's numbers follow from samples.jsonl, and from nothing else.

Rules: two ways. Analysing and rendering the same samples in an empty folder must give the same
bytes; and a second computation, numpy over the lines alone, must give the same rates and ratios.
The second is written here on purpose and shares no code with `units`, `results` and `contrast`;
only which blocks were thrown out it takes from the summary.
"""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import analyse, files
from harness.model import BASELINE
from harness.proof.row import Reached
from harness.proven import Figure
from harness.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from harness.proof.row import Setting

DEVIATION_MOST = 1e-5  # the summary has six significant digits
MISSING = 1.0
MADE = ("summary.json", "REPORT.md")
_DELAY = re.compile(r"\d+@([1-9]\d*)ms")
_OPEN_LOOP = re.compile(r"\d+x\w+@\d+")

Key = tuple[str, str, str]


def _counts(one: dict[str, Any]) -> bool:
    """Tell whether a slice counts: no error, no wait of the gauge of 5%, some time with a core."""
    wall = one.get("wall_ns", 0)
    return (
        not one.get("error")
        and wall > 0
        and one.get("messages", 0) > 0
        and one.get("gauge_wait_ns", 0) < 0.05 * wall
        and _waited(one) < wall
    )


def _waited(one: dict[str, Any]) -> int:
    """Return how long others may have had its core: not while any of its threads had it."""
    without = max(0, one.get("wall_ns", 0) - one.get("child_cpu_ns", 0))
    return min(int(one.get("child_wait_ns", 0)), int(without))


def _rate(slices: Sequence[dict[str, Any]], cell: str) -> float:
    """Return the rate of one process in one cell."""
    counted = np.array([one["messages"] for one in slices], dtype=float)
    wall = np.array([one["wall_ns"] for one in slices], dtype=float)
    if _DELAY.fullmatch(cell):
        return float(counted.sum()) / float(wall.sum()) * 1e9
    wait = np.array([_waited(one) for one in slices], dtype=float)
    each = counted / (wall - wait)
    pairs = [(a + b) / 2 for number, a in enumerate(each) for b in each[number:]]
    return float(np.median(pairs)) * 1e9


def rates(lines: Iterable[str], thrown_out: Iterable[str]) -> dict[Key, dict[int, float]]:
    """Return the rate of every implementation in every cell, block by block.

    The keys are (workload, cell, implementation). Cells under open loop are left out: their rate
    is what was asked for.
    """
    grouped: dict[tuple[Key, int], list[dict[str, Any]]] = {}
    gone = set(thrown_out)
    for line in lines:
        one = json.loads(line)
        if str(one["block"]) not in gone and not _OPEN_LOOP.fullmatch(one["cell"]):
            key = one["workload"], one["cell"], one["implementation"]
            grouped.setdefault((key, one["block"]), []).append(one)
    found: dict[Key, dict[int, float]] = {}
    for (key, block), unit in grouped.items():
        warm = [one for one in unit if one.get("phase", "warm") == "warm"]
        kept = [one for one in warm if _counts(one)]
        if len(unit) == unit[0]["of"] and kept and 2 * len(kept) >= len(warm):
            found.setdefault(key, {})[block] = _rate(kept, key[1])
    return found


def _middle(values: Sequence[float]) -> float:
    return float(np.exp(np.median(np.log(np.array(values)))))


def deviations(summary: Summary, found: dict[Key, dict[int, float]]) -> list[float]:
    """Return by how much each rate and ratio of a summary differs from the second computation.

    What the second computation does not have at all deviates by MISSING.
    """
    off = []
    for workload in summary.workloads:
        for cell in workload.cells:
            if cell.cell.rate_per_s:
                continue
            for one in cell.results:
                own = found.get((workload.workload, cell.cell.name, one.implementation), {})
                own = {b: rate for b, rate in own.items() if cell.cell.ranked == (b >= 0)}
                off.append(_off(one.rate_per_s.value, list(own.values())))
                base = found.get((workload.workload, cell.cell.name, BASELINE), {})
                if one.ratio is None or workload.baseline != BASELINE:
                    continue
                both = [own[block] / base[block] for block in own.keys() & base.keys()]
                off.append(_off(one.ratio.value, both))
    return off


def _off(value: float, again: Sequence[float]) -> float:
    return abs(_middle(again) / value - 1) if again else MISSING


def figures(same: dict[str, bool], off: Sequence[float]) -> tuple[Figure, ...]:
    """Return how many files are not the same bytes, and the largest deviation."""
    other = sorted(name for name, equal in same.items() if not equal)
    return (
        Figure(
            what=f"files of {len(same)} that come out otherwise the second time"
            + (f": {', '.join(other[:5])}" if other else ""),
            value=float(len(other)),
            most=0.0,
        ),
        Figure(what="rates and ratios compared", value=float(len(off)), least=1.0),
        Figure(
            what="largest relative deviation of them",
            value=max(off, default=0.0),
            most=DEVIATION_MOST,
        ),
    )


def again(folder: Path, empty: Path) -> dict[str, bool]:
    """Analyse and render a run once more in an empty folder; tell which files are the same."""
    from harness.report import rendering  # noqa: PLC0415  slow to import

    for file in folder.iterdir():
        if file.is_file() and file.name not in MADE:
            shutil.copyfile(file, empty / file.name)
    analyse.run(empty)
    rendering.run(empty, empty)
    made = [empty / name for name in MADE]
    made += [file for file in empty.rglob("*") if file.is_file() and file.parent != empty]
    return {
        str(file.relative_to(empty)): _same(file, folder / file.relative_to(empty)) for file in made
    }


def _same(one: Path, other: Path) -> bool:
    return other.is_file() and one.read_bytes() == other.read_bytes()


def run(setting: Setting) -> Reached:
    """Compute a full run's report once more, both ways."""
    folder = setting.full_run(0)
    summary = files.read_json(folder / "summary.json", Summary)
    empty = setting.folder / "again"
    empty.mkdir()
    with (folder / "samples.jsonl").open() as lines:
        found = rates(lines, summary.thrown_out.blocks)
    return Reached(
        figures=figures(again(folder, empty), deviations(summary, found)),
        notes=(f"the run of {summary.created}, seed {summary.seed}",),
        causes=() if found else ("nothing of the run counts: every block was thrown out",),
    )
