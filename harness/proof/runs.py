"""Runs of the harness as a user starts them, for the rows that judge whole runs.

Rules: every run is a child process of its own, `python -m harness ...`; it is ended with the row
that started it. A run folder that was given is read and never written to.
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness import files, launch, plan, run_folder, units
from harness.model import HarnessError, Plan, Sample, Verdict
from harness.results import gather

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from harness.model import Implementation, Workload
    from harness.results import Where

RUN_S = 3600.0  # the longest that a run may take here; the default takes ten minutes


@contextmanager
def command(words: Sequence[str], stderr: Path) -> Iterator[launch.Child]:
    """Start a command of the harness for the length of the block."""
    with launch.start([sys.executable, "-m", "harness", *words], stderr=stderr) as child:
        yield child


def finish(child: launch.Child, until_s: float) -> str:
    """Wait for a command's end and return what it printed. Raises HarnessError when it failed."""
    end = time.monotonic() + until_s
    lines = []
    try:
        while (line := child.line(max(0.0, end - time.monotonic()))) is not None:
            lines.append(line)
        status = child.wait(max(1.0, end - time.monotonic()))
    except TimeoutError:
        raise HarnessError(f"a run had not ended after {until_s:.0f} s.") from None
    if status:
        raise HarnessError(f"a run ended with status {status}: {child.last_line() or 'silent'}")
    return "\n".join(lines)


def small_plan(
    chosen: Sequence[Implementation],
    folder: Path,
    *,
    workloads: tuple[Workload, ...],
    budget_s: float,
    seed: int,
) -> None:
    """Make a quick run's folder that only lacks its measuring: the verdicts say all behave."""
    made = plan.make(chosen, workloads=workloads, quick=True, budget_s=budget_s, seed=seed)
    run_folder.create(folder, made)
    clause = {"echo": "E01.1", "fetch": "F01.1"}
    files.append_jsonl(
        folder / "verdicts.jsonl",
        [
            Verdict(implementation=one.name, case=clause[w], level="MUST", verdict="PASS")
            for one in chosen
            for w in workloads
        ],
    )


@dataclass(kw_only=True)
class FullRuns:
    """Full runs of this machine, measured once for all rows that ask for one."""

    home: Path
    """Where new ones go, as `run-1` and `run-2`."""
    say: Callable[[str], None]
    given: list[Path] = field(default_factory=list)
    """Folders of runs that are there already, the first first."""

    def __call__(self, number: int) -> Path:
        """Return the folder of run `number`, measured now where there are fewer."""
        while len(self.given) <= number:
            self.given.append(self._one(self.home / f"run-{len(self.given) + 1}"))
        return self.given[number]

    def _one(self, folder: Path) -> Path:
        """Return a full run's folder; what an earlier proof measured into it is gone on with."""
        if (folder / "summary.json").exists():
            return folder
        begun = (folder / "plan.json").exists()
        words = ["compare", "--resume" if begun else "--out", str(folder)]
        self.say(f"a full run into {folder}: ten minutes")
        self.home.mkdir(parents=True, exist_ok=True)
        with command(words, self.home / f"{folder.name}.stderr") as child:
            finish(child, RUN_S)
        return folder


def wheres(folder: Path) -> tuple[Plan, list[Where]]:
    """Return a run's plan and its cells with what counts in each."""
    the_plan = files.read_json(folder / "plan.json", Plan)
    samples = files.read_jsonl(folder / "samples.jsonl", Sample)
    return the_plan, gather(samples, units.cells(the_plan, samples))[0]
